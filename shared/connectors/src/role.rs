//! The roles that products play, each one trait. A workflow knows roles, never products.

use async_trait::async_trait;
use domain::activation::CustomerFacts;
use domain::id::{CustomerId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::quote::{Customer, Quote};
use jiff::Timestamp;

use crate::error::CallError;
use crate::inbound::Translated;
use crate::operation::{
    ApplyPayment, CreateBillingPlan, CreateCustomer, CreateInvoice, CreateMilestone, CreateProject,
    CreateRateCard, CreateTask, Performs, PostInvoice, WriteDealStatus, WriteInvoiceStatus,
};

/// The CRM: pipeline, quotes, the account team's view.
#[async_trait]
pub trait Crm: Performs<WriteDealStatus> {
    /// The connection's ID.
    fn connection(&self) -> &str;

    /// Reads the approved quote of a deal with its lines and customer. Where several are
    /// approved, the highest version; where none is, the latest, not approved.
    ///
    /// # Errors
    /// When it can't be read; a deal without any quote is [`crate::CallErrorKind::Refused`].
    async fn quote_of(&self, deal: &str) -> Result<Quote, CallError>;
}

/// The PSA: projects, milestones, time.
#[async_trait]
pub trait Psa:
    Performs<CreateProject>
    + Performs<CreateTask>
    + Performs<CreateMilestone>
    + Performs<CreateRateCard>
    + Performs<WriteInvoiceStatus>
    + Polled
{
    /// The connection's ID.
    fn connection(&self) -> &str;
}

/// The ERP: customer accounts, receivables, the books.
#[async_trait]
pub trait Erp:
    Performs<CreateCustomer>
    + Performs<CreateBillingPlan>
    + Performs<CreateInvoice>
    + Performs<PostInvoice>
    + Performs<ApplyPayment>
    + Polled
{
    /// The connection's ID.
    fn connection(&self) -> &str;

    /// What the ERP knows of a customer: by our ID, else by tax registration. An unknown
    /// customer has no hold, no limit and owes nothing.
    ///
    /// # Errors
    /// When it can't be read.
    async fn customer_facts(
        &self,
        customer: &CustomerId,
        record: &Customer,
    ) -> Result<CustomerFacts, CallError>;

    /// Reads an invoice by our ID.
    ///
    /// # Errors
    /// When it can't be read.
    async fn invoice(&self, invoice: &InvoiceId) -> Result<Option<PostedInvoice>, CallError>;

    /// Our ID of the invoice with a number, if it is one of ours.
    ///
    /// # Errors
    /// When it can't be read.
    async fn invoice_numbered(&self, number: &str) -> Result<Option<InvoiceId>, CallError>;
}

/// A product that is asked for what changed, because it doesn't push, or not reliably.
#[async_trait]
pub trait Polled: Send + Sync {
    /// How far before the cursor to read again, because the product's log is neither ordered nor complete at once.
    fn overlap(&self) -> jiff::SignedDuration;

    /// Everything of interest since a moment, translated. May repeat what was seen before.
    ///
    /// # Errors
    /// When the log can't be read.
    async fn changes_since(&self, since: Timestamp) -> Result<Vec<Translated>, CallError>;
}
