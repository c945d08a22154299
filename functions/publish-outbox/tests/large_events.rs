//! What the bus refuses must fit wherever it may end: a message that is given up is kept as one item.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::event::{Event, QuoteApproved};
use events::{Envelope, Traceparent};
use journal::memory::MemoryStore;
use publish_outbox::{Pending, publish};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, FakeQueue, context};
use serde_json::json;

/// What DynamoDB lets an item be.
const ITEM_BYTES: usize = 400 * 1024;
/// Little less than the bus lets an event be.
const EVENT_BYTES: usize = 240 * 1024;

fn large(first: char) -> Envelope {
    let deal = String::from(first).repeat(EVENT_BYTES);
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal }.into();
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    let id = first.to_string();
    Envelope::reported("northwind", "hubspot-main", &id, "eng_1", time, event, Traceparent::start())
}

#[tokio::test]
async fn each_refused_event_has_a_message_that_fits_an_item() {
    let (bus, queue) = (Arc::new(FakeBus::default()), FakeQueue::default());
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let store = Arc::new(MemoryStore::new());
    let context = context("publish-outbox", store, &bus, &clock, FakeConnections::default());
    bus.refuse_after(Some(0));
    let events = ['a', 'b', 'c'].map(large);
    let image = json!({"pk": {"S": "tenant#northwind#eng_1"}, "release": {"S": "[]"},
        "outbox": {"S": serde_json::to_string(&events).unwrap()}});
    let record = json!({"eventName": "INSERT", "eventSource": "aws:dynamodb",
        "dynamodb": {"SequenceNumber": "1", "NewImage": image}});
    publish(&context, &queue, json!({"Records": [record]})).await.unwrap();

    let sent = queue.sent();
    let sizes: Vec<usize> = sent.iter().map(String::len).collect();
    assert!(sizes.iter().all(|bytes| *bytes < ITEM_BYTES), "{sizes:?}");
    let kept: Vec<Envelope> =
        sent.iter().flat_map(|body| serde_json::from_str::<Pending>(body).unwrap().events).collect();
    assert_eq!(kept, events);
}
