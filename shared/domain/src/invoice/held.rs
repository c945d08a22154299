//! An invoice that waits: held before it is posted, and released.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Invoice, InvoiceStatus};
use crate::billing::hold::{HoldRelease, HoldRequested, InvoiceHold, ReleaseRequested};
use crate::decision::Condition;
use crate::id::InvoiceId;
use crate::money::Money;
use crate::problem::{Owner, Problem};

/// Who holds what a policy wants to be released by hand.
const POLICY: &str = "invoicing policy";

/// The lines of an invoice are fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceGenerated {
    /// The invoice.
    pub invoice: InvoiceId,
    /// How many lines it owns.
    pub line_count: u32,
    /// Amount before tax.
    pub untaxed: Money,
    /// Whether it waits for a person's release.
    pub held: bool,
}

/// The ERP refused to make or post an invoice: nothing is tried again before a person has put it right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceRejected {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The ERP connection.
    pub connection: String,
    /// Why, in the ERP's words.
    pub cause: Problem,
    /// Amount before tax that waits.
    pub at_stake: Money,
}

impl Invoice {
    /// Whether it waits for a release.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.released.is_none())
    }

    /// What whoever waits for its release waits for; none where nobody holds it.
    #[must_use]
    pub fn awaited(&self) -> Option<Condition> {
        let hold = self.hold.as_ref().filter(|hold| hold.released.is_none())?;
        Some(Condition::InvoiceReleased(self.invoice.clone(), hold.number))
    }

    /// Why it can't be held or released any more; none where it can.
    #[must_use]
    pub fn has_gone(&self) -> Option<String> {
        match self.status {
            InvoiceStatus::Collecting | InvoiceStatus::Drafted if self.posting => {
                Some(format!("{} is on its way to the ERP's books", self.invoice))
            }
            InvoiceStatus::Collecting | InvoiceStatus::Drafted => None,
            InvoiceStatus::Empty
            | InvoiceStatus::Submitted
            | InvoiceStatus::Posted
            | InvoiceStatus::PartPaid
            | InvoiceStatus::Paid
            | InvoiceStatus::Credited
            | InvoiceStatus::Withdrawn => Some(format!("{} is {}", self.invoice, self.status.as_str())),
        }
    }

    /// The invoice as somebody holds it. None where it is held already: the first reason stands.
    ///
    /// # Errors
    /// Why it is too late, in words.
    pub fn held(&self, asked: &HoldRequested, at: Timestamp) -> Result<Option<Self>, String> {
        if let Some(gone) = self.has_gone() {
            return Err(gone);
        }
        if self.is_held() {
            return Ok(None);
        }
        let hold = InvoiceHold {
            number: self.hold.as_ref().map_or(0, |hold| hold.number) + 1,
            reason: asked.reason.clone(),
            owner: asked.owner,
            held_by: asked.requested_by.clone(),
            held_at: at,
            released: None,
        };
        Ok(Some(Self { hold: Some(hold), ..self.clone() }))
    }

    /// The invoice as its policy has it wait for a person. One that was held before stays as it is.
    #[must_use]
    pub fn held_by_policy(self, at: Timestamp) -> Self {
        if self.hold.is_some() {
            return self;
        }
        let hold = InvoiceHold {
            number: 1,
            reason: "invoices are released by hand".into(),
            owner: Owner::FinanceOperations,
            held_by: POLICY.into(),
            held_at: at,
            released: None,
        };
        Self { hold: Some(hold), ..self }
    }

    /// The invoice as somebody releases it. None where nobody holds it.
    #[must_use]
    pub fn released(&self, asked: &ReleaseRequested, at: Timestamp) -> Option<Self> {
        let hold = self.hold.clone().filter(|hold| hold.released.is_none())?;
        let released = HoldRelease {
            released_by: asked.requested_by.clone(),
            reason: asked.reason.clone(),
            released_at: at,
        };
        Some(Self { hold: Some(InvoiceHold { released: Some(released), ..hold }), ..self.clone() })
    }

    /// The invoice as the ERP is asked to post it. None where it is held, and must not be.
    #[must_use]
    pub fn on_its_way(&self) -> Option<Self> {
        (!self.is_held()).then(|| Self { posting: true, ..self.clone() })
    }
}
