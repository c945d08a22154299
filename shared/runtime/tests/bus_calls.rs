//! Events that need several calls to the bus: each call keeps its limits, and each call's refusals are told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use domain::event::{Event, QuoteApproved};
use events::{Envelope, Traceparent};
use runtime::{Bus, Clients, EventBridgeBus, Settings};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// What EventBridge lets one call hold.
const CALL_BYTES: usize = 256 * 1024;

fn event(n: usize, bytes: usize) -> Envelope {
    let deal = format!("{n} {}", "x".repeat(bytes));
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal }.into();
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    let delivery = n.to_string();
    Envelope::reported("northwind", "hubspot-main", &delivery, "eng_1", time, event, Traceparent::start())
}

fn bus(server: &MockServer) -> EventBridgeBus {
    let settings = Settings {
        function: "test",
        table: "t".into(),
        bus: "b".into(),
        region: "us-east-1".into(),
        endpoint: Some(server.uri()),
        queue_url: None,
        outbox_retry_queue_url: None,
        extra_ca_bundle: None,
        lease_seconds: 60,
        metrics_namespace: "Test".into(),
    };
    EventBridgeBus::new(Clients::new(&settings).unwrap().eventbridge, "b")
}

fn entries(request: &Request) -> Vec<Value> {
    request.body_json::<Value>().unwrap()["Entries"].as_array().unwrap().clone()
}

/// A bus that refuses the first event of each call.
async fn refusing_the_first() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(|request: &Request| {
            let verdict = |i: usize| match i {
                0 => json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}),
                _ => json!({"EventId": i.to_string()}),
            };
            let verdicts: Vec<Value> = (0..entries(request).len()).map(verdict).collect();
            ResponseTemplate::new(200).set_body_json(json!({"FailedEntryCount": 1, "Entries": verdicts}))
        })
        .mount(&server)
        .await;
    server
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
