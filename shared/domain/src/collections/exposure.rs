//! What the invoices of an engagement come to, and how likely it is that somebody must see to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Age, Collections, CollectionsStatus};
use crate::money::{Currency, Money, MoneyError};

/// How much what is overdue should worry an account team. What is contested is left out: it is not asked for, and is
/// shown by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing that is asked for is overdue.
    Low,
    /// Something is, and neither for long nor much of it.
    Medium,
    /// Something has been for more than 60 days, or for more than 30 while more than half of what is asked for is
    /// overdue.
    High,
}

impl Risk {
    /// The risk as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What the posted invoices of an engagement come to, in one currency, with tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Overdue where any is, settled where nothing is open.
    pub status: CollectionsStatus,
    /// What is open.
    pub open: Money,
    /// What of it is contested.
    pub disputed: Money,
    /// What of the rest is overdue.
    pub overdue: Money,
    /// Since when, by the oldest of what is overdue and asked for.
    pub oldest: Age,
    /// What follows from both.
    pub risk: Risk,
}

impl Exposure {
    /// What invoices come to. One in another currency is left out, because nothing converts; of no invoice that was
    /// posted nothing is said.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn of<'a>(
        currency: Currency,
        invoices: impl IntoIterator<Item = &'a Collections>,
    ) -> Result<Option<Self>, MoneyError> {
        let none = Money::zero(currency);
        let (mut open, mut disputed, mut overdue, mut oldest) = (none, none, none, Age::NotDue);
        let mut status = None;
        for invoice in invoices.into_iter().filter(|i| i.open.currency() == currency) {
            if invoice.status == CollectionsStatus::NotBilled {
                continue;
            }
            // Settled sorts before current, and current before overdue.
            status = status.max(Some(invoice.status));
            open = open.plus(invoice.open)?;
            disputed = disputed.plus(invoice.disputed.unwrap_or(none))?;
            let asked_for = invoice.asked_for()?;
            if invoice.status == CollectionsStatus::Overdue && asked_for.is_positive() {
                overdue = overdue.plus(asked_for)?;
                oldest = oldest.max(invoice.age.unwrap_or(Age::NotDue));
            }
        }
        let Some(status) = status else { return Ok(None) };
        let risk = match oldest {
            Age::NotDue => Risk::Low,
            Age::UpTo30 => Risk::Medium,
            // More than half: overdue + overdue > what is asked for.
            Age::UpTo60 if !overdue.plus(overdue)?.exceeds(open.minus(disputed)?)? => Risk::Medium,
            Age::UpTo60 | Age::UpTo90 | Age::Over90 => Risk::High,
        };
        Ok(Some(Self { status, open, disputed, overdue, oldest, risk }))
    }
}
