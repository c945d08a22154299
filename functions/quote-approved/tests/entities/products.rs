//! Products of different makers: each knows its own connection, repeats in its own way, and its
//! books take one currency and one tax code only.

use std::collections::BTreeMap;
use std::sync::Mutex;
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
use domain::Contract;
use domain::activation::CustomerFacts;
use domain::contract::RateCard;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::{Currency, Money};
use domain::quote::Quote;
use domain::setup::{HeldPlan, HeldProject, positions};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

const SETTLES: Duration = Duration::ZERO;
/// A product that refuses our ID twice, and one that must be asked.
pub const REFUSES: Idempotency = Idempotency::RefusedTwice { settles_within: SETTLES };
pub const IS_ASKED: Idempotency = Idempotency::SearchThenCreate { settles_within: SETTLES };

/// What the books of an ERP are kept in.
pub struct BooksOf {
    pub currency: &'static str,
    pub tax_code: &'static str,
    pub tax_percent: i64,
}

/// What a product holds of an engagement.
#[derive(Default)]
pub struct Held {
    pub budget: Option<Money>,
    pub milestones: BTreeMap<String, Money>,
    pub rate_card: RateCard,
    pub positions: BTreeMap<String, Money>,
    /// The version of the contract that the billing plan was brought to last.
    pub version: u32,
}

/// One account at one product, in whatever role it is connected.
pub struct Product {
    pub connection: &'static str,
    pub idempotency: Idempotency,
    pub books: Option<BooksOf>,
    pub quotes: Mutex<BTreeMap<String, Quote>>,
    /// Every write: the operation, and the ID of ours that the record carries.
    pub writes: Mutex<Vec<(&'static str, String)>>,
    pub invoices: Mutex<BTreeMap<InvoiceId, PostedInvoice>>,
    pub held: Mutex<BTreeMap<EngagementId, Held>>,
    pub customers: Mutex<Vec<ErpCustomer>>,
}

impl Product {
    pub fn new(connection: &'static str, idempotency: Idempotency, books: Option<BooksOf>) -> Self {
        let (quotes, writes, invoices) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (held, customers) = (Mutex::default(), Mutex::default());
        Self { connection, idempotency, books, quotes, writes, invoices, held, customers }
    }

    /// The IDs that records made by an operation carry.
    pub fn made(&self, operation: &str) -> Vec<String> {
        let writes = self.writes.lock().unwrap();
        writes.iter().filter(|(name, _)| *name == operation).map(|(_, id)| id.clone()).collect()
    }

    fn refuse(&self, operation: &'static str, detail: String) -> CallError {
        CallError { kind: CallErrorKind::Refused, connection: self.connection.into(), operation, detail }
    }

    fn hold(&self, engagement: &EngagementId, change: impl FnOnce(&mut Held)) -> String {
        change(self.held.lock().unwrap().entry(engagement.clone()).or_default());
        engagement.to_string()
    }

    fn plan(&self, engagement: &EngagementId, contract: &Contract) -> String {
        self.hold(engagement, |held| {
            held.positions = positions(contract);
            held.version = contract.version;
        })
    }

    fn write(&self, operation: &'static str, id: &str) -> String {
        let mut writes = self.writes.lock().unwrap();
        writes.push((operation, id.to_owned()));
        format!("{}-{}", self.connection, writes.len())
    }
}

macro_rules! takes {
    ($($operation:ty: $id:expr;)*) => {$(
        #[async_trait]
        impl Performs<$operation> for Product {
            fn idempotency(&self) -> Idempotency {
                self.idempotency
            }
            async fn find(&self, _: &$operation) -> Result<Option<Reference>, CallError> {
                Ok(None)
            }
            async fn perform(&self, operation: &$operation, _: &str) -> Result<Reference, CallError> {
                let id: fn(&Self, &$operation) -> String = $id;
                let id = id(self, operation);
                Ok(Reference { record: self.write(<$operation>::NAME, &id) })
            }
            async fn undo(&self, _: &$operation, _: &Reference) -> Result<Undone, CallError> {
                Ok(Undone::Removed)
            }
        }
    )*};
}

takes! {
    WriteInvoiceStatus: |_, o| o.invoice.to_string();
    CreateProject: |p, o| p.hold(&o.engagement, |held| held.budget = Some(o.budget));
    CreateTask: |_, o| o.engagement.to_string();
    CreateMilestone: |p, o| p.hold(&o.engagement, |held| {
        held.milestones.insert(o.milestone.key.clone(), o.milestone.amount);
    });
    CreateRateCard: |p, o| p.hold(&o.engagement, |held| held.rate_card = o.rate_card.clone());
    CreateBillingPlan: |p, o| p.plan(&o.engagement, &o.contract);
    SetBudget: |_, o| o.project.clone();
    ChangeMilestone: |p, o| p.hold(&o.engagement, |held| {
        held.milestones.extend(o.after.iter().map(|m| (m.key.clone(), m.amount)));
    });
    SetRateCard: |p, o| p.hold(&o.engagement, |held| held.rate_card = o.after.clone());
    LinkCustomer: |_, o| o.account.clone();
    ApplyPayment: |_, o| o.booking.clone();
}

#[async_trait]
impl Performs<WriteDealStatus> for Product {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: SETTLES }
    }
    async fn find(&self, _: &WriteDealStatus) -> Result<Option<Reference>, CallError> {
        Ok(None)
    }
    async fn perform(&self, write: &WriteDealStatus, _: &str) -> Result<Reference, CallError> {
        self.write(WriteDealStatus::NAME, write.engagement.as_str());
        Ok(Reference { record: write.deal.clone() })
    }
    async fn undo(&self, _: &WriteDealStatus, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<AmendBillingPlan> for Product {
    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }
    async fn find(&self, _: &AmendBillingPlan) -> Result<Option<Reference>, CallError> {
        Ok(None)
    }
    async fn perform(&self, amend: &AmendBillingPlan, _: &str) -> Result<Reference, CallError> {
        self.write(AmendBillingPlan::NAME, &self.plan(&amend.engagement, &amend.to));
        Ok(Reference { record: amend.plan.clone() })
    }
    async fn undo(&self, _: &AmendBillingPlan, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<CreateAssignments> for Product {
    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }
    async fn find(&self, _: &CreateAssignments) -> Result<Option<Assigned>, CallError> {
        Ok(None)
    }
    async fn perform(&self, create: &CreateAssignments, _: &str) -> Result<Assigned, CallError> {
        self.write(CreateAssignments::NAME, create.engagement.as_str());
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
        self.idempotency
    }
    async fn find(&self, _: &CreateCustomer) -> Result<Option<CustomerRecord>, CallError> {
        Ok(None)
    }
    async fn perform(&self, create: &CreateCustomer, _: &str) -> Result<CustomerRecord, CallError> {
        let adopted = create.account.is_some();
        let record = match &create.account {
            Some(account) => account.clone(),
            None => self.write(CreateCustomer::NAME, create.customer.as_str()),
        };
        let account = ErpCustomer {
            account: record.clone(),
            carries: Some(create.customer.to_string()),
            name: create.record.name.clone(),
            ..ErpCustomer::default()
        };
        self.customers.lock().unwrap().push(account);
        let address = format!("{record}/1");
        Ok(CustomerRecord { record, address, tax_registration: None, adopted })
    }
    async fn undo(&self, _: &CreateCustomer, _: &CustomerRecord) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<CreateInvoice> for Product {
    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }
    async fn find(&self, create: &CreateInvoice) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoices.lock().unwrap().get(&create.invoice).cloned())
    }
    async fn perform(&self, create: &CreateInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        let books = self.books.as_ref().expect("only an ERP is asked");
        let given = (create.untaxed.currency().code(), create.tax_code.as_str());
        if given != (books.currency, books.tax_code) {
            return Err(self.refuse(CreateInvoice::NAME, format!("{given:?} is not of these books")));
        }
        if !create.customer.record.starts_with(self.connection) {
            return Err(self.refuse(CreateInvoice::NAME, format!("no customer {}", create.customer.record)));
        }
        let record = self.write(CreateInvoice::NAME, create.invoice.as_str());
        let percent = Decimal::from(books.tax_percent);
        let tax = Money::rounded(
            create.untaxed.amount() * percent / Decimal::ONE_HUNDRED,
            create.untaxed.currency(),
        );
        let total = create.untaxed.plus(tax).expect("one currency");
        let untaxed = create.untaxed;
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
        self.invoices.lock().unwrap().insert(create.invoice.clone(), draft.clone());
        Ok(draft)
    }
    async fn undo(&self, _: &CreateInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<PostInvoice> for Product {
    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }
    async fn find(&self, post: &PostInvoice) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoices.lock().unwrap().get(&post.invoice).filter(|i| i.posted).cloned())
    }
    async fn perform(&self, post: &PostInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        let mut invoices = self.invoices.lock().unwrap();
        let number = format!("{}/{}", self.connection, invoices.len());
        let draft = invoices.get_mut(&post.invoice).expect("a draft");
        draft.posted = true;
        draft.number = Some(number);
        Ok(draft.clone())
    }
    async fn undo(&self, _: &PostInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("it is posted".into()))
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
        self.connection
    }
    async fn quote_of(&self, deal: &str) -> Result<Quote, CallError> {
        let quote = self.quotes.lock().unwrap().get(deal).cloned();
        quote.ok_or_else(|| self.refuse("read quote", format!("no deal {deal}")))
    }
}

#[async_trait]
impl Psa for Product {
    fn connection(&self) -> &str {
        self.connection
    }
    async fn held_project(
        &self,
        engagement: &EngagementId,
        _: Currency,
        on: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        let held = self.held.lock().unwrap();
        let Some(held) = held.get(engagement) else { return Ok(None) };
        let card = &held.rate_card;
        let rates =
            card.rates.iter().filter_map(|r| Some((r.role.clone(), card.in_force(&r.role, on)?.hourly)));
        Ok(Some(HeldProject {
            budget: held.budget,
            milestones: held.milestones.clone(),
            rates: rates.collect(),
        }))
    }
}

#[async_trait]
impl Erp for Product {
    fn connection(&self) -> &str {
        self.connection
    }
    async fn customers_like(&self, _: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        Ok(self.customers.lock().unwrap().clone())
    }
    async fn customer_facts(&self, _: &str) -> Result<CustomerFacts, CallError> {
        Ok(CustomerFacts::default())
    }
    async fn held_plan(&self, engagement: &EngagementId, _: Currency) -> Result<Option<HeldPlan>, CallError> {
        let held = self.held.lock().unwrap();
        Ok(held.get(engagement).map(|held| HeldPlan { positions: held.positions.clone() }))
    }
    async fn invoice(&self, invoice: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        Ok(self.invoices.lock().unwrap().get(invoice).cloned())
    }
    async fn issued_credit(&self, _: &str) -> Result<Option<domain::credit_memo::IssuedCredit>, CallError> {
        Ok(None)
    }
    async fn invoice_numbered(&self, number: &str) -> Result<Option<InvoiceId>, CallError> {
        let invoices = self.invoices.lock().unwrap();
        Ok(invoices.iter().find(|(_, i)| i.number.as_deref() == Some(number)).map(|(id, _)| id.clone()))
    }
}

runtime::takes_no_credit_memos!(Product);
