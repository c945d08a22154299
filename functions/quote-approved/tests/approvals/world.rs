//! The functions that take part, over one table: each event is delivered until it is dealt with.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use approval_decided::ApprovalDecided;
use domain::approval::{Approval, ApprovalDecided as Decided, ApprovalStatus, Verdict};
use domain::engagement::Engagement;
use domain::event::{QuoteApproved as Approved, WithdrawalRequested};
use domain::id::{ApprovalId, EngagementId};
use domain::quote::Quote;
use domain::{Event, Owner};
use events::{Envelope, Traceparent};
use jiff::SignedDuration;
use journal::dying::DyingStore;
use journal::memory::MemoryStore;
use journal::{Expect, Item, Key, Op, Store};
use publish_outbox::publish;
use quote_approved::QuoteApproved;
use runtime::fake::{FakeBus, FakeClock, FakeQueue, context};
use runtime::{Context, Handler, Outcome};
use serde_json::json;
use uuid::Uuid;
use workflow::Clock;

use crate::products::{Product, connections};

/// Deliveries after which something is stuck.
const MOST_DELIVERIES: u32 = 300;

pub struct World {
    pub store: Arc<MemoryStore>,
    pub product: Arc<Product>,
    pub clock: Arc<FakeClock>,
    bus: Arc<FakeBus>,
    /// How much of the bus was put into the queues.
    routed: Mutex<usize>,
    queue: Mutex<VecDeque<Envelope>>,
    outcomes: Mutex<Vec<Outcome>>,
    decisions: AtomicU32,
    dying: Mutex<Option<Arc<DyingStore>>>,
}

/// Events of a kind that ever were on the bus, each once.
pub fn told(world: &World, which: impl Fn(&Event) -> bool) -> usize {
    let ids: BTreeSet<Uuid> = world.bus.taken().iter().filter(|e| which(&e.event)).map(|e| e.id).collect();
    ids.len()
}

impl World {
    pub fn selling(quote: Quote) -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            product: Product::selling(quote),
            clock: Arc::new(FakeClock::at("2026-11-21T10:00:00Z".parse().unwrap())),
            bus: Arc::default(),
            routed: Mutex::default(),
            queue: Mutex::default(),
            outcomes: Mutex::default(),
            decisions: AtomicU32::new(0),
            dying: Mutex::default(),
        }
    }

    pub fn sell(&self, quote: Quote) {
        *self.product.quote.lock().unwrap() = quote;
    }

    fn subject() -> EngagementId {
        EngagementId::of_deal("northwind", "hubspot-main", "123")
    }

    fn report(&self, connection: &str, delivery: &str, event: Event) {
        let (subject, now, trace) = (Self::subject(), self.clock.now(), Traceparent::start());
        let event =
            Envelope::reported("northwind", connection, delivery, subject.as_str(), now, event, trace);
        self.queue.lock().unwrap().push_back(event);
    }

    /// The CRM tells that the quote was approved.
    pub fn approve(&self, delivery: &str) {
        let approved = Approved { connection: "hubspot-main".into(), deal: "123".into() };
        self.report("hubspot-main", delivery, approved.into());
    }

    pub fn withdraw(&self) {
        let (requested_by, reason) = ("sales-operations".into(), "cancelled".into());
        let request = WithdrawalRequested { engagement: Self::subject(), requested_by, reason };
        self.report("console", "withdraw", request.into());
    }

    pub fn decide(&self, approval: &ApprovalId, verdict: Verdict) {
        self.decide_as(approval, verdict, Owner::SalesOperations);
    }

    pub fn decide_as(&self, approval: &ApprovalId, verdict: Verdict, role: Owner) {
        let (decided_by, reason) = ("sales-director".into(), "too low".into());
        let decided = Decided { approval: approval.clone(), verdict, decided_by, role, reason };
        let number = self.decisions.fetch_add(1, Ordering::SeqCst);
        self.report("console", &format!("decision {number}"), decided.into());
    }

    /// One call of some function, from now on, is the last of its process; all others get through.
    pub fn dies_at(&self, call: i64, after: bool) {
        *self.dying.lock().unwrap() = Some(Arc::new(DyingStore::new(self.store.clone(), call, after)));
    }

    pub fn died(&self) -> bool {
        self.dying.lock().unwrap().as_ref().is_some_and(|d| d.died())
    }

    fn context(&self, function: &'static str) -> Context {
        let dying = self.dying.lock().unwrap().clone().filter(|d| !d.died());
        let store = dying.map_or_else(|| self.store.clone() as Arc<dyn Store>, |d| d as Arc<dyn Store>);
        context(function, store, &self.bus, &self.clock, connections(&self.product))
    }

    /// Delivers everything until nothing is left to be delivered.
    pub async fn settle(&self) {
        for _ in 0..MOST_DELIVERIES {
            self.publish().await;
            self.route();
            let next = self.queue.lock().unwrap().pop_front();
            let Some(event) = next else { return };
            self.deliver(event).await;
        }
        panic!("there is no end to it: {:?}", self.queue.lock().unwrap());
    }

    async fn deliver(&self, event: Envelope) {
        let answered = match &event.event {
            Event::QuoteApproved(_) | Event::WithdrawalRequested(_) => {
                QuoteApproved.handle(&self.context("quote-approved"), vec![event.clone()]).await
            }
            Event::ApprovalDecided(_) => {
                ApprovalDecided.handle(&self.context("approval-decided"), vec![event.clone()]).await
            }
            _ => return,
        };
        // A lease that nobody gave back ends, and the message comes again.
        self.clock.pass(SignedDuration::from_secs(61));
        match answered.into_iter().next().expect("an answer").1 {
            Ok(outcome) => self.outcomes.lock().unwrap().push(outcome),
            Err(_) => self.queue.lock().unwrap().push_back(event),
        }
    }

    /// What commits left to be sent goes to the bus, and what they released with it.
    async fn publish(&self) {
        for item in self.store.drain_stream().into_iter().filter(|i| i.text("outbox").is_some()) {
            let image = |name: &str| json!({"S": item.text(name).unwrap_or_default()});
            let record = json!({"eventSource": "aws:dynamodb", "dynamodb": {
                "SequenceNumber": "1",
                "NewImage": {"pk": image("pk"), "outbox": image("outbox"), "release": image("release")},
            }});
            let queue = FakeQueue::default();
            publish(&self.context_of_publish(), &queue, json!({"Records": [record]}))
                .await
                .expect("published");
        }
    }

    fn context_of_publish(&self) -> Context {
        context("publish-outbox", self.store.clone(), &self.bus, &self.clock, connections(&self.product))
    }

    fn route(&self) {
        let taken = self.bus.taken();
        let mut routed = self.routed.lock().unwrap();
        self.queue.lock().unwrap().extend(taken[*routed..].iter().cloned());
        *routed = taken.len();
    }

    /// The schedule's run.
    pub async fn remind(&self) {
        let config = json!({
            "connection": "hubspot-main", "tenant": "northwind", "product": "hubspot", "role": "crm",
            "base_url": "https://product.example", "secret_id": "s", "webhook_url": "https://api.example",
        });
        let key = Key::connection("hubspot-main");
        let item = Item::new(&key, "config", "northwind", &json!({"body": config.to_string()})).unwrap();
        let item = item.with("status_key", "config#connection").with("status_at", "hubspot-main");
        self.store.write(vec![Op::Put { item, expect: Expect::Anything }]).await.unwrap();
        let all = remind::remind_all(&self.context("remind")).await.and_then(runtime::verdict);
        all.expect("reminded");
    }

    pub fn outcomes(&self) -> Vec<Outcome> {
        self.outcomes.lock().unwrap().clone()
    }

    pub fn kind(&self, kind: &str) -> Vec<Item> {
        self.store.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
    }

    pub fn approvals(&self) -> Vec<Approval> {
        self.kind("approval").iter().map(|i| i.body().unwrap()).collect()
    }

    /// The only approval.
    pub fn approval(&self) -> Approval {
        let mut all = self.approvals();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// The only one that waits for an answer.
    pub fn open_approval(&self) -> Approval {
        let mut open = self.approvals();
        open.retain(|a| a.status == ApprovalStatus::Requested);
        assert_eq!(open.len(), 1, "{open:?}");
        open.remove(0)
    }

    pub fn engagement(&self) -> Option<Engagement> {
        self.kind("state").first().and_then(|i| i.body().ok())
    }

    pub fn step(&self, name: &str) -> Item {
        self.kind("step").into_iter().find(|i| i.text("step") == Some(name)).expect("a step")
    }

    /// Codes of open exceptions.
    pub fn codes(&self) -> Vec<String> {
        let open = self.kind("exception").into_iter().filter(|i| i.text("status") == Some("open"));
        let mut codes: Vec<String> = open.map(|i| i.text("code").unwrap().to_owned()).collect();
        codes.sort_unstable();
        codes
    }

    /// Events of a type that are or were on the bus, each once.
    pub fn on_the_bus(&self, event_type: &str) -> usize {
        told(self, |e| e.type_name() == event_type)
    }
}
