//! What is written to a CRM.

use domain::collections::Exposure;
use domain::engagement::EngagementStatus;
use domain::id::{CustomerId, EngagementId};
use domain::money::Money;

use super::{Operation, Reference};

/// Shows on a deal where its engagement, invoice and payment stand. Absolute values: writing
/// them twice changes nothing. Fields that are `None` are left as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteDealStatus {
    /// The CRM's deal.
    pub deal: String,
    /// The global engagement ID.
    pub engagement: EngagementId,
    /// The global customer ID.
    pub customer: Option<CustomerId>,
    /// Where the engagement stands.
    pub engagement_status: Option<EngagementStatus>,
    /// Version of the contract in force.
    pub contract_version: Option<u32>,
    /// What the customer has committed to under it.
    pub contract_value: Option<Money>,
    /// The latest invoice's number.
    pub invoice_number: Option<String>,
    /// Its status, as [`domain::invoice::InvoiceStatus::as_str`] writes it.
    pub invoice_status: Option<String>,
    /// Its total with tax.
    pub invoice_total: Option<Money>,
    /// Its tax.
    pub tax: Option<Money>,
    /// What was paid on it.
    pub paid: Option<Money>,
    /// What credit memos took off what is to be paid, with tax; none where there is none.
    pub credited: Option<Money>,
    /// What the engagement's invoices come to, and the risk; none before anything was told of it.
    pub collections: Option<Exposure>,
}

impl Operation for WriteDealStatus {
    type Record = Reference;
    const NAME: &'static str = "write deal status";

    fn verify(&self, record: &Reference) -> Result<(), String> {
        if record.record == self.deal { Ok(()) } else { Err(format!("wrote deal {}", record.record)) }
    }
}
