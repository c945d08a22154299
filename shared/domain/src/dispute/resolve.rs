//! How a dispute comes to its end, once.

use crate::credit_memo::CreditMemo;
use crate::id::{CreditMemoId, DisputeId, InvoiceId};
use crate::invoice::Invoice;
use crate::money::{Money, MoneyError};
use crate::transition::{IllegalTransition, Status};

use super::{
    Dispute, DisputeOutcome, DisputeResolutionRequested, DisputeResolved, Resolution, with_contested,
};

/// Why a dispute can't end so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolutionError {
    /// It has ended already, and stays as it was decided.
    #[error("{dispute}: {illegal}")]
    Ended {
        /// The dispute.
        dispute: DisputeId,
        /// What was asked for.
        illegal: IllegalTransition,
    },
    /// The dispute is another invoice's.
    #[error("{dispute} is no dispute of {invoice}")]
    OfAnother {
        /// The dispute.
        dispute: DisputeId,
        /// The invoice that was named.
        invoice: InvoiceId,
    },
    /// A dispute that is rejected gives the customer nothing.
    #[error("what is rejected is not credited: {credit_memo} is named")]
    NothingToCredit {
        /// The credit memo.
        credit_memo: CreditMemoId,
    },
    /// The invoice has no such credit memo, or it was not granted.
    #[error("{credit_memo} is no credit memo of {invoice} that was granted or waits for it")]
    NoCreditMemo {
        /// The credit memo.
        credit_memo: CreditMemoId,
        /// The invoice.
        invoice: InvoiceId,
    },
    /// An amount beyond reckoning.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Dispute {
    /// The dispute as somebody decided on it, and its invoice with that much less of it contested. Decided on in the
    /// same way again, both stay as they are. `memos` are the invoice's credit memos.
    ///
    /// # Errors
    /// [`ResolutionError`]; none of them goes away by asking again.
    pub fn resolve(
        &self,
        invoice: &Invoice,
        memos: &[CreditMemo],
        asked: &DisputeResolutionRequested,
    ) -> Result<(Self, Invoice), ResolutionError> {
        if self.invoice != asked.invoice || self.invoice != invoice.invoice {
            let (dispute, invoice) = (self.dispute.clone(), asked.invoice.clone());
            return Err(ResolutionError::OfAnother { dispute, invoice });
        }
        let resolution = Resolution {
            outcome: asked.outcome,
            reason: asked.reason.clone(),
            credit_memo: asked.credit_memo.clone(),
            resolved_by: asked.resolved_by.clone(),
        };
        if self.resolution.as_ref() == Some(&resolution) {
            return Ok((self.clone(), invoice.clone()));
        }
        let next = asked.outcome.status();
        if !self.is_open() {
            let illegal = IllegalTransition {
                object: super::DisputeStatus::OBJECT,
                from: self.status.name(),
                to: next.name(),
            };
            return Err(ResolutionError::Ended { dispute: self.dispute.clone(), illegal });
        }
        if let Some(named) = &asked.credit_memo {
            if asked.outcome == DisputeOutcome::Rejected {
                return Err(ResolutionError::NothingToCredit { credit_memo: named.clone() });
            }
            let fits = |memo: &CreditMemo| {
                memo.credit_memo == *named && memo.invoice == self.invoice && memo.stands()
            };
            if !memos.iter().any(fits) {
                let (credit_memo, invoice) = (named.clone(), self.invoice.clone());
                return Err(ResolutionError::NoCreditMemo { credit_memo, invoice });
            }
        }
        let before = invoice.contested.unwrap_or(Money::zero(invoice.untaxed.currency()));
        let after = before.minus(self.contested)?;
        let dispute = Self { status: next, resolution: Some(resolution), ..self.clone() };
        Ok((dispute, with_contested(invoice, after)))
    }

    /// What is told of its end; none while it is open.
    #[must_use]
    pub fn resolved(&self) -> Option<DisputeResolved> {
        self.resolution.clone().map(|resolution| DisputeResolved {
            dispute: self.dispute.clone(),
            invoice: self.invoice.clone(),
            dispute_kind: self.dispute_kind,
            contested: self.contested,
            resolution,
        })
    }
}
