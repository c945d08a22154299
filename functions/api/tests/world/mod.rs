//! A tenant with callers, a deal in its CRM, and an engagement in its books; and another tenant beside it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

pub mod products;

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use aws_lambda_events::encodings::Body;
use domain::Engagement;
use domain::engagement::EngagementStatus;
use domain::sample::{active, config, quote};
use events::Envelope;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, CrosswalkEntry, Item, Key};
use runtime::Context;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub const TENANT: &str = "northwind";
pub const ROLES: [&str; 4] = ["sales", "finance", "operations", "automation"];

pub fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// The token of the caller that has one role in a tenant.
pub fn token(tenant: &str, role: &str) -> String {
    format!("q2c_{tenant}.{role}-app.{}", hex::encode(Sha256::digest(format!("{tenant} {role}").as_bytes())))
}

fn callers(tenant: &str) -> Item {
    let callers: Vec<Value> = ROLES
        .iter()
        .map(|role| {
            let hash = hex::encode(Sha256::digest(token(tenant, role).as_bytes()));
            json!({"name": format!("{role}-app"), "token_sha256": [hash], "roles": [role]})
        })
        .collect();
    let body = json!({"body": json!({"callers": callers}).to_string(), "version": 1});
    Item::new(&Key::connection(&format!("api/{tenant}")), "config", tenant, &body).unwrap()
}

pub struct World {
    pub store: Arc<MemoryStore>,
    pub bus: Arc<FakeBus>,
    pub context: Context,
    pub engagement: Engagement,
}

/// A world whose one engagement has a status.
pub async fn world(status: EngagementStatus) -> World {
    world_with(status, FakeConnections::default()).await
}

pub async fn world_with(status: EngagementStatus, mut connections: FakeConnections) -> World {
    let mut other = config();
    other.tenant = "southwind".into();
    other.routing.0[0].gives = "hubspot-south".into();
    connections.tenants.entry(TENANT.into()).or_insert_with(|| Arc::new(config()));
    connections.tenants.insert("southwind".into(), Arc::new(other));
    let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
    let clock = Arc::new(FakeClock::at(now()));
    store.fill([callers(TENANT), callers("southwind")]);
    let context = context("api", store.clone(), &bus, &clock, connections);
    let mut engagement = active(&quote());
    engagement.status = status;
    let write = context.journal.write_state(TENANT, &engagement, 0, now()).unwrap();
    let link = CrosswalkEntry {
        global_id: engagement.customer.to_string(),
        connection: "tryton-us".into(),
        record_kind: "customer".into(),
        local_id: "3".into(),
        engagement: engagement.engagement.to_string(),
    };
    let mut commit = Commit::default().write(write);
    for write in link.writes(TENANT, Uuid::nil()).unwrap() {
        commit = commit.write(write);
    }
    assert!(matches!(context.journal.commit(commit).await.unwrap(), journal::Committed::Done));
    World { store, bus, context, engagement }
}

/// One call, to be changed before it is sent.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub path: &'static str,
    pub parameters: Value,
    pub query: Value,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
    pub encoded: bool,
}

impl Call {
    pub fn get(path: &'static str, parameters: Value) -> Self {
        Self {
            method: "GET",
            path,
            parameters,
            query: Value::Null,
            headers: vec![],
            body: None,
            encoded: false,
        }
    }

    pub fn post(path: &'static str, parameters: Value, key: &str, body: &Value) -> Self {
        let headers = vec![("Idempotency-Key", key.to_owned()), ("Content-Type", "application/json".into())];
        Self { method: "POST", headers, body: Some(body.to_string()), ..Self::get(path, parameters) }
    }

    pub fn by(self, role: &str) -> Self {
        self.of(TENANT, role)
    }

    pub fn of(mut self, tenant: &str, role: &str) -> Self {
        self.headers.push(("Authorization", format!("Bearer {}", token(tenant, role))));
        self
    }

    pub fn without(mut self, header: &str) -> Self {
        self.headers.retain(|(name, _)| *name != header);
        self
    }

    pub fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    fn request(&self) -> ApiGatewayProxyRequest {
        let mut headers = serde_json::Map::new();
        for (name, value) in &self.headers {
            headers.entry(*name).or_insert_with(|| json!([])).as_array_mut().unwrap().push(json!(value));
        }
        serde_json::from_value(json!({
            "resource": self.path, "path": self.path, "httpMethod": self.method, "headers": {},
            "multiValueHeaders": headers, "pathParameters": self.parameters,
            "queryStringParameters": self.query, "requestContext": {"httpMethod": self.method},
            "body": self.body, "isBase64Encoded": self.encoded}))
        .unwrap()
    }

    /// Status and body of the answer.
    pub async fn send(&self, world: &World) -> (i64, Value) {
        let answer = self.answer(world).await;
        let Some(Body::Text(text)) = answer.body else { panic!("no text") };
        (answer.status_code, serde_json::from_str(&text).unwrap())
    }

    pub async fn answer(&self, world: &World) -> ApiGatewayProxyResponse {
        api::answer(&world.context, self.request()).await
    }
}

/// Everything that commits left to be sent.
pub fn outgoing(world: &World) -> Vec<Envelope> {
    let items = world.store.items();
    items
        .iter()
        .filter_map(|item| item.text("outbox"))
        .flat_map(|t| serde_json::from_str::<Vec<Envelope>>(t).unwrap())
        .collect()
}
