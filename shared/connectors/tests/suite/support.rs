//! What the tests share: connections, deals, and a server that takes a request and says nothing.

use connectors::{Connection, ConnectionConfig, Credentials};
use domain::money::{Currency, Money};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const ENGAGEMENT: &str = "eng_96d73e2802635becadf4e9c972b82ff5";
pub(crate) const INVOICE: &str = "inv_31edd794dd625f77a01d8dcd230934b4";

pub(crate) fn connection(product: &str, base_url: &str, settings: Value) -> Connection {
    let config = json!({
        "connection": format!("{product}-main"), "tenant": "northwind", "product": product, "role": "any",
        "base_url": base_url, "webhook_url": format!("https://q2c.example.com/v1/webhooks/{product}-main"),
        "secret_id": "secret", "settings": settings,
    });
    let credentials = json!({ "signing_secrets": ["current", "previous"], "api_token": "token" });
    Connection {
        config: serde_json::from_value::<ConnectionConfig>(config).expect("config"),
        credentials: serde_json::from_value::<Credentials>(credentials).expect("credentials"),
    }
}

pub(crate) fn hubspot_settings() -> Value {
    json!({
        "signature_versions": ["v3"], "portal_id": 62515, "settles_within_seconds": 15,
        "triggers": [
            { "property": "quote_status", "value": "APPROVED", "means": "quote-approved" },
            { "property": "dealstage", "value": "closedwon", "means": "opportunity-won" },
            { "property": "contract_status", "value": "ACTIVATED", "means": "contract-activated" },
            { "property": "sow_status", "value": "APPROVED", "means": "sow-approved" },
        ],
    })
}

pub(crate) fn docusign_settings() -> Value {
    json!({ "crm_connection": "hubspot-main", "deal_field": "q2c_deal" })
}

pub(crate) fn kantata_settings() -> Value {
    json!({
        "service_name": "q2c", "acceptance_field": "Client acceptance", "acceptance_value": "Accepted",
        "overlap_minutes": 30, "settles_within_seconds": 60,
    })
}

pub(crate) fn tryton_settings() -> Value {
    json!({
        "database": "erp", "company": 1, "receivable_account": 39, "revenue_account": 99, "journal": 1,
        "statement_journal": 1, "currencies": { "USD": 1 }, "taxes": { "SALES-10": 1 },
        "payment_terms": { "net-30": 4 }, "fixed_product": 1, "fixed_unit": 36, "hour_product": 2, "hour_unit": 9,
        "project_status_open": 1, "overlap_minutes": 30,
    })
}

/// A vendor's payload under `tests/fixtures/vendors`.
pub(crate) fn vendor(path: &str) -> Value {
    serde_json::from_str(&vendor_text(path)).expect("JSON")
}

pub(crate) fn vendor_text(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vendors/");
    std::fs::read_to_string(format!("{root}{path}")).expect("fixture")
}

pub(crate) fn usd(amount: &str) -> Money {
    Money::parse(amount, dollars()).expect("amount")
}

pub(crate) fn dollars() -> Currency {
    Currency::from_code("USD").expect("USD")
}

pub(crate) fn answer(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Answers calls of a method to a path, a number of times.
pub(crate) async fn on(server: &MockServer, verb: &str, path: &str, reply: ResponseTemplate, times: u64) {
    let mock = Mock::given(wiremock::matchers::method(verb)).and(wiremock::matchers::path(path));
    let mock = mock.respond_with(reply).expect(times);
    let mock = if times == 0 { mock } else { mock.up_to_n_times(times) };
    mock.mount(server).await;
}

/// Bodies sent to a path, in order.
pub(crate) async fn sent(server: &MockServer, verb: &str, path: &str) -> Vec<Value> {
    let requests = server.received_requests().await.expect("recorded");
    let matching = requests.iter().filter(|r| r.method.as_str() == verb && r.url.path() == path);
    matching.map(|r| serde_json::from_slice(&r.body).unwrap_or(Value::Null)).collect()
}

/// A product that takes every request in and drops the connection without a word.
pub(crate) async fn silent() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0_u8; 8192];
            let _ = stream.read(&mut buffer).await;
        }
    });
    format!("http://{address}")
}
