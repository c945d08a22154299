//! An active engagement, the functions that bill it, and products that answer at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::billing::LineStatus;
use domain::billing::hold::{HoldRequested, HoldTarget, ReleaseRequested};
use domain::event::InvoiceRequested as Requested;
use domain::id::{EngagementId, InvoiceId, LineId};
use domain::invoice::Invoice;
use domain::problem::Owner;
use domain::sample::{active, config, entry, quote};
use domain::{Event, TenantConfig};
use events::{Envelope, Traceparent};
use hold_requested::Holds;
use invoice_requested::InvoiceRequested;
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Comparison, Item, Journal, LineRecord};
use milestone_completed::MilestoneCompleted;
use publish_outbox::publish;
use runtime::fake::{FakeBus, FakeClock, FakeQueue, context};
use runtime::{Context, Handler, Outcome};
use serde_json::{Value, json};
use time_approved::TimeApproved;
use write_off_requested::WriteOffRequested;

use crate::products::{Product, connections};

pub(crate) const TENANT: &str = "northwind";

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) bus: Arc<FakeBus>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) product: Arc<Product>,
    pub(crate) config: TenantConfig,
    pub(crate) engagement: EngagementId,
}

pub(crate) fn epoch() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

impl World {
    pub(crate) async fn new(config: TenantConfig) -> Self {
        let store = Arc::new(MemoryStore::new());
        let mut engagement = active(&quote());
        let services = config.services.iter();
        engagement.contract.accounting =
            services.filter_map(|s| Some((s.code.clone(), s.accounting.clone()?))).collect();
        let journal = Journal::new(store.clone());
        let compared = Comparison {
            engagement: engagement.engagement.clone(),
            due_at: epoch(),
            compared_at: None,
            difference: String::new(),
            missed: None,
            missed_statements: std::collections::BTreeSet::new(),
        };
        let commit = Commit::default()
            .write(journal.write_state(TENANT, &engagement, 0, epoch()).unwrap())
            .write(journal.write_comparison(TENANT, &compared, 0).unwrap());
        assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
        let _ = store.drain_stream();
        Self {
            store,
            bus: Arc::default(),
            clock: Arc::new(FakeClock::at(epoch())),
            product: Arc::default(),
            config,
            engagement: engagement.engagement,
        }
    }

    /// The shipped configuration with the cost centre of advisory closed.
    pub(crate) fn closed() -> TenantConfig {
        let mut config = config();
        config.cost_centres.iter_mut().filter(|c| c.code == "4200").for_each(|c| {
            c.until = Some(jiff::civil::date(2026, 10, 31));
        });
        config
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::new(self.store.clone())
    }

    pub(crate) fn function(&self, name: &'static str) -> Context {
        let mut known = connections(&self.product);
        known.tenants = BTreeMap::from([(TENANT.to_owned(), Arc::new(self.config.clone()))]);
        context(name, self.store.clone(), &self.bus, &self.clock, known)
    }

    pub(crate) fn about(&self, delivery: &str, event: Event) -> Envelope {
        let subject = self.engagement.as_str();
        Envelope::reported(TENANT, "callers/x", delivery, subject, epoch(), event, Traceparent::start())
    }

    /// One delivery of one message to the function that takes it.
    pub(crate) async fn deliver(&self, event: &Envelope) -> Result<Outcome, String> {
        let (name, handler): (_, &dyn Handler) = match &event.event {
            Event::TimeApproved(_) => ("time-approved", &TimeApproved),
            Event::MilestoneCompleted(_) => ("milestone-completed", &MilestoneCompleted),
            Event::InvoiceRequested(_) => ("invoice-requested", &InvoiceRequested),
            Event::WriteOffRequested(_) => ("write-off-requested", &WriteOffRequested),
            _ => ("hold-requested", &Holds),
        };
        let answer = handler.handle(&self.function(name), vec![event.clone()]).await.remove(0).1;
        answer.map_err(|failure| failure.reason)
    }

    /// An hour of a consultant, 180.00, as an event and its line.
    pub(crate) fn hour(&self, id: &str) -> (Envelope, LineId) {
        let line = domain::billing::line_of("kantata-main", "time", id);
        (self.about(id, Event::TimeApproved(entry(id, "consultant", "2026-11-16", 60))), line)
    }

    pub(crate) fn hold(&self, delivery: &str, target: HoldTarget) -> Envelope {
        let asked = HoldRequested {
            target,
            requested_by: "finance-bot".into(),
            owner: Owner::SalesOperations,
            reason: "the customer disputes it".into(),
        };
        self.about(delivery, asked.into())
    }

    pub(crate) fn release(&self, delivery: &str, target: HoldTarget) -> Envelope {
        let reason = "it is settled".into();
        self.about(delivery, ReleaseRequested { target, requested_by: "controller".into(), reason }.into())
    }

    pub(crate) fn request(&self, name: &str) -> (Envelope, InvoiceId) {
        let invoice = InvoiceId::derive(&[name]);
        let asked = Requested::of(invoice.clone(), vec![], "by hand".into());
        (self.about(&format!("request {name}"), asked.into()), invoice)
    }

    pub(crate) async fn line(&self, line: &LineId) -> LineRecord {
        self.journal().line(TENANT, self.engagement.as_str(), line.as_str()).await.unwrap().expect("a line")
    }

    pub(crate) async fn status(&self, line: &LineId) -> LineStatus {
        self.line(line).await.status
    }

    pub(crate) async fn held_lines(&self) -> u32 {
        let state = self.journal().engagement(TENANT, self.engagement.as_str()).await.unwrap();
        state.body.unwrap().held_lines
    }

    pub(crate) async fn invoice(&self, invoice: &InvoiceId) -> Option<Invoice> {
        self.journal().invoice(TENANT, &self.engagement, invoice).await.unwrap().body
    }

    /// Codes of the exceptions that wait.
    pub(crate) fn open(&self) -> Vec<String> {
        let items = self.store.items().into_iter().filter(|i| i.text("kind") == Some("exception"));
        let open = items.filter(|i| i.text("status") == Some("open"));
        open.map(|i| i.text("code").unwrap_or_default().to_owned()).collect()
    }

    pub(crate) async fn open_of(&self, owner: Owner) -> Vec<Item> {
        self.journal().open_exceptions(TENANT, owner, 10).await.unwrap()
    }

    pub(crate) fn pass(&self, minutes: i64) {
        self.clock.pass(SignedDuration::from_mins(minutes));
    }

    /// Publishes what commits left to be sent, and gives what came on the bus by that.
    pub(crate) async fn publish(&self) -> Vec<Envelope> {
        let known = self.bus.taken().len();
        let record = |item: Item| {
            let text = |name: &str| json!({"S": item.text(name)});
            item.text("outbox").map(|_| {
                json!({"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "1",
                       "NewImage": {"pk": text("pk"), "outbox": text("outbox"), "release": text("release")}}})
            })
        };
        let records: Vec<Value> = self.store.drain_stream().into_iter().filter_map(record).collect();
        let context = self.function("publish-outbox");
        publish(&context, &FakeQueue::default(), json!({ "Records": records })).await.unwrap();
        self.bus.taken().split_off(known)
    }

    /// What commits left to be sent, by type.
    pub(crate) async fn told(&self) -> Vec<&'static str> {
        self.publish().await.iter().map(|e| e.event.type_name()).collect()
    }
}
