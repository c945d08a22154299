//! Whether what was sold is what is set up: the contract beside the ERP's billing plan and the
//! PSA's project, as they hold it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::activation::split;
use crate::change_order::continuing;
use crate::contract::Contract;
use crate::money::Money;
use crate::problem::{Problem, ProblemCode};
use crate::quote::Quote;

/// The ERP's billing plan as it holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPlan {
    /// Its positions by the contract's key, each with its price. The position for time has none of
    /// the contract's keys and is left out.
    pub positions: BTreeMap<String, Money>,
}

/// The PSA's project as it holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldProject {
    /// Its budget, where it has one.
    pub budget: Option<Money>,
    /// Its billing milestones by the contract's key.
    pub milestones: BTreeMap<String, Money>,
    /// The hourly rate of each role on the day that was asked for.
    pub rates: BTreeMap<String, Money>,
}

/// The positions that a contract's billing plan is to have, by key: a milestone's amount, a
/// recurring charge's fee.
#[must_use]
pub fn positions(contract: &Contract) -> BTreeMap<String, Money> {
    let milestones = contract.milestones.iter().map(|m| (m.key.clone(), m.amount));
    milestones.chain(contract.recurring.iter().map(|c| (c.key.clone(), c.fee))).collect()
}

/// Everything in which the two systems differ from the contract on a day, as one problem.
#[must_use]
pub fn compare(
    contract: &Contract,
    plan: Option<&HeldPlan>,
    project: Option<&HeldProject>,
    on: Date,
) -> Option<Problem> {
    let mut differences = Vec::new();
    match plan {
        Some(plan) => {
            differing(&mut differences, "billing plan: position", &positions(contract), &plan.positions);
        }
        None => differences.push("the ERP has no billing plan".to_owned()),
    }
    match project {
        Some(project) => {
            let sold = contract.milestones.iter().map(|m| (m.key.clone(), m.amount)).collect();
            differing(&mut differences, "project: milestone", &sold, &project.milestones);
            let roles = contract.rate_card.rates.iter().map(|r| r.role.as_str());
            let rates = roles
                .filter_map(|role| Some((role.to_owned(), contract.rate_card.in_force(role, on)?.hourly)))
                .collect::<BTreeMap<_, _>>();
            // A role that the contract has no rate for is no difference: a PSA never forgets a role.
            let held = project.rates.iter().filter(|(role, _)| rates.contains_key(*role));
            let held = held.map(|(role, rate)| (role.clone(), *rate)).collect();
            differing(&mut differences, "project: rate of", &rates, &held);
            let budget = contract.budget().ok();
            if project.budget != budget {
                differences.push(format!(
                    "project: budget {} instead of {}",
                    said(project.budget),
                    said(budget)
                ));
            }
        }
        None => differences.push("the PSA has no project".to_owned()),
    }
    problem(contract, &differences)
}

/// In what the CRM's quote differs from the contract that was cut from it. A later version, or a further
/// statement of work, is no difference but a change order, and not for this to find.
#[must_use]
pub fn compare_sold(contract: &Contract, quote: &Quote) -> Option<Problem> {
    let mut differences = Vec::new();
    if !quote.approved {
        differences.push(format!("the CRM holds quote {} as not approved", quote.number));
    } else if quote.version < contract.quote_version() {
        differences.push(format!("the CRM holds version {} as the approved one", quote.version));
    } else if quote.version == contract.quote_version() {
        let revoked = contract.statements.difference(&quote.approved_statements);
        differences.extend(
            revoked.map(|name| format!("the CRM holds statement of work `{name}` as not approved any more")),
        );
        match split(&continuing(contract, quote.clone())) {
            Ok(package) => {
                let fees = package.milestones.into_iter().map(|m| (m.key, m.amount));
                let sold = fees.chain(package.recurring.into_iter().map(|c| (c.key, c.fee))).collect();
                differing(&mut differences, "quote: line", &positions(contract), &sold);
            }
            Err(problems) => differences.extend(problems.into_iter().map(|p| p.detail)),
        }
    }
    problem(contract, &differences)
}

/// Both findings as one.
#[must_use]
pub fn merged(one: Option<Problem>, other: Option<Problem>) -> Option<Problem> {
    crate::problem::merged(one.into_iter().chain(other).collect()).into_iter().next()
}

fn problem(contract: &Contract, differences: &[String]) -> Option<Problem> {
    (!differences.is_empty()).then(|| {
        let detail = format!("contract version {}: {}", contract.version, differences.join("; "));
        Problem::new(ProblemCode::ContractDiffers, detail)
    })
}

fn differing(
    differences: &mut Vec<String>,
    what: &str,
    sold: &BTreeMap<String, Money>,
    held: &BTreeMap<String, Money>,
) {
    for (key, amount) in sold {
        if held.get(key) != Some(amount) {
            differences
                .push(format!("{what} {key} holds {} instead of {amount}", said(held.get(key).copied())));
        }
    }
    for (key, amount) in held.iter().filter(|(key, _)| !sold.contains_key(*key)) {
        differences.push(format!("{what} {key} holds {amount} and was not sold"));
    }
}

fn said(amount: Option<Money>) -> String {
    amount.map_or_else(|| "nothing".into(), |amount| amount.to_string())
}
