//! What of a retainer is left, period by period.

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rollover;

/// A period of a retainer, in minutes or as an amount: granted + carried_in = drawn + forfeited + carried_out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Number of the period, from 0.
    pub period: u32,
    /// What its fee bought.
    #[schemars(with = "String")]
    pub granted: Decimal,
    /// What was left of periods before.
    #[schemars(with = "String")]
    pub carried_in: Decimal,
    /// What was drawn down in it.
    #[schemars(with = "String")]
    pub drawn: Decimal,
    /// What was worked beyond that, and billed.
    #[schemars(with = "String")]
    pub overage: Decimal,
    /// What is lost at its end.
    #[schemars(with = "String")]
    pub forfeited: Decimal,
    /// What goes over into the next one.
    #[schemars(with = "String")]
    pub carried_out: Decimal,
}

/// The periods of a retainer, from what each grants and what was worked in each. What is oldest is drawn first,
/// and lost first where no more may go over. After the last period nothing goes over.
#[must_use]
pub fn balances(
    grants: &[Decimal],
    worked: &BTreeMap<u32, Decimal>,
    rollover: Option<Rollover>,
) -> Vec<Balance> {
    // What is left of earlier periods, the oldest first, with the last period that may use it.
    let mut left: VecDeque<(u32, Decimal)> = VecDeque::new();
    let last = grants.len().checked_sub(1);
    let mut all = Vec::with_capacity(grants.len());
    for (n, granted) in grants.iter().enumerate() {
        let Ok(period) = u32::try_from(n) else { break };
        let sum = |lots: &VecDeque<(u32, Decimal)>| lots.iter().map(|(_, lot)| *lot).sum::<Decimal>();
        let carried_in = sum(&left);
        let until = rollover.map_or(period, |r| period.saturating_add(r.periods));
        left.push_back((until, *granted));
        let wanted = worked.get(&period).copied().unwrap_or_default();
        let drawn = wanted.min(carried_in + granted);
        take(&mut left, drawn);
        let rest = sum(&left);
        left.retain(|(until, lot)| *until > period && !lot.is_zero() && Some(n) != last);
        if let Some(most) = rollover.and_then(|r| r.most) {
            let excess = sum(&left) - most;
            take(&mut left, excess.max(Decimal::ZERO));
        }
        let carried_out = sum(&left);
        all.push(Balance {
            period,
            granted: *granted,
            carried_in,
            drawn,
            overage: wanted - drawn,
            forfeited: rest - carried_out,
            carried_out,
        });
    }
    all
}

/// Takes so much of what is there, the oldest first.
fn take(lots: &mut VecDeque<(u32, Decimal)>, mut wanted: Decimal) {
    for (_, lot) in lots.iter_mut() {
        let taken = wanted.min(*lot);
        *lot -= taken;
        wanted -= taken;
    }
}
