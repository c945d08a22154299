//! The other systems, answering at once: what they cost is not ours to measure.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use connectors::inbound::Translated;
use connectors::operation::{
    AmendBillingPlan, ApplyPayment, Assigned, ChangeMilestone, CreateAssignments, CreateBillingPlan,
    CreateCreditMemo, CreateCustomer, CreateInvoice, CreateMilestone, CreateProject, CreateRateCard,
    CreateTask, CustomerRecord, LinkCustomer, PostCreditMemo, PostInvoice, Reference, SetBudget,
    SetOffCreditMemo, SetRateCard, Undone, WriteDealStatus, WriteInvoiceStatus,
};
use connectors::role::{Crm, Erp, Polled, Psa};
use connectors::{CallError, CallErrorKind, Connection, Idempotency, Operation, Performs};
use domain::TenantConfig;
use domain::activation::CustomerFacts;
use domain::credit_memo::PostedCredit;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::{Currency, Money};
use domain::quote::Quote;
use domain::setup::{HeldPlan, HeldProject};
use jiff::Timestamp;
use jiff::civil::Date;
use runtime::{ConfiguredConnections, Connect, ConnectError};
use rust_decimal::Decimal;

const SETTLES: Duration = Duration::from_secs(60);
const UPSERT: Idempotency = Idempotency::Upsert { settles_within: SETTLES };
const REFUSED: Idempotency = Idempotency::RefusedTwice { settles_within: SETTLES };
const SEARCH: Idempotency = Idempotency::SearchThenCreate { settles_within: SETTLES };

/// Any product: an ERP that keeps the invoices it was given, and a CRM and a PSA that take what
/// is written to them.
pub(crate) struct StandIn {
    connection: String,
    invoices: Mutex<BTreeMap<InvoiceId, PostedInvoice>>,
}

impl StandIn {
    fn new(connection: &str) -> Arc<Self> {
        Arc::new(Self { connection: connection.into(), invoices: Mutex::default() })
    }

    fn invoice_of(&self, invoice: &InvoiceId) -> Option<PostedInvoice> {
        self.invoices.lock().expect("no panic in a stand-in").get(invoice).cloned()
    }

    fn not_here(&self, operation: &'static str) -> CallError {
        CallError {
            kind: CallErrorKind::Refused,
            connection: self.connection.clone(),
            operation,
            detail: "this is not measured".into(),
        }
    }
}

/// Operations of which only the record's ID comes back. The idempotency is that of the
/// connector which the stand-in stands for, because it decides which steps are journalled.
macro_rules! answers {
    ($($operation:ty => $idempotency:expr,)*) => {$(
        #[async_trait]
        impl Performs<$operation> for StandIn {
            fn idempotency(&self) -> Idempotency {
                $idempotency
            }
            async fn find(&self, _: &$operation) -> Result<Option<Reference>, CallError> {
                Ok(None)
            }
            async fn perform(&self, _: &$operation, _: &str) -> Result<Reference, CallError> {
                Ok(Reference { record: "4711".into() })
            }
            async fn undo(&self, _: &$operation, _: &Reference) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
            }
        }
    )*};
}

answers! {
    WriteDealStatus => UPSERT,
    WriteInvoiceStatus => UPSERT,
    LinkCustomer => UPSERT,
    CreateProject => SEARCH,
    CreateTask => SEARCH,
    CreateMilestone => SEARCH,
    CreateRateCard => SEARCH,
    SetBudget => UPSERT,
    ChangeMilestone => UPSERT,
    SetRateCard => UPSERT,
    AmendBillingPlan => UPSERT,
    CreateBillingPlan => REFUSED,
    SetOffCreditMemo => REFUSED,
    ApplyPayment => REFUSED,
}

#[async_trait]
impl Performs<CreateAssignments> for StandIn {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, _: &CreateAssignments) -> Result<Option<Assigned>, CallError> {
        Ok(None)
    }
    async fn perform(&self, create: &CreateAssignments, _: &str) -> Result<Assigned, CallError> {
        let records = create.roles.iter().map(|role| (role.key.clone(), format!("resource-{}", role.role)));
        Ok(Assigned { project: create.project.clone(), records: records.collect() })
    }
    async fn undo(&self, _: &CreateAssignments, _: &Assigned) -> Result<Undone, CallError> {
        Ok(Undone::Kept("it goes with its project".into()))
    }
}

#[async_trait]
impl Performs<CreateCustomer> for StandIn {
    fn idempotency(&self) -> Idempotency {
        REFUSED
    }
    async fn find(&self, _: &CreateCustomer) -> Result<Option<CustomerRecord>, CallError> {
        Ok(None)
    }
    async fn perform(&self, _: &CreateCustomer, _: &str) -> Result<CustomerRecord, CallError> {
        Err(self.not_here(CreateCustomer::NAME))
    }
    async fn undo(&self, _: &CreateCustomer, _: &CustomerRecord) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<CreateInvoice> for StandIn {
    fn idempotency(&self) -> Idempotency {
        REFUSED
    }
    async fn find(&self, create: &CreateInvoice) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoice_of(&create.invoice))
    }
    async fn perform(&self, create: &CreateInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        let mut invoices = self.invoices.lock().expect("no panic in a stand-in");
        let record = (invoices.len() + 1).to_string();
        let untaxed = create.untaxed;
        let tax = Money::rounded(untaxed.amount() / Decimal::TEN, untaxed.currency());
        let total = untaxed.plus(tax).expect("one currency");
        let draft = PostedInvoice {
            record,
            posted: false,
            number: None,
            invoiced_on: None,
            untaxed,
            tax,
            total,
            open: total,
        };
        invoices.insert(create.invoice.clone(), draft.clone());
        Ok(draft)
    }
    async fn undo(&self, _: &CreateInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<PostInvoice> for StandIn {
    fn idempotency(&self) -> Idempotency {
        REFUSED
    }
    async fn find(&self, post: &PostInvoice) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoice_of(&post.invoice).filter(|i| i.posted))
    }
    async fn perform(&self, post: &PostInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        let mut invoices = self.invoices.lock().expect("no panic in a stand-in");
        let draft = invoices.get_mut(&post.invoice).expect("a draft");
        draft.posted = true;
        draft.number = Some(format!("INV2026-{:0>5}", draft.record));
        draft.invoiced_on = Some(jiff::civil::date(2026, 11, 21));
        Ok(draft.clone())
    }
    async fn undo(&self, _: &PostInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

/// Operations that are not measured.
macro_rules! not_measured {
    ($($operation:ty),*) => {$(
        #[async_trait]
        impl Performs<$operation> for StandIn {
            fn idempotency(&self) -> Idempotency {
                REFUSED
            }
            async fn find(&self, _: &$operation) -> Result<Option<PostedCredit>, CallError> {
                Ok(None)
            }
            async fn perform(&self, _: &$operation, _: &str) -> Result<PostedCredit, CallError> {
                Err(self.not_here(<$operation>::NAME))
            }
            async fn undo(&self, _: &$operation, _: &PostedCredit) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
            }
        }
    )*};
}

not_measured!(CreateCreditMemo, PostCreditMemo);

#[async_trait]
impl Polled for StandIn {
    fn overlap(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::ZERO
    }
    async fn changes_since(&self, _: Timestamp) -> Result<Vec<Translated>, CallError> {
        Ok(vec![])
    }
}

#[async_trait]
impl Crm for StandIn {
    fn connection(&self) -> &str {
        &self.connection
    }
    async fn quote_of(&self, _: &str) -> Result<Quote, CallError> {
        Err(self.not_here("read quote"))
    }
}

#[async_trait]
impl Psa for StandIn {
    fn connection(&self) -> &str {
        &self.connection
    }
    async fn held_project(
        &self,
        _: &EngagementId,
        _: Currency,
        _: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        Err(self.not_here("read project"))
    }
}

#[async_trait]
impl Erp for StandIn {
    fn connection(&self) -> &str {
        &self.connection
    }
    async fn customers_like(&self, _: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        Err(self.not_here("search customer"))
    }
    async fn customer_facts(&self, _: &str) -> Result<CustomerFacts, CallError> {
        Err(self.not_here("read customer"))
    }
    async fn held_plan(&self, _: &EngagementId, _: Currency) -> Result<Option<HeldPlan>, CallError> {
        Err(self.not_here("read billing plan"))
    }
    async fn invoice(&self, invoice: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoice_of(invoice))
    }
    async fn issued_credit(&self, _: &str) -> Result<Option<domain::credit_memo::IssuedCredit>, CallError> {
        Ok(None)
    }
    async fn invoice_numbered(&self, number: &str) -> Result<Option<InvoiceId>, CallError> {
        let invoices = self.invoices.lock().expect("no panic in a stand-in");
        Ok(invoices.iter().find(|(_, i)| i.number.as_deref() == Some(number)).map(|(id, _)| id.clone()))
    }
}

/// Configuration and credentials are read as in a deployed function; the connector behind them
/// is a stand-in.
pub(crate) struct StandIns {
    configured: ConfiguredConnections,
    crm: Arc<StandIn>,
    psa: Arc<StandIn>,
    pub(crate) erp: Arc<StandIn>,
}

impl StandIns {
    pub(crate) fn new(configured: ConfiguredConnections) -> Self {
        Self {
            configured,
            crm: StandIn::new("hubspot-main"),
            psa: StandIn::new("kantata-main"),
            erp: StandIn::new("tryton-us"),
        }
    }
}

#[async_trait]
impl Connect for StandIns {
    async fn tenant(&self, tenant: &str) -> Result<Arc<TenantConfig>, ConnectError> {
        self.configured.tenant(tenant).await
    }
    async fn connection(&self, connection: &str) -> Result<Arc<Connection>, ConnectError> {
        self.configured.connection(connection).await
    }
    async fn crm(&self, connection: &str) -> Result<Arc<dyn Crm>, ConnectError> {
        self.connection(connection).await?;
        Ok(Arc::clone(&self.crm) as Arc<dyn Crm>)
    }
    async fn psa(&self, connection: &str) -> Result<Arc<dyn Psa>, ConnectError> {
        self.connection(connection).await?;
        Ok(Arc::clone(&self.psa) as Arc<dyn Psa>)
    }
    async fn erp(&self, connection: &str) -> Result<Arc<dyn Erp>, ConnectError> {
        self.connection(connection).await?;
        Ok(Arc::clone(&self.erp) as Arc<dyn Erp>)
    }
    async fn polled(&self, connection: &str) -> Result<Arc<dyn Polled>, ConnectError> {
        self.connection(connection).await?;
        Ok(Arc::clone(&self.erp) as Arc<dyn Polled>)
    }
}
