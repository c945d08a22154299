//! An embedded DynamoDB below the SDK: requests are answered in this process, without a network.
//!
//! It is an implementation by others, held to AWS by its own conformance suite: a second
//! opinion where emulator and documentation differ.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, Region, RuntimeComponents};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use dynoxide::{Database, DynoxideError};
use journal::DynamoStore;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

const TABLE: &str = "journal";

/// The product's store over an embedded table.
pub fn embedded() -> DynamoStore {
    let database = Database::memory().expect("an engine");
    let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let keys = |pk: &str, sk: &str| json!([{"AttributeName": pk, "KeyType": "HASH"}, {"AttributeName": sk, "KeyType": "RANGE"}]);
    let table = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": (["pk", "sk", "status_key", "status_at"].map(text)),
        "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-status",
            "KeySchema": keys("status_key", "status_at"),
            "Projection": {"ProjectionType": "ALL"},
        }],
    });
    database.create_table(serde_json::from_value(table).expect("a table")).expect("created");
    let config = Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(Engine(Arc::new(database)))
        .build();
    DynamoStore::new(Client::from_conf(config), TABLE)
}

#[derive(Clone)]
struct Engine(Arc<Database>);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl HttpClient for Engine {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Engine {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let (status, answer) = self.answer(operation, body);
        let Ok(status) = status.try_into() else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user("no status".into())));
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, answer.into())))
    }
}

impl Engine {
    fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let db = &self.0;
        match operation {
            "GetItem" => run(body, |r| db.get_item(r)),
            "PutItem" => run(body, |r| db.put_item(r)),
            "UpdateItem" => run(body, |r| db.update_item(r)),
            "DeleteItem" => run(body, |r| db.delete_item(r)),
            "BatchGetItem" => run(body, |r| db.batch_get_item(r)),
            "Query" => run(body, |r| db.query(r)),
            "TransactWriteItems" => run(body, |r| db.transact_write_items(r)),
            other => panic!("the store does not use {other}"),
        }
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    work: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> (u16, String) {
    // A request that has no sense is refused while it is read.
    let request = serde_json::from_slice(body).map_err(|e| DynoxideError::ValidationException(e.to_string()));
    match request.and_then(work) {
        Ok(answer) => (200, serde_json::to_string(&answer).expect("an answer")),
        Err(error) => (error.status_code(), error.to_json()),
    }
}
