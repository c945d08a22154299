//! Notices become facts of a receipt, each once, whatever the order.

use super::receipt::{Dispute, Receipt, Refund};
use crate::money::Money;
use crate::payment::{PaymentDisputeClosed, PaymentDisputed, PaymentFailed, PaymentRefunded, PaymentSettled};
use crate::problem::{Problem, ProblemCode};

/// What a notice adds to a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// The receipt with the fact.
    New(Box<Receipt>),
    /// It was known, or says nothing that counts.
    Known,
    /// It contradicts what is known.
    Contradicts(Problem),
}

fn contradicts(detail: String) -> Noted {
    Noted::Contradicts(Problem::new(ProblemCode::PaymentNoticeInvalid, detail))
}

impl Receipt {
    fn with(&self, change: impl FnOnce(&mut Self)) -> Noted {
        let mut next = self.clone();
        change(&mut next);
        if next == *self { Noted::Known } else { Noted::New(Box::new(next)) }
    }

    /// Adds that the product put it to our account. The earliest moment counts.
    #[must_use]
    pub fn settled(&self, told: &PaymentSettled) -> Noted {
        let at = self.settled_at.map_or(told.settled_at, |known| known.min(told.settled_at));
        self.with(|r| r.settled_at = Some(at))
    }

    /// Adds a failure. The latest moment counts.
    #[must_use]
    pub fn failed(&self, told: &PaymentFailed) -> Noted {
        let at = self.failed_at.map_or(told.failed_at, |known| known.max(told.failed_at));
        self.with(|r| r.failed_at = Some(at))
    }

    /// Adds a refund, once by the product's ID of it, or what was refunded in all.
    #[must_use]
    pub fn refunded(&self, told: &PaymentRefunded) -> Noted {
        if let Err(other) = self.fits(told.amount, "a refund") {
            return other;
        }
        let Some(id) = &told.refund else {
            let known = self.refunded_in_all;
            // Both are of the payment's currency, or neither is known; a smaller sum is an older one.
            let more = known.is_none_or(|known| told.amount.exceeds(known).unwrap_or(false));
            return if more { self.with(|r| r.refunded_in_all = Some(told.amount)) } else { Noted::Known };
        };
        match self.refunds.get(id) {
            Some(known) if known.amount != told.amount => {
                contradicts(format!("refund {id} of {} was told as one of {}", told.amount, known.amount))
            }
            known => {
                let failed = told.failed || known.is_some_and(|r| r.failed);
                let refund = Refund { amount: told.amount, failed };
                self.with(|r| {
                    r.refunds.insert(id.clone(), refund);
                })
            }
        }
    }

    /// Adds a dispute.
    #[must_use]
    pub fn disputed(&self, told: &PaymentDisputed) -> Noted {
        self.dispute(&told.dispute, told.amount, None)
    }

    /// Adds the end of a dispute; of several, the latest counts.
    #[must_use]
    pub fn dispute_closed(&self, told: &PaymentDisputeClosed) -> Noted {
        self.dispute(&told.dispute, told.amount, Some((told.closed_at, told.won)))
    }

    fn dispute(&self, id: &str, amount: Money, closed: Option<(jiff::Timestamp, bool)>) -> Noted {
        if let Err(other) = self.fits(amount, "a dispute") {
            return other;
        }
        match self.disputes.get(id) {
            Some(known) if known.amount != amount => {
                contradicts(format!("dispute {id} of {amount} was told as one of {}", known.amount))
            }
            known => {
                let closed = known.and_then(|d| d.closed).max(closed);
                self.with(|r| {
                    r.disputes.insert(id.to_owned(), Dispute { amount, closed });
                })
            }
        }
    }

    /// That an amount is more than nothing and of the payment's currency, as far as that is known.
    fn fits(&self, amount: Money, what: &str) -> Result<(), Noted> {
        let known = self
            .received
            .or(self.refunded_in_all)
            .or_else(|| self.refunds.values().next().map(|r| r.amount))
            .or_else(|| self.disputes.values().next().map(|d| d.amount));
        if !amount.is_positive() {
            return Err(contradicts(format!("{what} of {amount} of payment {}", self.record)));
        }
        match known {
            Some(known) if known.currency() != amount.currency() => Err(contradicts(format!(
                "{what} of {amount} of payment {} in {}",
                self.record,
                known.currency()
            ))),
            _ => Ok(()),
        }
    }
}
