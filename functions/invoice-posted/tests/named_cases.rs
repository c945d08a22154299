//! Where the usual idempotency libraries stop: what arrives out of order. A library that keeps a
//! record for each call by itself (Powertools for AWS Lambda, Stripe's keys) says nothing about
//! two different messages of which the later one comes first.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "named_cases/products.rs"]
mod products;

use std::sync::{Arc, Mutex};

use domain::event::{InvoicePosted as Posted, InvoiceRequested as Requested, PaymentReceived as Received};
use domain::id::{EngagementId, InvoiceId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{active, entry, quote};
use domain::{Event, billing};
use events::{Envelope, Traceparent};
use invoice_posted::InvoicePosted;
use invoice_requested::InvoiceRequested;
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal, apply_group};
use payment_received::PaymentReceived;
use products::{Product, Silence, connections};
use publish_outbox::publish;
use runtime::fake::{FakeBus, FakeClock, FakeQueue, context};
use runtime::{Context, Handler, Outcome};
use serde_json::{Value, json};

const TENANT: &str = "northwind";

#[derive(Clone)]
struct World {
    store: Arc<MemoryStore>,
    bus: Arc<FakeBus>,
    clock: Arc<FakeClock>,
    product: Arc<Product>,
    engagement: EngagementId,
    invoice: InvoiceId,
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

impl World {
    /// An active engagement with one hour of approved time.
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let engagement = active(&quote());
        let world = Self {
            store: store.clone(),
            bus: Arc::default(),
            clock: Arc::new(FakeClock::at(now())),
            product: Arc::default(),
            engagement: engagement.engagement.clone(),
            invoice: InvoiceId::derive(&["one"]),
        };
        let journal = Journal::new(store);
        let write = journal.write_state(TENANT, &engagement, 0, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        let hour = world.about("hour", Event::TimeApproved(entry("1", "consultant", "2026-11-16", 60)));
        let decide = |state: Option<&domain::Engagement>, event: &Envelope| match &event.event {
            Event::TimeApproved(entry) => billing::time_approved(state, entry),
            other => panic!("{}", other.type_name()),
        };
        apply_group(&journal, "time-approved", &[hour], now(), &decide).await.unwrap();
        world
    }

    fn about(&self, delivery: &str, event: Event) -> Envelope {
        let subject = self.engagement.as_str();
        Envelope::reported(TENANT, "kantata-main", delivery, subject, now(), event, Traceparent::start())
    }

    fn function(&self, name: &'static str) -> Context {
        context(name, self.store.clone(), &self.bus, &self.clock, connections(&self.product))
    }

    /// One delivery of one message.
    async fn deliver(&self, handler: &dyn Handler, event: &Envelope) -> Result<Outcome, String> {
        let context = self.function("test");
        let answer = handler.handle(&context, vec![event.clone()]).await.remove(0).1;
        answer.map_err(|failure| failure.reason)
    }

    fn requested(&self) -> Envelope {
        let (invoice, lines) = (self.invoice.clone(), vec![]);
        self.about("request", Requested::of(invoice, lines, "month's end".into()).into())
    }

    /// What the ERP's webhook tells of the invoice.
    fn posted(&self) -> Envelope {
        let record = "1".to_owned();
        let event = Posted { connection: "tryton-us".into(), record, invoice: self.invoice.clone() };
        let subject = self.invoice.as_str();
        Envelope::reported(TENANT, "tryton-us", "posted", subject, now(), event.into(), Traceparent::start())
    }

    fn paid(&self) -> Envelope {
        let payment = PaymentId::derive(&["pi_1"]);
        let subject = payment.to_string();
        let event = Received {
            payment,
            connection: "stripe-main".into(),
            record: "pi_1".into(),
            amount: domain::sample::usd("180.00"),
            invoice_number: Some("INV2026-00001".into()),
            remittance: vec![],
            customer: None,
            received_at: now(),
        };
        Envelope::reported(TENANT, "stripe-main", "paid", &subject, now(), event.into(), Traceparent::start())
    }

    async fn invoice(&self) -> Invoice {
        let journal = Journal::new(self.store.clone());
        journal.invoice(TENANT, &self.engagement, &self.invoice).await.unwrap().body.expect("an invoice")
    }

    /// Publishes what commits left in the outbox, and gives what came on the bus by that.
    async fn publish(&self) -> Vec<Envelope> {
        let known = self.bus.taken().len();
        let record = |item: journal::Item| {
            let text = |name: &str| json!({"S": item.text(name)});
            item.text("outbox").map(|_| {
                json!({"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "1",
                       "NewImage": {"pk": text("pk"), "outbox": text("outbox"), "release": text("release")}}})
            })
        };
        let records: Vec<Value> = self.store.drain_stream().into_iter().filter_map(record).collect();
        publish(&self.function("publish-outbox"), &FakeQueue::default(), json!({ "Records": records }))
            .await
            .unwrap();
        self.bus.taken().split_off(known)
    }

    fn exceptions(&self) -> Vec<journal::Item> {
        self.store.items().into_iter().filter(|i| i.text("kind") == Some("exception")).collect()
    }
}

/// The webhook of a posting is handled while the call that posts has not returned, and so before its
/// step is recorded: it is taken, and the submission that returns later does not set it back.
#[tokio::test]
async fn a_webhook_that_arrives_before_the_call_that_caused_it_has_returned() {
    let world = World::new().await;
    let told: Arc<Mutex<Option<Result<Outcome, String>>>> = Arc::default();
    let (meanwhile, seen) = (world.clone(), told.clone());
    *world.product.during_posting.lock().unwrap() = Some(Box::new(move |_| {
        Box::pin(async move {
            let outcome = meanwhile.deliver(&InvoicePosted, &meanwhile.posted()).await;
            *seen.lock().unwrap() = Some(outcome);
        })
    }));
    assert_eq!(world.deliver(&InvoiceRequested, &world.requested()).await, Ok(Outcome::Applied));
    assert_eq!(told.lock().unwrap().take(), Some(Ok(Outcome::Applied)), "taken inside of the call");
    let invoice = world.invoice().await;
    assert_eq!((invoice.status, invoice.number.as_deref()), (InvoiceStatus::Posted, Some("INV2026-00001")));
    let before = world.store.items();
    assert_eq!(world.deliver(&InvoiceRequested, &world.requested()).await, Ok(Outcome::Duplicate));
    assert_eq!(world.deliver(&InvoicePosted, &world.posted()).await, Ok(Outcome::Duplicate));
    assert_eq!(world.store.items(), before, "repetitions change nothing");
    assert!(world.exceptions().is_empty());
}

/// The same, and the answer to the call is lost besides: the posting has been read back when the
/// submission comes again, asks, and finds what it did.
#[tokio::test]
async fn a_webhook_that_arrives_before_its_cause_is_known_to_have_happened() {
    let world = World::new().await;
    *world.product.posting_is_silent.lock().unwrap() = true;
    assert!(world.deliver(&InvoiceRequested, &world.requested()).await.is_err(), "unknown");
    assert_eq!(world.deliver(&InvoicePosted, &world.posted()).await, Ok(Outcome::Applied));
    world.clock.pass(SignedDuration::from_mins(10));
    assert_eq!(world.deliver(&InvoiceRequested, &world.requested()).await, Ok(Outcome::Applied));
    assert_eq!(*world.product.postings.lock().unwrap(), 1, "posted once");
    let invoice = world.invoice().await;
    assert_eq!(invoice.status, InvoiceStatus::Posted, "not set back to submitted");
    let submitted = world.publish().await;
    let submitted = submitted.iter().filter(|e| matches!(e.event, Event::InvoiceSubmitted(_))).count();
    assert_eq!(submitted, 1, "and reported once");
    assert!(world.exceptions().is_empty());
}

/// Proves part of EVT-30. The payment comes before the posting that it pays: it waits, is released by the posting and applied
/// once, whatever is repeated.
#[tokio::test]
async fn a_payment_before_its_invoice_was_read_back() {
    let world = World::new().await;
    assert_eq!(world.deliver(&InvoiceRequested, &world.requested()).await, Ok(Outcome::Applied));
    for _ in 0..2 {
        assert_eq!(world.deliver(&PaymentReceived, &world.paid()).await, Ok(Outcome::Parked));
    }
    assert_eq!(world.invoice().await.applied, domain::sample::usd("0.00"));
    world.publish().await;
    assert_eq!(world.deliver(&InvoicePosted, &world.posted()).await, Ok(Outcome::Applied));
    let released = world.publish().await;
    let released: Vec<_> = released.iter().filter(|e| matches!(e.event, Event::PaymentReceived(_))).collect();
    assert_eq!(released.len(), 1, "what waited is on the bus");
    assert_eq!(world.deliver(&PaymentReceived, released[0]).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&PaymentReceived, &world.paid()).await, Ok(Outcome::Duplicate));
    let invoice = world.invoice().await;
    assert_eq!((invoice.status, invoice.applied), (InvoiceStatus::Paid, domain::sample::usd("180.00")));
    let waits = world.store.items().iter().any(|i| i.text("kind") == Some("parked"));
    assert!(!waits && world.exceptions().is_empty());
}

/// Proves SCN-14 and PAY-02 in part. Named after killbill/killbill #1015: the call that books a payment is not answered,
/// whether it had its effect or not, and is retried. The ERP is asked first: the cash is booked once and applied once.
#[tokio::test]
async fn a_second_charge_when_an_unknown_outcome_is_retried() {
    for silence in [Silence::Before, Silence::After] {
        let world = World::new().await;
        assert_eq!(world.deliver(&InvoiceRequested, &world.requested()).await, Ok(Outcome::Applied));
        assert_eq!(world.deliver(&InvoicePosted, &world.posted()).await, Ok(Outcome::Applied));
        *world.product.booking_fails.lock().unwrap() = Some(silence);
        assert!(world.deliver(&PaymentReceived, &world.paid()).await.is_err(), "{silence:?}: unknown");
        let booked = || world.product.bookings.lock().unwrap().len();
        assert_eq!(booked(), usize::from(silence == Silence::After));
        assert_eq!(world.invoice().await.applied, domain::sample::usd("180.00"), "kept before it is booked");
        for _ in 0..2 {
            world.clock.pass(SignedDuration::from_mins(10));
            assert_eq!(world.deliver(&PaymentReceived, &world.paid()).await, Ok(Outcome::Duplicate));
            let payment = PaymentId::derive(&["pi_1"]).to_string();
            let bookings = world.product.bookings.lock().unwrap().clone();
            assert_eq!(bookings, [(payment, domain::sample::usd("180.00"))], "{silence:?}: booked once");
        }
        let invoice = world.invoice().await;
        assert_eq!((invoice.status, invoice.applied), (InvoiceStatus::Paid, domain::sample::usd("180.00")));
        assert!(world.exceptions().is_empty());
    }
}
