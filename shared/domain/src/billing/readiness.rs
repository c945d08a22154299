//! Whether an earned line may be billed: contract, customer and configuration must agree on who sells it,
//! to whom it belongs, how it is taxed and where it is booked. What does not is held with the reason.

use std::collections::BTreeSet;

use crate::billing::BillableLine;
use crate::billing::hold::{HeldLine, HoldReason};
use crate::customer::{self, GlobalCustomer};
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::event::Event;
use crate::id::LineId;
use crate::invoicing::{Ask, asked_by};
use crate::ownership::{Role, owner_of};
use crate::policy::{ReferenceCode, TenantConfig};
use crate::problem::Problem;

/// What a line is held against.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The tenant's configuration as it is.
    pub config: &'a TenantConfig,
    /// The customer as we hold it now; none where no activation kept one, then the quote's word counts.
    pub customer: Option<&'a GlobalCustomer>,
}

/// What keeps a line from being billed, whatever earned it; none where nothing does. All findings are told
/// together, under the first of them.
#[must_use]
pub fn check(line: &BillableLine, engagement: &Engagement, facts: &Facts<'_>) -> Option<HeldLine> {
    let found = [
        (HoldReason::LegalEntity, legal_entity(line, engagement, facts)),
        (HoldReason::CustomerHierarchy, hierarchy(engagement, facts)),
        (HoldReason::TaxCode, tax(line, engagement, facts)),
        (HoldReason::CostCentre, cost_centre(line, facts)),
    ];
    let found: Vec<(HoldReason, String)> =
        found.into_iter().filter_map(|(reason, what)| Some((reason, what?))).collect();
    let &(reason, _) = found.first()?;
    let words: Vec<&str> = found.iter().map(|(_, what)| what.as_str()).collect();
    let detail = format!("line {} of {}: {}", line.line, line.earned_on, words.join("; "));
    let problem = Problem::new(reason.code(), detail).with_stake(line.amount);
    Some(HeldLine { line: line.line.clone(), reason, problem, held_by: None })
}

fn legal_entity(line: &BillableLine, engagement: &Engagement, facts: &Facts<'_>) -> Option<String> {
    let code = &engagement.contract.legal_entity;
    let Some(entity) = facts.config.legal_entity(code) else {
        return Some(format!("legal entity `{code}` is not configured"));
    };
    let currency = line.amount.currency();
    (!entity.currencies.contains(&currency)).then(|| format!("{} does not sell in {currency}", entity.name))
}

/// Only where the CRM owns it: the quote names the parent by the CRM's ID.
fn hierarchy(engagement: &Engagement, facts: &Facts<'_>) -> Option<String> {
    let rule = owner_of(&facts.config.ownership, customer::OBJECT, "parent")?;
    let known = facts.customer.filter(|_| rule.system_of_record == Role::Crm)?;
    let signed = engagement.customer_record.parent.as_ref().map(|p| p.company.as_str());
    let now = known.parent.as_ref().map(|p| p.company.as_str());
    let words = |company: Option<&str>| company.map_or("no company".to_owned(), |c| format!("company {c}"));
    (signed != now).then(|| {
        format!("{} was sold to as belonging to {} and belongs to {}", known.name, words(signed), words(now))
    })
}

fn tax(line: &BillableLine, engagement: &Engagement, facts: &Facts<'_>) -> Option<String> {
    let record = &engagement.customer_record;
    let (country, registration) = match facts.customer {
        Some(known) => (known.tax.jurisdiction.as_deref(), known.tax.registration.as_deref()),
        None => (record.country.as_deref(), record.tax_registration.as_deref()),
    };
    let name = &record.name;
    if facts.config.tax.registration_required && registration.is_none_or(|r| r.trim().is_empty()) {
        return Some(format!("{name} has no tax registration"));
    }
    let contract = &engagement.contract;
    let entity = facts.config.legal_entity(&contract.legal_entity)?;
    if let Some(country) = country
        && !entity.tax_jurisdictions.iter().any(|j| j == country)
    {
        return Some(format!("{} is not registered for tax in {country}, where {name} is", entity.name));
    }
    let (signed, due) = (contract.tax_code.as_str(), entity.tax_code_in(country));
    if signed != due {
        return Some(format!("the contract has tax code `{signed}`, the configuration `{due}`"));
    }
    let listed = &facts.config.tax_codes;
    (!listed.is_empty()).then(|| not_in_force(listed, "tax code", signed, line)).flatten()
}

/// What the contract says, or nothing: a service without an entry is posted by the ERP's own rules.
fn cost_centre(line: &BillableLine, facts: &Facts<'_>) -> Option<String> {
    let centre = &line.accounting.as_ref()?.cost_centre;
    not_in_force(&facts.config.cost_centres, "cost centre", centre, line)
        .map(|what| format!("{what}, which {} is booked under", line.service))
}

fn not_in_force(listed: &[ReferenceCode], what: &str, code: &str, line: &BillableLine) -> Option<String> {
    match listed.iter().find(|c| c.code == code) {
        None => Some(format!("{what} `{code}` is not configured")),
        Some(found) if !found.is_in_force(line.earned_on) => {
            Some(format!("{what} `{code}` is not in force on {}", line.earned_on))
        }
        Some(_) => None,
    }
}

/// A decision on a billable event with its lines held where they can't be billed, and an invoice asked for
/// as the tenant's policy says. Of a held line nothing is told as ready, and nothing is invoiced.
#[must_use]
pub fn readied(decision: Decision, state: Option<&Engagement>, facts: &Facts<'_>) -> Decision {
    match (decision, state) {
        (Decision::Apply(effects), Some(before)) if !effects.lines.is_empty() => {
            Decision::apply(held_or_asked(*effects, before, facts))
        }
        (decision, _) => decision,
    }
}

fn held_or_asked(mut effects: Effects, before: &Engagement, facts: &Facts<'_>) -> Effects {
    let engagement = effects.state.clone().unwrap_or_else(|| before.clone());
    let held: Vec<HeldLine> = effects.lines.iter().filter_map(|l| check(l, &engagement, facts)).collect();
    let is_held = |line: &LineId| held.iter().any(|h| h.line == *line);
    let policy = facts.config.invoicing.policy_of(&engagement, facts.config);
    let by_itself = matches!(policy.ask, Ask::AtOnce | Ask::PerMilestone);
    effects.events.retain(|event| match event {
        Event::BillingReady(ready) => !is_held(&ready.line),
        // Whether the work itself asks for an invoice is the policy's to say.
        Event::InvoiceRequested(asked) => by_itself && !asked.lines.iter().any(is_held),
        _ => true,
    });
    let mut named: BTreeSet<LineId> = BTreeSet::new();
    for event in &mut effects.events {
        if let Event::InvoiceRequested(asked) = event {
            asked.minimum = asked.minimum.or(policy.minimum);
            named.extend(asked.lines.iter().cloned());
        }
    }
    let ready = effects.lines.iter().filter(|l| !is_held(&l.line) && !named.contains(&l.line));
    effects.events.extend(ready.filter_map(|l| asked_by(&engagement, &policy, l)).map(Event::from));
    if !held.is_empty() {
        let count = u32::try_from(held.len()).unwrap_or(u32::MAX);
        let held_lines = engagement.held_lines.saturating_add(count);
        effects.state = Some(Engagement { held_lines, ..engagement });
        let words: Vec<&str> = held.iter().map(|h| h.problem.detail.as_str()).collect();
        effects.summary = format!("{}; held: {}", effects.summary, words.join("; "));
    }
    effects.held.extend(held);
    effects
}
