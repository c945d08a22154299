//! The roles that products play, each one trait. A workflow knows roles, never products.

use async_trait::async_trait;
use domain::activation::CustomerFacts;
use domain::credit_memo::IssuedCredit;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::Currency;
use domain::quote::Quote;
use domain::setup::{HeldPlan, HeldProject};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::error::CallError;
use crate::inbound::Translated;
use crate::operation::{
    AmendBillingPlan, ApplyPayment, ChangeMilestone, CreateAssignments, CreateBillingPlan, CreateCreditMemo,
    CreateCustomer, CreateInvoice, CreateMilestone, CreateProject, CreateRateCard, CreateTask, LinkCustomer,
    Performs, PostCreditMemo, PostInvoice, SetBudget, SetOffCreditMemo, SetRateCard, WriteDealStatus,
    WriteInvoiceStatus,
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
    + Performs<CreateAssignments>
    + Performs<SetBudget>
    + Performs<ChangeMilestone>
    + Performs<SetRateCard>
    + Performs<WriteInvoiceStatus>
    + Polled
{
    /// The connection's ID.
    fn connection(&self) -> &str;

    /// The project of an engagement as the PSA holds it: budget, billing milestones, and the rates in
    /// force on a day. Amounts are in `currency`, which the project's must be.
    ///
    /// # Errors
    /// When it can't be read, or holds another currency.
    async fn held_project(
        &self,
        engagement: &EngagementId,
        currency: Currency,
        on: Date,
    ) -> Result<Option<HeldProject>, CallError>;
}

/// The ERP: customer accounts, receivables, the books.
#[async_trait]
pub trait Erp:
    Performs<CreateCustomer>
    + Performs<LinkCustomer>
    + Performs<CreateBillingPlan>
    + Performs<AmendBillingPlan>
    + Performs<CreateInvoice>
    + Performs<PostInvoice>
    + Performs<ApplyPayment>
    + Performs<CreateCreditMemo>
    + Performs<PostCreditMemo>
    + Performs<SetOffCreditMemo>
    + Polled
{
    /// The connection's ID.
    fn connection(&self) -> &str;

    /// The accounts that may be a customer: those that carry our ID, were linked with it or have
    /// its tax registration; where there is none, those with a name like it.
    ///
    /// # Errors
    /// When they can't be read.
    async fn customers_like(&self, sought: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError>;

    /// What the ERP knows of a customer's credit, by its own ID of the account.
    ///
    /// # Errors
    /// When it can't be read, or is not there any more.
    async fn customer_facts(&self, account: &str) -> Result<CustomerFacts, CallError>;

    /// The billing plan of an engagement as the ERP holds it, with prices in `currency`.
    ///
    /// # Errors
    /// When it can't be read.
    async fn held_plan(
        &self,
        engagement: &EngagementId,
        currency: Currency,
    ) -> Result<Option<HeldPlan>, CallError>;

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

    /// Reads a credit note by the ERP's own ID, ours or one that was issued there by hand.
    ///
    /// # Errors
    /// When it can't be read.
    async fn issued_credit(&self, record: &str) -> Result<Option<IssuedCredit>, CallError>;
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
