//! What the bus takes in one call: ten entries, and 250 KiB of them. At the limit and one past it.

use domain::event::{Event, QuoteApproved};
use events::{Envelope, Traceparent};
use runtime::{Bus, Clients, EventBridgeBus, Settings};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// What the bus sends of an event besides its detail: the type and the source.
const BESIDE: usize = "q2c.quote.approved.v1".len() + events::BUS_SOURCE.len();
const BYTES_A_CALL: usize = 250 * 1024;

/// An event that weighs a number of bytes on the bus.
fn event(n: usize, weight: usize) -> Envelope {
    let with = |deal: String| {
        let event: Event = QuoteApproved { connection: "hubspot-main".into(), deal }.into();
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
    };
    let bare = serde_json::to_string(&with(String::new())).unwrap().len() + BESIDE;
    with("d".repeat(weight.saturating_sub(bare)))
}

/// How many entries each call has in which events are put, and what each call weighs.
async fn calls(events: Vec<Envelope>) -> Vec<(usize, usize)> {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(|request: &Request| {
            let sent: Value = request.body_json().unwrap();
            let count = sent["Entries"].as_array().unwrap().len();
            let entries: Vec<Value> = (0..count).map(|i| json!({"EventId": i.to_string()})).collect();
            ResponseTemplate::new(200).set_body_json(json!({"FailedEntryCount": 0, "Entries": entries}))
        })
        .mount(&server)
        .await;
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
    let bus = EventBridgeBus::new(Clients::new(&settings).unwrap().eventbridge, "b");
    bus.publish(events).await.unwrap();
    let weigh = |entries: &Vec<Value>| {
        let text = |e: &Value, name: &str| e[name].as_str().unwrap().len();
        entries.iter().map(|e| text(e, "Detail") + text(e, "DetailType") + text(e, "Source")).sum()
    };
    let requests = server.received_requests().await.unwrap();
    let bodies =
        requests.iter().map(|r| r.body_json::<Value>().unwrap()["Entries"].as_array().unwrap().clone());
    bodies.map(|entries| (entries.len(), weigh(&entries))).collect()
}

#[tokio::test]
async fn ten_events_are_one_call_and_eleven_are_two() {
    let counts = |calls: Vec<(usize, usize)>| calls.into_iter().map(|(count, _)| count).collect::<Vec<_>>();
    assert_eq!(counts(calls((0..10).map(|n| event(n, 0)).collect()).await), [10]);
    assert_eq!(counts(calls((0..11).map(|n| event(n, 0)).collect()).await), [10, 1]);
}

#[tokio::test]
async fn events_of_250_kib_are_one_call_and_one_byte_more_is_two() {
    let half = BYTES_A_CALL / 2;
    assert_eq!(calls(vec![event(1, half), event(2, half)]).await, [(2, BYTES_A_CALL)]);
    assert_eq!(calls(vec![event(1, half), event(2, half + 1)]).await, [(1, half), (1, half + 1)]);
}
