//! Tryton's accounts: searched for a customer, adopted as they were found, and put below a parent.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use connectors::operation::{CreateCustomer, LinkCustomer, Operation, Reference, Undone};
use connectors::role::Erp;
use connectors::{CallErrorKind, Idempotency, Performs, registry};
use domain::customer_match::{ErpAddress, ErpCustomer, Sought};
use domain::id::CustomerId;
use domain::quote::Customer;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{answer, connection, on, sent, tryton_settings, vendor};

const PARTY: &str = "/erp/rest/model/party.party";

fn erp(base: &str) -> Arc<dyn Erp> {
    registry::erp(&connection("tryton", base, tryton_settings())).expect("opens")
}

fn record() -> Customer {
    Customer {
        company: "55".into(),
        name: "Globex_Corporation, Inc.".into(),
        tax_registration: Some("12-3456789".into()),
        street: None,
        city: None,
        postal_code: None,
        country: None,
        billing_email: None,
        parent: None,
    }
}

fn ours() -> CustomerId {
    CustomerId::derive(&["globex"])
}

async fn search(server: &MockServer, linked: Option<&str>, record: &Customer) -> Vec<ErpCustomer> {
    let customer = ours();
    let sought = Sought { customer: &customer, linked, record };
    erp(&server.uri()).customers_like(&sought).await.expect("are searched")
}

/// What was searched for, in Tryton's own terms.
async fn domains(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.expect("recorded");
    let domain = |url: &wiremock::http::Url| {
        let (_, domain) = url.query_pairs().find(|(name, _)| name == "d").expect("a domain");
        serde_json::from_slice(&URL_SAFE.decode(domain.as_bytes()).expect("base64")).expect("JSON")
    };
    requests.iter().map(|r| domain(&r.url)).collect()
}

/// Proves WFA-04 in part: an account is looked for by our ID, by what it was linked with, and by
/// registration, and all that tells which firm it is comes back.
#[tokio::test]
async fn what_identifies_is_asked_first_and_is_enough() {
    let server = MockServer::start().await;
    on(&server, "GET", PARTY, answer(&vendor("tryton/firms.json")), 1).await;
    let found = search(&server, Some("3"), &record()).await;
    let expected = ErpCustomer {
        account: "3".into(),
        carries: None,
        name: "Globex Corporation".into(),
        tax_registrations: vec!["12-3456789".into()],
        addresses: vec![ErpAddress {
            street: Some("1 Cypress Creek Road".into()),
            postal_code: Some("97477".into()),
            country: Some("US".into()),
        }],
        parent: Some("2".into()),
    };
    assert_eq!(found, [expected]);
    let id = ours();
    let any = json!([
        "OR",
        [["external_id", "=", id]],
        [["code", "=", id]],
        [["id", "=", 3]],
        [["identifiers.code", "in", ["12-3456789", "123456789"]]],
    ]);
    assert_eq!(domains(&server).await, [json!([["id", ">", 0], any])]);
}

#[tokio::test]
async fn where_nothing_identifies_names_are_asked_and_mean_themselves() {
    let server = MockServer::start().await;
    on(&server, "GET", PARTY, answer(&json!([])), 1).await;
    let mut firm = vendor("tryton/firms.json");
    firm[0]["code"] = "cus_another".into();
    firm[0]["parent_party"] = Value::Null;
    on(&server, "GET", PARTY, answer(&firm), 1).await;
    let found = search(&server, None, &record()).await;
    assert_eq!(found[0].carries.as_deref(), Some("cus_another"), "a person may give the ID as a code");
    assert_eq!(found[0].parent, None);
    let asked = domains(&server).await;
    let names = json!(["OR", [["name", "ilike", "%Globex\\_Corporation%"]], [["name", "ilike", "Globe%"]]]);
    assert_eq!(asked[1], json!([["id", ">", 0], names]));
}

#[tokio::test]
async fn a_name_that_tells_nothing_is_not_searched_and_a_full_page_is_followed() {
    let server = MockServer::start().await;
    on(&server, "GET", PARTY, answer(&json!([])), 1).await;
    let nameless = Customer { name: "Inc.".into(), tax_registration: None, ..record() };
    assert_eq!(search(&server, None, &nameless).await, []);
    server.reset().await;
    let firm = |id: i64| {
        let mut firm = vendor("tryton/firms.json")[0].clone();
        firm["id"] = id.into();
        firm
    };
    on(&server, "GET", PARTY, answer(&(1..=100).map(firm).collect()), 1).await;
    on(&server, "GET", PARTY, answer(&json!([firm(170)])), 1).await;
    assert_eq!(search(&server, None, &record()).await.len(), 101);
    assert_eq!(domains(&server).await[1][0], json!(["id", ">", 100]));
}

/// Proves OWN-09 in part: what the match named is adopted, and nothing else in its place.
#[tokio::test]
async fn exactly_the_account_that_was_found_is_adopted() {
    let server = MockServer::start().await;
    let create = CreateCustomer {
        customer: ours(),
        record: record(),
        payment_terms: "net-30".into(),
        account: Some("3".into()),
    };
    on(&server, "GET", PARTY, answer(&vendor("tryton/party.json")), 1).await;
    let made = erp(&server.uri()).perform(&create, "key").await.expect("is adopted");
    assert_eq!((made.record.as_str(), made.adopted), ("3", true));
    assert_eq!(domains(&server).await, [json!([["id", "=", 3]])]);
    server.reset().await;
    on(&server, "GET", PARTY, answer(&json!([])), 1).await;
    on(&server, "POST", PARTY, answer(&json!({})), 0).await;
    let gone = erp(&server.uri()).perform(&create, "key").await.expect_err("is gone");
    assert_eq!(gone.kind, CallErrorKind::Refused);
}

fn link() -> LinkCustomer {
    LinkCustomer { account: "3".into(), parent: "2".into() }
}

fn below(parent: Value) -> Value {
    json!({ "id": 3, "__name__": "party.party", "parent_party": parent })
}

/// Proves WFA-17 in part: an account without a parent is put below the one that it belongs to.
#[tokio::test]
async fn an_account_is_put_below_its_parent() {
    let server = MockServer::start().await;
    let erp = erp(&server.uri());
    let upsert = Idempotency::Upsert { settles_within: Duration::from_secs(60) };
    assert_eq!(Performs::<LinkCustomer>::idempotency(&*erp), upsert);
    on(&server, "GET", PARTY, answer(&json!([below(Value::Null)])), 1).await;
    let parent = json!({ "id": 2, "name": "Globex Holdings Ltd", "__name__": "party.party" });
    on(&server, "PUT", &format!("{PARTY}/3"), answer(&below(parent)), 1).await;
    let made = erp.perform(&link(), "key").await.expect("is linked");
    assert_eq!(link().verify(&made), Ok(()));
    assert_eq!(sent(&server, "PUT", &format!("{PARTY}/3")).await, [json!({ "parent_party": 2 })]);
    let undone = erp.undo(&link(), &made).await.expect("is undone");
    assert!(matches!(undone, Undone::Kept(_)));
}

#[tokio::test]
async fn a_parent_that_somebody_else_set_is_not_overwritten() {
    let server = MockServer::start().await;
    let other = json!([below(json!({ "id": 9, "name": "Initech", "__name__": "party.party" }))]);
    on(&server, "GET", PARTY, answer(&other), 2).await;
    on(&server, "PUT", &format!("{PARTY}/3"), ResponseTemplate::new(200), 0).await;
    let erp = erp(&server.uri());
    assert_eq!(Performs::<LinkCustomer>::find(&*erp, &link()).await, Ok(None));
    let held = erp.perform(&link(), "key").await.expect("is read");
    assert_eq!(held, Reference { record: "9".into() });
    assert!(link().verify(&held).is_err());
}
