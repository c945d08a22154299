//! A receipt: everything that is known of one payment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::PaymentStatus;
use super::{Payment, least};
use crate::id::{CustomerId, EngagementId, InvoiceId, PaymentId};
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};

/// Everything that is known of one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The payment.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID.
    pub record: String,
    /// Where it stands; follows from the facts.
    pub status: PaymentStatus,
    /// What was received; none before the receipt was told.
    pub received: Option<Money>,
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// What the payer wrote: numbers of invoices, as far as he named any.
    pub named: Option<String>,
    /// Whose cash it is: known once it is matched, or because the product names our customer.
    pub customer: Option<CustomerId>,
    /// The engagement of the first invoice that it was matched with: its books are kept there.
    pub home: Option<EngagementId>,
    /// Why it waits for a person while it is matched with no invoice.
    pub unmatched: Option<Problem>,
    /// When the product put it to our account.
    pub settled_at: Option<Timestamp>,
    /// When it, or an attempt at it, last failed.
    pub failed_at: Option<Timestamp>,
    /// Refunds by the product's ID.
    #[serde(default)]
    pub refunds: BTreeMap<String, Refund>,
    /// The most that the product said was refunded in all.
    pub refunded_in_all: Option<Money>,
    /// Disputes by the product's ID.
    #[serde(default)]
    pub disputes: BTreeMap<String, Dispute>,
    /// What it pays, in order: the last loses its cash first.
    #[serde(default)]
    pub applications: Vec<Application>,
    /// What is applied to no invoice, is not kept and did not go back.
    pub unapplied: Option<Money>,
    /// What is kept as a small difference of the last invoice that it pays; none where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Money>,
    /// Movements so far; 0 while nothing of it is in the books.
    #[serde(default)]
    pub movements: u32,
}

/// A refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// Its amount.
    pub amount: Money,
    /// Whether it failed, which is final.
    pub failed: bool,
}

/// A dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dispute {
    /// What is disputed.
    pub amount: Money,
    /// Its latest outcome: when, and whether it was won. None while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<(Timestamp, bool)>,
}

/// What a payment pays of one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Application {
    /// The invoice's engagement.
    pub engagement: EngagementId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// What it is to pay of it, as far as nothing went back.
    pub wanted: Money,
    /// What stands applied.
    pub applied: Money,
    /// The event that decided it.
    pub source: String,
    /// When cash was first applied by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
}

impl Receipt {
    /// A payment of which nothing is known yet.
    #[must_use]
    pub fn announced(payment: &PaymentId, connection: &str, record: &str) -> Self {
        Self {
            payment: payment.clone(),
            connection: connection.to_owned(),
            record: record.to_owned(),
            status: PaymentStatus::Announced,
            received: None,
            received_at: None,
            named: None,
            customer: None,
            home: None,
            unmatched: None,
            settled_at: None,
            failed_at: None,
            refunds: BTreeMap::new(),
            refunded_in_all: None,
            disputes: BTreeMap::new(),
            applications: Vec::new(),
            unapplied: None,
            kept: None,
            movements: 0,
        }
    }

    /// The receipt of a payment that was recorded before receipts were.
    #[must_use]
    pub fn adopted(payment: &Payment, home: &EngagementId, customer: &CustomerId, source: &str) -> Self {
        Self {
            status: PaymentStatus::Received,
            received: Some(payment.received),
            received_at: Some(payment.received_at),
            customer: Some(customer.clone()),
            home: Some(home.clone()),
            applications: vec![Application {
                engagement: home.clone(),
                invoice: payment.invoice.clone(),
                wanted: payment.applied,
                applied: payment.applied,
                source: source.to_owned(),
                applied_at: Some(payment.received_at),
            }],
            unapplied: Some(payment.unapplied),
            movements: 1,
            ..Self::announced(&payment.payment, &payment.connection, &payment.record)
        }
    }

    /// What stands applied to all invoices together.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn applied(&self, received: Money) -> Result<Money, MoneyError> {
        Money::total(received.currency(), self.applications.iter().map(|a| a.applied))
    }

    /// What went back to the payer, or was taken from us: never more than was received.
    ///
    /// # Errors
    /// When a notice is in another currency than the payment.
    pub fn returned(&self, received: Money) -> Result<Money, MoneyError> {
        let none = Money::zero(received.currency());
        if self.bounced() {
            return Ok(received);
        }
        let of = |failed: bool| {
            let those = self.refunds.values().filter(move |r| r.failed == failed);
            Money::total(received.currency(), those.map(|r| r.amount))
        };
        let (live, failed) = (of(false)?, of(true)?);
        // What was refunded in all counts those that failed later, too.
        let in_all = self.refunded_in_all.unwrap_or(none).minus(failed)?;
        let refunded = if in_all.exceeds(live)? { in_all } else { live };
        let disputed = self.disputes.values().filter(|d| d.closed.is_none_or(|(_, won)| !won));
        let disputed = Money::total(received.currency(), disputed.map(|d| d.amount))?;
        least(received, refunded.plus(disputed)?)
    }

    /// Whether it failed after it was received. An attempt that failed before does not count.
    fn bounced(&self) -> bool {
        matches!((self.failed_at, self.received_at), (Some(failed), Some(received)) if failed > received)
    }

    /// Where it stands by its facts.
    ///
    /// # Errors
    /// As [`Receipt::returned`].
    pub(super) fn standing(&self) -> Result<PaymentStatus, MoneyError> {
        let Some(received) = self.received else { return Ok(PaymentStatus::Announced) };
        let outcome = |is: fn(&Dispute) -> bool| self.disputes.values().any(is);
        Ok(if self.bounced() {
            PaymentStatus::Failed
        } else if outcome(|d| matches!(d.closed, Some((_, false)))) {
            PaymentStatus::ChargedBack
        } else if outcome(|d| d.closed.is_none()) {
            PaymentStatus::Disputed
        } else if self.returned(received)? == received {
            PaymentStatus::Refunded
        } else if self.settled_at.is_some() {
            PaymentStatus::Settled
        } else {
            PaymentStatus::Received
        })
    }

    /// What waits for a person, as it is now. An exception that is not among these is settled.
    #[must_use]
    pub fn findings(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let record = &self.record;
        let gone = self.refunds.values().any(|r| !r.failed)
            || self.refunded_in_all.is_some_and(Money::is_positive)
            || !self.disputes.is_empty();
        if self.received.is_none() && gone {
            let detail = format!("money of payment {record} went back, and its receipt is not known");
            found.push(Problem::new(ProblemCode::PaymentUnknown, detail));
        }
        if let Some(unapplied) = self.unapplied.filter(|u| u.is_positive()) {
            match (&self.home, &self.unmatched) {
                (None, Some(problem)) => found.push(problem.clone().with_stake(unapplied)),
                _ => found.push(self.overpaid(unapplied)),
            }
        }
        for (dispute, of) in self.disputes.iter().filter(|(_, d)| d.closed.is_none()) {
            let detail = format!("payment {record} is disputed ({dispute}): {} is taken back", of.amount);
            found.push(Problem::new(ProblemCode::PaymentDisputed, detail).with_stake(of.amount));
        }
        crate::problem::merged(found)
    }

    fn overpaid(&self, unapplied: Money) -> Problem {
        let received = self.received.map_or_else(String::new, |r| format!(" of {r}"));
        let detail = format!("payment {}{received}: {unapplied} stays unapplied", self.record);
        Problem::new(ProblemCode::Overpayment, detail).with_stake(unapplied)
    }

    /// The engagements that it pays invoices of, each once, the first one first.
    #[must_use]
    pub fn engagements(&self) -> Vec<EngagementId> {
        let mut found: Vec<EngagementId> = self.home.clone().into_iter().collect();
        for application in &self.applications {
            if !found.contains(&application.engagement) {
                found.push(application.engagement.clone());
            }
        }
        found
    }

    /// What an engagement sees of it; none where it pays nothing there.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn seen_by(&self, engagement: &EngagementId) -> Result<Option<Payment>, MoneyError> {
        let (Some(received), Some(received_at)) = (self.received, self.received_at) else { return Ok(None) };
        let here: Vec<Application> =
            self.applications.iter().filter(|a| a.engagement == *engagement).cloned().collect();
        let Some(first) = here.first() else { return Ok(None) };
        let none = Money::zero(received.currency());
        let applied = Money::total(received.currency(), here.iter().map(|a| a.applied))?;
        let is_home = self.home.as_ref() == Some(engagement);
        let unapplied = if is_home { self.unapplied.unwrap_or(none) } else { none };
        let returned = if is_home { self.returned(received)? } else { none };
        let kept = self.kept.filter(|_| is_home);
        Ok(Some(Payment {
            payment: self.payment.clone(),
            connection: self.connection.clone(),
            record: self.record.clone(),
            received_at,
            received: applied.plus(unapplied)?.plus(kept.unwrap_or(none))?.plus(returned)?,
            applied,
            unapplied,
            kept,
            returned: returned.is_positive().then_some(returned),
            status: Some(self.status),
            invoice: first.invoice.clone(),
            applications: here,
        }))
    }
}
