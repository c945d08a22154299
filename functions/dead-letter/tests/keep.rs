//! Whatever form a dead letter has, it is kept whole, once, with where it came from.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use dead_letter::keep_all;
use domain::event::{Event, QuoteApproved};
use events::{Envelope, Traceparent};
use journal::Item;
use journal::memory::MemoryStore;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::{Value, json};

fn event() -> Envelope {
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal: "1".into() }.into();
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    Envelope::reported("northwind", "hubspot-main", "1", "eng_1", time, event, Traceparent::start())
}

async fn keep(bodies: &[String]) -> (Value, Vec<Item>) {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let context = context(
        "dead-letter",
        store.clone(),
        &Arc::new(FakeBus::default()),
        &clock,
        FakeConnections::default(),
    );
    let record = |(i, body): (usize, &String)| {
        json!({"messageId": format!("m{i}"), "receiptHandle": "r", "body": body, "messageAttributes": {},
               "attributes": {"DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-1:1:q2c-time-approved"},
               "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:dlq", "awsRegion": "us-east-1"})
    };
    let batch: SqsEvent =
        serde_json::from_value(json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()}))
            .unwrap();
    let response = serde_json::to_value(keep_all(&context, batch).await).unwrap();
    (response, store.items())
}

/// Proves RES-04: the message is kept with its reason, its source queue and its whole content.
#[tokio::test]
async fn an_event_becomes_an_exception_of_its_engagement() {
    let body = json!({"detail-type": "q2c.quote.approved.v1", "detail": event()}).to_string();
    let (response, items) = keep(std::slice::from_ref(&body)).await;
    assert_eq!(response, json!({"batchItemFailures": []}));
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].text("pk"), Some("tenant#northwind#engagement#eng_1"));
    assert_eq!(items[0].text("code"), Some("Q2C-0204"));
    assert_eq!(items[0].text("queue"), Some("q2c-time-approved"));
    assert_eq!(items[0].text("payload"), Some(body.as_str()));
    let outbox: Vec<Envelope> = serde_json::from_str(items[0].text("outbox").unwrap()).unwrap();
    assert_eq!(outbox[0].event.type_name(), "q2c.exception.raised.v1");
    assert_eq!(items[0].text("status_key"), Some("tenant#northwind#exception#open#integration"));
}

#[tokio::test]
async fn the_same_letter_twice_is_one_exception() {
    let body = json!({"detail": event()}).to_string();
    let (_, items) = keep(&[body.clone(), body]).await;
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_all_the_same() {
    let outbox = json!({"events": [event()], "release": []}).to_string();
    let bodies = [
        "not json".to_owned(),
        "{}".into(),
        outbox,
        json!({"detail": {"type": "q2c.unknown.v9"}}).to_string(),
    ];
    let (response, items) = keep(&bodies).await;
    assert_eq!(response, json!({"batchItemFailures": []}));
    let mut kept: Vec<&str> = items.iter().filter_map(|i| i.text("payload")).collect();
    kept.sort_unstable();
    let mut sent: Vec<&str> = bodies.iter().map(String::as_str).collect();
    sent.sort_unstable();
    assert_eq!(kept, sent);
}
