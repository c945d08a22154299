//! Credit memos in an ERP.

use domain::credit_memo::{CreditLine, PostedCredit};
use domain::id::{CreditMemoId, InvoiceId};
use domain::money::Money;
use jiff::civil::Date;

use super::{CustomerRecord, Operation, Recorded, Reference};

/// Creates a credit memo in draft, tied to the invoice that it reduces. It is posted by [`PostCreditMemo`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCreditMemo {
    /// Our ID; the credit memo carries it.
    pub credit_memo: CreditMemoId,
    /// Our ID of the invoice that it reduces.
    pub invoice: InvoiceId,
    /// The ERP's customer account.
    pub customer: CustomerRecord,
    /// Code of the invoice's payment terms.
    pub payment_terms: String,
    /// Tax code of the invoice's lines.
    pub tax_code: String,
    /// The invoice's number, for the customer.
    pub reference: Option<String>,
    /// Sum of the lines, before tax: more than nothing.
    pub untaxed: Money,
    /// The lines.
    pub lines: Vec<CreditLine>,
}

impl Recorded for PostedCredit {
    fn external_id(&self) -> &str {
        &self.record
    }
}

impl Operation for CreateCreditMemo {
    type Record = PostedCredit;
    const NAME: &'static str = "create credit memo";

    fn verify(&self, record: &PostedCredit) -> Result<(), String> {
        if record.untaxed == self.untaxed {
            Ok(())
        } else {
            Err(format!("untaxed {} instead of {}", record.untaxed, self.untaxed))
        }
    }
}

/// Posts a credit memo: from here on it is in the books and has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostCreditMemo {
    /// Our ID.
    pub credit_memo: CreditMemoId,
    /// The ERP's ID of the draft.
    pub record: String,
    /// Sum of the lines, before tax.
    pub untaxed: Money,
}

impl Operation for PostCreditMemo {
    type Record = PostedCredit;
    const NAME: &'static str = "post credit memo";

    fn verify(&self, record: &PostedCredit) -> Result<(), String> {
        record.compare(self.untaxed)
    }
}

/// Sets a posted credit memo off against what is open of its invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOffCreditMemo {
    /// Our ID; the booking carries it.
    pub credit_memo: CreditMemoId,
    /// The ERP's ID of the credit memo.
    pub record: String,
    /// The ERP's ID of the invoice.
    pub invoice_record: String,
    /// The ERP's customer account.
    pub customer: CustomerRecord,
    /// What is set off, with tax: more than nothing.
    pub amount: Money,
    /// The day of the booking: the credit memo's own.
    pub on: Date,
}

impl Operation for SetOffCreditMemo {
    type Record = Reference;
    const NAME: &'static str = "set off credit memo";

    fn verify(&self, record: &Reference) -> Result<(), String> {
        if record.record.is_empty() { Err("the product answered without an ID".into()) } else { Ok(()) }
    }
}
