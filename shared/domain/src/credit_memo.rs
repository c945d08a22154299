//! Credit memos: what is taken off an invoice that was posted already. The invoice stays as it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engagement::Engagement;
use crate::id::{CreditMemoId, EngagementId, InvoiceId};
use crate::invoice::{Invoice, InvoiceStatus};
use crate::money::{Money, MoneyError};
use crate::transition::{IllegalTransition, Status};

/// Where a credit memo stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CreditMemoStatus {
    /// Asked for; finance has not decided.
    Requested,
    /// Granted; it is being made in the ERP.
    Approved,
    /// Not granted.
    Rejected,
    /// The ERP posted it.
    Posted,
    /// Set off against what was open of the invoice.
    Applied,
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
            Self::Approved => &[Self::Posted],
            Self::Posted => &[Self::Applied],
            Self::Rejected | Self::Applied => &[],
        }
    }
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
    /// How much, before tax.
    pub untaxed: Money,
    /// Why, for the auditor and the customer.
    pub reason: String,
    /// Where it stands.
    pub status: CreditMemoStatus,
    /// The ERP's number, once posted.
    pub number: Option<String>,
}

/// Why an invoice can't be credited so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    /// What was never posted is corrected, not credited. To be asked for again once it is posted.
    #[error("{invoice} is {} and has nothing to credit", status.as_str())]
    NotPosted {
        /// The invoice.
        invoice: InvoiceId,
        /// Where it stands.
        status: InvoiceStatus,
    },
    /// Nothing, or less than nothing.
    #[error("{untaxed} is no credit")]
    NotPositive {
        /// What was asked for.
        untaxed: Money,
    },
    /// More than was billed, together with what was credited before.
    #[error("{invoice} was billed with {billed}; {credited} of it was credited, {asked} more is too much")]
    TooMuch {
        /// The invoice.
        invoice: InvoiceId,
        /// What it billed, before tax.
        billed: Money,
        /// What earlier credit memos took off it.
        credited: Money,
        /// What was asked for.
        asked: Money,
    },
    /// Another currency than the invoice's, or an amount beyond reckoning.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl CreditMemo {
    /// A credit memo that is asked for, beside those that the invoice has already. Asked for again, for
    /// the same reason, it is the one that there is.
    ///
    /// # Errors
    /// [`CreditError`]; none of them goes away by asking again.
    pub fn request(
        engagement: &Engagement,
        invoice: &Invoice,
        earlier: &[Self],
        untaxed: Money,
        reason: &str,
    ) -> Result<Self, CreditError> {
        let credit_memo = CreditMemoId::derive(&[invoice.invoice.as_str(), reason]);
        if let Some(asked_before) = earlier.iter().find(|memo| memo.credit_memo == credit_memo) {
            return Ok(asked_before.clone());
        }
        if invoice.total.is_none() {
            return Err(CreditError::NotPosted { invoice: invoice.invoice.clone(), status: invoice.status });
        }
        if !untaxed.is_positive() {
            return Err(CreditError::NotPositive { untaxed });
        }
        let stands =
            |memo: &&Self| memo.invoice == invoice.invoice && memo.status != CreditMemoStatus::Rejected;
        let amounts = earlier.iter().filter(stands).map(|memo| memo.untaxed);
        let credited = Money::total(invoice.untaxed.currency(), amounts)?;
        if credited.plus(untaxed)?.exceeds(invoice.untaxed)? {
            return Err(CreditError::TooMuch {
                invoice: invoice.invoice.clone(),
                billed: invoice.untaxed,
                credited,
                asked: untaxed,
            });
        }
        Ok(Self {
            credit_memo,
            engagement: engagement.engagement.clone(),
            invoice: invoice.invoice.clone(),
            contract_version: invoice.contract_version,
            untaxed,
            reason: reason.to_owned(),
            status: CreditMemoStatus::Requested,
            number: None,
        })
    }

    /// The credit memo in another status.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the status may not follow the present one.
    pub fn become_status(&self, next: CreditMemoStatus) -> Result<Self, IllegalTransition> {
        Ok(Self { status: self.status.to(next)?, ..self.clone() })
    }
}
