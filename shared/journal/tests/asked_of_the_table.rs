//! What the store asks of DynamoDB, where an engine that never lags and never cuts a page can't tell.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, Region, RuntimeComponents};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use journal::{DynamoStore, Key, Store};
use serde_json::{Value, json};

/// Pages that the table cuts a query into; DynamoDB cuts at 1 MB.
const PAGES: usize = 3;
const ITEMS_A_PAGE: usize = 60;

/// A table that keeps what it is asked, and answers every query in several pages.
#[derive(Debug, Clone, Default)]
struct Table(Arc<Mutex<Vec<(String, Value)>>>);

impl Table {
    fn asked(&self, operation: &str) -> Vec<Value> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
    }

    fn answer(&self, operation: &str) -> Value {
        match operation {
            "GetItem" => json!({}),
            "BatchGetItem" => json!({"Responses": {"journal": []}, "UnprocessedKeys": {}}),
            "Query" => {
                let page = self.asked("Query").len();
                let key = |n: usize| json!({"pk": {"S": "p"}, "sk": {"S": format!("{page}-{n:03}")}});
                let items: Vec<Value> = (0..ITEMS_A_PAGE).map(key).collect();
                let more = (page < PAGES).then(|| key(ITEMS_A_PAGE - 1));
                let mut answer = json!({"Items": items, "Count": ITEMS_A_PAGE, "ScannedCount": ITEMS_A_PAGE});
                if let Some(last) = more {
                    answer["LastEvaluatedKey"] = last;
                }
                answer
            }
            other => panic!("not asked here: {other}"),
        }
    }
}

impl HttpClient for Table {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
        self.0.lock().unwrap().push((operation.clone(), body));
        let answer = self.answer(&operation).to_string();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), answer.into())))
    }
}

fn over(table: &Table) -> DynamoStore {
    let config = Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(table.clone())
        .build();
    DynamoStore::new(Client::from_conf(config), "journal")
}

/// A decision on a state that is not true any more would be refused, and a duplicate not be seen.
#[tokio::test]
async fn whatever_a_decision_is_made_on_is_read_as_it_is_now() {
    let table = Table::default();
    let (store, key) = (over(&table), Key::new("p", "s"));
    store.get(&key).await.unwrap();
    store.get_many(&[key]).await.unwrap();
    store.query("p", "s", 1).await.unwrap();
    assert_eq!(table.asked("GetItem")[0]["ConsistentRead"], true);
    assert_eq!(table.asked("BatchGetItem")[0]["RequestItems"]["journal"]["ConsistentRead"], true);
    assert_eq!(table.asked("Query")[0]["ConsistentRead"], true);
}

/// An invoice of thousands of lines is more than a page.
#[tokio::test]
async fn a_query_is_read_to_its_last_page() {
    for (limit, found, pages) in [(usize::MAX, PAGES * ITEMS_A_PAGE, PAGES), (70, 70, 2)] {
        let table = Table::default();
        assert_eq!(over(&table).query("p", "", limit).await.unwrap().len(), found);
        assert_eq!(table.asked("Query").len(), pages);
        let table = Table::default();
        assert_eq!(over(&table).by_status("s", limit).await.unwrap().len(), found);
        assert_eq!(table.asked("Query").len(), pages);
        let table = Table::default();
        assert_eq!(over(&table).by_status_after("s", "a", limit).await.unwrap().len(), found);
        assert_eq!(table.asked("Query").len(), pages);
    }
}
