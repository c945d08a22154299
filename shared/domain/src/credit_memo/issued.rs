//! Credit notes as an ERP holds them, ours and those that somebody issued there by hand.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AdjustmentId, InvoiceId};
use crate::money::Money;

/// A credit note as the ERP holds it. All amounts are what it takes off: positive, where the ERP's own are
/// negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PostedCredit {
    /// The ERP's ID of the record.
    pub record: String,
    /// Whether it is posted there (or beyond: set off).
    pub posted: bool,
    /// The ERP's number, once posted.
    pub number: Option<String>,
    /// The ERP's date, once posted.
    pub credited_on: Option<Date>,
    /// Before tax.
    pub untaxed: Money,
    /// Tax.
    pub tax: Money,
    /// Total.
    pub total: Money,
}

impl PostedCredit {
    /// Whether it is posted and takes off exactly this amount before tax.
    ///
    /// # Errors
    /// In words, what differs, by as little as a cent.
    pub fn compare(&self, untaxed: Money) -> Result<(), String> {
        if !self.posted {
            return Err(format!("record {} is not posted in the ERP", self.record));
        }
        if self.untaxed != untaxed {
            return Err(format!("submitted {untaxed}, posted {}", self.untaxed));
        }
        match self.untaxed.plus(self.tax) {
            Ok(total) if total == self.total => Ok(()),
            _ => Err(format!("posted total {} is not {} plus tax {}", self.total, self.untaxed, self.tax)),
        }
    }
}

/// A credit note read back from the ERP, with what it says of where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCredit {
    /// The credit note.
    pub credit: PostedCredit,
    /// The external ID that it carries.
    pub carries: Option<String>,
    /// The invoices of ours that it reduces.
    pub invoices: Vec<InvoiceId>,
    /// The external ID that the customer's account carries.
    pub customer: Option<String>,
}

/// A change of what an invoice comes to that somebody made in the ERP by hand, beside us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManualAdjustment {
    /// Derived from connection and record, so that it is counted once.
    pub adjustment: AdjustmentId,
    /// The invoices that it reduces; the amounts are those of all of them together.
    pub invoices: Vec<InvoiceId>,
    /// The ERP connection.
    pub connection: String,
    /// The ERP's ID of the record.
    pub record: String,
    /// The ERP's number.
    pub number: Option<String>,
    /// The ERP's date.
    pub issued_on: Option<Date>,
    /// What it takes off, before tax.
    pub untaxed: Money,
    /// Tax of it.
    pub tax: Money,
    /// What it takes off, with tax.
    pub total: Money,
}

impl ManualAdjustment {
    /// What a credit note that nobody asked us for has changed.
    #[must_use]
    pub fn of(connection: &str, found: &IssuedCredit) -> Self {
        let credit = &found.credit;
        Self {
            adjustment: AdjustmentId::derive(&[connection, "credit-note", &credit.record]),
            invoices: found.invoices.clone(),
            connection: connection.to_owned(),
            record: credit.record.clone(),
            number: credit.number.clone(),
            issued_on: credit.credited_on,
            untaxed: credit.untaxed,
            tax: credit.tax,
            total: credit.total,
        }
    }
}
