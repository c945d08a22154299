//! Records of usage: counted once each, and rated with the month that they belong to.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DECIMALS, UsageMonth, UsageTerms};
use crate::billing::{BillableLine, Evidence, billable, line_of};
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::event::BillingReady;
use crate::id::{LineId, UsageId};
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};

/// The kind of a record of usage: with connection and ID, it makes the record unique.
pub const USAGE: &str = "usage";

/// So much of a meter was used on a day, or so much of what was recorded is corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecord {
    /// The connection that reports it.
    pub connection: String,
    /// Its ID there.
    pub record: String,
    /// What is counted, as the contract names it.
    pub meter: String,
    /// How much, to six decimal places; below nought where it takes back what another record said.
    #[schemars(with = "String")]
    pub quantity: Decimal,
    /// The day on which it was used, in the business's time zone: selects the month.
    pub used_on: Date,
    /// The record that it corrects; none where it corrects none. What takes something back names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
}

/// What was rated of a month so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RatedMonth {
    /// What its records come to.
    #[schemars(with = "String")]
    pub quantity: Decimal,
    /// What that costs, before tax; its lines come to the same.
    pub rated: Money,
}

/// A record that was counted, with what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RatedUsage {
    /// Derived from the record.
    pub usage: UsageId,
    /// The record.
    pub record: UsageRecord,
    /// Key of the terms that it was counted under.
    pub terms: String,
    /// Version of the contract that has them.
    pub contract_version: u32,
    /// The month that it belongs to.
    pub month: UsageMonth,
    /// What was rated of the month with it.
    pub rated: RatedMonth,
    /// Its line; none where it costs nothing more, as within the allowance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineId>,
}

/// The item of a record; the same record is always the same item.
#[must_use]
pub fn usage_of(connection: &str, record: &str) -> UsageId {
    UsageId::derive(&[connection, USAGE, record])
}

/// Decides on a record of usage, told on a day: counts it in its month, and bills what the month costs more, or
/// less, by it.
#[must_use]
pub fn usage_recorded(state: Option<&Engagement>, record: &UsageRecord, told_on: Date) -> Decision {
    let engagement = match billable(state) {
        Ok(engagement) => engagement,
        Err(decision) => return decision,
    };
    let counted = sound(record)
        .and_then(|()| in_term(engagement, record, told_on))
        .and_then(|(terms, month)| Ok((terms, month, rate(engagement, terms, month, record)?)));
    match counted {
        Err(problem) => Decision::Hold(problem),
        Ok((terms, month, (before, rated))) => match rated.rated.minus(before.rated) {
            Ok(difference) => recorded(engagement, record, (terms, month), (&before, rated), difference),
            Err(error) => Decision::Hold(broken(record, error)),
        },
    }
}

fn sound(record: &UsageRecord) -> Result<(), Problem> {
    let quantity = record.quantity;
    let invalid = |why: &str| {
        let detail = format!("usage {} of {quantity} {}: {why}", record.record, record.meter);
        Err(Problem::new(ProblemCode::UsageInvalid, detail))
    };
    if quantity.normalize().scale() > DECIMALS {
        return invalid("is finer than six decimal places");
    }
    match record.corrects.as_deref() {
        None if quantity < Decimal::ZERO => {
            invalid("takes something back and does not say which record it corrects")
        }
        Some(other) if other == record.record => invalid("corrects itself"),
        _ => Ok(()),
    }
}

/// The terms and the month that a record is counted in.
fn in_term<'a>(
    engagement: &'a Engagement,
    record: &UsageRecord,
    told_on: Date,
) -> Result<(&'a UsageTerms, UsageMonth), Problem> {
    let UsageRecord { record: id, meter, used_on, .. } = record;
    let contract = &engagement.contract;
    let mut sold = contract.usage.iter().filter(|terms| terms.meter == *meter).peekable();
    let Some(any) = sold.peek().copied() else {
        let detail = format!("usage {id}: contract version {} sells no `{meter}`", contract.version);
        return Err(Problem::new(ProblemCode::UsageNotSold, detail));
    };
    let outside = |why: String| {
        let problem = Problem::new(ProblemCode::UsageOutsideTerm, format!("usage {id} of `{meter}`: {why}"));
        // What it would cost in a month of its own.
        let alone = any.price(record.quantity.abs(), contract.currency).ok();
        match alone.filter(|amount| amount.is_positive()) {
            Some(amount) => problem.with_stake(amount),
            None => problem,
        }
    };
    if *used_on > told_on {
        return Err(outside(format!("is of {used_on} and was told on {told_on}")));
    }
    let found = sold.find_map(|terms| Some((terms, terms.month_of(*used_on)?)));
    found.ok_or_else(|| {
        outside(format!("contract version {} does not sell it on {used_on}", contract.version))
    })
}

/// The month before and with a record.
fn rate(
    engagement: &Engagement,
    terms: &UsageTerms,
    month: UsageMonth,
    record: &UsageRecord,
) -> Result<(RatedMonth, RatedMonth), Problem> {
    let currency = engagement.contract.currency;
    let known = engagement.usage.get(&terms.key).and_then(|months| months.get(&month.index));
    let nothing = RatedMonth { quantity: Decimal::ZERO, rated: Money::zero(currency) };
    let before = known.cloned().unwrap_or(nothing);
    let overflow = || broken(record, MoneyError::Overflow);
    let quantity = before.quantity.checked_add(record.quantity).ok_or_else(overflow)?.normalize();
    if quantity < Decimal::ZERO {
        let detail = format!(
            "usage {}: {} of {} in the month from {}; {} would leave {quantity}",
            record.record, before.quantity, record.meter, month.from, record.quantity
        );
        let problem = Problem::new(ProblemCode::UsageBelowZero, detail);
        return Err(if before.rated.is_zero() { problem } else { problem.with_stake(before.rated) });
    }
    let rated = terms.price(quantity, currency).map_err(|e| broken(record, e))?;
    Ok((before, RatedMonth { quantity, rated }))
}

fn broken(record: &UsageRecord, error: MoneyError) -> Problem {
    let detail = format!("usage {} of {} {}: {error}", record.record, record.quantity, record.meter);
    Problem::new(ProblemCode::UsageInvalid, detail)
}

fn recorded(
    engagement: &Engagement,
    record: &UsageRecord,
    (terms, month): (&UsageTerms, UsageMonth),
    (before, rated): (&RatedMonth, RatedMonth),
    difference: Money,
) -> Decision {
    let summary = format!(
        "{} {} on {}, {} in the month from {}: {} becomes {}",
        record.quantity, record.meter, record.used_on, rated.quantity, month.from, before.rated, rated.rated
    );
    let line = (!difference.is_zero()).then(|| {
        BillableLine::sold(
            &engagement.contract,
            line_of(&record.connection, USAGE, &record.record),
            (&terms.quote_line, &terms.service),
            (difference, record.used_on),
            Evidence::Usage {
                record: record.clone(),
                terms: terms.key.clone(),
                name: terms.name.clone(),
                month,
                before: before.rated,
                after: rated.rated,
            },
        )
    });
    let usage = RatedUsage {
        usage: usage_of(&record.connection, &record.record),
        record: record.clone(),
        terms: terms.key.clone(),
        contract_version: engagement.contract.version,
        month,
        rated: rated.clone(),
        line: line.as_ref().map(|line| line.line.clone()),
    };
    let mut state = engagement.clone();
    let months: &mut BTreeMap<u32, RatedMonth> = state.usage.entry(terms.key.clone()).or_default();
    months.insert(month.index, rated);
    let ready = line.iter().map(|l| BillingReady { line: l.line.clone(), amount: l.amount }.into());
    Decision::apply(Effects {
        state: Some(state),
        summary,
        events: ready.collect(),
        lines: line.into_iter().collect(),
        usage: vec![usage],
        ..Effects::default()
    })
}
