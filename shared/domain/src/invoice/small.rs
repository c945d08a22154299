//! Small differences: what is too little to be asked for, or to be given back.
//!
//! An invoice has one at most. What it is short of follows from what is paid and credited, and from nothing else; so
//! part payments that are each a little short never add up to more than the tolerance, and what is paid later takes
//! its place.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invoice;
use crate::id::InvoiceId;
use crate::money::{Money, MoneyError};

/// How much an invoice may be paid short, or too much, without anybody being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentTolerance {
    /// The most, in the currency for which it holds.
    pub amount: Money,
    /// The most in percent of the invoice's total. The smaller of both counts.
    pub percent: Decimal,
}

impl PaymentTolerance {
    /// Whether a difference on an invoice of a total is too small to be asked for. Compared without rounding.
    #[must_use]
    pub fn covers(&self, difference: Money, total: Money) -> bool {
        let same =
            difference.currency() == self.amount.currency() && total.currency() == difference.currency();
        let share = total.amount().checked_mul(self.percent);
        let of_it = difference.amount().checked_mul(Decimal::ONE_HUNDRED);
        let within = matches!((of_it, share), (Some(of_it), Some(share)) if of_it <= share);
        same && difference.is_positive() && difference.amount() <= self.amount.amount() && within
    }
}

/// A small difference between what an invoice asked for and what was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmallDifference {
    /// More than nothing: so much was not paid, and is written off. Less than nothing: so much was paid too much,
    /// and is kept.
    pub amount: Money,
    /// The payment that left it, or the credit memo beside which a payment did.
    pub left_by: String,
}

/// Why there is a small difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SmallDifferenceReason {
    /// Too little was paid: written off.
    ShortPayment,
    /// Too much was paid: kept.
    Overpayment,
    /// There is none any more: it was paid after all, or more than it is open again.
    Undone,
}

impl SmallDifferenceReason {
    /// The reason as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShortPayment => "short-payment",
            Self::Overpayment => "overpayment",
            Self::Undone => "undone",
        }
    }
}

/// An invoice's small difference changed: finance posts what it was as what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmallDifferenceRecorded {
    /// The invoice.
    pub invoice: InvoiceId,
    /// Why.
    pub reason: SmallDifferenceReason,
    /// What it comes to now: written off where it is more than nothing, kept where it is less.
    pub amount: Money,
    /// What it came to before.
    pub was: Money,
    /// The payment or credit memo by which it changed.
    pub left_by: String,
    /// What is open of the invoice now.
    pub open: Money,
}

impl SmallDifferenceRecorded {
    /// What is to be told of an invoice that became another; none where its small difference stayed.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn between(before: &Invoice, after: &Invoice, by: &str) -> Result<Option<Self>, MoneyError> {
        let none = Money::zero(after.untaxed.currency());
        let of = |invoice: &Invoice| invoice.small_difference.as_ref().map_or(none, |small| small.amount);
        let (was, amount) = (of(before), of(after));
        if was == amount {
            return Ok(None);
        }
        let reason = if amount.is_positive() {
            SmallDifferenceReason::ShortPayment
        } else if amount.is_zero() {
            SmallDifferenceReason::Undone
        } else {
            SmallDifferenceReason::Overpayment
        };
        let (invoice, left_by) = (after.invoice.clone(), by.to_owned());
        Ok(Some(Self { invoice, reason, amount, was, left_by, open: after.open()? }))
    }
}

impl Invoice {
    /// What neither cash nor credit memos cover, whether anybody asks for it or not; nothing before it is posted. It
    /// is what further cash may be applied to.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn unpaid(&self) -> Result<Money, MoneyError> {
        match self.total {
            None => Ok(Money::zero(self.untaxed.currency())),
            Some(total) => total.minus(self.applied)?.minus(self.set_off()),
        }
    }

    /// What it is short of and was written off as a small difference.
    #[must_use]
    pub fn written_off(&self) -> Money {
        let short = self.small_difference.as_ref().map(|small| small.amount).filter(|a| a.is_positive());
        short.unwrap_or_else(|| Money::zero(self.untaxed.currency()))
    }

    /// The invoice settled where a payment left so little that the tolerance covers it. `left_by` is what was applied
    /// or credited last. One that has a small difference already, because too much was paid once, gets no second.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn within(&self, tolerance: Option<&PaymentTolerance>, left_by: &str) -> Result<Self, MoneyError> {
        let mut next = self.without_short();
        let unpaid = next.unpaid()?;
        if let (Some(total), None) = (next.total, &next.small_difference)
            && next.applied.is_positive()
            && tolerance.is_some_and(|tolerance| tolerance.covers(unpaid, total))
        {
            next.small_difference = Some(SmallDifference { amount: unpaid, left_by: left_by.to_owned() });
        }
        if next.is_posted() {
            next.status = next.by_balance()?;
        }
        Ok(next)
    }

    /// The same without what was written off of it. What was kept stays.
    pub(super) fn without_short(&self) -> Self {
        let small_difference = self.small_difference.clone().filter(|small| !small.amount.is_positive());
        Self { small_difference, ..self.clone() }
    }

    /// How much of a payment is kept as this invoice's small difference; none where it is another payment's.
    pub(crate) fn keeps_of(&self, payment: &str) -> Option<Money> {
        self.small_difference
            .as_ref()
            .filter(|s| s.left_by == payment && !s.amount.is_positive())
            .map(|s| s.amount)
    }
}
