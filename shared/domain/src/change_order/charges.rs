//! Recurring charges from one version of the contract to the next: what has begun stays as it was agreed,
//! but for its end.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{ChangeOrder, refused};
use crate::billing::{BillableLine, Evidence};
use crate::contract::RecurringCharge;
use crate::money::Money;
use crate::problem::{Problem, ProblemCode};

/// A period that was told to be due and that a change order makes shorter or drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutShort {
    /// Key of the charge.
    pub charge: String,
    /// Number of the period, from 0.
    pub period: u32,
    /// What it costs under the order, before tax.
    pub amount: Money,
}

impl CutShort {
    /// What a person must know where the period was billed already: how much of it is to be credited.
    /// Nothing where it was billed with no more than it costs now.
    #[must_use]
    pub fn overbilled(&self, line: &BillableLine) -> Option<Problem> {
        let credit = line.amount.minus(self.amount).ok().filter(|credit| credit.is_positive())?;
        let of = match &line.evidence {
            Evidence::Charge { name, from, .. } => format!("{name} from {from}"),
            _ => line.line.to_string(),
        };
        let detail = format!(
            "period {} of charge {} ({of}) was billed with {} on line {} and comes to {} by the change order; \
             credit {credit}",
            self.period, self.charge, line.amount, line.line, self.amount
        );
        Some(Problem::new(ProblemCode::ChargeOverbilled, detail).with_stake(credit))
    }
}

impl ChangeOrder {
    /// The periods that were told to be due, by key of the charge how many of them, and that cost less, or
    /// nothing, once the order is in force. Whether they are billed already only the books can say.
    #[must_use]
    pub fn cut_short(&self, told: &BTreeMap<String, u32>) -> Vec<CutShort> {
        let mut cut = Vec::new();
        for was in &self.from.recurring {
            let is = self.to.recurring_charge(&was.key);
            let told = told.get(&was.key).copied().unwrap_or(0);
            let periods = was.periods().unwrap_or_default();
            for period in periods.into_iter().filter(|p| p.index < told) {
                let left = is.and_then(|is| is.period_at(period.index).ok().flatten());
                let amount = left.map_or(Money::zero(period.amount.currency()), |left| left.amount);
                if period.amount.exceeds(amount).unwrap_or(false) {
                    cut.push(CutShort { charge: was.key.clone(), period: period.index, amount });
                }
            }
        }
        cut
    }

    /// A period that has begun is agreed as it is: its fee is charged and recognised. It may end earlier, on
    /// the day of the order or later. What is to follow otherwise is another charge.
    pub(super) fn rewrites(&self, was: &RecurringCharge, today: Date) -> Option<Problem> {
        let begun = was.begun_on(self.effective_on.max(today));
        if begun == 0 {
            return None;
        }
        let is = self.to.recurring_charge(&was.key);
        let goes_on = is.is_some_and(|is| continues(was, is, begun, self.effective_on));
        (!goes_on).then(|| {
            refused(format!(
                "{begun} periods of charge {} at {} have begun; leave it with at least {begun} periods as it is, \
                 or let it end on {} or later, and sell what follows as another charge",
                was.key, was.fee, self.effective_on
            ))
        })
    }
}

/// Whether a charge goes on as the one before it began, or only ends earlier: on a day or after it.
fn continues(was: &RecurringCharge, is: &RecurringCharge, begun: u32, since: Date) -> bool {
    let terms = |c: &RecurringCharge| (c.fee, c.period, c.starts_on, c.timing, c.aligned);
    let (Ok(before), Ok(after)) = (was.periods(), is.periods()) else { return false };
    let ends_early = is.last_day().is_some_and(|last| last >= since);
    let same = |index: usize| match (before.get(index), after.get(index)) {
        (Some(before), Some(after)) if before == after => true,
        (Some(before), Some(after)) => ends_early && after.from == before.from && after.until < before.until,
        (Some(_), None) => ends_early,
        (None, _) => true,
    };
    terms(is) == terms(was) && (0..begun).all(|index| usize::try_from(index).is_ok_and(same))
}
