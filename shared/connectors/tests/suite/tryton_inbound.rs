//! Posted invoices: the same fact from the webhook and from the poll.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use connectors::inbound::{Delivery, Subject, Translated, Untranslatable, translate};
use connectors::registry;
use domain::event::Event;
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::support::{INVOICE, answer, connection, on, tryton_settings, vendor};

fn translated(notification: &Value) -> Result<Vec<Translated>, Untranslatable> {
    let body = serde_json::to_vec(notification).expect("JSON");
    let delivery = Delivery { method: "POST", headers: &[], body: &body };
    translate(&connection("tryton", "http://erp.example.com", tryton_settings()), &delivery)
}

#[tokio::test]
async fn webhook_and_poll_tell_the_same_fact_under_the_same_name() {
    let server = MockServer::start().await;
    on(&server, "GET", "/erp/rest/model/account.invoice", answer(&vendor("tryton/invoices_changed.json")), 1)
        .await;
    let erp = registry::polled(&connection("tryton", &server.uri(), tryton_settings())).expect("opens");
    let polled = erp.changes_since("2026-11-21T05:00:00Z".parse().expect("a moment")).await.expect("is read");
    let told = translated(&vendor("tryton/notification.json")).expect("translates");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].delivery, "account.invoice:2:posted");
    assert_eq!(told[0].subject, Subject::Other(INVOICE.into()));
    let Event::InvoicePosted(posted) = &told[0].event else { panic!("a posted invoice") };
    assert_eq!((posted.record.as_str(), posted.invoice.as_str()), ("2", INVOICE));
    let [found] = polled.as_slice() else { panic!("one") };
    assert_eq!(
        (&found.delivery, &found.subject, &found.event),
        (&told[0].delivery, &told[0].subject, &told[0].event)
    );
    assert_eq!(found.occurred_at.to_string(), "2026-11-21T05:47:13.87502Z");
}

#[test]
fn what_is_not_ours_or_not_posted_is_of_no_interest() {
    let mut notification = vendor("tryton/notification.json");
    notification["data"]["external_id"] = Value::Null;
    assert_eq!(translated(&notification), Ok(Vec::new()), "an invoice of someone else's");
    notification["type"] = "invoice.paid".into();
    assert_eq!(translated(&notification), Ok(Vec::new()));
    assert_eq!(translated(&json!({ "type": "party.created", "data": [] })), Ok(Vec::new()));
    assert!(translated(&json!({ "type": "invoice.posted", "data": {} })).is_err());
    assert!(translated(&json!("invoice.posted")).is_err());
}

#[tokio::test]
async fn a_full_page_is_followed_by_the_next_from_its_last_id() {
    let server = MockServer::start().await;
    let row = |id: i64| {
        let mut row = vendor("tryton/invoices_changed.json")[0].clone();
        row["id"] = id.into();
        row["external_id"] = format!("inv_{id}").into();
        row["write_date"] = Value::Null;
        row
    };
    let path = "/erp/rest/model/account.invoice";
    on(&server, "GET", path, answer(&(1..=100).map(row).collect()), 1).await;
    on(&server, "GET", path, answer(&json!([row(170)])), 1).await;
    let erp = registry::polled(&connection("tryton", &server.uri(), tryton_settings())).expect("opens");
    let found = erp.changes_since("2026-11-21T05:00:00Z".parse().expect("a moment")).await.expect("is read");
    assert_eq!(found.len(), 101);
    assert_eq!(
        found[100].occurred_at.to_string(),
        "2026-11-21T05:47:12.719815Z",
        "never written since its creation"
    );
    let requests = server.received_requests().await.expect("recorded");
    let after: Vec<Value> = requests
        .iter()
        .map(|r| {
            let (_, domain) = r.url.query_pairs().find(|(name, _)| name == "d").expect("a domain");
            let domain = URL_SAFE.decode(domain.as_bytes()).expect("base64");
            serde_json::from_slice::<Value>(&domain).expect("JSON")[0].clone()
        })
        .collect();
    assert_eq!(after, [json!(["id", ">", 0]), json!(["id", ">", 100])]);
    for request in requests {
        let context = request.headers.get("x-tryton-context").expect("always sent");
        assert_eq!(context, "eyJjb21wYW55IjoxfQ==");
    }
}
