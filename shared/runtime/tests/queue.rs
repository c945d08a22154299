//! Batches: grouped by subject, answered message by message, in the form that SQS expects.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};
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

fn event(subject: &str, deal: &str) -> Envelope {
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal: deal.into() }.into();
    let time = "2026-11-21T11:59:59Z".parse().unwrap();
    Envelope::reported("northwind", "hubspot-main", deal, subject, time, event, Traceparent::start())
}

fn batch(bodies: &[String]) -> SqsEvent {
    let record = |(i, body): (usize, &String)| {
        json!({"messageId": format!("m{i}"), "receiptHandle": format!("r{i}"), "body": body,
               "attributes": {"ApproximateReceiveCount": "3"}, "messageAttributes": {}, "md5OfBody": "",
               "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:q", "awsRegion": "us-east-1"})
    };
    serde_json::from_value(json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()}))
        .unwrap()
}

fn delivered(event: &Envelope) -> String {
    json!({"version": "0", "id": "x", "detail-type": event.event.type_name(), "source": "q2c", "detail": event}).to_string()
}

/// Fails the events of one deal and records the groups it is given.
#[derive(Default)]
struct Recorder {
    groups: Mutex<Vec<Vec<String>>>,
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, _: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        let deal = |e: &Envelope| match &e.event {
            Event::QuoteApproved(approved) => approved.deal.clone(),
            other => panic!("{}", other.type_name()),
        };
        self.groups.lock().unwrap().push(group.iter().map(deal).collect());
        let answer = |e: &Envelope| match deal(e).as_str() {
            "bad" => Err(Failure { reason: "told to".into(), retry_after: Some(Duration::from_secs(30)) }),
            _ => Ok(Outcome::Applied),
        };
        group.iter().filter(|e| deal(e) != "silent").map(|e| (e.id, answer(e))).collect()
    }
}

async fn run(bodies: &[String]) -> (serde_json::Value, Vec<(String, Duration)>, Vec<Vec<String>>) {
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let bus = Arc::new(FakeBus::default());
    let context = context("test", Arc::new(MemoryStore::new()), &bus, &clock, FakeConnections::default());
    let recorder = Recorder::default();
    let (response, delays) = handle_batch(&context, &recorder, batch(bodies)).await;
    (serde_json::to_value(response).unwrap(), delays, recorder.groups.into_inner().unwrap())
}

#[tokio::test]
async fn a_batch_without_failures_is_answered_with_an_empty_list() {
    let (response, delays, _) = run(&[delivered(&event("eng_1", "a"))]).await;
    assert_eq!(response, json!({"batchItemFailures": []}), "null would delete or repeat everything");
    assert!(delays.is_empty());
}

#[tokio::test]
async fn events_of_one_engagement_are_one_group_in_order() {
    let (_, _, mut groups) = run(&[
        delivered(&event("eng_1", "a")),
        delivered(&event("eng_2", "b")),
        delivered(&event("eng_1", "c")),
    ])
    .await;
    groups.sort();
    assert_eq!(groups, [vec!["a".to_owned(), "c".into()], vec!["b".into()]]);
}

/// Proves RES-01 in part: only what failed returns, after what the product asked for.
#[tokio::test]
async fn only_failed_messages_return() {
    let bodies = [
        delivered(&event("eng_1", "good")),
        delivered(&event("eng_2", "bad")),
        "not json".to_owned(),
        delivered(&event("eng_3", "silent")),
    ];
    let (response, delays, _) = run(&bodies).await;
    let mut failed: Vec<&str> = response["batchItemFailures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["itemIdentifier"].as_str().unwrap())
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, ["m1", "m2", "m3"]);
    assert!(delays.contains(&("r1".into(), Duration::from_secs(30))));
}

#[test]
fn pauses_double_are_spread_and_end() {
    let failure = Failure::new("x");
    let delay = |attempts| retry_delay(attempts, Uuid::max(), &failure);
    assert_eq!(delay(1), Duration::from_secs(2));
    assert_eq!(delay(2), Duration::from_secs(4));
    assert_eq!(delay(30), Duration::from_secs(15 * 60));
    assert_eq!(retry_delay(2, Uuid::nil(), &failure), Duration::from_secs(2), "half of it at the least");
}
