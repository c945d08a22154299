//! Collections: whether an invoice is due, and for how long it has been; what was told of it, and what an
//! engagement's invoices come to.

mod exposure;
mod told;

use jiff::Span;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invoice::{Invoice, InvoiceStatus};
use crate::money::{Money, MoneyError};

pub use exposure::{Exposure, Risk};
pub use told::{CollectionsChanged, ToldCollections};

/// Where an invoice stands with collections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CollectionsStatus {
    /// It was not posted, so nobody owes anything.
    NotBilled,
    /// Nothing is open: paid, credited, or both.
    Settled,
    /// Something is open and its due date has not passed.
    Current,
    /// Something is open past its due date.
    Overdue,
}

impl CollectionsStatus {
    /// The status as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotBilled => "not-billed",
            Self::Settled => "settled",
            Self::Current => "current",
            Self::Overdue => "overdue",
        }
    }
}

/// For how long an invoice has been overdue, as an ageing report groups it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Age {
    /// Its due date has not passed, or nobody knows it.
    #[serde(rename = "not-due")]
    NotDue,
    /// 1 to 30 days.
    #[serde(rename = "1-30")]
    UpTo30,
    /// 31 to 60 days.
    #[serde(rename = "31-60")]
    UpTo60,
    /// 61 to 90 days.
    #[serde(rename = "61-90")]
    UpTo90,
    /// More than 90 days.
    #[serde(rename = "over-90")]
    Over90,
}

impl Age {
    /// The group as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDue => "not-due",
            Self::UpTo30 => "1-30",
            Self::UpTo60 => "31-60",
            Self::UpTo90 => "61-90",
            Self::Over90 => "over-90",
        }
    }

    /// How many days after the due date the next group begins; none after the last.
    const fn ends_after(self) -> Option<i32> {
        match self {
            Self::NotDue => Some(0),
            Self::UpTo30 => Some(30),
            Self::UpTo60 => Some(60),
            Self::UpTo90 => Some(90),
            Self::Over90 => None,
        }
    }

    /// The group of so many days after the due date.
    #[must_use]
    pub const fn of(days_overdue: u32) -> Self {
        match days_overdue {
            0 => Self::NotDue,
            1..=30 => Self::UpTo30,
            31..=60 => Self::UpTo60,
            61..=90 => Self::UpTo90,
            _ => Self::Over90,
        }
    }
}

/// What collections knows of an invoice on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Collections {
    /// Where it stands.
    pub status: CollectionsStatus,
    /// What the customer still owes, with tax.
    pub open: Money,
    /// The last day on which it is paid in time: the ERP's invoice date and the days of the payment
    /// terms. None before it is posted, or where the terms are not configured any more.
    pub due_on: Option<Date>,
    /// What of it is contested in open disputes: it is not asked for until they end. None where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disputed: Option<Money>,
    /// Days since its due date; 0 while it is not overdue.
    pub days_overdue: u32,
    /// In which group of an ageing report it is; none where nothing is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Age>,
}

impl Collections {
    /// What collections knows of an invoice on a day of the business, by payment terms of so many days.
    #[must_use]
    pub fn of(invoice: &Invoice, days: Option<u16>, today: Date) -> Self {
        let open = invoice.open().unwrap_or(invoice.untaxed);
        let due_on = invoice
            .invoiced_on
            .zip(days)
            .and_then(|(from, days)| from.checked_add(Span::new().days(i64::from(days))).ok());
        let late = due_on.map_or(0, |due| (today - due).get_days());
        let days_overdue = if open.is_positive() { u32::try_from(late).unwrap_or(0) } else { 0 };
        let status = match invoice.status {
            InvoiceStatus::Collecting
            | InvoiceStatus::Empty
            | InvoiceStatus::Drafted
            | InvoiceStatus::Submitted
            | InvoiceStatus::Withdrawn => CollectionsStatus::NotBilled,
            _ if !open.is_positive() => CollectionsStatus::Settled,
            _ if days_overdue > 0 => CollectionsStatus::Overdue,
            _ => CollectionsStatus::Current,
        };
        let disputed = invoice.contested_open().unwrap_or(invoice.contested);
        let owed = matches!(status, CollectionsStatus::Current | CollectionsStatus::Overdue);
        let age = owed.then(|| Age::of(days_overdue));
        Self { status, open, due_on, disputed, days_overdue, age }
    }

    /// The day on which it changes although nothing is paid: it falls overdue, or into the next group. None where it
    /// will not.
    #[must_use]
    pub fn changes_on(&self) -> Option<Date> {
        let days = self.age?.ends_after()?;
        self.due_on?.checked_add(Span::new().days(days + 1)).ok()
    }

    /// What is asked for: what is open and not contested.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn asked_for(&self) -> Result<Money, MoneyError> {
        match self.disputed {
            Some(disputed) => self.open.minus(disputed),
            None => Ok(self.open),
        }
    }

    /// Whether it is the same as something that was told, but for the days that have passed since.
    #[must_use]
    pub fn is_as(&self, told: &Self) -> bool {
        Self { days_overdue: 0, ..self.clone() } == Self { days_overdue: 0, ..told.clone() }
    }
}
