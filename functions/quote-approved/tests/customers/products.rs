//! Products that answer at once and keep a list of what they were asked to write.

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
use jiff::Timestamp;
use jiff::civil::Date;
use runtime::fake::FakeConnections;

const SEARCH: Idempotency = Idempotency::SearchThenCreate { settles_within: Duration::ZERO };

/// CRM, PSA and ERP in one.
pub struct Product {
    pub quote: Mutex<Quote>,
    pub accounts: Mutex<Vec<ErpCustomer>>,
    pub facts: Mutex<CustomerFacts>,
    /// Accounts whose credit was asked for.
    pub asked: Mutex<Vec<String>>,
    /// What was written, in order.
    pub written: Mutex<Vec<String>>,
}

impl Product {
    pub fn new(quote: Quote) -> Arc<Self> {
        Arc::new(Self {
            quote: Mutex::new(quote),
            accounts: Mutex::default(),
            facts: Mutex::default(),
            asked: Mutex::default(),
            written: Mutex::default(),
        })
    }

    fn write(&self, what: String) {
        self.written.lock().unwrap().push(what);
    }

    pub fn written(&self) -> Vec<String> {
        self.written.lock().unwrap().clone()
    }
}

fn never(operation: &'static str) -> CallError {
    CallError {
        kind: CallErrorKind::Refused,
        connection: "stand-in".into(),
        operation,
        detail: "not in these tests".into(),
    }
}

macro_rules! answers {
    ($($operation:ty => $record:expr,)*) => {$(
        #[async_trait]
        impl Performs<$operation> for Product {
            fn idempotency(&self) -> Idempotency {
                SEARCH
            }
            async fn find(&self, _: &$operation) -> Result<Option<Reference>, CallError> {
                Ok(None)
            }
            async fn perform(&self, operation: &$operation, _: &str) -> Result<Reference, CallError> {
                let record: fn(&$operation) -> String = $record;
                let record = record(operation);
                self.write(format!("{}: {record}", <$operation>::NAME));
                Ok(Reference { record })
            }
            async fn undo(&self, _: &$operation, _: &Reference) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
            }
        }
    )*};
}

answers! {
    WriteDealStatus => |write| write.deal.clone(),
    WriteInvoiceStatus => |_| "1".into(),
    CreateProject => |_| "6".into(),
    CreateTask => |_| "7".into(),
    CreateMilestone => |_| "8".into(),
    CreateRateCard => |_| "9".into(),
    CreateBillingPlan => |_| "5".into(),
    AmendBillingPlan => |amend| amend.plan.clone(),
    SetBudget => |set| set.project.clone(),
    ChangeMilestone => |_| "8".into(),
    SetRateCard => |_| "9".into(),
    LinkCustomer => |link| link.parent.clone(),
    ApplyPayment => |_| "1".into(),
}

#[async_trait]
impl Performs<CreateAssignments> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, _: &CreateAssignments) -> Result<Option<Assigned>, CallError> {
        Ok(None)
    }
    async fn perform(&self, create: &CreateAssignments, _: &str) -> Result<Assigned, CallError> {
        self.write(format!("{}: {}", CreateAssignments::NAME, create.project));
        let records = create
            .roles
            .iter()
            .map(|role| (role.key.clone(), format!("resource-{}-{}", role.service, role.role)));
        Ok(Assigned { project: create.project.clone(), records: records.collect() })
    }
    async fn undo(&self, _: &CreateAssignments, _: &Assigned) -> Result<Undone, CallError> {
        Ok(Undone::Kept("it goes with its project".into()))
    }
}

#[async_trait]
impl Performs<CreateCustomer> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, _: &CreateCustomer) -> Result<Option<CustomerRecord>, CallError> {
        Ok(None)
    }
    async fn perform(&self, create: &CreateCustomer, _: &str) -> Result<CustomerRecord, CallError> {
        // A new account is called after the company.
        let record = create.account.clone().unwrap_or_else(|| format!("new-{}", create.record.company));
        self.write(format!("{}: {record}", CreateCustomer::NAME));
        Ok(CustomerRecord {
            record,
            address: "4".into(),
            tax_registration: create.record.tax_registration.clone(),
            adopted: create.account.is_some(),
        })
    }
    async fn undo(&self, _: &CreateCustomer, _: &CustomerRecord) -> Result<Undone, CallError> {
        Ok(Undone::Kept("it owes nothing".into()))
    }
}

macro_rules! never {
    ($($operation:ty),*) => {$(
        #[async_trait]
        impl Performs<$operation> for Product {
            fn idempotency(&self) -> Idempotency {
                SEARCH
            }
            async fn find(&self, _: &$operation) -> Result<Option<PostedInvoice>, CallError> {
                Err(never(<$operation>::NAME))
            }
            async fn perform(&self, _: &$operation, _: &str) -> Result<PostedInvoice, CallError> {
                Err(never(<$operation>::NAME))
            }
            async fn undo(&self, _: &$operation, _: &PostedInvoice) -> Result<Undone, CallError> {
                Err(never(<$operation>::NAME))
            }
        }
    )*};
}

never!(CreateInvoice, PostInvoice);

#[async_trait]
impl Polled for Product {
    fn overlap(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::ZERO
    }
    async fn changes_since(&self, _: Timestamp) -> Result<Vec<Translated>, CallError> {
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
    /// An ERP that answers with every account it has: who is who is not its decision.
    async fn customers_like(&self, _: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        Ok(self.accounts.lock().unwrap().clone())
    }
    async fn customer_facts(&self, account: &str) -> Result<CustomerFacts, CallError> {
        self.asked.lock().unwrap().push(account.to_owned());
        Ok(self.facts.lock().unwrap().clone())
    }
    async fn held_plan(&self, _: &EngagementId, _: Currency) -> Result<Option<HeldPlan>, CallError> {
        Ok(Some(sample::held_plan(&self.quote.lock().unwrap())))
    }
    async fn invoice(&self, _: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        Err(never("read invoice"))
    }
    async fn issued_credit(&self, _: &str) -> Result<Option<domain::credit_memo::IssuedCredit>, CallError> {
        Ok(None)
    }
    async fn invoice_numbered(&self, _: &str) -> Result<Option<InvoiceId>, CallError> {
        Err(never("read invoice"))
    }
}

/// The product in every role of the sample tenant.
pub fn connections(product: &Arc<Product>) -> FakeConnections {
    let mut known = FakeConnections::default();
    let config = sample::config();
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
