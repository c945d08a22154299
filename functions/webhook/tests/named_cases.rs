//! Where the usual idempotency libraries stop: a delivery without what it is known by.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use connectors::{Connection, ConnectionConfig, Credentials};
use hmac::{Hmac, KeyInit, Mac};
use journal::memory::MemoryStore;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::{Value, json};
use sha2::Sha256;
use webhook::receive;

const NOW: i64 = 1_795_262_400; // 2026-11-21T12:00:00Z
const SECRET: &str = "whsec_test_secret";

/// An authentic delivery of a payment.
fn request(intent: &Value) -> ApiGatewayProxyRequest {
    let body = json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": NOW,
                      "data": {"object": intent}})
    .to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{NOW}.{body}").as_bytes());
    let signature = format!("t={NOW},v1={}", hex::encode(mac.finalize().into_bytes()));
    serde_json::from_value(json!({
        "resource": "/v1/webhooks/{connection}", "path": "/v1/webhooks/stripe-main", "httpMethod": "POST",
        "headers": {"Stripe-Signature": signature}, "multiValueHeaders": {"Stripe-Signature": [signature]},
        "pathParameters": {"connection": "stripe-main"}, "requestContext": {"httpMethod": "POST"},
        "body": body, "isBase64Encoded": false}))
    .unwrap()
}

/// A payment without the field that names it. Powertools only warns when the key is missing and runs
/// the handler without a record (`raise_on_no_idempotency_key`, `throwOnNoIdempotencyKey`: off unless
/// switched on), so each repetition is a payment more. Here it is no event: it is kept as one
/// exception, however often it comes, and the product is told that it arrived.
#[tokio::test]
async fn a_missing_key() {
    let named = json!({"id": "pi_1", "object": "payment_intent", "amount": 110_000,
                       "amount_received": 110_000, "currency": "usd", "status": "succeeded",
                       "metadata": {"q2c_invoice_number": "INV2026-00001"}});
    let with = |id: Value| {
        let mut intent = named.clone();
        intent["id"] = id;
        intent
    };
    let mut without = named.clone();
    without.as_object_mut().unwrap().remove("id");
    let config: ConnectionConfig = serde_json::from_value(json!({
        "connection": "stripe-main", "tenant": "northwind", "product": "stripe", "role": "payments",
        "base_url": "https://api.stripe.example", "webhook_url": "https://q2c.example/v1/webhooks/stripe-main",
        "secret_id": "s", "settings": {}}))
    .unwrap();
    let credentials: Credentials = serde_json::from_value(json!({"signing_secrets": [SECRET]})).unwrap();
    for (intent, events, exceptions) in
        [(named.clone(), 2, 0), (without, 0, 1), (with(Value::Null), 0, 1), (with("".into()), 0, 1)]
    {
        let mut connections = FakeConnections::default();
        let connection = Connection { config: config.clone(), credentials: credentials.clone() };
        connections.connections.insert("stripe-main".into(), Arc::new(connection));
        let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
        let clock = Arc::new(FakeClock::at(jiff::Timestamp::from_second(NOW).unwrap()));
        let context = context("webhook", store.clone(), &bus, &clock, connections);
        for _ in 0..2 {
            assert_eq!(receive(&context, request(&intent)).await.status_code, 202, "{intent}");
        }
        assert_eq!(bus.taken().len(), events, "{intent}");
        let kept = store.items().iter().filter(|i| i.text("code") == Some("Q2C-0203")).count();
        assert_eq!((kept, store.items().len()), (exceptions, exceptions), "{intent}");
    }
}
