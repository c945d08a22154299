//! Whether what was sold is what is set up: the contract beside the ERP's billing plan and the
//! PSA's project, as they hold it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::activation::{Package, split};
use crate::change_order::{continuing, further_statements};
use crate::contract::{Contract, Rate, RecurringCharge};
use crate::deposit::DepositTerms;
use crate::expense::ExpenseTerms;
use crate::money::Money;
use crate::problem::{Problem, ProblemCode};
use crate::quote::Quote;
use crate::usage::UsageTerms;

/// What a system answers when it is asked what it holds of an engagement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held<T> {
    /// It holds nothing.
    Nothing,
    /// It holds this.
    Record(T),
    /// It holds something that can't be understood, for this reason.
    Odd(String),
}

impl<T> From<Option<T>> for Held<T> {
    fn from(record: Option<T>) -> Self {
        record.map_or(Self::Nothing, Self::Record)
    }
}

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
    plan: &Held<HeldPlan>,
    project: &Held<HeldProject>,
    on: Date,
) -> Option<Problem> {
    let mut differences = Vec::new();
    match plan {
        Held::Record(plan) => {
            differing(&mut differences, "billing plan: position", &positions(contract), &plan.positions);
        }
        Held::Nothing => differences.push("the ERP has no billing plan".to_owned()),
        Held::Odd(why) => differences.push(format!("billing plan: {why}")),
    }
    match project {
        Held::Record(project) => {
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
        Held::Nothing => differences.push("the PSA has no project".to_owned()),
        Held::Odd(why) => differences.push(format!("project: {why}")),
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
            Ok(package) => compare_package(&mut differences, contract, &package, quote.time_ceiling),
            Err(problems) => differences.extend(problems.into_iter().map(|p| p.detail)),
        }
    }
    problem(contract, &differences)
}

/// The CRM holds a later version as approved than the one in force, or further statements of work of that.
#[must_use]
pub fn not_in_force(contract: &Contract, quote: &Quote) -> Problem {
    let what = if quote.version == contract.quote_version() {
        let further: Vec<String> = further_statements(contract, quote).into_iter().collect();
        format!("statement of work {}", further.join(", "))
    } else {
        format!("version {}", quote.version)
    };
    let later = format!("the CRM holds {what} as approved, which is not in force");
    Problem::new(ProblemCode::ContractDiffers, format!("contract version {}: {later}", contract.version))
}

/// Amounts first, then the terms that amounts don't show. When a milestone is planned is the PSA's to say.
fn compare_package(
    differences: &mut Vec<String>,
    contract: &Contract,
    package: &Package,
    ceiling: Option<Money>,
) {
    let fees = package.milestones.iter().map(|m| (m.key.clone(), m.amount));
    let sold = fees.chain(package.recurring.iter().map(|c| (c.key.clone(), c.fee))).collect();
    differing(differences, "quote: line", &positions(contract), &sold);
    for sold in &package.recurring {
        let terms = |c: &RecurringCharge| (c.period, c.starts_on, c.term, c.timing, c.aligned, c.ends_on);
        if contract.recurring_charge(&sold.key).is_some_and(|held| terms(held) != terms(sold)) {
            differences.push(format!("quote: line {} recurs in another way", sold.key));
        }
        let retained = package.retainers.iter().find(|terms| terms.charge == sold.key);
        if contract.retainer(&sold.key) != retained {
            differences.push(format!("quote: line {} retains something else", sold.key));
        }
    }
    differing(
        differences,
        "quote: rate of",
        &last_rates(&contract.rate_card.rates),
        &last_rates(&package.rates),
    );
    let terms = |e: &ExpenseTerms| format!("{e} of {}", e.service);
    let (held, sold) = (package.expenses.as_ref().map(terms), contract.expenses.as_ref().map(terms));
    if held != sold {
        let said = |terms: Option<String>| terms.unwrap_or_else(|| "nothing".to_owned());
        differences.push(format!("quote: expenses {} instead of {}", said(held), said(sold)));
    }
    let terms = |all: &[UsageTerms]| -> BTreeMap<String, String> {
        all.iter().map(|u| (u.key.clone(), format!("{u} of {}", u.service))).collect()
    };
    let (held, sold) = (terms(&package.usage), terms(&contract.usage));
    let keys: BTreeSet<&String> = held.keys().chain(sold.keys()).collect();
    for key in keys.into_iter().filter(|key| held.get(*key) != sold.get(*key)) {
        let said = |terms: &BTreeMap<String, String>| terms.get(key).map_or("nothing", |t| t).to_owned();
        differences.push(format!("quote: usage {key} {} instead of {}", said(&held), said(&sold)));
    }
    let keys = package.deposits.iter().chain(&contract.deposits).map(|d| &d.key);
    for key in keys.collect::<BTreeSet<&String>>() {
        let sold = package.deposits.iter().find(|d| d.key == *key);
        let agreed = contract.deposit(key);
        if sold.map(DepositTerms::agreed) != agreed.map(DepositTerms::agreed) {
            let said = |terms: Option<&DepositTerms>| terms.map_or("nothing".to_owned(), ToString::to_string);
            differences.push(format!("quote: deposit {key} {} instead of {}", said(sold), said(agreed)));
        }
    }
    if contract.time_ceiling != ceiling {
        let (held, sold) = (said(ceiling), said(contract.time_ceiling));
        differences.push(format!("quote: ceiling on time {held} instead of {sold}"));
    }
}

/// The rate that goes on without an end, of each role and of each person with one of his own: the one that
/// begins last.
fn last_rates(rates: &[Rate]) -> BTreeMap<String, Money> {
    let open = rates.iter().filter(|rate| rate.effective_until.is_none());
    let mut last: BTreeMap<_, &Rate> = BTreeMap::new();
    for rate in open {
        let known = last.get(&rate.prices()).is_some_and(|known| known.effective_from > rate.effective_from);
        if !known {
            last.insert(rate.prices(), rate);
        }
    }
    let named = |(role, person): (&str, Option<&str>)| match person {
        Some(person) => format!("{role}, {person}"),
        None => role.to_owned(),
    };
    last.into_iter().map(|(what, rate)| (named(what), rate.hourly)).collect()
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
