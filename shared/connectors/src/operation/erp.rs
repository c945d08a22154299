//! What is written to an ERP.

use domain::contract::Contract;
use domain::customer_match::same_registration;
use domain::id::{CustomerId, EngagementId, InvoiceId, PaymentId};
use domain::invoice::{InvoiceLine, PostedInvoice};
use domain::money::{Money, MoneyError};
use domain::quote::Customer;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Operation, Recorded, Reference};

/// Creates the customer account, or adopts the one that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCustomer {
    /// The global customer ID; the account carries it where we create it.
    pub customer: CustomerId,
    /// The customer as the quote names it.
    pub record: Customer,
    /// Code of the payment terms.
    pub payment_terms: String,
    /// The account that was found to be the customer; none where one is to be made.
    pub account: Option<String>,
}

/// The ERP's customer account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRecord {
    /// The ERP's ID.
    pub record: String,
    /// The ERP's ID of the address that invoices go to.
    pub address: String,
    /// Its tax registration there, as the ERP writes it.
    pub tax_registration: Option<String>,
    /// Whether an existing account was matched rather than created.
    pub adopted: bool,
}

impl Recorded for CustomerRecord {
    fn external_id(&self) -> &str {
        &self.record
    }
}

impl Operation for CreateCustomer {
    type Record = CustomerRecord;
    const NAME: &'static str = "create customer";

    fn verify(&self, record: &CustomerRecord) -> Result<(), String> {
        match (&self.record.tax_registration, &record.tax_registration) {
            (Some(ours), Some(theirs)) if !same_registration(ours, theirs) => {
                Err(format!("tax registration {theirs} instead of {ours}"))
            }
            _ => Ok(()),
        }
    }
}

/// Puts a customer's account below the account of the company that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCustomer {
    /// The ERP's ID of the customer's account.
    pub account: String,
    /// The ERP's ID of the account that it belongs to.
    pub parent: String,
}

impl Operation for LinkCustomer {
    type Record = Reference;
    const NAME: &'static str = "link customer";

    fn verify(&self, record: &Reference) -> Result<(), String> {
        if record.record == self.parent {
            Ok(())
        } else {
            Err(format!("account {} belongs to account {}", self.account, record.record))
        }
    }
}

/// Opens the billing plan: one position per milestone and one for time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateBillingPlan {
    /// The engagement; the plan carries this ID.
    pub engagement: EngagementId,
    /// The ERP's customer account.
    pub customer: CustomerRecord,
    /// The terms.
    pub contract: Contract,
}

impl Operation for CreateBillingPlan {
    type Record = Reference;
    const NAME: &'static str = "create billing plan";

    fn verify(&self, record: &Reference) -> Result<(), String> {
        if record.record.is_empty() { Err("the product answered without an ID".into()) } else { Ok(()) }
    }
}

/// Brings the billing plan from one version of the contract to the next, all positions in one call.
/// Absolute: doing it again changes nothing. Undone by bringing it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendBillingPlan {
    /// The engagement, whose ID the plan carries.
    pub engagement: EngagementId,
    /// The ERP's ID of the plan.
    pub plan: String,
    /// The version that the plan holds now.
    pub from: Contract,
    /// The version that it is to hold.
    pub to: Contract,
}

impl Operation for AmendBillingPlan {
    type Record = Reference;
    const NAME: &'static str = "amend billing plan";

    fn verify(&self, record: &Reference) -> Result<(), String> {
        if record.record == self.plan { Ok(()) } else { Err(format!("amended plan {}", record.record)) }
    }
}

/// Creates an invoice in draft. It is posted by [`PostInvoice`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInvoice {
    /// Our ID; the invoice carries it.
    pub invoice: InvoiceId,
    /// The ERP's customer account.
    pub customer: CustomerRecord,
    /// Code of the payment terms.
    pub payment_terms: String,
    /// Tax code of every line.
    pub tax_code: String,
    /// The customer's purchase order.
    pub purchase_order: Option<String>,
    /// Sum of the lines, before tax.
    pub untaxed: Money,
    /// The lines.
    pub lines: Vec<InvoiceLine>,
}

impl Recorded for PostedInvoice {
    fn external_id(&self) -> &str {
        &self.record
    }
}

impl Operation for CreateInvoice {
    type Record = PostedInvoice;
    const NAME: &'static str = "create invoice";

    fn verify(&self, record: &PostedInvoice) -> Result<(), String> {
        if record.untaxed == self.untaxed {
            Ok(())
        } else {
            Err(format!("untaxed {} instead of {}", record.untaxed, self.untaxed))
        }
    }
}

/// Posts an invoice: from here on it is in the books and has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostInvoice {
    /// Our ID.
    pub invoice: InvoiceId,
    /// The ERP's ID of the draft.
    pub record: String,
    /// Sum of the lines, before tax.
    pub untaxed: Money,
}

impl Operation for PostInvoice {
    type Record = PostedInvoice;
    const NAME: &'static str = "post invoice";

    fn verify(&self, record: &PostedInvoice) -> Result<(), String> {
        if !record.posted {
            return Err(format!("invoice {} is not posted", record.record));
        }
        if record.untaxed == self.untaxed {
            Ok(())
        } else {
            Err(format!("untaxed {} instead of {}", record.untaxed, self.untaxed))
        }
    }
}

/// Books a movement of a payment: what is applied to invoices or taken from them again, and what is put on the
/// customer's account or taken from it. The sum of all is the cash that came in or went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyPayment {
    /// The payment.
    pub payment: PaymentId,
    /// What the booking is known by: the payment's ID, with the movement's number from the second on.
    pub booking: String,
    /// The payment product's ID, for the bank statement's text.
    pub reference: String,
    /// The ERP's customer account.
    pub customer: CustomerRecord,
    /// What is applied to each invoice; less than nothing where it is taken from it again.
    pub applied: Vec<AppliedTo>,
    /// What is put on the customer's account; less than nothing where it is taken from it.
    pub unapplied: Money,
    /// The business day on which the cash moved.
    pub moved_on: Date,
}

/// A booking's part of one invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedTo {
    /// The ERP's ID of the invoice.
    pub invoice_record: String,
    /// Signed.
    pub amount: Money,
    /// What the payment pays of the invoice after it.
    pub stands: Money,
}

impl AppliedTo {
    /// Whether cash is taken from the invoice again.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        !self.amount.is_positive() && !self.amount.is_zero()
    }
}

impl ApplyPayment {
    /// The cash that moved.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.applied.iter().try_fold(self.unapplied, |sum, line| sum.plus(line.amount))
    }
}

impl Operation for ApplyPayment {
    type Record = Reference;
    const NAME: &'static str = "apply payment";

    fn verify(&self, record: &Reference) -> Result<(), String> {
        if record.record.is_empty() { Err("the product answered without an ID".into()) } else { Ok(()) }
    }
}
