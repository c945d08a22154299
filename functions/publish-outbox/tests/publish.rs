//! Nothing that a commit emitted is lost, whatever the bus says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::event::{Event, QuoteApproved};
use domain::{Condition, sample};
use events::{Envelope, Traceparent};
use journal::memory::MemoryStore;
use journal::{Commit, Item, Journal, Key, Store, Write};
use publish_outbox::{Pending, publish};
use runtime::Context;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, FakeQueue, context};
use serde_json::{Value, json};

struct World {
    store: Arc<MemoryStore>,
    bus: Arc<FakeBus>,
    queue: FakeQueue,
    context: Context,
}

fn world() -> World {
    let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let context = context("publish-outbox", store.clone(), &bus, &clock, FakeConnections::default());
    World { store, bus, queue: FakeQueue::default(), context }
}

fn event(deal: &str) -> Envelope {
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal: deal.into() }.into();
    let id = sample::active(&sample::quote()).engagement;
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    Envelope::reported("northwind", "hubspot-main", deal, id.as_str(), time, event, Traceparent::start())
}

/// The stream's record of an item that a commit inserted with an outbox.
fn record(sequence: &str, outbox: &str, release: &[Condition]) -> Value {
    let pk = Key::partition("northwind", &event("1").subject);
    let release = serde_json::to_string(release).unwrap();
    json!({"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": sequence,
        "NewImage": {"pk": {"S": pk}, "outbox": {"S": outbox}, "release": {"S": release}}}})
}

fn batch(records: &[Value]) -> Value {
    json!({ "Records": records })
}

fn outbox(events: &[Envelope]) -> String {
    serde_json::to_string(events).unwrap()
}

#[tokio::test]
async fn a_commit_s_events_are_published_in_order() {
    let w = world();
    let events = [event("1"), event("2"), event("3")];
    let stream = batch(&[record("1", &outbox(&events[..2]), &[]), record("2", &outbox(&events[2..]), &[])]);
    let answer = publish(&w.context, &w.queue, stream).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(w.bus.taken(), events);
}

/// What the bus refuses goes to the retry queue, and from there to the bus.
#[tokio::test]
async fn refused_events_take_the_retry_queue() {
    let w = world();
    w.bus.refuse_after(Some(1));
    let events: Vec<Envelope> = (0..8).map(|i| event(&i.to_string())).collect();
    publish(&w.context, &w.queue, batch(&[record("1", &outbox(&events), &[])])).await.unwrap();
    let kept: Vec<Envelope> = w
        .queue
        .sent()
        .iter()
        .flat_map(|body| serde_json::from_str::<Pending>(body).unwrap().events)
        .collect();
    assert_eq!(kept, events[1..], "all but the one that was taken, in order");

    w.bus.refuse_after(None);
    let messages: Vec<Value> = w.queue.sent().iter().enumerate().map(|(i, body)| message(i, body)).collect();
    let answer = publish(&w.context, &w.queue, json!({ "Records": messages })).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(w.bus.taken(), events);
}

fn message(i: usize, body: &str) -> Value {
    json!({"messageId": format!("m{i}"), "receiptHandle": "r", "body": body, "attributes": {}, "messageAttributes": {},
           "eventSource": "aws:sqs", "eventSourceARN": "arn", "awsRegion": "us-east-1"})
}

#[tokio::test]
async fn a_message_that_is_refused_again_stays_in_the_queue() {
    let w = world();
    w.bus.refuse_after(Some(0));
    let body = serde_json::to_string(&Pending { events: vec![event("1")], ..Pending::default() }).unwrap();
    let answer = publish(&w.context, &w.queue, json!({"Records": [message(0, &body)]})).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m0"}]}));
}

/// Only when neither bus nor queue takes an event does the stream have to repeat its batch.
#[tokio::test]
async fn the_batch_fails_when_nobody_takes_the_events() {
    let w = world();
    w.bus.refuse_after(Some(0));
    w.queue.refuse();
    let stream = batch(&[record("1", &outbox(&[event("1")]), &[])]);
    assert!(publish(&w.context, &w.queue, stream).await.is_err());
}

#[tokio::test]
async fn an_outbox_that_cannot_be_read_is_kept_and_does_not_block_the_stream() {
    let w = world();
    let readable = [event("2")];
    let stream = batch(&[record("1", "not json", &[]), record("2", &outbox(&readable), &[])]);
    publish(&w.context, &w.queue, stream).await.unwrap();
    assert_eq!(w.bus.taken(), readable);
    let kept: Pending = serde_json::from_str(&w.queue.sent()[0]).unwrap();
    assert!(kept.unreadable.is_some());
}

async fn park(w: &World, count: usize) {
    let journal = Journal::new(w.store.clone() as Arc<dyn Store>);
    for i in 0..count {
        let parked = event(&i.to_string());
        let key = Key::parked("northwind", &parked.subject, &Condition::EngagementActive, parked.id);
        let item = Item::new(&key, "parked", "northwind", &parked).unwrap();
        let _ =
            journal.commit(Commit::default().write(Write::Insert { item, cause: parked.id })).await.unwrap();
    }
}

/// What waited for the engagement goes back on the bus, every one of many, and waits no more.
#[tokio::test]
async fn a_satisfied_condition_releases_all_that_waits() {
    let w = world();
    park(&w, 250).await;
    let stream = batch(&[record("1", &outbox(&[event("activated")]), &[Condition::EngagementActive])]);
    publish(&w.context, &w.queue, stream).await.unwrap();
    let mut released: Vec<_> = w.bus.taken()[1..].iter().map(|e| e.id).collect();
    released.sort();
    released.dedup();
    assert_eq!(released.len(), 250);
    assert!(w.store.items().is_empty());
}

/// A release that stops half-way is finished from the retry queue.
#[tokio::test]
async fn an_unfinished_release_is_repeated() {
    let w = world();
    park(&w, 3).await;
    w.bus.refuse_after(Some(0));
    let stream = batch(&[record("1", "[]", &[Condition::EngagementActive])]);
    publish(&w.context, &w.queue, stream).await.unwrap();
    assert_eq!(w.store.items().len(), 3, "nothing is removed before it is on the bus");
    w.bus.refuse_after(None);
    let body = w.queue.sent()[0].clone();
    publish(&w.context, &w.queue, json!({"Records": [message(0, &body)]})).await.unwrap();
    assert_eq!((w.bus.taken().len(), w.store.items().len()), (3, 0));
}
