//! A posting that meets others: a writer of the same invoice, and an invoice that has its number already.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "named_cases/products.rs"]
mod products;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use domain::event::{InvoicePosted as Posted, InvoiceRequested as Requested};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::InvoiceStatus;
use domain::problem::ProblemCode;
use domain::sample::{active, entry, quote};
use domain::{Event, billing};
use events::{Envelope, Traceparent};
use invoice_posted::InvoicePosted;
use invoice_requested::InvoiceRequested;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{
    Commit, Committed, CrosswalkEntry, Expect, Item, Journal, Key, Op, Store, StoreError, apply_group,
};
use products::{Product, connections};
use runtime::Handler;
use runtime::Outcome;
use runtime::fake::{FakeBus, FakeClock, context};
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
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let context = context("test", store, &bus, &clock, connections(&self.product));
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
        let request = Requested { invoice, lines: vec![], reason }.into();
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
    let mismatch = Some(ProblemCode::InvoiceMismatch.as_str());
    assert!(world.table.items().iter().any(|item| item.text("code") == mismatch));
}
