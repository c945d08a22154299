//! What differs between two versions of a contract.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Contract, Milestone, RateCard, RecurringCharge};
use crate::deposit::DepositTerms;
use crate::expense::ExpenseTerms;
use crate::money::Money;
use crate::retainer::RetainerTerms;
use crate::usage::UsageTerms;

/// One difference between two versions of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Change {
    /// A milestone was added, changed or dropped.
    Milestone {
        /// As it was; none where it is new.
        before: Option<Milestone>,
        /// As it is to be; none where it is dropped.
        after: Option<Milestone>,
    },
    /// A recurring charge was added, changed or dropped.
    RecurringCharge {
        /// As it was; none where it is new.
        before: Option<RecurringCharge>,
        /// As it is to be; none where it is dropped.
        after: Option<RecurringCharge>,
    },
    /// Rates begin or end.
    RateCard {
        /// As it was.
        before: RateCard,
        /// As it is to be.
        after: RateCard,
    },
    /// The ceiling on time was moved or lifted.
    TimeCeiling {
        /// As it was.
        before: Option<Money>,
        /// As it is to be.
        after: Option<Money>,
    },
    /// Expenses are passed on in another way, from now on, or not any more.
    Expenses {
        /// As it was; none where they were not passed on.
        before: Option<ExpenseTerms>,
        /// As it is to be; none where they are not passed on any more.
        after: Option<ExpenseTerms>,
    },
    /// What the fee of a charge buys is another, or the charge becomes a retainer or is none any more.
    Retainer {
        /// As it was; none where it was no retainer.
        before: Option<RetainerTerms>,
        /// As it is to be; none where it is no retainer any more.
        after: Option<RetainerTerms>,
    },
    /// Usage is metered in another way, or added or dropped.
    Usage {
        /// As it was; none where it is new.
        before: Option<UsageTerms>,
        /// As it is to be; none where it is dropped.
        after: Option<UsageTerms>,
    },
    /// A deposit was agreed.
    Deposit {
        /// As it was; none where it is new.
        before: Option<DepositTerms>,
        /// As it is to be; none where it is dropped.
        after: Option<DepositTerms>,
    },
    /// A term that is one word: payment terms, purchase order, title.
    Term {
        /// Which one.
        term: String,
        /// As it was.
        before: Option<String>,
        /// As it is to be.
        after: Option<String>,
    },
}

/// Everything that differs; empty where two versions differ in nothing but their number.
pub(super) fn between(from: &Contract, to: &Contract) -> Vec<Change> {
    let mut changes = Vec::new();
    let keys: BTreeSet<&str> = from.milestones.iter().chain(&to.milestones).map(|m| m.key.as_str()).collect();
    for key in keys {
        let (before, after) = (from.milestone(key), to.milestone(key));
        // Another quote line for the same terms is the same milestone.
        let terms = |m: &Milestone| Milestone { quote_line: String::new(), ..m.clone() };
        if before.map(terms) != after.map(terms) {
            changes.push(Change::Milestone { before: before.cloned(), after: after.cloned() });
        }
    }
    let keys: BTreeSet<&str> = from.recurring.iter().chain(&to.recurring).map(|c| c.key.as_str()).collect();
    for key in keys {
        let (before, after) = (from.recurring_charge(key), to.recurring_charge(key));
        let terms = |c: &RecurringCharge| RecurringCharge { quote_line: String::new(), ..c.clone() };
        if before.map(terms) != after.map(terms) {
            changes.push(Change::RecurringCharge { before: before.cloned(), after: after.cloned() });
        }
    }
    if from.rate_card != to.rate_card {
        changes.push(Change::RateCard { before: from.rate_card.clone(), after: to.rate_card.clone() });
    }
    if from.time_ceiling != to.time_ceiling {
        changes.push(Change::TimeCeiling { before: from.time_ceiling, after: to.time_ceiling });
    }
    let terms = |e: &ExpenseTerms| ExpenseTerms { quote_line: String::new(), ..e.clone() };
    if from.expenses.as_ref().map(terms) != to.expenses.as_ref().map(terms) {
        changes.push(Change::Expenses { before: from.expenses.clone(), after: to.expenses.clone() });
    }
    let keys: BTreeSet<&str> =
        from.retainers.iter().chain(&to.retainers).map(|r| r.charge.as_str()).collect();
    for key in keys {
        let (before, after) = (from.retainer(key), to.retainer(key));
        if before != after {
            changes.push(Change::Retainer { before: before.cloned(), after: after.cloned() });
        }
    }
    let keys: BTreeSet<&str> = from.usage.iter().chain(&to.usage).map(|u| u.key.as_str()).collect();
    for key in keys {
        let (before, after) = (from.usage_terms(key), to.usage_terms(key));
        let terms = |u: &UsageTerms| UsageTerms { quote_line: String::new(), ..u.clone() };
        if before.map(terms) != after.map(terms) {
            changes.push(Change::Usage { before: before.cloned(), after: after.cloned() });
        }
    }
    let keys: BTreeSet<&str> = from.deposits.iter().chain(&to.deposits).map(|d| d.key.as_str()).collect();
    for key in keys {
        let (before, after) = (from.deposit(key), to.deposit(key));
        if before.map(DepositTerms::agreed) != after.map(DepositTerms::agreed) {
            changes.push(Change::Deposit { before: before.cloned(), after: after.cloned() });
        }
    }
    let terms = [
        ("payment-terms", Some(&from.payment_terms), Some(&to.payment_terms)),
        ("purchase-order", from.purchase_order.as_ref(), to.purchase_order.as_ref()),
        ("title", Some(&from.title), Some(&to.title)),
        ("tax-code", Some(&from.tax_code), Some(&to.tax_code)),
    ];
    let terms = terms.into_iter().filter(|(_, before, after)| before != after);
    changes.extend(terms.map(|(term, before, after)| Change::Term {
        term: term.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
    }));
    changes
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Milestone { before, after } => {
                let said = |m: &Option<Milestone>| m.as_ref().map(|m| m.amount.to_string());
                let key = after.as_ref().or(before.as_ref()).map_or("", |m| m.key.as_str());
                moved(f, &format!("milestone {key}"), said(before), said(after))
            }
            Self::RecurringCharge { before, after } => {
                let said = |c: &Option<RecurringCharge>| {
                    let end = |day| format!(" until {day}");
                    let ends = |c: &RecurringCharge| c.ends_on.map(end).unwrap_or_default();
                    c.as_ref().map(|c| format!("{} × {}{}", c.term, c.fee, ends(c)))
                };
                let key = after.as_ref().or(before.as_ref()).map_or("", |c| c.key.as_str());
                moved(f, &format!("recurring charge {key}"), said(before), said(after))
            }
            Self::RateCard { .. } => f.write_str("rate card"),
            Self::TimeCeiling { before, after } => {
                moved(f, "ceiling on time", before.map(|m| m.to_string()), after.map(|m| m.to_string()))
            }
            Self::Expenses { before, after } => {
                let said = |e: &Option<ExpenseTerms>| e.as_ref().map(ToString::to_string);
                moved(f, "expenses", said(before), said(after))
            }
            Self::Retainer { before, after } => {
                let said = |r: &Option<RetainerTerms>| r.as_ref().map(ToString::to_string);
                let key = after.as_ref().or(before.as_ref()).map_or("", |r| r.charge.as_str());
                moved(f, &format!("retainer {key}"), said(before), said(after))
            }
            Self::Usage { before, after } => {
                let said = |u: &Option<UsageTerms>| u.as_ref().map(ToString::to_string);
                let key = after.as_ref().or(before.as_ref()).map_or("", |u| u.key.as_str());
                moved(f, &format!("usage {key}"), said(before), said(after))
            }
            Self::Deposit { before, after } => {
                let said = |d: &Option<DepositTerms>| d.as_ref().map(ToString::to_string);
                let key = after.as_ref().or(before.as_ref()).map_or("", |d| d.key.as_str());
                moved(f, &format!("deposit {key}"), said(before), said(after))
            }
            Self::Term { term, before, after } => moved(f, term, before.clone(), after.clone()),
        }
    }
}

fn moved(
    f: &mut std::fmt::Formatter<'_>,
    what: &str,
    before: Option<String>,
    after: Option<String>,
) -> std::fmt::Result {
    match (before, after) {
        (Some(before), Some(after)) => write!(f, "{what}: {before} becomes {after}"),
        (None, Some(after)) => write!(f, "{what}: {after}, new"),
        (Some(before), None) => write!(f, "{what}: {before} is dropped"),
        (None, None) => write!(f, "{what}"),
    }
}
