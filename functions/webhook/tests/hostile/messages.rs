//! What queues hand over, broken on purpose: events in EventBridge's envelope, the stream's records,
//! dead letters. What must hold of them is written once, with the fuzz targets.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lambda_events::sqs::SqsEvent;
use events::Envelope;
use journal::memory::MemoryStore;
use proptest::prelude::*;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Failure, Handler, Outcome, handle_batch};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attacks::{block_on, letters, messages};
use crate::mutation::broken;

fn lambda(function: &str) -> Value {
    let text = match function {
        "time-approved" => include_str!("../../../../tests/fixtures/invoke/time-approved.json"),
        "quote-approved" => include_str!("../../../../tests/fixtures/invoke/quote-approved.json"),
        "payment-received" => include_str!("../../../../tests/fixtures/invoke/payment-received.json"),
        "dead-letter" => include_str!("../../../../tests/fixtures/invoke/dead-letter.json"),
        _ => include_str!("../../../../tests/fixtures/invoke/publish-outbox.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// Bodies of the messages of real queues.
fn bodies() -> Vec<&'static str> {
    let functions = ["time-approved", "quote-approved", "payment-received", "dead-letter"];
    let all = functions.into_iter().map(|f| lambda(f)["Records"][0]["body"].as_str().unwrap().to_owned());
    all.map(|body| &*body.leak()).collect()
}

fn record() -> &'static str {
    lambda("publish-outbox")["Records"][0].to_string().leak()
}

fn prefixed(kind: u8, mut text: Vec<u8>) -> Vec<u8> {
    text.insert(0, kind);
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// What is no event of ours is not read as one, and what is one is the same after it was written and
    /// read.
    #[test]
    fn a_broken_message_is_read_soundly_or_refused(body in prop::sample::select(bodies()).prop_flat_map(broken)) {
        messages::run(&prefixed(b'm', body));
    }

    #[test]
    fn a_broken_record_of_the_stream_is_published_or_kept(body in broken(record())) {
        messages::run(&prefixed(b's', body.clone()));
        messages::run(&prefixed(b'o', body));
    }

    /// Proves RES-04 in part: whatever a dead letter is, it is kept whole and once.
    #[test]
    fn broken_letters_are_kept_whole(all in prop::collection::vec(prop::sample::select(bodies()).prop_flat_map(broken), 1..10)) {
        letters::run(&all.join(&0));
    }
}

/// Takes every event that it is given, and says so.
#[derive(Default)]
struct Taking(Mutex<Vec<Uuid>>);

#[async_trait]
impl Handler for Taking {
    async fn handle(&self, _: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        self.0.lock().unwrap().extend(group.iter().map(|event| event.id));
        group.iter().map(|event| (event.id, Ok(Outcome::Applied))).collect()
    }
}

/// How many messages of a batch were handled, and which came back.
fn handled(bodies: &[String]) -> (usize, BTreeSet<String>) {
    let record = |(i, body): (usize, &String)| {
        json!({"messageId": format!("m{i}"), "receiptHandle": "r", "body": body, "attributes": {},
               "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": "arn"})
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    let batch: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
    let context = context("test", store, &bus, &clock, FakeConnections::default());
    let taking = Taking::default();
    let (response, _) = block_on(handle_batch(&context, &taking, batch));
    let failed = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    let count = taking.0.lock().unwrap().len();
    (count, failed)
}

/// A batch of ten, which is what a queue hands over, and of eleven, which it never does: every message
/// is handled or comes back, whichever of them can't be read.
#[test]
fn of_ten_messages_and_of_eleven_each_is_handled_or_comes_back() {
    let readable = bodies()[0];
    for count in [10_usize, 11] {
        for unreadable in [vec![], vec![0], vec![0, 4, count - 1], (0..count).collect()] {
            let body = |i| if unreadable.contains(&i) { "{".repeat(i * 200) } else { readable.to_owned() };
            let (taken, failed) = handled(&(0..count).map(body).collect::<Vec<_>>());
            let expected: BTreeSet<String> = unreadable.iter().map(|i| format!("m{i}")).collect();
            assert_eq!((taken, failed), (count - unreadable.len(), expected), "{unreadable:?}");
        }
    }
}
