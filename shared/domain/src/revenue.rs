//! The revenue schedule of a contract version: what is to be recognised, by which treatment, when.
//!
//! It is a plan with lineage to the contract; the ERP or a revenue engine stays the authority. What
//! comes true of it, or of the work itself, is told as revenue events.

mod earned;
mod period;
mod recognition;
mod reversal;

pub use earned::{
    Element, RevenueEarned, RevenueEvidence, Source, earned_by_invoice, earned_by_line, source,
};
pub use period::{AccountingPeriod, ClosedPeriods, LatePosting, NoPeriod};
pub use recognition::{Planned, Recognition};
pub(crate) use reversal::at_least_nothing;
pub use reversal::{Because, ReversalError, TakenOff, Undoing, Undone, reversal};

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Contract, Milestone, RecurringCharge, RevenueTreatment};
use crate::money::{Money, MoneyError};
use crate::recurring::{ChargePeriod, after, by_the_day, days};

/// Revenue planned for one element of a contract version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevenueSchedule {
    /// The contract's version.
    pub contract_version: u32,
    /// Its entries, element by element in the contract's order.
    pub entries: Vec<RevenueEntry>,
}

/// One planned recognition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevenueEntry {
    /// Key of the milestone or recurring charge.
    pub element: String,
    /// The CRM's quote line that sold it.
    pub quote_line: String,
    /// How it is recognised.
    pub treatment: RevenueTreatment,
    /// The day it is planned for; none while nobody planned one.
    pub planned_on: Option<Date>,
    /// How much, before tax.
    pub amount: Money,
}

/// Why a schedule can't be drawn up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevenueError {
    /// Amounts overflow or mix currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A day beyond the calendar.
    #[error("{element} reaches beyond the calendar")]
    Calendar {
        /// The element.
        element: String,
    },
}

/// Draws up the schedule. `starts_on` is the day from which the version is in force: a fee that is
/// recognised in a straight line runs from its month to that of its milestone.
///
/// Time is recognised as it is delivered and has no planned entries; so has a service without a
/// treatment in the catalog.
///
/// # Errors
/// [`RevenueError`].
pub fn schedule(contract: &Contract, starts_on: Date) -> Result<RevenueSchedule, RevenueError> {
    plan(contract, starts_on, &[])
}

/// Draws up the schedule of a later version, in force from a day. What was planned in a straight line for
/// months that are over stays as it was; what is left of a fee is planned from that day's month on
/// (prospectively, as ASC 606-10-25-13(a) has it for services that are distinct). Of what is not sold any
/// more, that month takes back what the months before it had. A recurring charge that has begun changes in its
/// end alone: what the months before had too much of a year or quarter that ends early, the next month makes good.
///
/// # Errors
/// [`RevenueError`].
pub fn reschedule(
    contract: &Contract,
    effective_on: Date,
    before: &RevenueSchedule,
) -> Result<RevenueSchedule, RevenueError> {
    let month = effective_on.first_of_month();
    let over = |entry: &&RevenueEntry| {
        let straight = entry.treatment == RevenueTreatment::StraightLine;
        straight && entry.planned_on.is_some_and(|day| day < month)
    };
    let past: Vec<RevenueEntry> = before.entries.iter().filter(over).cloned().collect();
    let mut next = plan(contract, effective_on, &past)?;
    let sold = |key: &str| contract.milestone(key).is_some() || contract.recurring_charge(key).is_some();
    let dropped: BTreeSet<&str> = past.iter().map(|e| e.element.as_str()).filter(|key| !sold(key)).collect();
    for element in dropped {
        next.entries.extend(taken_back(element, &past, effective_on)?);
    }
    Ok(next)
}

/// What was planned of an element that is not sold any more, and what takes it back.
fn taken_back(
    element: &str,
    past: &[RevenueEntry],
    effective_on: Date,
) -> Result<Vec<RevenueEntry>, RevenueError> {
    let mut entries: Vec<RevenueEntry> = past.iter().filter(|e| e.element == element).cloned().collect();
    if let Some(last) = entries.last().cloned() {
        let nothing = Money::zero(last.amount.currency());
        let planned = Money::total(last.amount.currency(), entries.iter().map(|e| e.amount))?;
        let planned_on = Some(effective_on.last_of_month());
        if !planned.is_zero() {
            entries.push(RevenueEntry { planned_on, amount: nothing.minus(planned)?, ..last });
        }
    }
    Ok(entries)
}

fn plan(
    contract: &Contract,
    starts_on: Date,
    past: &[RevenueEntry],
) -> Result<RevenueSchedule, RevenueError> {
    let mut entries = Vec::new();
    for milestone in &contract.milestones {
        if let Some(treatment) = contract.revenue.get(&milestone.service) {
            let past = past.iter().filter(|entry| entry.element == milestone.key).cloned().collect();
            entries.extend(of_milestone(milestone, *treatment, starts_on, past)?);
        }
    }
    for charge in &contract.recurring {
        if let Some(treatment) = contract.revenue.get(&charge.service) {
            let past = past.iter().filter(|entry| entry.element == charge.key).cloned().collect();
            entries.extend(of_charge(charge, *treatment, starts_on, past)?);
        }
    }
    Ok(RevenueSchedule { contract_version: contract.version, entries })
}

fn of_milestone(
    milestone: &Milestone,
    treatment: RevenueTreatment,
    starts_on: Date,
    past: Vec<RevenueEntry>,
) -> Result<Vec<RevenueEntry>, RevenueError> {
    let entry = |planned_on, amount| RevenueEntry {
        element: milestone.key.clone(),
        quote_line: milestone.quote_line.clone(),
        treatment,
        planned_on,
        amount,
    };
    let over = Money::total(milestone.amount.currency(), past.iter().map(|entry| entry.amount))?;
    let left = milestone.amount.minus(over)?;
    let mut entries = past;
    if left.is_zero() && !entries.is_empty() {
        return Ok(entries);
    }
    let (RevenueTreatment::StraightLine, Some(end)) = (treatment, milestone.planned_on) else {
        entries.push(entry(milestone.planned_on, left));
        return Ok(entries);
    };
    let beyond = || RevenueError::Calendar { element: milestone.key.clone() };
    for (n, part) in (0i32..).zip(in_equal_parts(left, months_between(starts_on, end))?) {
        let month = starts_on.checked_add(n.months()).map_err(|_| beyond())?;
        entries.push(entry(Some(month.last_of_month()), part));
    }
    Ok(entries)
}

/// A period's fee belongs to the months of that period, whenever it is charged; as billed, to the
/// day on which it is charged. What was planned for months that are over stays, and what is left follows it.
fn of_charge(
    charge: &RecurringCharge,
    treatment: RevenueTreatment,
    effective_on: Date,
    past: Vec<RevenueEntry>,
) -> Result<Vec<RevenueEntry>, RevenueError> {
    let beyond = || RevenueError::Calendar { element: charge.key.clone() };
    charge.last_day().ok_or_else(beyond)?;
    let entry = |planned_on: Date, amount: Money| RevenueEntry {
        element: charge.key.clone(),
        quote_line: charge.quote_line.clone(),
        treatment,
        planned_on: Some(planned_on),
        amount,
    };
    let mut planned = Vec::new();
    for period in charge.periods()? {
        if treatment == RevenueTreatment::AsBilled {
            planned.push(entry(period.due_on, period.amount));
        } else {
            let months = months_of(charge, &period)?.ok_or_else(beyond)?;
            planned.extend(months.into_iter().map(|(last, part)| entry(last, part)));
        }
    }
    if past.is_empty() {
        return Ok(planned);
    }
    let month = effective_on.first_of_month();
    planned.retain(|e| e.planned_on.is_some_and(|day| day >= month));
    let all = past.iter().chain(&planned).map(|e| e.amount);
    let left = charge.value()?.minus(Money::total(charge.fee.currency(), all)?)?;
    // It ended earlier than was planned: the months to come make good what the months before had too much.
    match planned.first_mut() {
        Some(first) => first.amount = first.amount.plus(left)?,
        None if left.is_zero() => {}
        None => planned.push(entry(effective_on.last_of_month(), left)),
    }
    Ok(past.into_iter().chain(planned).collect())
}

/// The months of a period, each with its last day and its part: in equal parts of a whole period, by the day
/// of one that is not. None where a day is beyond the calendar.
fn months_of(
    charge: &RecurringCharge,
    period: &ChargePeriod,
) -> Result<Option<Vec<(Date, Money)>>, RevenueError> {
    let months = charge.period.months();
    let equal = in_equal_parts(period.amount, months)?;
    let (mut parts, mut planned) = (Vec::new(), Money::zero(period.amount.currency()));
    let before = period.index.saturating_mul(months);
    for (number, equal) in (before..).zip(equal) {
        // Each counted from the first day: a charge that starts on the 31st keeps to the month's end.
        let first = after(charge.first(), number);
        let next = after(charge.first(), number.saturating_add(1));
        let (Some(first), Some(next)) = (first, next) else { return Ok(None) };
        let (from, until) = (first.max(period.from), next.min(period.until));
        if from >= until {
            continue;
        }
        let part = if period.prorated.is_none() {
            equal
        } else {
            let (so_far, all) = (days(period.from, until), days(period.from, period.until));
            by_the_day(period.amount, so_far, all)?.minus(planned)?
        };
        planned = planned.plus(part)?;
        parts.push((until.yesterday().unwrap_or(until), part));
    }
    Ok(Some(parts))
}

/// Calendar months that two days touch, at least one.
fn months_between(first: Date, last: Date) -> u32 {
    let number = |d: Date| i32::from(d.year()) * 12 + i32::from(d.month());
    u32::try_from(number(last) - number(first)).unwrap_or(0) + 1
}

/// An amount in equal parts, to the minor unit; what can't be divided evenly is in the last one.
fn in_equal_parts(amount: Money, parts: u32) -> Result<Vec<Money>, MoneyError> {
    let count = parts.max(1);
    let part = Money::rounded(
        (amount.amount() / Decimal::from(count))
            .round_dp_with_strategy(amount.currency().exponent(), rust_decimal::RoundingStrategy::ToZero),
        amount.currency(),
    );
    let others = part.times(Decimal::from(count - 1))?;
    let mut all = vec![part; usize::try_from(count - 1).unwrap_or_default()];
    all.push(amount.minus(others)?);
    Ok(all)
}
