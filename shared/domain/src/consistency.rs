//! Whether the parts of a tenant's configuration agree: routing rules and reference data refer to
//! each other, and no two rules contradict each other.
//!
//! `infra/config_rules.py` refuses the same before anything is written, with file and line. This is
//! what functions hold a configuration against that came some other way.

mod invoicing;

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::money::Currency;
use crate::policy::{LegalEntity, ReferenceCode, TenantConfig};
use crate::routing::{Facts, Rule, Selects, When};
use crate::staffing::{Employment, TransferBasis, TransferPrice};

/// A place of the configuration and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct Fault {
    /// The path of the value (`routing[2].gives`).
    pub place: String,
    /// What it breaks.
    pub rule: String,
}

fn fault(place: impl Into<String>, rule: impl Into<String>) -> Fault {
    Fault { place: place.into(), rule: rule.into() }
}

/// Every contradiction; an empty list means that the configuration may be used.
#[must_use]
pub fn faults(config: &TenantConfig) -> Vec<Fault> {
    let mut found = Vec::new();
    found.extend(config.routing.0.iter().enumerate().flat_map(|(i, rule)| rule_faults(config, i, rule)));
    found.extend(ambiguities(config));
    found.extend(gaps(config));
    found.extend(references(config));
    found.extend(people(config));
    found.extend(service_roles(config));
    found.extend(invoicing::faults(config));
    found.extend(closed_periods(config));
    found.extend(tolerances(config));
    found
}

/// One tolerance a currency that somebody sells in, each of more than nothing and never of more than the invoice.
fn tolerances(config: &TenantConfig) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for (index, tolerance) in config.payment_tolerances.iter().enumerate() {
        let at = |name: &str| format!("payment_tolerances[{index}].{name}");
        let currency = tolerance.amount.currency();
        if !config.legal_entities.iter().any(|e| e.currencies.contains(&currency)) {
            found.push(fault(at("amount.currency"), format!("no legal entity sells in {currency}")));
        } else if !known.insert(currency) {
            found.push(fault(at("amount.currency"), format!("`{currency}` appears twice")));
        }
        if !tolerance.amount.is_positive() {
            found.push(fault(at("amount"), "must be above nought"));
        }
        if tolerance.percent <= Decimal::ZERO || tolerance.percent > Decimal::ONE_HUNDRED {
            found.push(fault(at("percent"), "must be above nought and at most 100"));
        }
    }
    found
}

/// Each legal entity's books are closed up to one month.
fn closed_periods(config: &TenantConfig) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for (index, periods) in config.accounting_periods.iter().enumerate() {
        let place = format!("accounting_periods[{index}].legal_entity");
        if config.legal_entity(&periods.legal_entity).is_none() {
            found.push(fault(place, format!("`{}` is no legal entity", periods.legal_entity)));
        } else if !known.insert(&periods.legal_entity) {
            found.push(fault(place, format!("`{}` appears twice", periods.legal_entity)));
        }
    }
    found
}

/// A rule by itself: its dates, and that everything it names exists.
fn rule_faults(config: &TenantConfig, index: usize, rule: &Rule) -> Vec<Fault> {
    let at = |name: &str| format!("routing[{index}].{name}");
    let mut found = Vec::new();
    if matches!((rule.from, rule.until), (Some(from), Some(until)) if until < from) {
        found.push(fault(at("until"), "is before `from`"));
    }
    let given = match rule.selects {
        Selects::ProjectTemplate => config.project_template(&rule.gives).is_some(),
        Selects::PostingRules => config.posting_rules(&rule.gives).is_some(),
        _ => true,
    };
    if !given {
        found.push(fault(at("gives"), format!("`{}` is no configured {}", rule.gives, rule.selects)));
    }
    if !config.legal_entities.iter().any(|e| may_hold(config, &rule.when, e)) {
        found.push(fault(at("when"), "no legal entity can meet it"));
    }
    found
}

/// Whether something that a legal entity may sell meets every condition.
fn may_hold(config: &TenantConfig, when: &When, entity: &LegalEntity) -> bool {
    let given = |wanted: &Option<String>, known: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(known);
    given(&when.legal_entity, &|code| code == entity.code)
        && given(&when.region, &|region| entity.region.as_deref() == Some(region))
        && when.currency.is_none_or(|currency| entity.currencies.contains(&currency))
        && given(&when.tax_jurisdiction, &|country| entity.tax_jurisdictions.iter().any(|j| j == country))
        && given(&when.service_line, &|line| service_lines(config).contains(&Some(line)))
}

/// The conditions of both; none where they exclude each other.
fn both(one: &When, other: &When) -> Option<When> {
    fn met<T: Clone + PartialEq>(one: &Option<T>, other: &Option<T>) -> Option<Option<T>> {
        match (one, other) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.clone().or_else(|| b.clone())),
        }
    }
    Some(When {
        legal_entity: met(&one.legal_entity, &other.legal_entity)?,
        currency: met(&one.currency, &other.currency)?,
        tax_jurisdiction: met(&one.tax_jurisdiction, &other.tax_jurisdiction)?,
        region: met(&one.region, &other.region)?,
        service_line: met(&one.service_line, &other.service_line)?,
    })
}

/// Rules that are equally specific, may meet on one day, and give different results.
fn ambiguities(config: &TenantConfig) -> Vec<Fault> {
    let rules = &config.routing.0;
    let mut found = Vec::new();
    for (i, one) in rules.iter().enumerate() {
        for (j, other) in rules.iter().enumerate().skip(i + 1) {
            let alike = one.selects == other.selects
                && one.gives != other.gives
                && one.when.conditions() == other.when.conditions()
                && one.overlaps(other);
            let meet = both(&one.when, &other.when)
                .is_some_and(|when| config.legal_entities.iter().any(|e| may_hold(config, &when, e)));
            if alike && meet {
                let rule = format!("contradicts routing[{i}]: both are equally specific and in force");
                found.push(fault(format!("routing[{j}]"), rule));
            }
        }
    }
    found
}

fn service_lines(config: &TenantConfig) -> BTreeSet<Option<&str>> {
    config.services.iter().map(|s| s.service_line.as_deref()).collect()
}

/// What an entity may sell and no rule ever gives a system to.
fn gaps(config: &TenantConfig) -> Vec<Fault> {
    let mut found = Vec::new();
    for (index, entity) in config.legal_entities.iter().enumerate() {
        for selects in Selects::CONNECTIONS {
            let gap = sales(config, entity)
                .find(|facts| !config.routing.0.iter().any(|r| r.selects == selects && r.when.holds(facts)));
            if let Some(facts) = gap {
                let what = format!(
                    "no routing rule ever gives it a {selects} in {} for {}",
                    facts.currency,
                    facts.tax_jurisdiction.unwrap_or("no country")
                );
                found.push(fault(format!("legal_entities[{index}]"), what));
            }
        }
    }
    found
}

/// Everything that an entity may sell, as routing sees it.
fn sales<'a>(config: &'a TenantConfig, entity: &'a LegalEntity) -> impl Iterator<Item = Facts<'a>> {
    let facts = move |currency: Currency, country: &'a str, service_line| Facts {
        legal_entity: &entity.code,
        currency,
        tax_jurisdiction: Some(country),
        region: entity.region.as_deref(),
        service_line,
    };
    entity.currencies.iter().flat_map(move |currency| {
        entity.tax_jurisdictions.iter().flat_map(move |country| {
            service_lines(config).into_iter().map(move |line| facts(*currency, country, line))
        })
    })
}

/// Codes that are used and not listed.
fn references(config: &TenantConfig) -> Vec<Fault> {
    let listed = |list: &[ReferenceCode], code: &str| list.iter().any(|r| r.code == code);
    let mut found = Vec::new();
    for (i, entity) in config.legal_entities.iter().enumerate() {
        for code in entity.tax_codes.values().chain([&entity.tax_code]) {
            if !config.tax_codes.is_empty() && !listed(&config.tax_codes, code) {
                found.push(fault(format!("legal_entities[{i}]"), format!("`{code}` is no listed tax code")));
            }
        }
    }
    let mut centres: Vec<(String, &str)> = Vec::new();
    for (i, service) in config.services.iter().enumerate() {
        if let Some(line) = service.service_line.as_deref().filter(|l| !listed(&config.service_lines, l)) {
            found.push(fault(format!("services[{i}]"), format!("`{line}` is no listed service line")));
        }
        if config.project_template(&service.project_template).is_none() {
            let what = format!("`{}` is no project template", service.project_template);
            found.push(fault(format!("services[{i}]"), what));
        }
        let centre = service.accounting.iter().map(|a| (format!("services[{i}]"), a.cost_centre.as_str()));
        centres.extend(centre);
    }
    for (i, rules) in config.posting_rules.iter().enumerate() {
        for (service, accounting) in &rules.services {
            centres.push((format!("posting_rules[{i}]"), &accounting.cost_centre));
            if config.service(service).is_none() {
                found.push(fault(format!("posting_rules[{i}]"), format!("`{service}` is no service")));
            }
        }
    }
    let unlisted = centres.into_iter().filter(|(_, centre)| !listed(&config.cost_centres, centre));
    found
        .extend(unlisted.map(|(place, centre)| fault(place, format!("`{centre}` is no listed cost centre"))));
    found
}

/// Roles of services: each once, with hours above nought.
fn service_roles(config: &TenantConfig) -> Vec<Fault> {
    let mut found = Vec::new();
    for (i, service) in config.services.iter().enumerate() {
        for (j, needed) in service.roles.iter().enumerate() {
            let place = format!("services[{i}].roles[{j}]");
            if service.roles.iter().take(j).any(|r| r.role == needed.role) {
                found.push(fault(&place, format!("`{}` appears twice", needed.role)));
            }
            if needed.hours.is_some_and(|hours| hours <= Decimal::ZERO) {
                found.push(fault(&place, "hours must be above nought"));
            }
        }
    }
    found
}

/// Resources and transfer prices.
fn people(config: &TenantConfig) -> Vec<Fault> {
    let mut found = Vec::new();
    for (i, resource) in config.resources.iter().enumerate() {
        let place = format!("resources[{i}]");
        if config.legal_entity(&resource.legal_entity).is_none() {
            found.push(fault(&place, format!("`{}` is no legal entity", resource.legal_entity)));
        }
        if resource.employment == Employment::Subcontractor && resource.cost_rate.is_none() {
            found.push(fault(&place, "a subcontractor needs a cost rate"));
        }
        let same = |r: &crate::staffing::Resource| {
            r.name == resource.name && r.effective_from == resource.effective_from
        };
        if config.resources.iter().take(i).any(same) {
            found.push(fault(&place, "the same person appears twice for one day"));
        }
    }
    for (i, price) in config.transfer_prices.iter().enumerate() {
        let place = format!("transfer_prices[{i}]");
        for code in [&price.from, &price.to] {
            if config.legal_entity(code).is_none() {
                found.push(fault(&place, format!("`{code}` is no legal entity")));
            }
        }
        let key = |p: &TransferPrice| (p.from.clone(), p.to.clone(), p.effective_from);
        if config.transfer_prices.iter().take(i).any(|p| key(p) == key(price)) {
            found.push(fault(&place, "appears twice for one day"));
        }
        let negative = match price.basis {
            TransferBasis::Percent(percent) => percent.is_sign_negative(),
            TransferBasis::Hourly(rate) => rate.amount().is_sign_negative(),
        };
        if negative {
            found.push(fault(&place, "must not be negative"));
        }
    }
    found
}
