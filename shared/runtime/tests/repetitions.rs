//! Messages that come back: both copies of an event that failed, and not later than a queue can hold them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::SqsEvent;
use domain::event::{Event, QuoteApproved};
use events::{Envelope, Traceparent};
use journal::memory::MemoryStore;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Failure, Handler, Outcome, handle_batch, retry_delay};
use serde_json::json;
use uuid::Uuid;

/// SQS hides a message for twelve hours at most.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

struct Failing;

#[async_trait]
impl Handler for Failing {
    async fn handle(&self, _: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        group.iter().map(|e| (e.id, Err(Failure::new("told to")))).collect()
    }
}

fn two_copies() -> SqsEvent {
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal: "1".into() }.into();
    let time = "2026-11-21T11:59:59Z".parse().unwrap();
    let event =
        Envelope::reported("northwind", "hubspot-main", "1", "eng_1", time, event, Traceparent::start());
    let body = json!({"detail-type": event.event.type_name(), "source": "q2c", "detail": event}).to_string();
    let record = |id: &str| {
        json!({"messageId": id, "receiptHandle": id, "body": body, "attributes": {}, "messageAttributes": {},
               "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:q", "awsRegion": "us-east-1"})
    };
    serde_json::from_value(json!({"Records": [record("m0"), record("m1")]})).unwrap()
}

/// What failed under one message has failed under the other: neither is done.
#[tokio::test]
async fn both_copies_of_a_failed_event_return() {
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let (bus, store) = (Arc::new(FakeBus::default()), Arc::new(MemoryStore::new()));
    let context = context("test", store, &bus, &clock, FakeConnections::default());
    let (response, delays) = handle_batch(&context, &Failing, two_copies()).await;
    let failed: Vec<&str> = response.batch_item_failures.iter().map(|f| f.item_identifier.as_str()).collect();
    assert_eq!(failed, ["m0", "m1"]);
    assert_eq!(delays.len(), 2);
}

/// A pause that the queue refuses is no pause: the message would come back at once.
#[test]
fn no_product_makes_us_ask_for_more_than_a_queue_gives() {
    let asked = |wait| Failure { reason: "busy".into(), retry_after: Some(wait) };
    for wait in [LONGEST, LONGEST * 2, Duration::MAX] {
        assert!(retry_delay(1, Uuid::nil(), &asked(wait)) < LONGEST, "{wait:?}");
    }
    let hour = Duration::from_secs(60 * 60);
    assert_eq!(retry_delay(9, Uuid::nil(), &asked(hour)), hour);
}
