//! The roles that delivery needs, cut from what was sold.

use rust_decimal::Decimal;

use crate::contract::{BillingMethod, PlannedRole};
use crate::id::derive;
use crate::policy::TenantConfig;
use crate::quote::{Quote, QuoteLine};

/// What is sold by time names its role and estimates its hours; for what a fee is paid, the catalog
/// says who delivers it, once a service however many lines sell it.
pub(super) fn of(quote: &Quote, config: &TenantConfig) -> Vec<PlannedRole> {
    let mut plan = Vec::new();
    for line in &quote.lines {
        if line.billing_method == Some(BillingMethod::TimeAndMaterials)
            && let Some(role) = &line.role
        {
            add(&mut plan, line, role, Some(line.quantity), true);
        }
    }
    let mut planned: Vec<&str> = Vec::new();
    for line in quote.lines.iter().filter(|l| l.billing_method != Some(BillingMethod::TimeAndMaterials)) {
        if planned.contains(&line.service.as_str()) {
            continue;
        }
        planned.push(&line.service);
        for needed in config.service(&line.service).into_iter().flat_map(|s| &s.roles) {
            add(&mut plan, line, &needed.role, needed.hours, false);
        }
    }
    plan
}

/// One role of one service, whatever sells it: hours of several lines (rates that begin on different
/// days) add up.
fn add(plan: &mut Vec<PlannedRole>, line: &QuoteLine, role: &str, hours: Option<Decimal>, rated: bool) {
    let hours = hours.filter(|h| *h > Decimal::ZERO);
    if let Some(known) = plan.iter_mut().find(|p| p.role == role && p.service == line.service) {
        known.planned_hours = match (known.planned_hours, hours) {
            (Some(one), Some(other)) => one.checked_add(other),
            (one, other) => one.or(other),
        };
        return;
    }
    plan.push(PlannedRole {
        key: format!("R-{}", derive(&[&line.service, role]).simple()),
        role: role.to_owned(),
        service: line.service.clone(),
        quote_line: line.line.clone(),
        planned_hours: hours,
        rated,
    });
}
