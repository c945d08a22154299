//! What queues, streams and the bus hand over: any text as a message of a queue, any JSON as a
//! record of the table's stream or a batch of publish-outbox's retry queue.
//!
//! An input is `m` and the body of a message, `s` and a stream's record, or `o` and publish-outbox's event.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsMessage;
use events::Envelope;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use publish_outbox::{Outbox, Pending, publish};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, FakeQueue, context};
use runtime::parse_record;
use serde::Deserialize;
use serde_json::{Value, json};

use super::products::NOW;

/// What must hold of any message.
pub fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match kind {
        b'm' => message(text),
        b's' => {
            if let Ok(record) = serde_json::from_str(text) {
                super::block_on(stream(record));
            }
        }
        b'o' => {
            if let Ok(event) = serde_json::from_str(text) {
                super::block_on(batch(event));
            }
        }
        _ => {}
    }
}

/// What EventBridge delivers to a queue.
#[derive(Deserialize)]
struct Delivered {
    detail: Envelope,
}

/// A message holds an event or is refused with a reason that quotes nothing of it. What is an event
/// survives being written and read.
fn message(body: &str) {
    let message: SqsMessage =
        serde_json::from_value(json!({"messageId": "m", "body": body, "attributes": {},
        "messageAttributes": {}, "receiptHandle": "r"}))
        .expect("a message");
    let read = parse_record(&message);
    match (&read, serde_json::from_str::<Delivered>(body)) {
        (Err(reason), _) => assert!(reason.len() < 100, "the reason quotes the message: {reason}"),
        (Ok(_), Ok(Delivered { detail: event })) => {
            let text = serde_json::to_string(&event).expect("an event is always written");
            assert_eq!(serde_json::from_str::<Envelope>(&text).expect("and read again"), event);
            assert_eq!(
                serde_json::from_str::<Envelope>(&text).map(|e| e.body_hash()).ok(),
                Some(event.body_hash())
            );
            if let Some(trace) = &event.traceparent {
                // What has no trace in it begins one; any other goes on.
                let goes_on = trace.child().trace_id() == trace.trace_id();
                assert!(goes_on || trace.trace_id().is_empty());
            }
        }
        (Ok(_), Err(reason)) => panic!("read, and it is no event: {reason}"),
    }
}

struct Outgoing {
    bus: Arc<FakeBus>,
    queue: FakeQueue,
}

async fn publishing(event: Value, refusing: bool) -> (Result<Value, String>, Outgoing) {
    let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
    bus.refuse_after(refusing.then_some(1));
    let clock = Arc::new(FakeClock::at(Timestamp::from_second(NOW).expect("a moment")));
    let context = context("publish-outbox", store, &bus, &clock, FakeConnections::default());
    let queue = FakeQueue::default();
    let answer = publish(&context, &queue, event).await;
    (answer, Outgoing { bus, queue })
}

/// Whatever a record holds, its events are on the bus or in the retry queue, and so is a record that
/// can't be read; the stream goes on.
async fn stream(record: Value) {
    let read = Outbox::read(&record);
    for refusing in [false, true] {
        let event = json!({"Records": [{"eventSource": "aws:dynamodb"}, record]});
        let (answer, out) = publishing(event, refusing).await;
        assert_eq!(answer, Ok(json!({"batchItemFailures": []})));
        let pending = out.queue.sent();
        let pending: Vec<Pending> =
            pending.iter().map(|text| serde_json::from_str(text).expect("our own message")).collect();
        match &read {
            Err(_) => {
                // A number that no integer holds may change its last digit each time it is read; the
                // stream writes numbers as text, and money is never one.
                let written = serde_json::from_str(&record.to_string()).expect("JSON");
                assert_eq!(pending[0].unreadable, Some(written), "kept whole");
            }
            Ok(None) => assert!(out.bus.taken().is_empty() && pending.is_empty()),
            Ok(Some(_)) => {
                let text = record.pointer("/dynamodb/NewImage/outbox/S").and_then(Value::as_str);
                let wanted: Vec<Envelope> = serde_json::from_str(text.expect("text")).expect("events");
                let mut found = out.bus.taken();
                found.extend(pending.into_iter().flat_map(|p| p.events));
                assert_eq!(found, wanted, "on the bus or in the queue, in order");
            }
        }
    }
}

/// Any event at all: an answer or an error, never a panic.
async fn batch(event: Value) {
    let (answer, _) = publishing(event, false).await;
    if let Ok(answer) = answer {
        assert!(answer.get("batchItemFailures").is_some_and(Value::is_array), "{answer}");
    }
}
