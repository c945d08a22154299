//! Bus and retry queue are both out of reach: the stream must show its records again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::event::{Event, QuoteApproved};
use domain::{Condition, sample};
use events::{Envelope, Traceparent};
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Key, Write};
use publish_outbox::publish;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, FakeQueue, context};
use serde_json::{Value, json};

fn event(deal: &str) -> Envelope {
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal: deal.into() }.into();
    let id = sample::active(&sample::quote()).engagement;
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    Envelope::reported("northwind", "hubspot-main", deal, id.as_str(), time, event, Traceparent::start())
}

/// The stream's record of a commit that emits nothing and says what holds from now on.
fn record(sequence: &str, release: &[Condition]) -> Value {
    let pk = Key::partition("northwind", &event("1").subject);
    let release = serde_json::to_string(release).unwrap();
    json!({"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": sequence,
        "NewImage": {"pk": {"S": pk}, "outbox": {"S": "[]"}, "release": {"S": release}}}})
}

/// What waits was not released and could not be kept for later: the stream repeats from that record
/// on, and nothing was removed.
#[tokio::test]
async fn a_release_that_can_be_kept_nowhere_fails_its_record() {
    let (store, bus, queue) =
        (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()), FakeQueue::default());
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let context = context("publish-outbox", store.clone(), &bus, &clock, FakeConnections::default());
    let waiting = event("waiting");
    let key = Key::parked("northwind", &waiting.subject, &Condition::EngagementActive, waiting.id);
    let item = Item::new(&key, "parked", "northwind", &waiting).unwrap();
    let parked = Commit::default().write(Write::Insert { item, cause: waiting.id });
    assert!(matches!(context.journal.commit(parked).await.unwrap(), Committed::Done));

    bus.refuse_after(Some(0));
    queue.refuse();
    let batch = json!({"Records": [record("7", &[]), record("8", &[Condition::EngagementActive])]});
    let answer = publish(&context, &queue, batch).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "8"}]}));
    assert_eq!(store.items().len(), 1, "it still waits");
}

/// A record that can't be read must not be passed over while there is nowhere to keep it.
#[tokio::test]
async fn an_outbox_that_can_be_neither_read_nor_kept_fails_the_batch() {
    let (bus, queue) = (Arc::new(FakeBus::default()), FakeQueue::default());
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let store = Arc::new(MemoryStore::new());
    let context = context("publish-outbox", store, &bus, &clock, FakeConnections::default());
    queue.refuse();
    let mut unreadable = record("7", &[]);
    unreadable["dynamodb"]["NewImage"]["outbox"]["S"] = "not json".into();
    assert!(publish(&context, &queue, json!({"Records": [unreadable]})).await.is_err());
}
