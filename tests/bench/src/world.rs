//! A tenant with its configuration, its active engagements and the events about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lambda_events::sqs::SqsEvent;
use connectors::Product;
use domain::engagement::Engagement;
use domain::event::{Event, InvoicePosted, PaymentReceived};
use domain::id::{InvoiceId, PaymentId};
use domain::quote::Quote;
use domain::sample;
use events::{Envelope, Traceparent};
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::{Commit, Item, Journal, Key, Op, Store};
use runtime::{ConfiguredConnections, Connect, Context, Handler, handle_batch};
use serde_json::json;
use workflow::{Clock, Purpose};

use crate::counting::{Counter, CountingBus, CountingSecrets, CountingStore};
use crate::products::StandIns;

/// The tenant of every measurement.
pub(crate) const TENANT: &str = "northwind";
const ERP: &str = "tryton-us";

/// The moment at which everything happens.
pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a timestamp")
}

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// A function's surroundings, over a table in memory.
pub(crate) struct World {
    /// What a handler works with.
    pub(crate) context: Context,
    /// What was used of AWS.
    pub(crate) counter: Counter,
    /// The table below.
    pub(crate) table: Arc<MemoryStore>,
    connect: Arc<StandIns>,
}

impl World {
    /// A configured tenant without engagements; configuration and credentials are cached.
    pub(crate) async fn warm(function: &'static str) -> Self {
        let (counter, table) = (Counter::default(), Arc::new(MemoryStore::new()));
        let store = CountingStore { table: Arc::clone(&table), counter: counter.clone() };
        let world = Self::over(function, Arc::new(store), counter, table).await;
        world.counter.take();
        world
    }

    /// The same over any store; `table` is where the configuration is put.
    pub(crate) async fn over(
        function: &'static str,
        store: Arc<dyn Store>,
        counter: Counter,
        table: Arc<MemoryStore>,
    ) -> Self {
        let configuration = configuration().into_iter().map(|item| Op::Put { item, expect: ANYTHING });
        table.write(configuration.collect()).await.expect("configuration");
        let journal = Journal::new(store);
        let secrets = Box::new(CountingSecrets(counter.clone()));
        let connect = Arc::new(StandIns::new(ConfiguredConnections::new(journal.clone(), secrets)));
        connect.tenant(TENANT).await.expect("the tenant's configuration");
        for connection in ["hubspot-main", "kantata-main", ERP] {
            connect.connection(connection).await.expect("the connection's configuration");
        }
        let context = Context {
            function,
            journal,
            bus: Arc::new(CountingBus(counter.clone())),
            connect: Arc::clone(&connect) as Arc<dyn Connect>,
            clock: Arc::new(StoppedClock),
            lease: SignedDuration::from_secs(130),
            purpose: Purpose::Finish,
        };
        Self { context, counter, table, connect }
    }

    /// The same world as another function sees it.
    pub(crate) fn function(&self, function: &'static str) -> Context {
        Context { function, ..self.context.clone() }
    }

    /// Puts an active engagement into the table.
    pub(crate) async fn activate(&self, engagement: &Engagement) {
        let write = self.context.journal.write_state(TENANT, engagement, 0, now()).expect("a state");
        let _ = self.context.journal.commit(Commit::default().write(write)).await.expect("a commit");
    }

    /// Lets a function handle events as one batch. A measurement of failures is worth nothing.
    pub(crate) async fn handle(&self, function: &'static str, handler: &dyn Handler, events: &[Envelope]) {
        let (response, _) = handle_batch(&self.function(function), handler, batch_of(events)).await;
        assert!(response.batch_item_failures.is_empty(), "{function} failed");
    }

    /// Events that commits left in the outbox since the last call.
    pub(crate) fn outgoing(&self) -> Vec<Envelope> {
        let outboxes =
            self.table.drain_stream().into_iter().filter_map(|i| i.text("outbox").map(str::to_owned));
        outboxes.flat_map(|o| serde_json::from_str::<Vec<Envelope>>(&o).expect("an outbox")).collect()
    }

    /// What the ERP reports of an invoice that was posted there.
    pub(crate) async fn posting(&self, invoice: &InvoiceId) -> Envelope {
        let posted = self.connect.erp(ERP).await.expect("an ERP").invoice(invoice).await;
        let record = posted.expect("an answer").expect("an invoice").record;
        let event = InvoicePosted { connection: ERP.into(), record, invoice: invoice.clone() };
        reported(ERP, invoice.as_str(), invoice.as_str(), event)
    }

    /// A payment in full of an invoice that was posted.
    pub(crate) async fn payment(&self, invoice: &InvoiceId) -> Envelope {
        let posted = self.connect.erp(ERP).await.expect("an ERP").invoice(invoice).await;
        let posted = posted.expect("an answer").expect("an invoice");
        let payment = PaymentId::derive(&["stripe-main", invoice.as_str()]);
        let event = PaymentReceived {
            payment: payment.clone(),
            connection: "stripe-main".into(),
            record: format!("pi_{}", &payment.as_str()[4..28]),
            amount: posted.total,
            invoice_number: posted.number,
            remittance: vec![],
            customer: None,
            received_at: now(),
        };
        reported("stripe-main", payment.as_str(), payment.as_str(), event)
    }
}

const ANYTHING: journal::Expect = journal::Expect::Anything;

/// The configuration items of the tenant and its connections.
fn configuration() -> Vec<Item> {
    let item = |key: &Key, body: serde_json::Value| {
        Item::new(key, "config", TENANT, &json!({"body": body.to_string()})).expect("an item")
    };
    let tenant = serde_json::to_value(sample::config()).expect("a configuration");
    let mut items = vec![item(&Key::tenant(TENANT), tenant)];
    for (connection, product, role) in [
        ("hubspot-main", Product::Hubspot, "crm"),
        ("kantata-main", Product::Kantata, "psa"),
        (ERP, Product::Tryton, "erp"),
    ] {
        let config = json!({
            "connection": connection, "tenant": TENANT, "product": product, "role": role,
            "base_url": "http://127.0.0.1:9", "secret_id": format!("q2c/connection/{connection}"),
            "webhook_url": format!("https://api.example/v1/webhooks/{connection}"),
        });
        items.push(item(&Key::connection(connection), config));
    }
    items
}

/// An active engagement of a deal, with so many milestones.
pub(crate) fn engagement(deal: usize, milestones: usize, ceiling: Option<&str>) -> Engagement {
    let mut quote =
        Quote { deal: deal.to_string(), time_ceiling: ceiling.map(sample::usd), ..sample::quote() };
    quote.lines.retain(|line| line.milestone.is_none());
    for number in 1..=milestones {
        let name = format!("Milestone {number}");
        quote.lines.push(sample::milestone_line(
            &format!("1{number}"),
            &format!("M{number}"),
            &name,
            "20000.00",
        ));
    }
    sample::active(&quote)
}

fn reported(connection: &str, delivery: &str, subject: &str, event: impl Into<Event>) -> Envelope {
    Envelope::reported(TENANT, connection, delivery, subject, now(), event.into(), Traceparent::start())
}

/// An approved entry of an hour that no other has the number of.
pub(crate) fn time(engagement: &Engagement) -> Envelope {
    static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
    let entry = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
    let delivery = format!("time_entry:{entry}:approved");
    let event = sample::entry(&entry, "consultant", "2026-11-20", 60);
    reported("kantata-main", &delivery, engagement.engagement.as_str(), Event::TimeApproved(event))
}

/// The completion of a milestone.
pub(crate) fn milestone(engagement: &Engagement, number: usize) -> Envelope {
    let key = format!("M{number}");
    let delivery = format!("story:{}:{key}:accepted", engagement.deal);
    let event = Event::MilestoneCompleted(sample::completion(&key));
    reported("kantata-main", &delivery, engagement.engagement.as_str(), event)
}

/// The batch in which a queue delivers events from the bus.
pub(crate) fn batch_of(events: &[Envelope]) -> SqsEvent {
    serde_json::from_value(messages(events)).expect("a batch")
}

/// The same as Lambda hands it over.
pub(crate) fn messages(events: &[Envelope]) -> serde_json::Value {
    let record = |event: &Envelope| {
        let delivered = json!({
            "version": "0", "id": event.id, "detail-type": event.event.type_name(), "source": "q2c",
            "account": "123456789012", "time": now(), "region": "us-east-1", "resources": [], "detail": event,
        });
        json!({
            "messageId": event.id, "receiptHandle": format!("handle-{}", event.id),
            "body": delivered.to_string(),
            "attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": "1795262400000",
                "SenderId": "AIDAEXAMPLE", "ApproximateFirstReceiveTimestamp": "1795262400000",
            },
            "messageAttributes": {}, "md5OfBody": "0123456789abcdef0123456789abcdef",
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
            "awsRegion": "us-east-1",
        })
    };
    json!({"Records": events.iter().map(record).collect::<Vec<_>>()})
}
