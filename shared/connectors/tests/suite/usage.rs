//! Usage: the terms that HubSpot's quote line has.

use connectors::{CallErrorKind, registry};
use domain::contract::BillingMethod;
use domain::usage::UsageTier;
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::hubspot::deal_with;
use crate::support::{connection, hubspot_settings, sent, vendor};

const PROPERTIES: [&str; 5] =
    ["q2c_usage", "q2c_meter", "q2c_usage_tiers", "q2c_usage_allowance", "q2c_starts_on"];

async fn with_usage(server: &MockServer, change: impl FnOnce(&mut Value)) {
    let mut quote = vendor("hubspot/quote.json");
    quote["associations"]["line items"]["results"] = json!([{ "id": "4", "type": "quote_to_line_item" }]);
    let mut lines = vendor("hubspot/line_items_usage.json");
    change(&mut lines["results"][0]["properties"]);
    deal_with(server, quote, lines).await;
}

/// Proves OWN-14 in part: a line that bills usage says how, in HubSpot's own properties.
#[tokio::test]
async fn a_line_says_how_usage_is_billed() {
    let server = MockServer::start().await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    with_usage(&server, |_| {}).await;
    let line = crm.quote_of("123").await.expect("is read").lines.remove(0);
    assert_eq!((line.billing_method, line.quantity), (Some(BillingMethod::Usage), 12.into()));
    let terms = line.usage.expect("terms");
    assert_eq!((terms.key.as_deref(), terms.meter.as_deref()), (Some("U1"), Some("api-calls")));
    assert_eq!((terms.allowance, terms.starts_on), ("100".parse().ok(), "2026-11-01".parse().ok()));
    let tier = |up_to: Option<i64>, price: &str| UsageTier {
        up_to: up_to.map(Into::into),
        unit_price: price.parse().expect("a price"),
    };
    assert_eq!(terms.tiers, [tier(Some(1000), "0.50"), tier(Some(5000), "0.0004"), tier(None, "0.30")]);
    let asked = sent(&server, "POST", "/crm/v3/objects/line_items/batch/read").await;
    for property in PROPERTIES {
        assert!(asked[0]["properties"].as_array().expect("names").contains(&property.into()), "{property}");
    }

    server.reset().await;
    with_usage(&server, |line| PROPERTIES.iter().for_each(|property| line[*property] = Value::Null)).await;
    let terms = crm.quote_of("123").await.expect("is read").lines.remove(0).usage.expect("terms");
    assert_eq!(terms, Default::default(), "what is missing is for the checks to find");

    for (property, value) in
        [("q2c_usage_tiers", "1000 for little"), ("q2c_usage_allowance", "some"), ("q2c_starts_on", "soon")]
    {
        server.reset().await;
        with_usage(&server, |line| line[property] = value.into()).await;
        let error = crm.quote_of("123").await.expect_err(property);
        assert_eq!(error.kind, CallErrorKind::Mismatch, "{property}");
        assert!(error.detail.contains(&format!("{property} `{value}` can't be read")), "{}", error.detail);
    }
}
