//! Products that answer at once; the ERP tells of a posting before its own call has returned.

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
use connectors::{CallError, CallErrorKind, Idempotency, Operation, Performs};
use domain::activation::CustomerFacts;
use domain::credit_memo::{IssuedCredit, PostedCredit};
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{CreditMemoId, EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::{Currency, Money};
use domain::quote::Quote;
use domain::routing::Selects;
use domain::setup::{HeldPlan, HeldProject};
use futures::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;

const SEARCH: Idempotency = Idempotency::SearchThenCreate { settles_within: Duration::ZERO };

/// What happens once, inside of the call that posts an invoice.
pub type During = Box<dyn FnOnce(PostedInvoice) -> BoxFuture<'static, ()> + Send>;

/// An ERP with books, and a CRM and a PSA that take what is written to them.
#[derive(Default)]
pub struct Product {
    pub invoices: Mutex<BTreeMap<InvoiceId, PostedInvoice>>,
    pub during_posting: Mutex<Option<During>>,
    pub posting_is_silent: Mutex<bool>,
    pub postings: Mutex<u32>,
    /// What every attempt to make an invoice comes to, until told otherwise.
    pub making_fails: Mutex<Option<CallErrorKind>>,
    pub credits: Mutex<BTreeMap<CreditMemoId, PostedCredit>>,
    /// What was set off, by credit memo.
    pub set_off: Mutex<BTreeMap<CreditMemoId, Money>>,
    /// Credit notes that somebody issued by hand, by record.
    pub by_hand: Mutex<BTreeMap<String, IssuedCredit>>,
    pub credit_is_refused: Mutex<bool>,
    pub credit_is_silent: Mutex<bool>,
    pub credits_made: Mutex<u32>,
    /// What each booking of cash came to, in the order in which they were made.
    pub bookings: Mutex<Vec<(String, Money)>>,
    /// What the next booking of cash meets.
    pub booking_fails: Mutex<Option<Silence>>,
}

/// A call that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It never had its effect.
    Before,
    /// It had its effect.
    After,
}

fn error(kind: CallErrorKind, operation: &'static str) -> CallError {
    CallError { kind, connection: "stand-in".into(), operation, detail: "on order".into() }
}

/// Every answer names the sample deal, which is what the CRM must answer.
macro_rules! answers {
    ($($operation:ty),*) => {$(
        #[async_trait]
        impl Performs<$operation> for Product {
            fn idempotency(&self) -> Idempotency {
                SEARCH
            }
            async fn find(&self, _: &$operation) -> Result<Option<Reference>, CallError> {
                Ok(None)
            }
            async fn perform(&self, _: &$operation, _: &str) -> Result<Reference, CallError> {
                Ok(Reference { record: "123".into() })
            }
            async fn undo(&self, _: &$operation, _: &Reference) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
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
    LinkCustomer
);

#[async_trait]
impl Performs<ApplyPayment> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, apply: &ApplyPayment) -> Result<Option<Reference>, CallError> {
        let bookings = self.bookings.lock().unwrap();
        Ok(bookings.iter().any(|(id, _)| *id == apply.booking).then(|| Reference { record: "b1".into() }))
    }
    async fn perform(&self, apply: &ApplyPayment, _: &str) -> Result<Reference, CallError> {
        let silence = self.booking_fails.lock().unwrap().take();
        if silence != Some(Silence::Before) {
            self.bookings.lock().unwrap().push((apply.booking.clone(), apply.total().unwrap()));
        }
        match silence {
            Some(_) => Err(error(CallErrorKind::Unknown, ApplyPayment::NAME)),
            None => Ok(Reference { record: "b1".into() }),
        }
    }
    async fn undo(&self, _: &ApplyPayment, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("it is booked".into()))
    }
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
        let records = create.roles.iter().map(|role| (role.key.clone(), format!("resource-{}", role.role)));
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
    async fn perform(&self, _: &CreateCustomer, _: &str) -> Result<CustomerRecord, CallError> {
        Err(error(CallErrorKind::Refused, CreateCustomer::NAME))
    }
    async fn undo(&self, _: &CreateCustomer, _: &CustomerRecord) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<CreateInvoice> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, create: &CreateInvoice) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoices.lock().unwrap().get(&create.invoice).cloned())
    }
    async fn perform(&self, create: &CreateInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        if let Some(kind) = *self.making_fails.lock().unwrap() {
            return Err(error(kind, CreateInvoice::NAME));
        }
        let mut invoices = self.invoices.lock().unwrap();
        let draft = PostedInvoice {
            record: (invoices.len() + 1).to_string(),
            posted: false,
            number: None,
            invoiced_on: None,
            untaxed: create.untaxed,
            tax: Money::zero(create.untaxed.currency()),
            total: create.untaxed,
            open: create.untaxed,
        };
        assert!(invoices.insert(create.invoice.clone(), draft.clone()).is_none(), "made once");
        Ok(draft)
    }
    async fn undo(&self, _: &CreateInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<PostInvoice> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, post: &PostInvoice) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoices.lock().unwrap().get(&post.invoice).filter(|i| i.posted).cloned())
    }
    async fn perform(&self, post: &PostInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        let posted = {
            let mut invoices = self.invoices.lock().unwrap();
            let draft = invoices.get_mut(&post.invoice).expect("a draft");
            draft.posted = true;
            draft.number = Some(format!("INV2026-{:0>5}", draft.record));
            draft.invoiced_on = Some(jiff::civil::date(2026, 11, 21));
            draft.clone()
        };
        *self.postings.lock().unwrap() += 1;
        let during = self.during_posting.lock().unwrap().take();
        if let Some(during) = during {
            during(posted.clone()).await;
        }
        match std::mem::take(&mut *self.posting_is_silent.lock().unwrap()) {
            true => Err(error(CallErrorKind::Unknown, PostInvoice::NAME)),
            false => Ok(posted),
        }
    }
    async fn undo(&self, _: &PostInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<CreateCreditMemo> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, create: &CreateCreditMemo) -> Result<Option<PostedCredit>, CallError> {
        Ok(self.credits.lock().unwrap().get(&create.credit_memo).cloned())
    }
    async fn perform(&self, create: &CreateCreditMemo, _: &str) -> Result<PostedCredit, CallError> {
        if *self.credit_is_refused.lock().unwrap() {
            return Err(error(CallErrorKind::Refused, CreateCreditMemo::NAME));
        }
        let mut credits = self.credits.lock().unwrap();
        let currency = create.untaxed.currency();
        let untaxed = Money::total(currency, create.lines.iter().map(|l| l.amount)).unwrap();
        let draft = PostedCredit {
            record: format!("c{}", credits.len() + 1),
            posted: false,
            number: None,
            credited_on: None,
            untaxed,
            tax: Money::zero(currency),
            total: untaxed,
        };
        *self.credits_made.lock().unwrap() += 1;
        assert!(credits.insert(create.credit_memo.clone(), draft.clone()).is_none(), "made once");
        match std::mem::take(&mut *self.credit_is_silent.lock().unwrap()) {
            true => Err(error(CallErrorKind::Unknown, CreateCreditMemo::NAME)),
            false => Ok(draft),
        }
    }
    async fn undo(&self, create: &CreateCreditMemo, _: &PostedCredit) -> Result<Undone, CallError> {
        self.credits.lock().unwrap().remove(&create.credit_memo);
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<PostCreditMemo> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, post: &PostCreditMemo) -> Result<Option<PostedCredit>, CallError> {
        Ok(self.credits.lock().unwrap().get(&post.credit_memo).filter(|c| c.posted).cloned())
    }
    async fn perform(&self, post: &PostCreditMemo, _: &str) -> Result<PostedCredit, CallError> {
        let mut credits = self.credits.lock().unwrap();
        let draft = credits.get_mut(&post.credit_memo).expect("a draft");
        draft.posted = true;
        draft.number = Some(format!("CN2026-{}", draft.record));
        draft.credited_on = Some(jiff::civil::date(2026, 11, 22));
        Ok(draft.clone())
    }
    async fn undo(&self, _: &PostCreditMemo, _: &PostedCredit) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("it is posted".into()))
    }
}

#[async_trait]
impl Performs<SetOffCreditMemo> for Product {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, _: &SetOffCreditMemo) -> Result<Option<Reference>, CallError> {
        Ok(None)
    }
    async fn perform(&self, set_off: &SetOffCreditMemo, _: &str) -> Result<Reference, CallError> {
        let before = self.set_off.lock().unwrap().insert(set_off.credit_memo.clone(), set_off.amount);
        assert!(before.is_none(), "set off once");
        Ok(Reference { record: "s1".into() })
    }
    async fn undo(&self, _: &SetOffCreditMemo, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("it is booked".into()))
    }
}

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
        Err(error(CallErrorKind::Refused, "read quote"))
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
        _: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        Ok(None)
    }
}

#[async_trait]
impl Erp for Product {
    fn connection(&self) -> &str {
        "tryton-us"
    }
    async fn customers_like(&self, _: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        Err(error(CallErrorKind::Refused, "search customer"))
    }
    async fn customer_facts(&self, _: &str) -> Result<CustomerFacts, CallError> {
        Err(error(CallErrorKind::Refused, "read customer"))
    }
    async fn held_plan(&self, _: &EngagementId, _: Currency) -> Result<Option<HeldPlan>, CallError> {
        Ok(None)
    }
    async fn invoice(&self, invoice: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoices.lock().unwrap().get(invoice).cloned())
    }
    async fn issued_credit(&self, record: &str) -> Result<Option<IssuedCredit>, CallError> {
        if let Some(found) = self.by_hand.lock().unwrap().get(record) {
            return Ok(Some(found.clone()));
        }
        let credits = self.credits.lock().unwrap();
        let found = credits.iter().find(|(_, credit)| credit.record == record);
        Ok(found.map(|(id, credit)| IssuedCredit {
            credit: credit.clone(),
            carries: Some(id.to_string()),
            invoices: vec![],
            customer: None,
        }))
    }
    async fn invoice_numbered(&self, number: &str) -> Result<Option<InvoiceId>, CallError> {
        let invoices = self.invoices.lock().unwrap();
        Ok(invoices.iter().find(|(_, i)| i.number.as_deref() == Some(number)).map(|(id, _)| id.clone()))
    }
}

/// The same product in every role of the sample tenant.
pub fn connections(product: &Arc<Product>) -> runtime::fake::FakeConnections {
    let mut known = runtime::fake::FakeConnections::default();
    let config = domain::sample::config();
    let given = |selects| config.routing.ever_given(selects).into_iter().map(str::to_owned);
    for crm in given(Selects::Crm) {
        known.crm.insert(crm, product.clone());
    }
    for psa in given(Selects::Psa) {
        known.psa.insert(psa, product.clone());
    }
    for erp in given(Selects::Erp) {
        known.erp.insert(erp, product.clone());
    }
    known.tenants.insert("northwind".into(), Arc::new(config));
    known
}
