//! Products that answer at once and count what is written to them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use connectors::inbound::Translated;
use connectors::operation::{
    AmendBillingPlan, ApplyPayment, Assigned, ChangeMilestone, CreateAssignments, CreateBillingPlan,
    CreateCustomer, CreateInvoice, CreateMilestone, CreateProject, CreateRateCard, CreateTask,
    CustomerRecord, LinkCustomer, PostInvoice, Reference, SetBudget, SetRateCard, Undone, WriteDealStatus,
    WriteInvoiceStatus,
};
use connectors::role::{Crm, Erp, Polled, Psa};
use connectors::{CallError, CallErrorKind, Idempotency, Operation, Performs};
use domain::activation::CustomerFacts;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::Currency;
use domain::quote::Quote;
use domain::routing::Selects;
use domain::sample;
use domain::setup::{HeldPlan, HeldProject};
use jiff::civil::Date;

const UPSERT: Idempotency = Idempotency::Upsert { settles_within: Duration::ZERO };

/// A product in every role, with one quote.
pub struct Product {
    pub quote: Mutex<Quote>,
    pub writes: Mutex<Vec<&'static str>>,
}

impl Product {
    pub fn selling(quote: Quote) -> Arc<Self> {
        Arc::new(Self { quote: Mutex::new(quote), writes: Mutex::default() })
    }

    pub fn written(&self, operation: &str) -> usize {
        self.writes.lock().unwrap().iter().filter(|w| **w == operation).count()
    }

    pub fn is_untouched(&self) -> bool {
        self.writes.lock().unwrap().is_empty()
    }
}

/// What an operation leaves: the sample deal's number will do for every record.
trait Answers: Operation {
    fn answer(&self) -> Self::Record;
}

macro_rules! answers {
    ($($operation:ty),*) => {$(
        impl Answers for $operation {
            fn answer(&self) -> Reference {
                Reference { record: "123".into() }
            }
        }
    )*};
}

answers!(
    WriteDealStatus,
    WriteInvoiceStatus,
    CreateProject,
    CreateTask,
    CreateMilestone,
    CreateRateCard,
    CreateBillingPlan,
    AmendBillingPlan,
    SetBudget,
    ChangeMilestone,
    SetRateCard,
    ApplyPayment,
    LinkCustomer
);

impl Answers for CreateAssignments {
    fn answer(&self) -> Assigned {
        let records = self.roles.iter().map(|role| (role.key.clone(), format!("resource-{}", role.role)));
        Assigned { project: self.project.clone(), records: records.collect() }
    }
}

impl Answers for CreateCustomer {
    fn answer(&self) -> CustomerRecord {
        let tax_registration = self.record.tax_registration.clone();
        CustomerRecord { record: "3".into(), address: "4".into(), tax_registration, adopted: false }
    }
}

macro_rules! performs {
    ($($operation:ty),*) => {$(
        #[async_trait]
        impl Performs<$operation> for Product {
            fn idempotency(&self) -> Idempotency {
                UPSERT
            }
            async fn find(
                &self,
                _: &$operation,
            ) -> Result<Option<<$operation as Operation>::Record>, CallError> {
                Ok(None)
            }
            async fn perform(
                &self,
                operation: &$operation,
                _: &str,
            ) -> Result<<$operation as Operation>::Record, CallError> {
                self.writes.lock().unwrap().push(<$operation>::NAME);
                Ok(operation.answer())
            }
            async fn undo(
                &self,
                _: &$operation,
                _: &<$operation as Operation>::Record,
            ) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
            }
        }
    )*};
}

performs!(
    WriteDealStatus,
    WriteInvoiceStatus,
    CreateProject,
    CreateTask,
    CreateMilestone,
    CreateRateCard,
    CreateBillingPlan,
    AmendBillingPlan,
    SetBudget,
    ChangeMilestone,
    SetRateCard,
    ApplyPayment,
    LinkCustomer,
    CreateAssignments,
    CreateCustomer
);

fn not_here(operation: &'static str) -> CallError {
    let (connection, detail) = ("stand-in".into(), "nothing is invoiced here".into());
    CallError { kind: CallErrorKind::Refused, connection, operation, detail }
}

macro_rules! refuses {
    ($($operation:ty),*) => {$(
        #[async_trait]
        impl Performs<$operation> for Product {
            fn idempotency(&self) -> Idempotency {
                UPSERT
            }
            async fn find(&self, _: &$operation) -> Result<Option<PostedInvoice>, CallError> {
                Ok(None)
            }
            async fn perform(&self, _: &$operation, _: &str) -> Result<PostedInvoice, CallError> {
                Err(not_here(<$operation>::NAME))
            }
            async fn undo(&self, _: &$operation, _: &PostedInvoice) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
            }
        }
    )*};
}

refuses!(CreateInvoice, PostInvoice);

#[async_trait]
impl Polled for Product {
    fn overlap(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::ZERO
    }
    async fn changes_since(&self, _: jiff::Timestamp) -> Result<Vec<Translated>, CallError> {
        Ok(vec![])
    }
}

#[async_trait]
impl Crm for Product {
    fn connection(&self) -> &str {
        "hubspot-main"
    }
    async fn quote_of(&self, _: &str) -> Result<Quote, CallError> {
        Ok(self.quote.lock().unwrap().clone())
    }
}

#[async_trait]
impl Psa for Product {
    fn connection(&self) -> &str {
        "kantata-main"
    }
    async fn held_project(
        &self,
        _: &EngagementId,
        _: Currency,
        on: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        Ok(Some(sample::held_project(&self.quote.lock().unwrap(), on)))
    }
}

#[async_trait]
impl Erp for Product {
    fn connection(&self) -> &str {
        "tryton-us"
    }
    async fn customers_like(&self, _: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        Ok(vec![])
    }
    async fn customer_facts(&self, _: &str) -> Result<CustomerFacts, CallError> {
        Ok(CustomerFacts::default())
    }
    async fn held_plan(&self, _: &EngagementId, _: Currency) -> Result<Option<HeldPlan>, CallError> {
        Ok(Some(sample::held_plan(&self.quote.lock().unwrap())))
    }
    async fn invoice(&self, _: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        Ok(None)
    }
    async fn issued_credit(&self, _: &str) -> Result<Option<domain::credit_memo::IssuedCredit>, CallError> {
        Ok(None)
    }
    async fn invoice_numbered(&self, _: &str) -> Result<Option<InvoiceId>, CallError> {
        Ok(None)
    }
}

/// The same product in every role of the sample tenant.
pub fn connections(product: &Arc<Product>) -> runtime::fake::FakeConnections {
    let mut known = runtime::fake::FakeConnections::default();
    let config = domain::sample::config();
    for crm in config.routing.ever_given(Selects::Crm) {
        known.crm.insert(crm.to_owned(), product.clone());
    }
    for psa in config.routing.ever_given(Selects::Psa) {
        known.psa.insert(psa.to_owned(), product.clone());
    }
    for erp in config.routing.ever_given(Selects::Erp) {
        known.erp.insert(erp.to_owned(), product.clone());
    }
    known.tenants.insert("northwind".into(), Arc::new(config));
    known
}

runtime::takes_no_credit_memos!(Product);
