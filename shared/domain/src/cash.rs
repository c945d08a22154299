//! Cash: a payment, what it is applied to, and what becomes of both when money goes back.
//!
//! A receipt is what is known of one payment: what was received, refunds, disputes, a failure, and the
//! invoices that it is to pay, in order. Every notice adds a fact, and what stands applied follows from the
//! facts alone, so notices may come in any order and as often as they like:
//! `applied + unapplied + kept + returned = received`, where `kept` is a small difference that is nothing almost always.

mod apply;
mod facts;
pub mod matching;
mod receipt;
mod small;
mod status;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{EngagementId, InvoiceId, PaymentId};
use crate::money::{Money, MoneyError};

pub use apply::{Named, Refused, Settled, allocate, match_named, numbers_in, rebalance};
pub use facts::Noted;
pub use receipt::{Application, Dispute, Receipt, Refund};
pub use status::PaymentStatus;

/// What an engagement sees of a payment: `applied + unapplied + kept + returned = received`. A payment for invoices of
/// several engagements is one such record in each; what is not applied is counted in the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// Our ID; the ERP's record carries it.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID.
    pub record: String,
    /// When the product received it.
    pub received_at: Timestamp,
    /// What was paid, as far as it concerns this engagement.
    pub received: Money,
    /// What is applied to invoices of this engagement.
    pub applied: Money,
    /// What stays on the customer's account: unapplied cash.
    pub unapplied: Money,
    /// What went back to the payer; none where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Money>,
    /// What was too much by so little that it is kept; none where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Money>,
    /// Where the payment stands; none where it was recorded before statuses were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PaymentStatus>,
    /// The first invoice of the engagement that it was for.
    pub invoice: InvoiceId,
    /// Each invoice of the engagement that it is applied to; empty where it was recorded before there could be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Application>,
}

/// One change of what stands applied, as the books take it: the sum of its lines and of what is left
/// unapplied is the cash that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Movement {
    /// The payment.
    pub payment: PaymentId,
    /// Counts the payment's movements, from 1. They are booked in this order.
    pub number: u32,
    /// What is applied to an invoice (positive), or taken from it again (negative).
    pub lines: Vec<MovementLine>,
    /// What is put on the customer's account (positive), or taken from it.
    pub unapplied: Money,
    /// When the cash moved.
    pub moved_at: Timestamp,
}

/// A movement's part of one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovementLine {
    /// The invoice's engagement.
    pub engagement: EngagementId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// Signed.
    pub amount: Money,
    /// What the payment pays of the invoice after it.
    pub stands: Money,
}

impl Movement {
    /// What the booking is known by in other systems: that of the first is the payment's own ID.
    #[must_use]
    pub fn booking(&self) -> String {
        match self.number {
            0 | 1 => self.payment.to_string(),
            number => format!("{}.{number}", self.payment),
        }
    }

    /// This movement and the one after it, booked as one: what both come to. What cancels out is left out.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn with(&self, next: &Self) -> Result<Self, MoneyError> {
        let mut both = Self { unapplied: self.unapplied.plus(next.unapplied)?, ..self.clone() };
        for line in &next.lines {
            match both.lines.iter_mut().find(|known| known.invoice == line.invoice) {
                Some(known) => {
                    known.amount = known.amount.plus(line.amount)?;
                    known.stands = line.stands;
                }
                None => both.lines.push(line.clone()),
            }
        }
        both.lines.retain(|line| !line.amount.is_zero());
        Ok(both)
    }

    /// The cash that moved: positive when it came in, negative when it went back, nothing when it was only
    /// applied to another invoice.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.lines.iter().try_fold(self.unapplied, |sum, line| sum.plus(line.amount))
    }
}

/// The smaller of two amounts of one currency.
fn least(a: Money, b: Money) -> Result<Money, MoneyError> {
    Ok(if a.exceeds(b)? { b } else { a })
}
