//! Postings and payments that meet others: writers of the same invoice, the same number, the same payment.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "named_cases/products.rs"]
mod products;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use domain::event::{InvoicePosted as Posted, InvoiceRequested as Requested, PaymentReceived as Received};
use domain::id::{EngagementId, InvoiceId, PaymentId};
use domain::invoice::InvoiceStatus;
use domain::problem::ProblemCode;
use domain::routing::{Rule, Selects, When};
use domain::sample::{active, config, entry, quote, usd};
use domain::{Event, billing};
use events::{Envelope, Traceparent};
use invoice_posted::InvoicePosted;
use invoice_requested::InvoiceRequested;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{
    Commit, Committed, CrosswalkEntry, Expect, Item, Journal, Key, Op, Store, StoreError, apply_group,
};
use payment_received::PaymentReceived;
use products::{Product, connections};
use runtime::Handler;
use runtime::Outcome;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::Map;
use uuid::Uuid;

const TENANT: &str = "northwind";
const ERP: &str = "tryton-us";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn reported(delivery: &str, subject: &str, event: Event) -> Envelope {
    Envelope::reported(TENANT, ERP, delivery, subject, now(), event, Traceparent::start())
}

/// A table in which another writer raises the version of an item right before the first transaction.
struct Meeting {
    table: Arc<MemoryStore>,
    at: Key,
    armed: AtomicBool,
}

#[async_trait]
impl Store for Meeting {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.table.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.table.get_many(keys).await
    }
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        if ops.iter().any(|op| op.key() == self.at) && self.armed.swap(false, Ordering::SeqCst) {
            let version = self.table.get(&self.at).await?.map_or(0, |item| item.version());
            let set = Map::from_iter([("version".to_owned(), (version + 1).into())]);
            let touched = Op::Update { key: self.at.clone(), set, remove: vec![], expect: Expect::Anything };
            self.table.write(vec![touched]).await?;
        }
        self.table.write(ops).await
    }
    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.table.query(pk, sk_prefix, limit).await
    }
    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.table.by_status(status_key, limit).await
    }
}

struct World {
    table: Arc<MemoryStore>,
    product: Arc<Product>,
    engagement: EngagementId,
    invoice: InvoiceId,
}

impl World {
    async fn deliver(&self, handler: &dyn Handler, store: Arc<dyn Store>, event: Envelope) -> Outcome {
        self.deliver_over(connections(&self.product), handler, store, event).await
    }

    async fn deliver_over(
        &self,
        products: FakeConnections,
        handler: &dyn Handler,
        store: Arc<dyn Store>,
        event: Envelope,
    ) -> Outcome {
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let context = context("test", store, &bus, &clock, products);
        handler.handle(&context, vec![event]).await.remove(0).1.expect("dealt with")
    }

    /// One hour of approved time, on an invoice that the ERP has posted and nobody has read back.
    async fn submitted() -> Self {
        let (table, state) = (Arc::new(MemoryStore::new()), active(&quote()));
        let journal = Journal::new(table.clone());
        let write = journal.write_state(TENANT, &state, 0, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        let (engagement, worked) = (state.engagement, entry("1", "consultant", "2026-11-16", 60));
        let hour = reported("hour", engagement.as_str(), Event::TimeApproved(worked.clone()));
        apply_group(&journal, "time-approved", &[hour], now(), &|s, _| billing::time_approved(s, &worked))
            .await
            .unwrap();
        let world = Self { table, product: Arc::default(), engagement, invoice: InvoiceId::derive(&["one"]) };
        let (invoice, reason) = (world.invoice.clone(), "month's end".to_owned());
        let request = Requested::of(invoice, vec![], reason).into();
        let request = reported("request", world.engagement.as_str(), request);
        let outcome = world.deliver(&InvoiceRequested, world.table.clone(), request).await;
        assert_eq!(outcome, Outcome::Applied);
        world
    }

    async fn take_posting(&self, store: Arc<dyn Store>) -> Outcome {
        let (connection, record, invoice) = (ERP.to_owned(), "1".to_owned(), self.invoice.clone());
        let event = Posted { connection, record, invoice }.into();
        self.deliver(&InvoicePosted, store, reported("posted", self.invoice.as_str(), event)).await
    }

    fn paid(&self, amount: &str) -> Envelope {
        let event = Received {
            payment: PaymentId::derive(&["pi_1"]),
            connection: "stripe-main".into(),
            record: "pi_1".into(),
            amount: usd(amount),
            invoice_number: Some("INV2026-00001".into()),
            remittance: vec![],
            customer: None,
            received_at: now(),
        };
        let subject = event.payment.to_string();
        reported("paid", &subject, event.into())
    }

    async fn version(&self) -> u64 {
        let journal = Journal::new(self.table.clone());
        journal.invoice(TENANT, &self.engagement, &self.invoice).await.unwrap().version
    }

    fn waits_for(&self, code: ProblemCode) -> bool {
        self.table.items().iter().any(|item| item.text("code") == Some(code.as_str()))
    }

    async fn status(&self) -> InvoiceStatus {
        let journal = Journal::new(self.table.clone());
        journal.invoice(TENANT, &self.engagement, &self.invoice).await.unwrap().body.expect("it").status
    }
}

/// A payment may be parked in the moment in which the posting is committed.
#[tokio::test]
async fn a_posting_that_met_another_writer_is_decided_again() {
    let world = World::submitted().await;
    let at = Key::invoice(TENANT, world.engagement.as_str(), world.invoice.as_str());
    let meeting = Arc::new(Meeting { table: world.table.clone(), at, armed: AtomicBool::new(true) });
    assert_eq!(world.take_posting(meeting.clone()).await, Outcome::Applied);
    assert!(!meeting.armed.load(Ordering::SeqCst), "they met");
    assert_eq!(world.status().await, InvoiceStatus::Posted);
}

/// Two invoices under one number would make every payment of the one a payment of the other.
#[tokio::test]
async fn a_number_that_another_invoice_has_is_shown_to_a_person() {
    let world = World::submitted().await;
    let journal = Journal::new(world.table.clone());
    let other = CrosswalkEntry {
        global_id: InvoiceId::derive(&["other"]).to_string(),
        connection: ERP.into(),
        record_kind: "invoice-number".into(),
        local_id: "INV2026-00001".into(),
        engagement: world.engagement.to_string(),
    };
    let [there, back] = other.writes(TENANT, Uuid::nil()).unwrap();
    let linked = journal.commit(Commit::default().write(there).write(back)).await.unwrap();
    assert!(matches!(linked, Committed::Done));
    assert_eq!(world.take_posting(world.table.clone()).await, Outcome::Held);
    assert_ne!(world.status().await, InvoiceStatus::Posted);
    assert!(world.waits_for(ProblemCode::InvoiceMismatch));
}

/// Whoever decides on the posting at the same time must read again, and find the payment.
#[tokio::test]
async fn a_payment_that_is_parked_makes_the_posting_look_again() {
    let world = World::submitted().await;
    let before = world.version().await;
    let outcome = world.deliver(&PaymentReceived, world.table.clone(), world.paid("180.00")).await;
    assert_eq!(outcome, Outcome::Parked);
    assert_eq!(world.version().await, before + 1);
}

/// The same payment with another amount is no duplicate: one of both is wrong.
#[tokio::test]
async fn a_payment_with_another_content_is_shown_to_a_person() {
    let world = World::submitted().await;
    assert_eq!(world.take_posting(world.table.clone()).await, Outcome::Applied);
    let pay = async |amount| world.deliver(&PaymentReceived, world.table.clone(), world.paid(amount)).await;
    assert_eq!(pay("100.00").await, Outcome::Applied);
    assert_eq!(pay("100.00").await, Outcome::Duplicate);
    assert_eq!(pay("50.00").await, Outcome::Held);
    assert!(world.waits_for(ProblemCode::EventConflict));
}

/// Numbers are unique in one ERP only. The same invoice, seen through another connection, is no second one.
#[tokio::test]
async fn a_number_that_two_erps_gave_is_shown_to_a_person() {
    for (other_books, expected) in [(true, Outcome::Held), (false, Outcome::Parked)] {
        let world = World::submitted().await;
        let other = if other_books { Arc::new(Product::default()) } else { world.product.clone() };
        if other_books {
            let same = world.product.invoices.lock().unwrap()[&world.invoice].clone();
            other.invoices.lock().unwrap().insert(InvoiceId::derive(&["other"]), same);
        }
        let mut products = connections(&world.product);
        let mut tenant = config();
        tenant.routing.0.push(Rule {
            selects: Selects::Erp,
            gives: "tryton-eu".into(),
            when: When { legal_entity: Some("NW-EU".into()), ..When::default() },
            from: None,
            until: None,
        });
        products.tenants.insert(TENANT.into(), Arc::new(tenant));
        products.erp.insert("tryton-eu".into(), other);
        let paid = world.paid("180.00");
        let outcome = world.deliver_over(products, &PaymentReceived, world.table.clone(), paid).await;
        assert_eq!(outcome, expected);
        assert_eq!(world.waits_for(ProblemCode::PaymentUnmatched), other_books);
    }
}
