//! The stores under test: in memory, and a fresh DynamoDB table of the emulator.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_dynamodb::{Client, Config};
use domain::Event;
use domain::id::EngagementId;
use domain::sample;
use events::{Envelope, Traceparent};
use journal::memory::MemoryStore;
use journal::{Commit, Committed, DynamoStore, Item, Journal, Key, Store};
use uuid::Uuid;

/// Both stores, named for assertions.
pub async fn stores() -> Vec<(&'static str, Arc<dyn Store>)> {
    vec![("memory", Arc::new(MemoryStore::new())), ("dynamodb", Arc::new(dynamodb().await))]
}

/// A table of the emulator that no other test knows.
pub async fn dynamodb() -> DynamoStore {
    let endpoint = std::env::var("Q2C_TEST_ENDPOINT")
        .expect("Q2C_TEST_ENDPOINT: run through `python3 -m local with-emulator -- cargo test …`");
    let config = Config::builder()
        .behavior_version_latest()
        .endpoint_url(endpoint)
        .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::new(
            std::env::var("AWS_ACCESS_KEY_ID").unwrap_or_else(|_| "test".into()),
            "test",
            None,
            None,
            "test",
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);
    let table = format!("journal-{}", Uuid::new_v4().simple());
    let text = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    let key =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("by-status")
        .key_schema(key("status_key", KeyType::Hash))
        .key_schema(key("status_at", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    client
        .create_table()
        .table_name(&table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(["pk", "sk", "status_key", "status_at"].map(text).to_vec()))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(index)
        .send()
        .await
        .expect("table");
    DynamoStore::new(client, table)
}

pub fn now() -> jiff::Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("timestamp")
}

pub fn engagement_id() -> EngagementId {
    sample::active(&sample::quote()).engagement
}

/// An event about the sample engagement, known by `delivery`.
pub fn about(delivery: &str, event: impl Into<Event>) -> Envelope {
    let id = engagement_id();
    Envelope::reported(
        "northwind",
        "kantata-main",
        delivery,
        id.as_str(),
        now(),
        event.into(),
        Traceparent::start(),
    )
}

/// Puts the sample engagement, active, into a journal.
pub async fn activate(journal: &Journal, engagement: &domain::Engagement) {
    let known = journal.engagement("northwind", engagement.engagement.as_str()).await.expect("reads");
    let write = journal.write_state("northwind", engagement, known.version, now()).expect("writes");
    assert!(matches!(
        journal.commit(Commit::default().write(write)).await.expect("commits"),
        Committed::Done
    ));
}

/// Items of the sample engagement whose sort key starts with a prefix.
pub async fn items(store: &dyn Store, prefix: &str) -> Vec<Item> {
    let pk = Key::partition("northwind", engagement_id().as_str());
    store.query(&pk, prefix, usize::MAX).await.expect("reads")
}
