//! Events that need several calls to the bus: each call keeps its limits, and each call's refusals are told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod event_bridge;

use event_bridge::{answering, bus, entries};
use events::Envelope;
use runtime::Bus;
use serde_json::{Value, json};
use wiremock::MockServer;

/// What EventBridge lets one call hold.
const CALL_BYTES: usize = 256 * 1024;

fn event(n: usize, bytes: usize) -> Envelope {
    event_bridge::event(n, format!("{n} {}", "x".repeat(bytes)))
}

/// A bus that refuses the first event of each call.
async fn refusing_the_first() -> MockServer {
    answering(|i| match i {
        0 => json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}),
        _ => json!({"EventId": i.to_string()}),
    })
    .await
}

/// What a later call refused is not lost behind what an earlier one refused.
#[tokio::test]
async fn the_refusals_of_every_call_come_back() {
    let server = refusing_the_first().await;
    let events: Vec<Envelope> = (0..25).map(|n| event(n, 0)).collect();
    let error = bus(&server).publish(events.clone()).await.expect_err("three refused");
    let refused: Vec<_> = error.refused.iter().map(|e| e.id).collect();
    assert_eq!(refused, [events[0].id, events[10].id, events[20].id]);
}

/// A call over the limit is refused as a whole, and would be refused again each time.
#[tokio::test]
async fn no_call_holds_more_than_the_bus_takes() {
    let server = refusing_the_first().await;
    let events: Vec<Envelope> = (0..7).map(|n| event(n, 100 * 1024)).collect();
    let _ = bus(&server).publish(events.clone()).await;
    let calls = server.received_requests().await.unwrap();
    let size = |entry: &Value| {
        ["Source", "DetailType", "Detail"].iter().map(|f| entry[f].as_str().unwrap().len()).sum::<usize>()
    };
    let sizes: Vec<usize> = calls.iter().map(|call| entries(call).iter().map(size).sum()).collect();
    assert!(sizes.iter().all(|bytes| *bytes <= CALL_BYTES), "{sizes:?}");
    assert_eq!(calls.iter().map(|call| entries(call).len()).sum::<usize>(), events.len());
}
