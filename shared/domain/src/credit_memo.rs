//! Credit memos: what is taken off an invoice that was posted already. The invoice stays as it is.
//!
//! A credit memo takes whole lines off, which are released by it, or a part of the price, which
//! releases nothing. What is released is billed anew under the next invoice, or never again.

mod beside;
mod issued;
mod printing;
mod request;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::LineStatus;
use crate::deposit::DrawnFrom;
use crate::id::{CreditMemoId, DisputeId, EngagementId, InvoiceId, LineId};
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::transition::{IllegalTransition, Status};

pub use beside::CreditShare;
pub use issued::{IssuedCredit, ManualAdjustment, PostedCredit};
pub use printing::{CreditLine, credit_lines};
pub use request::CreditError;

/// Lines that one credit memo takes off whole at most: what releases them is one commit.
pub const MOST_LINES: usize = 80;

/// Where a credit memo stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CreditMemoStatus {
    /// Asked for; finance has not decided.
    Requested,
    /// Granted; it is being made in the ERP.
    Approved,
    /// Not granted, or taken back before the ERP posted it.
    Rejected,
    /// The ERP posted it.
    Posted,
    /// Set off against what was open of the invoice.
    Applied,
}

impl CreditMemoStatus {
    /// Whether the ERP has it in its books.
    #[must_use]
    pub const fn is_posted(self) -> bool {
        matches!(self, Self::Posted | Self::Applied)
    }
}

impl Status for CreditMemoStatus {
    const OBJECT: &'static str = "a credit memo";
    const ALL: &'static [Self] =
        &[Self::Requested, Self::Approved, Self::Rejected, Self::Posted, Self::Applied];

    fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Posted => "posted",
            Self::Applied => "applied",
        }
    }

    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Requested => &[Self::Approved, Self::Rejected],
            Self::Approved => &[Self::Posted, Self::Rejected],
            Self::Posted => &[Self::Applied],
            Self::Rejected | Self::Applied => &[],
        }
    }
}

/// Somebody asks that something is taken off a posted invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditMemoRequested {
    /// The credit memo, derived from what asked for it, so that asking twice is one credit memo.
    pub credit_memo: CreditMemoId,
    /// The invoice that it reduces.
    pub invoice: InvoiceId,
    /// Lines that are taken off whole: all that is left of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineId>,
    /// A part of the price that is taken off besides; it releases no line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Reduction>,
    /// Why, for the auditor and the customer.
    pub reason: String,
    /// Whether the lines are to be billed anew, under the next invoice. Else they never are again.
    pub rebill: bool,
    /// Who asks: a user or role of the firm, not a person's name.
    pub requested_by: String,
    /// The dispute of the invoice that it settles, where it was asked for because of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<DisputeId>,
}

/// A part of the price that is taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reduction {
    /// The line; none where it is taken off the invoice as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineId>,
    /// How much, before tax.
    pub amount: Money,
}

/// A credit memo was taken off its invoice: posted in the ERP, its lines released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditMemoApplied {
    /// The credit memo.
    pub credit_memo: CreditMemoId,
    /// The invoice that it reduces.
    pub invoice: InvoiceId,
    /// The ERP's number.
    pub number: String,
    /// How much, before tax.
    pub untaxed: Money,
    /// How much, with tax.
    pub total: Money,
    /// How much of the total was set off against what was open; the rest stays on the customer's account.
    pub set_off: Money,
    /// What stays open on the invoice.
    pub open: Money,
    /// The lines that it released.
    pub released: Vec<LineId>,
    /// Whether they are billed anew.
    pub rebill: bool,
}

/// The ERP reports that a credit note was posted; it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditMemoIssued {
    /// The ERP connection.
    pub connection: String,
    /// The ERP's ID.
    pub record: String,
    /// Our ID, which the ERP's record carries; none where it was issued there by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_memo: Option<CreditMemoId>,
}

/// What is taken off of one line, or of the invoice as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditedPart {
    /// The line; none for the invoice as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineId>,
    /// How much, before tax.
    pub amount: Money,
    /// Whether all that was left of the line is taken off, so that it is released.
    pub whole: bool,
    /// The deposit that has it again, where the line is a drawdown: its amount is below nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn_from: Option<DrawnFrom>,
}

/// What is taken off an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditMemo {
    /// Our ID; the ERP's record carries it.
    pub credit_memo: CreditMemoId,
    /// The engagement.
    pub engagement: EngagementId,
    /// The invoice that it reduces.
    pub invoice: InvoiceId,
    /// Version of the contract that the invoice was billed by.
    pub contract_version: u32,
    /// What is taken off, by line.
    pub parts: Vec<CreditedPart>,
    /// How much in all, before tax.
    pub untaxed: Money,
    /// Why, for the auditor and the customer.
    pub reason: String,
    /// Who asked for it.
    pub requested_by: String,
    /// Whether its whole lines are billed anew.
    pub rebill: bool,
    /// The dispute that it settles, where it was asked for because of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<DisputeId>,
    /// Where it stands.
    pub status: CreditMemoStatus,
    /// The ERP's ID of the record, once posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The ERP's number, once posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The ERP's date, once posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credited_on: Option<Date>,
    /// Tax as the ERP posted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// Total with tax as the ERP posted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// How much of the total was set off against what was open of the invoice. The rest stays on the
    /// customer's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_off: Option<Money>,
    /// Who bears what it takes off the invoice as a whole, since it was posted; with what it moves of earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<CreditShare>,
    /// Parts of the price that do not stand any more since it was posted, as their line is billed anew at its full
    /// price; also its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gives_back: Vec<CreditedPart>,
}

impl CreditMemo {
    /// The lines that it concerns: what it takes off, and whose terms its shares have.
    pub fn lines(&self) -> impl Iterator<Item = &LineId> {
        let parts = self.parts.iter().filter_map(|part| part.line.as_ref());
        parts.chain(self.shares.iter().map(|share| &share.line))
    }

    /// What of a line's price does not stand taken off any more by this one.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn given_back(&self, line: &LineId) -> Result<Money, MoneyError> {
        let of = self.gives_back.iter().filter(|part| part.line.as_ref() == Some(line));
        Money::total(self.untaxed.currency(), of.map(|part| part.amount))
    }

    /// The lines that it releases.
    pub fn released(&self) -> impl Iterator<Item = &LineId> {
        self.parts.iter().filter(|part| part.whole).filter_map(|part| part.line.as_ref())
    }

    /// What becomes of a line that it releases. A drawdown is over: the next invoice draws anew.
    #[must_use]
    pub fn releases_to(&self, line: &LineId) -> LineStatus {
        if self.bills_anew(line) { LineStatus::Ready } else { LineStatus::Credited }
    }

    /// Whether it releases a line so that the next invoice bills it.
    #[must_use]
    pub fn bills_anew(&self, line: &LineId) -> bool {
        let its = |part: &&CreditedPart| part.whole && part.line.as_ref() == Some(line);
        self.rebill && self.parts.iter().find(its).is_some_and(|part| part.drawn_from.is_none())
    }

    /// What it gives back to deposits: how much, before tax, and to which.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn redeposited(&self) -> Result<Vec<(&DrawnFrom, Money)>, MoneyError> {
        let nothing = Money::zero(self.untaxed.currency());
        let given = self.parts.iter().filter_map(|part| Some((part.drawn_from.as_ref()?, part.amount)));
        given.map(|(from, amount)| Ok((from, nothing.minus(amount)?))).collect()
    }

    /// Whether it takes something off, or may still do so.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.status != CreditMemoStatus::Rejected
    }

    /// What was posted and not set off: it stays on the customer's account. None before it is posted.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn on_account(&self) -> Result<Option<Money>, MoneyError> {
        self.total.zip(self.set_off).map(|(total, set_off)| total.minus(set_off)).transpose()
    }

    /// The credit memo in another status.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the status may not follow the present one.
    pub fn become_status(&self, next: CreditMemoStatus) -> Result<Self, IllegalTransition> {
        Ok(Self { status: self.status.to(next)?, ..self.clone() })
    }

    /// The credit memo after the ERP's posting was found equal to what was asked for, to the cent.
    ///
    /// # Errors
    /// [`ProblemCode::CreditMemoMismatch`] when number, amounts or currency differ, or nobody granted it.
    pub fn post(&self, posted: &PostedCredit) -> Result<Self, Problem> {
        let differs = |what: String| {
            let detail = format!("credit memo {} of invoice {}: {what}", self.credit_memo, self.invoice);
            Problem::new(ProblemCode::CreditMemoMismatch, detail).with_stake(self.untaxed)
        };
        posted.compare(self.untaxed).map_err(differs)?;
        let Some(number) = posted.number.clone() else {
            return Err(differs(format!("record {} is posted without a number", posted.record)));
        };
        let status = match self.status {
            // Told once more, after it was set off.
            CreditMemoStatus::Applied => self.status,
            status => status
                .to(CreditMemoStatus::Posted)
                .map_err(|illegal| differs(format!("{illegal}; {number} is in the ERP")))?,
        };
        Ok(Self {
            status,
            record: Some(posted.record.clone()),
            number: Some(number),
            credited_on: posted.credited_on,
            tax: Some(posted.tax),
            total: Some(posted.total),
            ..self.clone()
        })
    }
}
