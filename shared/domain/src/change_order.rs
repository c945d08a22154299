//! Change orders: a further approved version of the quote becomes the next version of the contract.
//!
//! Value, budget, billing plan, rates and revenue treatment change together or not at all. What was
//! billed under an earlier version stays as it was.

mod changes;
mod charges;
mod deposits;
mod rates;
mod retainers;
mod standing;
mod statements;
mod usage;

pub use changes::Change;
pub use charges::CutShort;
pub use standing::{Standing, continuing, further_statements, standing};

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::{CustomerFacts, accounting_of, check_beside, cut_contract, milestones};
use crate::contract::{BillingMethod, Contract, Milestone, PlannedRole, Rate, WorkElement};
use crate::engagement::{Engagement, EngagementStatus};
use crate::id::derive;
use crate::money::Money;
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};
use crate::quote::{Quote, QuoteLine};
use crate::statement_of_work::{Draft, drafted};

/// A change order that may be carried out: from one version of the contract to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeOrder {
    /// The version in force when it was decided.
    pub from: Contract,
    /// The version that it leads to.
    pub to: Contract,
    /// The business day from which it is in force.
    pub effective_on: Date,
    /// What differs, for people and for each system.
    pub changes: Vec<Change>,
    /// The statements of work that the quote has beside it and nobody has approved yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drafted: Vec<Draft>,
}

/// What becomes of an approved quote version on an engagement that is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It leads to the next version of the contract.
    Change(Box<ChangeOrder>),
    /// It is the version in force, or an older one that came late; the reason is journalled.
    NoEffect(String),
    /// It can't be carried out; everything that stands against it, at once.
    Refused(Vec<Problem>),
}

/// Decides on an approved quote version, or on a statement of work of one that was approved later. `today`
/// is the day of its approval in the business's time zone.
#[must_use]
pub fn decide(
    engagement: &Engagement,
    quote: &Quote,
    facts: &CustomerFacts,
    config: &TenantConfig,
    today: Date,
) -> Verdict {
    let in_force = &engagement.contract;
    let stands = standing(in_force, quote);
    let quote = &continuing(in_force, quote.clone());
    match stands {
        Standing::Older => {
            return Verdict::NoEffect(format!(
                "version {} of the quote is older than version {} in force",
                quote.version,
                in_force.quote_version()
            ));
        }
        Standing::InForce => {
            return Verdict::NoEffect(format!("version {} is in force already", quote.version));
        }
        Standing::Further | Standing::Statements | Standing::Another => {}
    }
    let agreed = |line: &QuoteLine| is_agreed(in_force, line);
    let mut problems = check_beside(quote, facts, config, billed_fees(engagement), &agreed);
    problems.extend(against(engagement, quote));
    if !problems.is_empty() {
        return Verdict::Refused(problems);
    }
    let to = match cut_contract(quote, config) {
        Ok(cut) => succeed(engagement, accounted(engagement, quote, cut, config), today),
        Err(problems) => return Verdict::Refused(problems),
    };
    let changes = changes::between(in_force, &to);
    if stands == Standing::Statements {
        problems.extend(statements::edited(in_force, &to, &changes));
    }
    let order =
        ChangeOrder { from: in_force.clone(), to, effective_on: today, changes, drafted: drafted(quote) };
    problems.extend(order.still_stands(engagement, today));
    if problems.is_empty() { Verdict::Change(Box::new(order)) } else { Verdict::Refused(problems) }
}

impl ChangeOrder {
    /// What was billed or changed on the engagement that stands against the order. To be asked again
    /// right before it comes into force: work goes on while systems are being changed.
    #[must_use]
    pub fn still_stands(&self, engagement: &Engagement, today: Date) -> Vec<Problem> {
        let mut problems = Vec::new();
        if engagement.status != EngagementStatus::Active {
            problems.push(refused(format!("the engagement is {}", engagement.status.as_str())));
        }
        if engagement.contract.version != self.from.version {
            problems.push(refused(format!(
                "version {} came into force in the meantime",
                engagement.contract.version
            )));
        }
        problems.extend(engagement.completed_milestones.keys().filter_map(|key| self.touches(key)));
        problems
            .extend(engagement.completed_milestones.keys().filter_map(|key| self.forgets(engagement, key)));
        problems.extend(self.ceiling(engagement.time_billed));
        problems.extend(self.expense_cap(engagement));
        problems.extend(self.from.recurring.iter().filter_map(|charge| self.rewrites(charge, today)));
        problems.extend(self.retains_otherwise(engagement, today));
        problems.extend(self.from.usage.iter().filter_map(|terms| self.rerates(engagement, terms, today)));
        problems.extend(self.from.deposits.iter().filter_map(|terms| self.redeposits(terms)));
        problems
    }

    /// The engagement with the order in force.
    #[must_use]
    pub fn apply(&self, mut engagement: Engagement) -> Engagement {
        engagement.time_billed = self.to.time_ceiling.and(engagement.time_billed);
        engagement.contract = self.to.clone();
        engagement.counting_expenses()
    }

    /// A milestone that was billed is history: neither what it bills, nor what is kept back of it, nor how it is
    /// recognised changes, nor is it dropped.
    fn touches(&self, key: &str) -> Option<Problem> {
        let was = self.from.milestone(key)?;
        match self.to.milestone(key) {
            Some(is) if is.amount != was.amount => Some(refused(format!(
                "milestone {key} was billed with {}; the change order has {}",
                was.amount, is.amount
            ))),
            Some(is) if (&is.holdback, &is.service) != (&was.holdback, &was.service) => Some(refused(
                format!("milestone {key} was billed; the change order has another holdback or service of it"),
            )),
            Some(_) => None,
            None => Some(refused(format!("milestone {key} was billed; the change order drops it"))),
        }
    }

    /// What is kept back of a billed milestone is owed once the other one is accepted, which must be able to come.
    fn forgets(&self, engagement: &Engagement, key: &str) -> Option<Problem> {
        let until = &self.from.milestone(key)?.holdback.as_ref()?.until;
        let comes = self.to.milestone(until).is_some() || engagement.completed_milestones.contains_key(until);
        (!comes).then(|| {
            refused(format!(
                "a part of milestone {key} is kept back until {until}; the change order drops {until}"
            ))
        })
    }

    fn ceiling(&self, billed: Option<Money>) -> Option<Problem> {
        match (self.from.time_ceiling, self.to.time_ceiling, billed) {
            (_, Some(to), Some(billed)) if billed.exceeds(to).unwrap_or(true) => {
                Some(refused(format!("{billed} is billed by time; the change order's ceiling is {to}")))
            }
            // What was billed by time is counted only under a ceiling.
            (None, Some(to), _) => Some(refused(format!(
                "the contract began without a ceiling on time; {to} can't be put on it afterwards"
            ))),
            _ => None,
        }
    }

    /// The cap on expenses, like the ceiling on time: never below what is billed, and not put on what was
    /// billed without being counted.
    fn expense_cap(&self, engagement: &Engagement) -> Option<Problem> {
        let cap = self.to.expenses.as_ref()?.cap?;
        match engagement.expenses_billed {
            _ if engagement.expenses_uncounted => Some(refused(format!(
                "expenses were passed on without a cap; {cap} can't be put on them afterwards"
            ))),
            Some(billed) if billed.exceeds(cap).unwrap_or(true) => {
                Some(refused(format!("{billed} was billed as expenses; the change order's cap is {cap}")))
            }
            _ => None,
        }
    }
}

/// Terms that a change order can't change: they are another contract.
fn against(engagement: &Engagement, quote: &Quote) -> Vec<Problem> {
    let (contract, mut problems) = (&engagement.contract, Vec::new());
    if standing(contract, quote) == Standing::Another {
        problems.push(refused(format!(
            "quote {} has version {} like quote {} in force; a change order needs a higher one",
            quote.number, quote.version, contract.quote_number
        )));
    }
    if quote.currency != contract.currency {
        problems.push(refused(format!(
            "the contract is in {}, the change order in {}",
            contract.currency, quote.currency
        )));
    }
    if quote.legal_entity.as_ref().is_some_and(|e| *e != contract.legal_entity) {
        problems.push(refused(format!(
            "the contract is {}'s, the change order {}'s",
            contract.legal_entity,
            quote.legal_entity.as_deref().unwrap_or_default()
        )));
    }
    if quote.customer.company != engagement.customer_record.company {
        problems.push(refused(format!(
            "the contract is with company {}, the change order with {}",
            engagement.customer_record.company, quote.customer.company
        )));
    }
    problems
}

/// Whether a line's price is in the contract already: somebody allowed it then, or the policy did.
fn is_agreed(contract: &Contract, line: &QuoteLine) -> bool {
    match line.billing_method {
        Some(BillingMethod::FixedFee) => {
            let agreed = |m: &Milestone| contract.milestone(&m.key).is_some_and(|was| was.amount == m.amount);
            milestones(line).is_ok_and(|sold| sold.iter().all(agreed))
        }
        Some(BillingMethod::TimeAndMaterials) => {
            // One that has ended was agreed for its time and no longer.
            let rates = contract.rate_card.rates.iter().filter(|r| r.effective_until.is_none());
            let its = |r: &&Rate| Some(&r.role) == line.role.as_ref() && r.person == line.person;
            rates.filter(its).any(|rate| rate.hourly == line.unit_price)
        }
        // Expenses and usage have no price that the policy speaks about.
        Some(
            BillingMethod::Recurring
            | BillingMethod::PassThroughExpense
            | BillingMethod::Usage
            | BillingMethod::Deposit,
        )
        | None => false,
    }
}

fn refused(detail: String) -> Problem {
    Problem::new(ProblemCode::ChangeOrderInvalid, detail)
}

/// The fee of what is billed: the customer owes it already, or has paid it.
fn billed_fees(engagement: &Engagement) -> Money {
    let contract = &engagement.contract;
    let billed = engagement.completed_milestones.keys().filter_map(|key| contract.milestone(key));
    // Amounts of one contract are of one currency, and their whole was added up before.
    Money::total(contract.currency, billed.map(|m| m.amount)).unwrap_or(Money::zero(contract.currency))
}

/// The newly cut terms as the next version: what was agreed and can't change is kept. The version is the
/// quote's, or one more where statements of work made the contract's own run ahead of it.
fn succeed(engagement: &Engagement, mut cut: Contract, today: Date) -> Contract {
    let before = &engagement.contract;
    let quoted = cut.version;
    cut.version = quoted.max(before.version.saturating_add(1));
    cut.quote_version = (cut.version != quoted).then_some(quoted);
    let sold = std::mem::take(&mut cut.rate_card);
    cut.rate_card = rates::succeed(&before.rate_card, &sold, today);
    cut.project_template.clone_from(&before.project_template);
    cut.milestones = cut.milestones.into_iter().map(|m| kept_if_billed(engagement, m)).collect();
    cut.work = grown(&before.work, cut.work);
    cut.staffing = as_agreed(before, &cut);
    // How a service is recognised was agreed when it was sold first; the catalog may say otherwise by now.
    cut.revenue.extend(before.revenue.iter().map(|(service, treatment)| (service.clone(), *treatment)));
    statements::succeed(before, &sold, cut)
}

/// The cut contract with how each service is posted: by the posting rules that the engagement was
/// given. What is not sold any more is posted as before: work of earlier days may still be billed.
fn accounted(engagement: &Engagement, quote: &Quote, cut: Contract, config: &TenantConfig) -> Contract {
    let rules = engagement.systems.as_ref().and_then(|s| s.posting_rules.as_deref());
    let sold: BTreeSet<&str> = quote.lines.iter().map(|l| l.service.as_str()).collect();
    let before = engagement.contract.accounting.clone();
    let mut accounting: BTreeMap<_, _> =
        before.into_iter().filter(|(service, _)| !sold.contains(service.as_str())).collect();
    accounting.extend(accounting_of(sold, rules, config));
    Contract { accounting, ..cut }
}

/// The roles of the next version. Those that a fee covers were planned when their service was sold first; the
/// catalog may say otherwise by now.
fn as_agreed(before: &Contract, cut: &Contract) -> Vec<PlannedRole> {
    let fees = cut.milestones.iter().map(|m| m.service.as_str());
    let sold: BTreeSet<&str> = fees.chain(cut.recurring.iter().map(|c| c.service.as_str())).collect();
    let agreed: Vec<&PlannedRole> =
        before.staffing.iter().filter(|r| !r.rated && sold.contains(r.service.as_str())).collect();
    let anew = |r: &&PlannedRole| r.rated || agreed.iter().all(|known| known.service != r.service);
    let mut all: Vec<PlannedRole> = cut.staffing.iter().filter(anew).cloned().collect();
    for role in agreed {
        if all.iter().all(|known| known.key != role.key) {
            all.push(role.clone());
        }
    }
    all
}

/// A billed milestone keeps the quote line that sold it; a changed amount stays, to be found.
fn kept_if_billed(engagement: &Engagement, next: Milestone) -> Milestone {
    let billed = engagement.completed_milestones.contains_key(&next.key);
    match engagement.contract.milestone(&next.key).filter(|was| billed && was.amount == next.amount) {
        Some(was) => was.clone(),
        None => next,
    }
}

/// Elements keep their keys; new ones come after them. None is dropped: somebody may have worked on it.
fn grown(before: &[WorkElement], next: Vec<WorkElement>) -> Vec<WorkElement> {
    let mut all = before.to_vec();
    for element in next {
        if all.iter().all(|known| known.title != element.title) {
            // By its title and not by its number: an order that is taken back may leave its task in the PSA,
            // and the next one must not take that for another element's.
            let key = format!("T-{}", derive(&[&element.title]).simple());
            all.push(WorkElement { key, title: element.title });
        }
    }
    all
}
