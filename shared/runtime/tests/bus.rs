//! What EventBridge answers is read entry by entry: a successful call may have refused some.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod event_bridge;

use event_bridge::{answering, bus};
use events::Envelope;
use runtime::Bus;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn event(n: usize) -> Envelope {
    event_bridge::event(n, n.to_string())
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
