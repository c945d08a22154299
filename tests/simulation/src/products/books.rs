//! What the products hold: the truth that the journal is compared with at the end.

use std::collections::BTreeMap;

use connectors::inbound::Translated;
use connectors::operation::{CreateInvoice, CustomerRecord, WriteInvoiceStatus};
use domain::id::{CreditMemoId, CustomerId, EngagementId, InvoiceId};
use domain::invoice::{InvoiceLine, PostedInvoice};
use domain::money::Money;
use domain::quote::{Customer, Quote};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::credits::ErpCredit;
use super::held::Terms;
use crate::recording::forms::{Told, shown};

/// A record that carries our key. A search shows it from a moment on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) record: String,
    pub(crate) key: String,
    pub(crate) shown_at: Timestamp,
    pub(crate) archived: bool,
}

/// An entry of a product's log of changes; the log shows it from a moment on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) shown_at: Timestamp,
    #[serde(with = "Told")]
    pub(crate) change: Translated,
}

/// A customer's account in the ERP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) customer: Option<CustomerId>,
    pub(crate) record: CustomerRecord,
    /// The firm that it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<Customer>,
    /// The account that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
}

/// An invoice in the ERP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ErpInvoice {
    pub(crate) record: String,
    pub(crate) lines: Vec<InvoiceLine>,
    pub(crate) untaxed: Money,
    pub(crate) number: Option<String>,
    pub(crate) paid: Money,
    /// What credit notes were set off against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credited: Option<Money>,
}

impl ErpInvoice {
    pub(crate) fn of(create: &CreateInvoice, record: String) -> Self {
        let zero = Money::zero(create.untaxed.currency());
        // The ERP adds up the lines itself; it does not take our word for the sum.
        let untaxed = Money::total(create.untaxed.currency(), create.lines.iter().map(|l| l.amount));
        Self {
            record,
            lines: create.lines.clone(),
            untaxed: untaxed.unwrap_or(zero),
            number: None,
            paid: zero,
            credited: None,
        }
    }

    /// Ten percent.
    pub(crate) fn tax(&self) -> Money {
        Money::rounded(self.untaxed.amount() / Decimal::TEN, self.untaxed.currency())
    }

    pub(crate) fn total(&self) -> Money {
        self.untaxed.plus(self.tax()).unwrap_or(self.untaxed)
    }

    pub(crate) fn open(&self) -> Money {
        let zero = Money::zero(self.untaxed.currency());
        let paid = self.paid.plus(self.credited.unwrap_or(zero));
        paid.and_then(|paid| self.total().minus(paid)).unwrap_or(self.untaxed)
    }

    pub(crate) fn seen(&self) -> PostedInvoice {
        PostedInvoice {
            record: self.record.clone(),
            posted: self.number.is_some(),
            number: self.number.clone(),
            invoiced_on: self.number.as_ref().map(|_| jiff::civil::date(2026, 11, 21)),
            untaxed: self.untaxed,
            tax: self.tax(),
            total: self.total(),
            open: self.open(),
        }
    }
}

/// A payment booked in the ERP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Booking {
    pub(crate) record: String,
    pub(crate) applied: Money,
    pub(crate) unapplied: Money,
}

/// What the payment product received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Received {
    pub(crate) amount: Money,
    pub(crate) number: Option<String>,
    #[serde(default, skip_serializing_if = "Fate::is_none")]
    pub(crate) fate: Fate,
}

/// What becomes of a payment after it was received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fate {
    /// Nothing more.
    #[default]
    None,
    /// So many cents are refunded, and whether the refund fails later.
    Refunded(i64, bool),
    /// Disputed: won, lost, or open to the end.
    Disputed(Option<bool>),
    /// A bank debit that is returned.
    Bounced,
}

impl Fate {
    /// Whether nothing becomes of it.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// What is gone of an amount in the end.
    pub(crate) fn returned(self, amount: Money) -> Money {
        let none = Money::zero(amount.currency());
        match self {
            Self::None | Self::Refunded(_, true) | Self::Disputed(Some(true)) => none,
            Self::Refunded(cents, false) => Money::from_minor_units(cents, amount.currency()).unwrap_or(none),
            Self::Disputed(_) | Self::Bounced => amount,
        }
    }
}

/// The books of all products.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Books {
    next: u64,
    /// CRM: quotes by deal.
    pub(crate) quotes: BTreeMap<String, Quote>,
    /// CRM: what is shown on each deal.
    pub(crate) deals: BTreeMap<String, BTreeMap<String, String>>,
    /// PSA.
    pub(crate) projects: Vec<Row>,
    /// PSA.
    pub(crate) tasks: Vec<Row>,
    /// PSA.
    pub(crate) milestones: Vec<Row>,
    /// PSA.
    pub(crate) rate_cards: Vec<Row>,
    /// PSA: roles on projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) assignments: Vec<Row>,
    /// PSA: what is shown of each invoice.
    #[serde(with = "shown")]
    pub(crate) shown: BTreeMap<InvoiceId, WriteInvoiceStatus>,
    /// PSA.
    pub(crate) work: Vec<Change>,
    /// ERP.
    pub(crate) accounts: Vec<Account>,
    /// ERP: by engagement.
    pub(crate) plans: BTreeMap<EngagementId, String>,
    /// ERP.
    pub(crate) invoices: BTreeMap<InvoiceId, ErpInvoice>,
    /// ERP.
    pub(crate) postings: Vec<Change>,
    /// ERP: by what each is known by.
    pub(crate) bookings: BTreeMap<String, Booking>,
    /// ERP: credit notes that carry our ID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) credits: BTreeMap<CreditMemoId, ErpCredit>,
    /// ERP: credit notes that somebody issued there by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_hand: Vec<ErpCredit>,
    /// Payments, by the payment product's ID.
    pub(crate) received: BTreeMap<String, Received>,
    /// PSA and ERP: what their records hold of a contract.
    #[serde(flatten)]
    pub(super) terms: Terms,
}

impl Books {
    /// The next record's ID.
    pub(crate) fn number(&mut self) -> String {
        self.next += 1;
        (1_000 + self.next).to_string()
    }

    /// The project of an engagement, if one is in use; whether a search shows it yet or not.
    pub(crate) fn project_of(&self, engagement: &EngagementId) -> Option<&Row> {
        self.projects.iter().find(|row| row.key == engagement.as_str() && !row.archived)
    }
}
