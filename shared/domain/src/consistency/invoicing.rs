//! Invoicing policies, and the dates of reference codes.

use super::{Fault, fault};
use crate::invoicing::{Ask, InvoicePolicy};
use crate::policy::TenantConfig;

/// What contradicts itself or the rest.
pub(super) fn faults(config: &TenantConfig) -> Vec<Fault> {
    let mut found = dates(config);
    for (i, policy) in config.invoicing.policies.iter().enumerate() {
        let place = format!("invoicing.policies[{i}]");
        found.extend(one(config, policy).into_iter().map(|rule| fault(&place, rule)));
        for (j, other) in config.invoicing.policies.iter().enumerate().take(i) {
            let alike = policy.when.conditions() == other.when.conditions();
            if alike && policy.when.meets(&other.when) {
                let rule = format!("contradicts invoicing.policies[{j}]: both are equally specific");
                found.push(fault(&place, rule));
            }
        }
    }
    found
}

/// A policy by itself: what it names exists.
fn one(config: &TenantConfig, policy: &InvoicePolicy) -> Vec<String> {
    let mut found = Vec::new();
    let when = &policy.when;
    if let Some(code) = when.legal_entity.as_deref().filter(|code| config.legal_entity(code).is_none()) {
        found.push(format!("`{code}` is no legal entity"));
    }
    if let Some(line) =
        when.service_line.as_ref().filter(|line| !config.service_lines.iter().any(|l| l.code == **line))
    {
        found.push(format!("`{line}` is no listed service line"));
    }
    if matches!(policy.ask, Ask::Monthly { on_day } if !(1..=31).contains(&on_day)) {
        found.push("a month has days 1 to 31".into());
    }
    if let Some(least) = policy.minimum {
        if !least.is_positive() {
            found.push("the minimum must be above nought".into());
        }
        // Compared with what is billed in that currency alone; elsewhere it would say nothing.
        if when.currency != Some(least.currency()) {
            found.push(format!("a minimum in {} needs that currency as a condition", least.currency()));
        }
    }
    found
}

fn dates(config: &TenantConfig) -> Vec<Fault> {
    let lists = [
        ("service_lines", &config.service_lines),
        ("cost_centres", &config.cost_centres),
        ("tax_codes", &config.tax_codes),
    ];
    let ended = |from, until| matches!((from, until), (Some(from), Some(until)) if until < from);
    lists
        .into_iter()
        .flat_map(|(name, codes)| codes.iter().enumerate().map(move |(i, code)| (name, i, code)))
        .filter(|(_, _, code)| ended(code.from, code.until))
        .map(|(name, i, _)| fault(format!("{name}[{i}].until"), "is before `from`"))
        .collect()
}
