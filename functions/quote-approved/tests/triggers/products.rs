//! Products that answer after others had a turn, make whatever they are asked for, and count it.

use std::collections::BTreeMap;
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
use domain::TenantConfig;
use domain::activation::CustomerFacts;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::Currency;
use domain::quote::Quote;
use domain::routing::Selects;
use domain::sample;
use domain::setup::{HeldPlan, HeldProject};
use jiff::Timestamp;
use jiff::civil::Date;
use runtime::fake::FakeConnections;

/// A CRM with one quote, and a PSA and an ERP that find nothing and make everything.
pub(crate) struct Products {
    pub(crate) quote: Mutex<Quote>,
    /// What the ERP holds of the billing plan, where that is not what was sold.
    pub(crate) plan: Mutex<Option<HeldPlan>>,
    /// What the PSA holds of the project, where that is not what was sold.
    pub(crate) project: Mutex<Option<HeldProject>>,
    made: Mutex<BTreeMap<&'static str, usize>>,
}

impl Default for Products {
    fn default() -> Self {
        let (plan, project, made) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { quote: Mutex::new(sample::quote()), plan, project, made }
    }
}

impl Products {
    /// How many records were made by an operation.
    pub(crate) fn made<O: Operation>(&self) -> usize {
        self.made.lock().unwrap().get(O::NAME).copied().unwrap_or(0)
    }

    /// How many records were made at all.
    pub(crate) fn made_anything(&self) -> bool {
        !self.made.lock().unwrap().is_empty()
    }

    async fn make(&self, what: &'static str) -> String {
        tokio::task::yield_now().await;
        let mut made = self.made.lock().unwrap();
        *made.entry(what).or_default() += 1;
        made.values().sum::<usize>().to_string()
    }
}

fn never(operation: &'static str) -> CallError {
    CallError {
        kind: CallErrorKind::Refused,
        connection: "stand-in".into(),
        operation,
        detail: "an activation does not ask for it".into(),
    }
}

macro_rules! makes {
    ($($operation:ty: |$asked:ident, $record:ident| $answer:expr => $result:ty),* $(,)?) => {$(
        #[async_trait]
        impl Performs<$operation> for Products {
            fn idempotency(&self) -> Idempotency {
                Idempotency::SearchThenCreate { settles_within: Duration::ZERO }
            }
            async fn find(&self, _: &$operation) -> Result<Option<$result>, CallError> {
                tokio::task::yield_now().await;
                Ok(None)
            }
            async fn perform(&self, $asked: &$operation, _: &str) -> Result<$result, CallError> {
                let $record = self.make(<$operation as Operation>::NAME).await;
                $answer
            }
            async fn undo(&self, _: &$operation, _: &$result) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
            }
        }
    )*};
}

makes!(
    WriteDealStatus: |asked, _record| Ok(Reference { record: asked.deal.clone() }) => Reference,
    WriteInvoiceStatus: |_asked, record| Ok(Reference { record }) => Reference,
    CreateProject: |_asked, record| Ok(Reference { record }) => Reference,
    CreateTask: |_asked, record| Ok(Reference { record }) => Reference,
    CreateMilestone: |_asked, record| Ok(Reference { record }) => Reference,
    CreateRateCard: |_asked, record| Ok(Reference { record }) => Reference,
    CreateBillingPlan: |_asked, record| Ok(Reference { record }) => Reference,
    AmendBillingPlan: |asked, _record| Ok(Reference { record: asked.plan.clone() }) => Reference,
    SetBudget: |_asked, record| Ok(Reference { record }) => Reference,
    ChangeMilestone: |_asked, record| Ok(Reference { record }) => Reference,
    SetRateCard: |_asked, record| Ok(Reference { record }) => Reference,
    LinkCustomer: |_asked, record| Ok(Reference { record }) => Reference,
    ApplyPayment: |_asked, record| Ok(Reference { record }) => Reference,
    CreateAssignments: |asked, record| Ok(Assigned {
        project: asked.project.clone(),
        records: asked.roles.iter().map(|role| (role.key.clone(), format!("{record}-{}", role.role))).collect(),
    }) => Assigned,
    CreateCustomer: |asked, record| Ok(CustomerRecord {
        address: format!("{record}-address"),
        record,
        tax_registration: asked.record.tax_registration.clone(),
        adopted: false,
    }) => CustomerRecord,
    CreateInvoice: |_asked, _record| Err(never(CreateInvoice::NAME)) => PostedInvoice,
    PostInvoice: |_asked, _record| Err(never(PostInvoice::NAME)) => PostedInvoice,
);

#[async_trait]
impl Polled for Products {
    fn overlap(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::ZERO
    }
    async fn changes_since(&self, _: Timestamp) -> Result<Vec<Translated>, CallError> {
        Ok(vec![])
    }
}

#[async_trait]
impl Crm for Products {
    fn connection(&self) -> &str {
        "hubspot-main"
    }
    async fn quote_of(&self, _: &str) -> Result<Quote, CallError> {
        tokio::task::yield_now().await;
        Ok(self.quote.lock().unwrap().clone())
    }
}

#[async_trait]
impl Psa for Products {
    fn connection(&self) -> &str {
        "kantata-main"
    }
    async fn held_project(
        &self,
        _: &EngagementId,
        _: Currency,
        on: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        let other = self.project.lock().unwrap().clone();
        Ok(Some(other.unwrap_or_else(|| sample::held_project(&self.quote.lock().unwrap(), on))))
    }
}

#[async_trait]
impl Erp for Products {
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
        let other = self.plan.lock().unwrap().clone();
        Ok(Some(other.unwrap_or_else(|| sample::held_plan(&self.quote.lock().unwrap()))))
    }
    async fn invoice(&self, _: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        Err(never("read invoice"))
    }
    async fn issued_credit(&self, _: &str) -> Result<Option<domain::credit_memo::IssuedCredit>, CallError> {
        Ok(None)
    }
    async fn invoice_numbered(&self, _: &str) -> Result<Option<InvoiceId>, CallError> {
        Err(never("find invoice"))
    }
}

/// The same products in every role of a tenant.
pub(crate) fn connections(products: &Arc<Products>, config: TenantConfig) -> FakeConnections {
    let mut known = FakeConnections::default();
    for crm in config.routing.ever_given(Selects::Crm) {
        known.crm.insert(crm.to_owned(), products.clone());
    }
    for psa in config.routing.ever_given(Selects::Psa) {
        known.psa.insert(psa.to_owned(), products.clone());
    }
    for erp in config.routing.ever_given(Selects::Erp) {
        known.erp.insert(erp.to_owned(), products.clone());
    }
    known.tenants.insert(config.tenant.clone(), Arc::new(config));
    known
}

runtime::takes_no_credit_memos!(Products);
