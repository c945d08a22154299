//! Where the usual idempotency libraries stop: the bus is absent.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
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

/// What the stream shows of a commit.
fn stream(events: &[Envelope]) -> Value {
    let pk = Key::partition("northwind", &events[0].subject);
    let outbox = serde_json::to_string(events).unwrap();
    let release = serde_json::to_string(&[Condition::EngagementActive]).unwrap();
    json!({"Records": [{"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {
        "SequenceNumber": "1", "NewImage": {"pk": {"S": pk}, "outbox": {"S": outbox}, "release": {"S": release}}}}]})
}

fn from_queue(bodies: &[String]) -> Value {
    let message = |(i, body): (usize, &String)| {
        json!({"messageId": format!("m{i}"), "receiptHandle": "r", "body": body, "attributes": {},
               "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": "arn", "awsRegion": "us-east-1"})
    };
    json!({"Records": bodies.iter().enumerate().map(message).collect::<Vec<_>>()})
}

fn ids(events: &[Envelope]) -> BTreeSet<String> {
    events.iter().map(|e| e.id.to_string()).collect()
}

/// Bus and retry queue are down, then the queue is back, then the bus: nothing that was committed is
/// lost, neither the events nor the release of what waited. Powertools keeps an answer and not what
/// is to be sent: what a handler could not publish is gone with it, or sent before its effect.
#[tokio::test]
async fn the_bus_is_absent() {
    let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
    let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
    let context = context("publish-outbox", store.clone(), &bus, &clock, FakeConnections::default());
    let waiting = event("waiting");
    let key = Key::parked("northwind", &waiting.subject, &Condition::EngagementActive, waiting.id);
    let item = Item::new(&key, "parked", "northwind", &waiting).unwrap();
    let parked = Commit::default().write(Write::Insert { item, cause: waiting.id });
    assert!(matches!(context.journal.commit(parked).await.unwrap(), Committed::Done));
    let committed: Vec<Envelope> = (0..7).map(|i| event(&i.to_string())).collect();
    let stream = stream(&committed);

    // Nobody takes anything: the stream's batch fails and comes again.
    bus.refuse_after(Some(0));
    let down = FakeQueue::default();
    down.refuse();
    assert!(publish(&context, &down, stream.clone()).await.is_err());
    assert!(bus.taken().is_empty());

    // The queue is back: it takes what the bus refuses, and the stream goes on.
    let queue = FakeQueue::default();
    let answer = publish(&context, &queue, stream).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(store.items().len(), 1, "what waits is not removed before it is on the bus");
    let bodies = queue.sent();
    let again = publish(&context, &queue, from_queue(&bodies)).await.unwrap();
    let failed = again["batchItemFailures"].as_array().unwrap().len();
    assert_eq!(failed, bodies.len(), "all stay in the queue");

    // The bus is back. Messages come in any order.
    bus.refuse_after(None);
    let reversed: Vec<String> = bodies.into_iter().rev().collect();
    let answer = publish(&context, &queue, from_queue(&reversed)).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let all: Vec<Envelope> = committed.into_iter().chain([waiting]).collect();
    assert_eq!(ids(&bus.taken()), ids(&all));
    assert!(store.items().is_empty(), "nothing waits any more");
}
