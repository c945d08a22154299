//! Invoice disputes: a customer contests a posted invoice, whole or some of its lines.
//!
//! A dispute changes nothing of what is billed: whoever is proved right gets a credit memo, which is asked for. It
//! says how much of the invoice is contested, and keeps what the contested lines were billed on.

mod request;
mod resolve;
mod trace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{CreditMemoId, DisputeId, EngagementId, InvoiceId, LineId};
use crate::invoice::Invoice;
use crate::money::{Money, MoneyError};
use crate::transition::Status;

pub use request::DisputeError;
pub use resolve::ResolutionError;
pub use trace::{QuoteSource, SourceRecord, TracedCash, TracedLine, cash, trace};

/// Lines of which one dispute keeps the evidence at most: all of it is one commit.
pub const MOST_LINES: usize = 2_000;

/// What a customer contests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DisputeKind {
    /// That the work was agreed, or was delivered.
    Scope,
    /// The price of it.
    Pricing,
    /// The hourly rate of it.
    Rate,
    /// What is open of the invoice: something was paid or credited that does not show.
    Balance,
}

impl DisputeKind {
    /// The kind as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Pricing => "pricing",
            Self::Rate => "rate",
            Self::Balance => "balance",
        }
    }
}

/// Where an invoice dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DisputeStatus {
    /// Nobody has decided.
    Open,
    /// The customer is right.
    Upheld,
    /// The invoice is right.
    Rejected,
    /// Customer and firm agreed on something.
    Settled,
}

impl Status for DisputeStatus {
    const OBJECT: &'static str = "an invoice dispute";
    const ALL: &'static [Self] = &[Self::Open, Self::Upheld, Self::Rejected, Self::Settled];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Rejected => "rejected",
            Self::Settled => "settled",
        }
    }

    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Open => &[Self::Upheld, Self::Rejected, Self::Settled],
            Self::Upheld | Self::Rejected | Self::Settled => &[],
        }
    }
}

/// What was decided on a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DisputeOutcome {
    /// The customer is right. That alone credits nothing.
    Upheld,
    /// The invoice is right: all of it is owed.
    Rejected,
    /// Customer and firm agreed on something.
    Settled,
}

impl DisputeOutcome {
    /// The status that follows from it.
    #[must_use]
    pub const fn status(self) -> DisputeStatus {
        match self {
            Self::Upheld => DisputeStatus::Upheld,
            Self::Rejected => DisputeStatus::Rejected,
            Self::Settled => DisputeStatus::Settled,
        }
    }
}

/// Somebody reports that a customer contests a posted invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisputeRequested {
    /// The dispute, derived from what reported it, so that reporting twice is one dispute.
    pub dispute: DisputeId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// What is contested.
    pub dispute_kind: DisputeKind,
    /// The lines; none for the invoice as a whole, and for its balance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineId>,
    /// How much is contested, with tax; none where it is all of these lines, or all that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What the customer says.
    pub reason: String,
    /// Who reports it: a user or role of the firm, not a person's name.
    pub requested_by: String,
}

/// Somebody decided on a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisputeResolutionRequested {
    /// The dispute.
    pub dispute: DisputeId,
    /// Its invoice.
    pub invoice: InvoiceId,
    /// What was decided.
    pub outcome: DisputeOutcome,
    /// Why, for the customer and the audit.
    pub reason: String,
    /// The credit memo that gives the customer what was decided, where it was asked for already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_memo: Option<CreditMemoId>,
    /// Who decided: a user or role of the firm, not a person's name.
    pub resolved_by: String,
}

/// A dispute has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisputeResolved {
    /// The dispute.
    pub dispute: DisputeId,
    /// Its invoice.
    pub invoice: InvoiceId,
    /// What was contested.
    pub dispute_kind: DisputeKind,
    /// How much was contested, with tax.
    pub contested: Money,
    /// How it ended.
    pub resolution: Resolution,
}

/// How a dispute ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resolution {
    /// What was decided.
    pub outcome: DisputeOutcome,
    /// Why, for the customer and the audit.
    pub reason: String,
    /// The credit memo that gives the customer what was decided, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_memo: Option<CreditMemoId>,
    /// Who decided.
    pub resolved_by: String,
}

/// An invoice as it stood when it was contested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceStanding {
    /// The ERP's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// What it billed, before tax.
    pub untaxed: Money,
    /// What it billed, with tax.
    pub total: Money,
    /// Cash applied to it.
    pub applied: Money,
    /// What credit memos took off what was to be paid, with tax.
    pub set_off: Money,
    /// What was still to be paid.
    pub open: Money,
}

/// An invoice dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dispute {
    /// Our ID.
    pub dispute: DisputeId,
    /// The engagement.
    pub engagement: EngagementId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// What is contested.
    pub dispute_kind: DisputeKind,
    /// The lines; none for the invoice as a whole, and for its balance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineId>,
    /// How much is contested, with tax.
    pub contested: Money,
    /// What the customer says.
    pub reason: String,
    /// Who reported it.
    pub requested_by: String,
    /// Where it stands.
    pub status: DisputeStatus,
    /// The invoice when it was contested.
    pub standing: InvoiceStanding,
    /// How many lines its evidence traces; each is kept beside it.
    pub traced: u32,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
}

impl Dispute {
    /// Whether nobody has decided on it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == DisputeStatus::Open
    }

    /// Whether it contests a line. What contests the balance contests none.
    #[must_use]
    pub fn contests(&self, line: &LineId) -> bool {
        match self.dispute_kind {
            DisputeKind::Balance => false,
            _ => self.lines.is_empty() || self.lines.contains(line),
        }
    }

    /// Whether a credit memo of an invoice may name it: it is the same invoice's, and nobody decided that the
    /// invoice is right.
    #[must_use]
    pub fn may_be_credited(&self, invoice: &InvoiceId) -> bool {
        self.invoice == *invoice && self.status != DisputeStatus::Rejected
    }
}

/// What open disputes of an invoice contest in all, with tax.
///
/// # Errors
/// When amounts overflow or mix currencies.
pub fn contested(invoice: &Invoice, disputes: &[Dispute]) -> Result<Money, MoneyError> {
    let open = disputes.iter().filter(|d| d.invoice == invoice.invoice && d.is_open());
    Money::total(invoice.untaxed.currency(), open.map(|d| d.contested))
}

/// The invoice with so much of it contested.
fn with_contested(invoice: &Invoice, contested: Money) -> Invoice {
    Invoice { contested: contested.is_positive().then_some(contested), ..invoice.clone() }
}
