//! Approved time on a retainer: drawn down, and billed where it is beyond what is left.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Grant, RetainerTerms};
use crate::billing::{BillableLine, Evidence, line_of, price, within_ceiling};
use crate::contract::RecurringCharge;
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::event::BillingReady;
use crate::id::{DrawdownId, LineId};
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::work::TimeEntry;

/// An entry that was drawn down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drawdown {
    /// Derived from the entry.
    pub drawdown: DrawdownId,
    /// The entry.
    pub entry: TimeEntry,
    /// Key of the charge that is the retainer's fee.
    pub retainer: String,
    /// Version of the contract that has it.
    pub contract_version: u32,
    /// Number of the period in which it was worked.
    pub period: u32,
    /// What it comes to: minutes, or an amount at the rate card's rate.
    #[schemars(with = "String")]
    pub quantity: Decimal,
    /// How much more is beyond the balances of all periods by it.
    #[schemars(with = "String")]
    pub overage: Decimal,
    /// The line of that; none where all of it was covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineId>,
}

/// The item of an entry; the same entry is always the same item.
#[must_use]
pub fn drawdown_of(connection: &str, entry: &str) -> DrawdownId {
    DrawdownId::derive(&[connection, "drawdown", entry])
}

/// Decides on a billable entry that a retainer covers; none where none does.
#[must_use]
pub fn drawn(engagement: &Engagement, entry: &TimeEntry) -> Option<Decision> {
    let (terms, charge, period) = engagement.contract.retainer_of(&entry.role, entry.worked_on)?;
    let decided = quantity(engagement, terms, entry).and_then(|quantity| {
        let draw = Draw { engagement, entry, terms, charge, period, quantity };
        draw.decide()
    });
    Some(decided.map_or_else(Decision::Hold, Decision::apply))
}

fn broken(entry: &TimeEntry, error: &MoneyError) -> Problem {
    Problem::new(ProblemCode::IllegalEvent, format!("entry {}: {error}", entry.entry))
}

fn quantity(engagement: &Engagement, terms: &RetainerTerms, entry: &TimeEntry) -> Result<Decimal, Problem> {
    match terms.grant {
        Grant::Time { .. } => Ok(entry.minutes.into()),
        Grant::Amount { .. } => {
            let contract = &engagement.contract;
            let rate =
                contract.rate_card.of(&entry.person, &entry.role, entry.worked_on).ok_or_else(|| {
                    let detail = format!(
                        "entry {} of {}: no rate for role `{}` on {} in contract version {}",
                        entry.entry, entry.person, entry.role, entry.worked_on, contract.version
                    );
                    Problem::new(ProblemCode::NoRateInForce, detail)
                })?;
            let amount = price(rate.hourly, entry.minutes).map_err(|e| broken(entry, &e))?;
            Ok(amount.amount())
        }
    }
}

struct Draw<'a> {
    engagement: &'a Engagement,
    entry: &'a TimeEntry,
    terms: &'a RetainerTerms,
    charge: &'a RecurringCharge,
    period: u32,
    quantity: Decimal,
}

impl Draw<'_> {
    fn decide(&self) -> Result<Effects, Problem> {
        let Self { engagement, entry, charge, period, quantity, .. } = self;
        let before = engagement.retainers.get(&charge.key).cloned().unwrap_or_default();
        let mut after = before.clone();
        let worked = after.entry(*period).or_default();
        *worked = (*worked + quantity).normalize();
        let broken = |e: MoneyError| broken(entry, &e);
        let (beyond, due) = self.terms.beyond(charge, &before).map_err(broken)?;
        let (beyond_now, due_now) = self.terms.beyond(charge, &after).map_err(broken)?;
        let overage = beyond_now - beyond;
        let amount = due_now.minus(due).map_err(broken)?;
        let mut state = Engagement::clone(engagement);
        state.retainers.insert(charge.key.clone(), after);
        let line = (!amount.is_zero()).then(|| self.line(amount, overage));
        if line.is_some() {
            state.time_billed = within_ceiling(engagement, entry, amount)?.or(engagement.time_billed);
        }
        let drawdown = Drawdown {
            drawdown: drawdown_of(&entry.connection, &entry.entry),
            entry: TimeEntry::clone(entry),
            retainer: charge.key.clone(),
            contract_version: engagement.contract.version,
            period: *period,
            quantity: *quantity,
            overage,
            line: line.as_ref().map(|line| line.line.clone()),
        };
        let summary = format!(
            "{} min by {} on {} drawn from period {period} of {}, {amount} beyond it",
            entry.minutes, entry.person, entry.worked_on, charge.key
        );
        let ready = line.iter().map(|l| BillingReady { line: l.line.clone(), amount: l.amount }.into());
        Ok(Effects {
            state: Some(state),
            summary,
            events: ready.collect(),
            lines: line.into_iter().collect(),
            drawdowns: vec![drawdown],
            ..Effects::default()
        })
    }

    fn line(&self, amount: Money, overage: Decimal) -> BillableLine {
        let Self { engagement, entry, charge, period, .. } = self;
        BillableLine::sold(
            &engagement.contract,
            line_of(&entry.connection, "time", &entry.entry),
            (&charge.quote_line, &charge.service),
            (amount, entry.worked_on),
            Evidence::Overage {
                entry: TimeEntry::clone(entry),
                retainer: charge.key.clone(),
                name: charge.name.clone(),
                period: *period,
                overage,
            },
        )
    }
}
