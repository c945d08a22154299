//! Deposits: the terms that HubSpot's quote line has.

use connectors::{CallErrorKind, registry};
use domain::contract::BillingMethod;
use domain::deposit::DrawnWhen;
use domain::sample::usd;
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::hubspot::deal_with;
use crate::support::{connection, hubspot_settings, sent, vendor};

const PROPERTIES: [&str; 3] = ["q2c_deposit", "q2c_deposit_drawn_when", "q2c_deposit_share"];

async fn with_deposit(server: &MockServer, change: impl FnOnce(&mut Value)) {
    let mut quote = vendor("hubspot/quote.json");
    quote["associations"]["line items"]["results"] = json!([{ "id": "4", "type": "quote_to_line_item" }]);
    let mut lines = vendor("hubspot/line_items_deposit.json");
    change(&mut lines["results"][0]["properties"]);
    deal_with(server, quote, lines).await;
}

/// Proves OWN-14 in part: a line that is paid in advance says how, in HubSpot's own properties.
#[tokio::test]
async fn a_line_says_how_it_is_paid_in_advance() {
    let server = MockServer::start().await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    with_deposit(&server, |_| {}).await;
    let line = crm.quote_of("123").await.expect("is read").lines.remove(0);
    assert_eq!((line.billing_method, line.unit_price), (Some(BillingMethod::Deposit), usd("10000.00")));
    assert_eq!(line.planned_on, "2026-12-01".parse().ok());
    let terms = line.deposit.expect("terms");
    assert_eq!((terms.key.as_deref(), terms.drawn_when), (Some("D1"), Some(DrawnWhen::Posted)));
    assert_eq!(terms.share_percent, "25.5".parse().ok());
    let asked = sent(&server, "POST", "/crm/v3/objects/line_items/batch/read").await;
    for property in PROPERTIES {
        assert!(asked[0]["properties"].as_array().expect("names").contains(&property.into()), "{property}");
    }

    server.reset().await;
    with_deposit(&server, |line| PROPERTIES.iter().for_each(|property| line[*property] = Value::Null)).await;
    let terms = crm.quote_of("123").await.expect("is read").lines.remove(0).deposit.expect("terms");
    assert_eq!(terms, Default::default(), "what is missing is for the checks to find");

    for (property, value) in [("q2c_deposit_drawn_when", "whenever"), ("q2c_deposit_share", "some")] {
        server.reset().await;
        with_deposit(&server, |line| line[property] = value.into()).await;
        let error = crm.quote_of("123").await.expect_err(property);
        assert_eq!(error.kind, CallErrorKind::Mismatch, "{property}");
        assert!(error.detail.contains(&format!("{property} `{value}`")), "{}", error.detail);
    }
}
