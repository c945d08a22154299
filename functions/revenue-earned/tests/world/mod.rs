//! An active engagement in a table in memory, the functions that make lines of its work, and the clock.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::billing::line_of;
use domain::credit_memo::{
    CreditMemo, CreditMemoIssued, CreditMemoRequested, CreditMemoStatus, PostedCredit, Reduction,
};
use domain::event::RevenueScheduleUpdated;
use domain::id::{CreditMemoId, InvoiceId, LineId, WriteOffId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::revenue::{ClosedPeriods, RevenueEarned, schedule};
use domain::sample::{active, config, quote, support_line};
use domain::work::{MilestoneCompletion, TimeEntry};
use domain::write_off::WriteOffRequested;
use domain::{Engagement, Event, TenantConfig};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Journal, Key, Store, Versioned};
use recognise_revenue::recognise_due;
use revenue_earned::TellRevenue;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Credited, Failure, Handler, Outcome, Posting, record_credit};
use serde_json::json;
use uuid::Uuid;

pub const TENANT: &str = "northwind";
const BEGAN: &str = "2026-11-21T10:00:00Z";

pub struct World {
    pub store: Arc<MemoryStore>,
    clock: Arc<FakeClock>,
    config: Arc<TenantConfig>,
    engagement: Engagement,
}

/// The sample deal with support of 1,500.00 a month from April on.
fn sold() -> Engagement {
    let mut quote = quote();
    quote.lines.push(support_line("5", "S1", "1500.00", "2027-04-01", 12));
    active(&quote)
}

impl World {
    pub async fn new(change: impl FnOnce(&mut Engagement)) -> Self {
        Self::with(config(), change).await
    }

    /// A world in which the books are closed up to a month.
    pub async fn closed(until: &str) -> Self {
        let closed = ClosedPeriods { legal_entity: "NW-US".into(), closed_until: until.parse().unwrap() };
        Self::with(TenantConfig { accounting_periods: vec![closed], ..config() }, |_| {}).await
    }

    async fn with(config: TenantConfig, change: impl FnOnce(&mut Engagement)) -> Self {
        let store = Arc::new(MemoryStore::new());
        let mut engagement = sold();
        change(&mut engagement);
        let connection = json!({"body": json!({
            "connection": "kantata-main", "tenant": TENANT, "product": "kantata", "role": "psa",
            "base_url": "https://product.example", "secret_id": "s", "webhook_url": "https://api.example",
            "settings": {}}).to_string()});
        let item = Item::new(&Key::connection("kantata-main"), "config", TENANT, &connection).unwrap();
        store.fill([item.with("status_key", "config#connection").with("status_at", "kantata-main")]);
        let clock = Arc::new(FakeClock::at(BEGAN.parse().unwrap()));
        let world = Self { store, clock, config: Arc::new(config), engagement };
        let (journal, now) = (world.journal(), BEGAN.parse().unwrap());
        let (id, contract) = (&world.engagement.engagement, &world.engagement.contract);
        let schedule = schedule(contract, "2026-11-20".parse().unwrap()).unwrap();
        let commit = Commit::default()
            .write(journal.write_state(TENANT, &world.engagement, 0, now).unwrap())
            .write(journal.write_contract(TENANT, id, contract, Uuid::nil(), now).unwrap())
            .write(journal.write_revenue_schedule(TENANT, id, &schedule, Uuid::nil(), now).unwrap());
        assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
        world
    }

    fn journal(&self) -> Journal {
        Journal::new(self.store.clone())
    }

    pub fn context(&self, function: &'static str) -> Context {
        self.context_over(function, self.store.clone())
    }

    fn context_over(&self, function: &'static str, store: Arc<dyn Store>) -> Context {
        let mut connections = FakeConnections::default();
        connections.tenants.insert(TENANT.into(), Arc::clone(&self.config));
        context(function, store, &Arc::new(FakeBus::default()), &self.clock, connections)
    }

    fn reported(&self, delivery: &str, event: Event) -> Envelope {
        let (subject, now) = (self.engagement.engagement.as_str(), BEGAN.parse().unwrap());
        Envelope::reported(TENANT, "kantata-main", delivery, subject, now, event, Traceparent::start())
    }

    pub async fn approve(&self, entry: &TimeEntry) {
        let event = self.reported(&format!("time-{}", entry.entry), Event::TimeApproved(entry.clone()));
        let context = self.context("time-approved");
        let answers = time_approved::TimeApproved.handle(&context, vec![event]).await;
        assert_eq!(*answers[0].1.as_ref().unwrap(), Outcome::Applied);
    }

    pub async fn complete(&self, done: &MilestoneCompletion) {
        let event = self.reported(&done.record, Event::MilestoneCompleted(done.clone()));
        let context = self.context("milestone-completed");
        let answers = milestone_completed::MilestoneCompleted.handle(&context, vec![event]).await;
        assert_eq!(*answers[0].1.as_ref().unwrap(), Outcome::Applied);
    }

    /// Takes every ready line onto an invoice that the ERP posts on a day, as invoice-requested and
    /// invoice-posted leave it. Gives what announces that.
    pub async fn invoice(&self, invoiced_on: &str) -> Envelope {
        let (journal, now, owner) = (self.journal(), self.now(), &self.engagement.engagement);
        let id = InvoiceId::derive(&["one"]);
        let new = Invoice::request(&self.engagement, id.clone(), "one".into());
        let write = journal.write_invoice(TENANT, owner, &new, 0, now).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        let new = Versioned { version: 1, body: Some(new) };
        let collected = journal.collect_lines(TENANT, owner, new, &[], now).await.unwrap();
        let body = collected.body.unwrap();
        let posted = Invoice {
            status: InvoiceStatus::Posted,
            number: Some("INV-1".into()),
            invoiced_on: Some(invoiced_on.parse().unwrap()),
            tax: Some(Money::zero(body.untaxed.currency())),
            total: Some(body.untaxed),
            ..body
        };
        let write = journal.write_invoice(TENANT, owner, &posted, collected.version, now).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        self.reported("INV-1", posted.confirmed().unwrap().into())
    }

    /// Takes something off the invoice, as asking for it and the ERP's posting on a day leave it.
    pub async fn credit(&self, name: &str, lines: &[LineId], off: Option<Reduction>, rebill: bool) {
        let (journal, owner, now) = (self.journal(), &self.engagement.engagement, self.now());
        let invoice = InvoiceId::derive(&["one"]);
        let asked = CreditMemoRequested {
            dispute: None,
            credit_memo: CreditMemoId::derive(&[name]),
            invoice: invoice.clone(),
            lines: lines.to_vec(),
            reduction: off,
            reason: "agreed".into(),
            rebill,
            requested_by: "finance".into(),
        };
        let body = journal.invoice(TENANT, owner, &invoice).await.unwrap().body.unwrap();
        let billed = journal.invoice_lines(TENANT, owner, &invoice).await.unwrap();
        let earlier = journal.credit_memos_of(TENANT, owner, &invoice).await.unwrap();
        let memo = CreditMemo::request(&self.engagement, &body, &billed, &earlier, &asked).unwrap();
        let memo = memo.become_status(CreditMemoStatus::Approved).unwrap();
        let write = journal.write_credit_memo(TENANT, &memo, 0, now).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        let posted = PostedCredit {
            record: format!("record-{name}"),
            posted: true,
            number: Some(format!("CN-{name}")),
            credited_on: Some("2026-12-09".parse().unwrap()),
            untaxed: memo.untaxed,
            tax: Money::zero(memo.untaxed.currency()),
            total: memo.untaxed,
        };
        let told = CreditMemoIssued {
            connection: "tryton-us".into(),
            record: posted.record.clone(),
            credit_memo: Some(memo.credit_memo.clone()),
        };
        let event = self.reported(&posted.record, told.into());
        let posting = Posting { connection: "tryton-us", posted: &posted, entry: true, fence: None };
        let context = self.context("credit-memo-issued");
        let credited = record_credit(&context, &event, owner, &memo.credit_memo, posting).await.unwrap();
        assert_eq!(credited, Credited::Now);
    }

    pub async fn write_off(&self, line: &LineId) {
        let asked = WriteOffRequested {
            write_off: WriteOffId::derive(&[line.as_str()]),
            lines: vec![line.clone()],
            requested_by: "finance".into(),
            reason: "not accepted".into(),
        };
        let event = self.reported(&format!("write-off-{line}"), asked.into());
        let context = self.context("write-off-requested");
        let answers = write_off_requested::WriteOffRequested.handle(&context, vec![event]).await;
        assert_eq!(*answers[0].1.as_ref().unwrap(), Outcome::Applied);
    }

    /// The line of an approved entry.
    pub fn line(&self, entry: &str) -> LineId {
        line_of("kantata-main", "time", entry)
    }

    /// Announcements of credit memos that were taken off, and of lines that were written off.
    pub fn undoing(&self) -> Vec<Envelope> {
        let undoes =
            |e: &Envelope| matches!(e.event, Event::CreditMemoApplied(_) | Event::WriteOffRecorded(_));
        self.sent().into_iter().filter(undoes).collect()
    }

    /// What is earned in all.
    pub fn earned(&self) -> Money {
        let currency = self.engagement.contract.currency;
        Money::total(currency, self.told().iter().map(|e| e.amount)).unwrap()
    }

    /// What announces the schedule.
    pub fn planned(&self) -> Envelope {
        let schedule = schedule(&self.engagement.contract, "2026-11-20".parse().unwrap()).unwrap();
        let engagement = self.engagement.engagement.clone();
        self.reported("schedule-1", RevenueScheduleUpdated { engagement, schedule }.into())
    }

    pub async fn plan(&self) {
        assert_eq!(self.deliver(&self.planned()).await.unwrap(), Outcome::Applied);
    }

    pub async fn deliver(&self, event: &Envelope) -> Result<Outcome, Failure> {
        self.deliver_over(self.store.clone(), event).await
    }

    pub async fn deliver_over(&self, store: Arc<dyn Store>, event: &Envelope) -> Result<Outcome, Failure> {
        let context = self.context_over("revenue-earned", store);
        TellRevenue.handle(&context, vec![event.clone()]).await.remove(0).1
    }

    /// Announcements of lines that are on their way.
    pub fn ready(&self) -> Vec<Envelope> {
        let mut ready: Vec<Envelope> =
            self.sent().into_iter().filter(|e| matches!(e.event, Event::BillingReady(_))).collect();
        ready.sort_by_key(|e| e.id);
        ready
    }

    /// Delivers them all in one batch.
    pub async fn deliver_all(&self) -> Vec<Outcome> {
        let context = self.context("revenue-earned");
        let answers = TellRevenue.handle(&context, self.ready()).await;
        answers.into_iter().map(|(_, outcome)| outcome.unwrap()).collect()
    }

    pub async fn recognise(&self) -> usize {
        let told = recognise_due(&self.context("recognise-revenue")).await;
        runtime::verdict(told.unwrap()).unwrap().iter().map(|r| r.told).sum()
    }

    pub async fn recognise_over(&self, store: Arc<dyn Store>) {
        let _ = recognise_due(&self.context_over("recognise-revenue", store)).await;
    }

    pub fn now(&self) -> Timestamp {
        workflow::Clock::now(self.clock.as_ref())
    }

    pub fn pass_to(&self, moment: &str) {
        self.clock.pass(moment.parse::<Timestamp>().unwrap().duration_since(self.now()));
    }

    /// Revenue events that are kept, by month and element.
    pub fn told(&self) -> Vec<RevenueEarned> {
        let items = self.store.items();
        let told = items.iter().filter(|i| i.text("kind") == Some("revenue"));
        sorted(told.map(|i| i.body().unwrap()).collect())
    }

    /// Revenue events that commits left to be sent.
    pub fn announced(&self) -> Vec<RevenueEarned> {
        let told = self.sent().into_iter().filter_map(|e| match e.event {
            Event::RevenueEarned(told) => Some(told),
            _ => None,
        });
        sorted(told.collect())
    }

    pub fn sent(&self) -> Vec<Envelope> {
        let items = self.store.items();
        let outboxes = items.iter().filter_map(|i| i.text("outbox"));
        outboxes.flat_map(|o| serde_json::from_str::<Vec<Envelope>>(o).unwrap()).collect()
    }

    /// Status and stake of each exception of a kind.
    pub fn exceptions(&self, code: ProblemCode) -> Vec<(String, Money)> {
        let items = self.store.items();
        let raised = items.iter().filter(|i| i.text("code") == Some(code.as_str()));
        raised
            .map(|i| {
                let stake = serde_json::from_value(i.0["at_stake"].clone()).unwrap();
                (i.text("status").unwrap().to_owned(), stake)
            })
            .collect()
    }

    /// Somebody settles what waits.
    pub async fn settle(&self) {
        let (journal, subject) = (self.journal(), self.engagement.engagement.as_str());
        let writes = journal.settle_exceptions(TENANT, subject, "revenue", &[], self.now()).await.unwrap();
        let commit = Commit { writes, ..Commit::default() };
        assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    }
}

fn sorted(mut told: Vec<RevenueEarned>) -> Vec<RevenueEarned> {
    told.sort_by_key(|e| (e.period, e.element.clone(), e.revenue.clone()));
    told
}
