//! Dead letters: whatever a message is, it is kept whole and once. An input is the messages of a
//! batch, divided by NUL.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use dead_letter::keep_all;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::{Value, json};

use super::products::NOW;

/// The table after a batch of dead letters, twice delivered, and what is answered.
fn kept(bodies: &[&str]) -> (Value, Arc<MemoryStore>) {
    let record = |(i, body): (usize, &&str)| {
        json!({"messageId": format!("m{i}"), "receiptHandle": "r", "body": body, "messageAttributes": {},
               "attributes": {"DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-1:1:q2c-time-approved"},
               "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:dlq"})
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(FakeClock::at(Timestamp::from_second(NOW).expect("a moment")));
    let bus = Arc::new(FakeBus::default());
    let context = context("dead-letter", store.clone(), &bus, &clock, FakeConnections::default());
    let mut answer = Value::Null;
    for _ in 0..2 {
        let batch: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("a batch");
        let response = super::block_on(keep_all(&context, batch));
        answer = serde_json::to_value(response).expect("an answer");
    }
    (answer, store)
}

/// What must hold of any batch: each letter is kept as it came, or comes back and stays in its queue
/// because the table can't take it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let bodies: Vec<&str> = text.split('\0').take(10).collect();
    let (answer, store) = kept(&bodies);
    let failures = answer["batchItemFailures"].as_array().expect("a list, even where it is empty");
    let back: BTreeSet<&str> = failures.iter().filter_map(|f| f["itemIdentifier"].as_str()).collect();
    assert_eq!(back.len(), failures.len(), "each comes back once");
    let items = store.items();
    let found: BTreeSet<&str> = items.iter().filter_map(|item| item.text("payload")).collect();
    let mut letters = BTreeSet::new();
    for (i, body) in bodies.iter().enumerate() {
        if back.contains(format!("m{i}").as_str()) {
            assert!(is_too_large(body), "came back, and the table could have taken it");
        } else {
            letters.insert(identity(body));
        }
    }
    // One event given up twice is one exception; any other message is its own.
    assert_eq!(items.len(), letters.len(), "one exception for each letter");
    assert!(found.iter().all(|payload| bodies.contains(payload)), "kept as it came");
    for item in &items {
        assert_eq!((item.text("code"), item.text("status")), (Some("Q2C-0204"), Some("open")));
    }
}

/// Whether an item or key of the table may be too small for a letter: 400 KiB the one, 2 KiB the other.
fn is_too_large(body: &str) -> bool {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let detail = json.get("detail").or_else(|| json.pointer("/events/0")).unwrap_or(&Value::Null);
    let length = |name: &str| detail.get(name).and_then(Value::as_str).map_or(0, str::len);
    body.len() > 380 * 1024 || length("tenant") + length("subject") > 1_900
}

/// What tells a letter from another: the event in it under its tenant and subject, or all of it.
fn identity(body: &str) -> String {
    let event = serde_json::from_str::<Value>(body).ok().and_then(|json| json.get("detail").cloned());
    match event.and_then(|detail| serde_json::from_value::<events::Envelope>(detail).ok()) {
        Some(event) => format!("event {} {} {}", event.tenant, event.subject, event.id),
        None => format!("text {body}"),
    }
}
