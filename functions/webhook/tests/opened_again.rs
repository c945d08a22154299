//! A delivery that could not be translated, was settled by a person, and comes again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use connectors::{Connection, ConnectionConfig, Credentials};
use hmac::{Hmac, KeyInit, Mac};
use journal::memory::MemoryStore;
use journal::{Commit, Committed};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Failure};
use serde_json::json;
use sha2::Sha256;
use webhook::receive;

const NOW: i64 = 1_795_262_400; // 2026-11-21T12:00:00Z
const SECRET: &str = "whsec_test_secret";
const BODY: &str = "{\"object\": \"event\", \"type\": 7}";

fn world() -> (Arc<MemoryStore>, Context) {
    let config: ConnectionConfig = serde_json::from_value(json!({
        "connection": "stripe-main", "tenant": "northwind", "product": "stripe", "role": "payments",
        "base_url": "https://api.stripe.example", "webhook_url": "https://q2c.example/v1/webhooks/stripe-main",
        "secret_id": "s", "settings": {}}))
    .unwrap();
    let credentials: Credentials = serde_json::from_value(json!({"signing_secrets": [SECRET]})).unwrap();
    let mut connections = FakeConnections::default();
    connections.connections.insert("stripe-main".into(), Arc::new(Connection { config, credentials }));
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(FakeClock::at(jiff::Timestamp::from_second(NOW).unwrap()));
    let context = context("webhook", store.clone(), &Arc::new(FakeBus::default()), &clock, connections);
    (store, context)
}

fn delivery() -> ApiGatewayProxyRequest {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{NOW}.{BODY}").as_bytes());
    let signature = format!("t={NOW},v1={}", hex::encode(mac.finalize().into_bytes()));
    serde_json::from_value(json!({
        "resource": "/v1/webhooks/{connection}", "path": "/v1/webhooks/stripe-main", "httpMethod": "POST",
        "headers": {"Stripe-Signature": signature}, "multiValueHeaders": {"Stripe-Signature": [signature]},
        "pathParameters": {"connection": "stripe-main"}, "requestContext": {"httpMethod": "POST"},
        "body": BODY, "isBase64Encoded": false}))
    .unwrap()
}

fn status(store: &MemoryStore) -> Option<String> {
    store.items().iter().find_map(|item| item.text("status").map(str::to_owned))
}

#[tokio::test]
async fn it_waits_for_its_owner_once_more() -> Result<(), Failure> {
    let (store, context) = world();
    assert_eq!(receive(&context, delivery()).await.status_code, 202);
    assert_eq!(status(&store).as_deref(), Some("open"));

    let now = context.clock.now();
    let journal = &context.journal;
    let writes =
        journal.settle_exceptions("northwind", "connection_stripe-main", "webhook", &[], now).await?;
    let settled = journal.commit(Commit { writes, ..Commit::default() }).await?;
    assert!(matches!(settled, Committed::Done));
    assert_eq!(status(&store).as_deref(), Some("resolved"));

    assert_eq!(receive(&context, delivery()).await.status_code, 202);
    assert_eq!(status(&store).as_deref(), Some("open"));
    assert_eq!(store.items().len(), 1);
    Ok(())
}
