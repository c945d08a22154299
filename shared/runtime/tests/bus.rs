//! What EventBridge answers is read entry by entry: a successful call may have refused some.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use domain::event::{Event, QuoteApproved};
use events::{Envelope, Traceparent};
use runtime::{Bus, Clients, EventBridgeBus, Settings};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn event(n: usize) -> Envelope {
    let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal: n.to_string() }.into();
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    Envelope::reported(
        "northwind",
        "hubspot-main",
        &n.to_string(),
        "eng_1",
        time,
        event,
        Traceparent::start(),
    )
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

async fn answering(verdict: impl Fn(usize) -> Value + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(move |request: &Request| {
            let sent: Value = request.body_json().unwrap();
            let entries: Vec<Value> = (0..sent["Entries"].as_array().unwrap().len()).map(&verdict).collect();
            let failed = entries.iter().filter(|e| e.get("ErrorCode").is_some()).count();
            ResponseTemplate::new(200).set_body_json(json!({"FailedEntryCount": failed, "Entries": entries}))
        })
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn only_what_was_refused_comes_back() {
    let server = answering(|i| match i {
        1 => json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}),
        _ => json!({"EventId": i.to_string()}),
    })
    .await;
    let error = bus(&server).publish((0..3).map(event).collect()).await.expect_err("one refused");
    assert_eq!(error.reason, "ThrottlingException");
    assert_eq!(error.refused.iter().map(|e| e.id).collect::<Vec<_>>(), [event(1).id]);
}

#[tokio::test]
async fn an_entry_without_a_verdict_counts_as_refused() {
    let server = MockServer::start().await;
    let body = json!({"FailedEntryCount": 1, "Entries": [{"EventId": "a"}]});
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let error = bus(&server).publish((0..3).map(event).collect()).await.expect_err("two without verdict");
    assert_eq!(error.refused.len(), 2);
}

#[tokio::test]
async fn events_go_ten_at_a_time_in_order() {
    let server = answering(|i| json!({"EventId": i.to_string()})).await;
    bus(&server).publish((0..25).map(event).collect()).await.unwrap();
    let calls = server.received_requests().await.unwrap();
    let deals = |call: &Request| -> Vec<String> {
        let sent: Value = call.body_json().unwrap();
        let detail = |e: &Value| serde_json::from_str::<Value>(e["Detail"].as_str().unwrap()).unwrap();
        sent["Entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| detail(e)["data"]["deal"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(calls.iter().map(|c| deals(c).len()).collect::<Vec<_>>(), [10, 10, 5]);
    let sent: Vec<String> = calls.iter().flat_map(deals).collect();
    assert_eq!(sent, (0..25).map(|i| i.to_string()).collect::<Vec<_>>());
}
