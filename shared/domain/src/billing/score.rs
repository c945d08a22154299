//! How much of what was earned can be billed now, what blocks the rest, and what that is worth.
//!
//! The score is a whole number from 0 to 100: the share, in money, of what is ready in all that is ready or
//! blocked, in percent and rounded down; less 5 for each blocker of which nobody knows what it is worth, 25 at
//! most. Nothing earned and nothing blocked is 100. So only a score without blockers is 100, and settling a
//! blocker never lowers it.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::BillableLine;
use crate::billing::hold::{HoldReason, LineHold};
use crate::money::{Currency, Money, MoneyError};
use crate::problem::Owner;

/// Taken off for a blocker without a known worth.
const UNKNOWN: u32 = 5;
/// Taken off for all of them at most.
const MOST_UNKNOWN: u32 = 25;

/// What a blocker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockerKind {
    /// Lines that are held.
    HeldLines,
    /// An invoice that waits for its release.
    HeldInvoice,
    /// An open exception.
    Exception,
    /// Work that was reported and waits for the engagement to be active.
    Parked,
}

/// Something that keeps money from being billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blocker {
    /// What it is.
    pub kind: BlockerKind,
    /// In words.
    pub detail: String,
    /// Who can settle it; none where only time does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Records that wait.
    pub count: u32,
    /// What they are worth before tax, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<Money>,
}

impl Blocker {
    /// Its worth in a currency; none where that is unknown, nothing, or in another currency.
    fn worth(&self, currency: Currency) -> Option<Money> {
        self.at_stake.filter(|stake| stake.currency() == currency && stake.is_positive())
    }
}

/// The score of what is ready beside what blocks.
///
/// # Errors
/// When amounts overflow.
pub fn score(ready: Money, blockers: &[Blocker]) -> Result<u32, MoneyError> {
    let currency = ready.currency();
    let blocked = Money::total(currency, blockers.iter().filter_map(|b| b.worth(currency)))?;
    let ready = if ready.is_positive() { ready } else { Money::zero(currency) };
    let all = ready.plus(blocked)?.amount();
    let share = if all.is_zero() {
        Decimal::ONE_HUNDRED
    } else {
        let percent = ready.amount().checked_mul(Decimal::ONE_HUNDRED).ok_or(MoneyError::Overflow)?;
        (percent / all).floor()
    };
    let unknown = blockers.iter().filter(|b| b.worth(currency).is_none()).count();
    let off = u32::try_from(unknown).unwrap_or(u32::MAX).saturating_mul(UNKNOWN).min(MOST_UNKNOWN);
    Ok(share.to_u32().unwrap_or(0).saturating_sub(off))
}

/// Blockers as people want them: most money first, then those of which nobody knows.
#[must_use]
pub fn ranked(mut blockers: Vec<Blocker>) -> Vec<Blocker> {
    let worth = |b: &Blocker| b.at_stake.map_or(Decimal::MIN, Money::amount);
    blockers.sort_by(|a, b| worth(b).cmp(&worth(a)).then_with(|| a.detail.cmp(&b.detail)));
    blockers
}

/// What was earned in a month and is not on an invoice yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Period {
    /// The month, as `2026-11`.
    pub month: String,
    /// What may be invoiced.
    pub ready: Money,
    /// What is held, by the reason.
    pub held: Vec<HeldAmount>,
}

/// What is held for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HeldAmount {
    /// The reason.
    pub reason: HoldReason,
    /// Who can settle it.
    pub owner: Owner,
    /// Lines.
    pub lines: u32,
    /// What they come to before tax.
    pub at_stake: Money,
}

/// What is ready and held, month by month as it was earned, oldest first.
///
/// # Errors
/// When amounts overflow or mix currencies.
pub fn periods(
    currency: Currency,
    ready: &[BillableLine],
    held: &[(BillableLine, LineHold)],
) -> Result<Vec<Period>, MoneyError> {
    let month = |line: &BillableLine| format!("{:04}-{:02}", line.earned_on.year(), line.earned_on.month());
    let mut months: BTreeSet<String> = ready.iter().map(month).collect();
    months.extend(held.iter().map(|(line, _)| month(line)));
    months
        .into_iter()
        .map(|name| {
            let ready = ready.iter().filter(|l| month(l) == name).map(|l| l.amount);
            let held: Vec<&(BillableLine, LineHold)> =
                held.iter().filter(|(l, _)| month(l) == name).collect();
            let ready = Money::total(currency, ready)?;
            Ok(Period { ready, held: by_reason(currency, &held)?, month: name })
        })
        .collect()
}

/// What is held, by reason and owner.
///
/// # Errors
/// When amounts overflow or mix currencies.
pub fn by_reason(
    currency: Currency,
    held: &[&(BillableLine, LineHold)],
) -> Result<Vec<HeldAmount>, MoneyError> {
    let mut sums: BTreeMap<(HoldReason, &str), HeldAmount> = BTreeMap::new();
    for (line, hold) in held {
        let none =
            HeldAmount { reason: hold.reason, owner: hold.owner, lines: 0, at_stake: Money::zero(currency) };
        let sum = sums.entry((hold.reason, hold.owner.as_str())).or_insert(none);
        sum.lines += 1;
        sum.at_stake = sum.at_stake.plus(line.amount)?;
    }
    Ok(sums.into_values().collect())
}
