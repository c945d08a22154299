//! Where the usual idempotency libraries stop: what is given up at last.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use dead_letter::keep_all;
use domain::Event;
use domain::sample::entry;
use events::{Envelope, Traceparent};
use journal::memory::MemoryStore;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::{Value, json};

fn event(id: &str, bytes: usize) -> Envelope {
    let mut time = entry(id, "consultant", "2026-11-16", 60);
    time.notes = Some("x".repeat(bytes));
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    Envelope::reported(
        "northwind",
        "kantata-main",
        id,
        "eng_1",
        now,
        Event::TimeApproved(time),
        Traceparent::start(),
    )
}

/// Whether a message is kept as an exception and leaves its queue.
async fn is_kept(body: &str) -> bool {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let bus = Arc::new(FakeBus::default());
    let context = context("dead-letter", store.clone(), &bus, &clock, FakeConnections::default());
    let batch: SqsEvent = serde_json::from_value(json!({"Records": [
        {"messageId": "m1", "receiptHandle": "r", "body": body, "attributes": {}, "messageAttributes": {},
         "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:dlq", "awsRegion": "us-east-1"}]}))
    .unwrap();
    let response: Value = serde_json::to_value(keep_all(&context, batch).await).unwrap();
    let exceptions = store.items().iter().filter(|i| i.text("kind") == Some("exception")).count();
    response == json!({"batchItemFailures": []}) && exceptions == 1
}

/// An event whose commit is refused because it does not fit into an item comes here in the end; as
/// large as the bus lets it be, it is kept whole. Powertools has nothing for it: the record is not
/// written, and each attempt has the effect again.
#[tokio::test]
async fn an_event_as_large_as_the_bus_lets_it_be() {
    let body = json!({"detail-type": "q2c.time.approved.v1", "detail": event("1", 250 * 1024)}).to_string();
    assert!(is_kept(&body).await);
}

/// A message of the outbox's retry queue holds one event, as large as the bus lets it be.
#[tokio::test]
async fn a_message_of_the_retry_queue_with_the_largest_event() {
    let events: Vec<Envelope> = vec![event("1", 250 * 1024)];
    assert!(is_kept(&json!({"events": events, "release": []}).to_string()).await);
}
