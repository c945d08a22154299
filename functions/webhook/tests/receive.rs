//! What a product is told: the answers that decide whether it repeats, gives up or is content.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::{Connection, ConnectionConfig, Credentials};
use hmac::{Hmac, KeyInit, Mac};
use journal::memory::MemoryStore;
use runtime::Context;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::{Value, json};
use sha2::Sha256;
use webhook::{MOST_BYTES, receive};

const NOW: i64 = 1_795_262_400; // 2026-11-21T12:00:00Z
const SECRET: &str = "whsec_test_secret";

struct World {
    store: Arc<MemoryStore>,
    bus: Arc<FakeBus>,
    context: Context,
}

fn world() -> World {
    let config: ConnectionConfig = serde_json::from_value(json!({
        "connection": "stripe-main", "tenant": "northwind", "product": "stripe", "role": "payments",
        "base_url": "https://api.stripe.example", "webhook_url": "https://q2c.example/v1/webhooks/stripe-main",
        "secret_id": "s", "settings": {}}))
    .unwrap();
    let credentials: Credentials = serde_json::from_value(json!({"signing_secrets": [SECRET]})).unwrap();
    let mut connections = FakeConnections::default();
    connections.connections.insert("stripe-main".into(), Arc::new(Connection { config, credentials }));
    let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
    let clock = Arc::new(FakeClock::at(jiff::Timestamp::from_second(NOW).unwrap()));
    let context = context("webhook", store.clone(), &bus, &clock, connections);
    World { store, bus, context }
}

fn payment(id: &str) -> String {
    json!({"id": format!("evt_{id}"), "object": "event", "type": "payment_intent.succeeded", "created": NOW,
           "data": {"object": {"id": format!("pi_{id}"), "object": "payment_intent", "amount": 110_000,
                    "amount_received": 110_000, "currency": "usd", "status": "succeeded",
                    "metadata": {"q2c_invoice_number": "INV2026-00001"}}}})
    .to_string()
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{NOW}.{body}").as_bytes());
    format!("t={NOW},v1={}", hex::encode(mac.finalize().into_bytes()))
}

fn request(connection: &str, body: &str, base64: bool, signatures: &[String]) -> ApiGatewayProxyRequest {
    let body = if base64 { STANDARD.encode(body) } else { body.to_owned() };
    serde_json::from_value(json!({
        "resource": "/v1/webhooks/{connection}", "path": format!("/v1/webhooks/{connection}"), "httpMethod": "POST",
        "headers": {"Stripe-Signature": signatures.last().cloned().unwrap_or_default()},
        "multiValueHeaders": {"Stripe-Signature": signatures},
        "pathParameters": {"connection": connection}, "requestContext": {"httpMethod": "POST"},
        "body": body, "isBase64Encoded": base64}))
    .unwrap()
}

async fn send(w: &World, request: ApiGatewayProxyRequest) -> i64 {
    receive(&w.context, request).await.status_code
}

#[tokio::test]
async fn an_authentic_delivery_is_accepted_as_text_and_as_base64() {
    let w = world();
    let body = payment("1");
    for base64 in [false, true] {
        assert_eq!(send(&w, request("stripe-main", &body, base64, &[signature(&body)])).await, 202);
    }
    let taken = w.bus.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].id, taken[1].id, "a redelivery is the same event");
}

#[tokio::test]
async fn what_is_not_authentic_is_refused_and_leaves_no_trace() {
    let w = world();
    let body = payment("1");
    for signatures in [vec![], vec![signature("other")], vec![signature(&body), signature(&body)]] {
        assert_eq!(send(&w, request("stripe-main", &body, false, &signatures)).await, 401, "{signatures:?}");
    }
    assert!(w.bus.taken().is_empty() && w.store.items().is_empty());
}

#[tokio::test]
async fn an_unknown_connection_is_not_found() {
    let body = payment("1");
    assert_eq!(send(&world(), request("nobody", &body, false, &[signature(&body)])).await, 404);
}

/// At the limit and one byte past it, in both encodings.
#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let w = world();
    for base64 in [false, true] {
        for (bytes, status) in [(MOST_BYTES, 202), (MOST_BYTES + 1, 413)] {
            let body = format!("{}{}", payment("1"), " ".repeat(bytes - payment("1").len()));
            let answer = send(&w, request("stripe-main", &body, base64, &[signature(&body)])).await;
            assert_eq!(answer, status, "{bytes} bytes, base64 {base64}");
        }
    }
}

/// Proves EXC-14: kept whole as one exception, however often the product repeats it.
#[tokio::test]
async fn what_cannot_be_translated_is_kept_and_accepted() {
    let w = world();
    let body = "{\"object\": \"event\", \"type\": 7}";
    for _ in 0..2 {
        assert_eq!(send(&w, request("stripe-main", body, false, &[signature(body)])).await, 202);
    }
    let items = w.store.items();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].text("payload"), items[0].text("code")), (Some(body), Some("Q2C-0203")));
    assert!(w.bus.taken().is_empty());
}

#[tokio::test]
async fn an_event_of_no_interest_is_accepted_and_leaves_no_trace() {
    let w = world();
    let body = json!({"id": "evt_1", "object": "event", "type": "customer.created", "created": NOW, "data": {"object": {}}});
    let body = body.to_string();
    assert_eq!(send(&w, request("stripe-main", &body, false, &[signature(&body)])).await, 202);
    assert!(w.bus.taken().is_empty() && w.store.items().is_empty());
}

/// Overload is 503 with `Retry-After`: some products repeat only then, and none gives up.
#[tokio::test]
async fn what_cannot_be_kept_now_is_to_be_sent_again() {
    let w = world();
    w.bus.refuse_after(Some(0));
    let body = payment("1");
    let answer = receive(&w.context, request("stripe-main", &body, false, &[signature(&body)])).await;
    assert_eq!(answer.status_code, 503);
    let json: Value = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["headers"]["retry-after"], "10");
}
