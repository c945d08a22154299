//! What a configuration must look like is published, so that it is checked before it is written.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::PathBuf;

use domain::TenantConfig;
use domain::money::Currency;
use domain::routing::Selects;
use domain::sample::config;
use serde_json::{Value, json};

/// Holds a published file against what the types say; `UPDATE_SCHEMAS=1` writes it anew.
fn published(name: &str, is: &Value) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/config/shape").join(name);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(is).expect("JSON") + "\n").expect("written");
    }
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let was: Value = serde_json::from_str(&text).unwrap_or_default();
    assert_eq!(&was, is, "{name} is not what the types say: `make schemas` writes it anew");
}

/// Proves OWN-16 in part: the shape of the reference data is the same for whoever writes and whoever reads it.
#[test]
fn the_published_shape_is_what_functions_read() {
    published("tenant.json", &serde_json::to_value(schemars::schema_for!(TenantConfig)).expect("JSON"));
}

/// The currencies that functions know, which are those of ISO 4217.
#[test]
fn the_published_currencies_are_those_that_functions_know() {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    let known: Vec<String> = codes
        .map(|code| code.iter().collect())
        .filter(|code: &String| Currency::from_code(code).is_ok())
        .collect();
    assert!(known.contains(&"USD".to_owned()) && !known.contains(&"ZZZ".to_owned()));
    published("currencies.json", &json!(known));
}

/// Routing that was written before rules were dated is read as rules without dates.
#[test]
fn routing_by_role_is_read_as_rules() {
    let mut old = serde_json::to_value(config()).expect("JSON");
    old["routing"] = json!({
        "crm": "hubspot-main", "psa": "kantata-main", "payments": "stripe-main", "erp": {"NW-US": "tryton-us"},
    });
    let read: TenantConfig = serde_json::from_value(old).expect("read");
    let sorted = |config: &TenantConfig| {
        let mut rules = config.routing.0.clone();
        rules.sort_by_key(|rule| rule.gives.clone());
        rules
    };
    assert_eq!(sorted(&read), sorted(&config()));
    assert_eq!(read.routing.ever_given(Selects::Erp).into_iter().collect::<Vec<_>>(), ["tryton-us"]);
}
