//! A stand-in of EventBridge's API, and a bus that leads to it.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code)] // Each test file uses its part.

use domain::event::{Event, QuoteApproved};
use events::{Envelope, Traceparent};
use runtime::{Clients, EventBridgeBus, Settings};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The event of a number, about a deal.
pub fn event(n: usize, deal: String) -> Envelope {
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal }.into();
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    let delivery = n.to_string();
    Envelope::reported("northwind", "hubspot-main", &delivery, "eng_1", time, event, Traceparent::start())
}

pub fn bus(server: &MockServer) -> EventBridgeBus {
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

/// The entries of a call.
pub fn entries(request: &Request) -> Vec<Value> {
    request.body_json::<Value>().unwrap()["Entries"].as_array().unwrap().clone()
}

/// Answers each entry of a call by its position.
pub async fn answering(verdict: impl Fn(usize) -> Value + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(move |request: &Request| {
            let verdicts: Vec<Value> = (0..entries(request).len()).map(&verdict).collect();
            let failed = verdicts.iter().filter(|e| e.get("ErrorCode").is_some()).count();
            ResponseTemplate::new(200).set_body_json(json!({"FailedEntryCount": failed, "Entries": verdicts}))
        })
        .mount(&server)
        .await;
    server
}
