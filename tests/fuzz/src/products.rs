//! A connection of each product, as deliveries come in over it.

use connectors::{Connection, ConnectionConfig, Credentials};
use serde_json::{Value, json};

use super::signing::Scheme;

/// 2026-11-21T12:00:00Z, when all of it happens.
pub const NOW: i64 = 1_795_262_400;
/// The secret of every connection; base64 behind its prefix, as Standard Webhooks wants it.
pub const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// Every product.
pub const ALL: [&str; 5] = ["hubspot", "stripe", "tryton", "kantata", "docusign"];

/// The scheme that a product signs with here.
pub fn scheme_of(product: &str) -> Scheme {
    match product {
        "hubspot" => Scheme::HubspotV3,
        "stripe" => Scheme::Stripe,
        "docusign" => Scheme::Docusign,
        _ => Scheme::Standard,
    }
}

/// The address of a product's connection.
pub fn url(product: &str) -> String {
    format!("https://q2c.example.com/v1/webhooks/{product}-main")
}

/// The connection of a product, with the versions of HubSpot's signature that it takes.
pub fn connection(product: &str, versions: &[&str], secrets: &[&str]) -> Connection {
    let settings: Value = match product {
        "hubspot" => json!({
            "signature_versions": versions, "portal_id": 62515, "settles_within_seconds": 15,
            "triggers": [
                {"property": "quote_status", "value": "APPROVED", "means": "quote-approved"},
                {"property": "dealstage", "value": "closedwon", "means": "opportunity-won"}]}),
        "docusign" => json!({"crm_connection": "hubspot-main", "deal_field": "q2c_deal"}),
        _ => json!({}),
    };
    let config = json!({
        "connection": format!("{product}-main"), "tenant": "northwind", "product": product, "role": "any",
        "base_url": "https://api.example.com", "webhook_url": url(product), "secret_id": "secret",
        "settings": settings});
    let credentials = json!({"signing_secrets": secrets, "api_token": ""});
    Connection {
        config: serde_json::from_value::<ConnectionConfig>(config).expect("a configuration"),
        credentials: serde_json::from_value::<Credentials>(credentials).expect("credentials"),
    }
}

/// The connection that a scheme is verified with.
pub fn verifying(scheme: Scheme, secrets: &[&str]) -> Connection {
    match scheme {
        Scheme::HubspotV1 => connection("hubspot", &["v1"], secrets),
        Scheme::HubspotV2 => connection("hubspot", &["v2"], secrets),
        Scheme::HubspotV3 => connection("hubspot", &["v3"], secrets),
        Scheme::Stripe => connection("stripe", &[], secrets),
        Scheme::Docusign => connection("docusign", &[], secrets),
        Scheme::Standard => connection("tryton", &[], secrets),
    }
}
