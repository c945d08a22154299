//! Every verifier against the published and derived vectors, good and bad.

use connectors::inbound::{Delivery, Unverified, verify};
use connectors::{Connection, Credentials};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{connection, docusign_settings};

#[derive(Deserialize)]
struct Vector {
    scheme: String,
    secret: String,
    headers: Vec<(String, String)>,
    method: String,
    url: String,
    body: String,
    now: i64,
    expect: String,
    why: String,
}

fn vectors() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/signatures.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("parse")
}

fn accepting(versions: &[&str]) -> Value {
    json!({ "signature_versions": versions, "triggers": [], "settles_within_seconds": 15 })
}

fn as_given(vector: &Vector, secrets: &[&str]) -> Connection {
    let (product, settings) = match vector.scheme.as_str() {
        "hubspot-v1" => ("hubspot", accepting(&["v1"])),
        "hubspot-v2" => ("hubspot", accepting(&["v2"])),
        "hubspot-v3" => ("hubspot", accepting(&["v3"])),
        "stripe" => ("stripe", json!({})),
        "docusign" => ("docusign", docusign_settings()),
        "standard-webhooks" => ("tryton", json!({})),
        other => panic!("no verifier for {other}"),
    };
    let mut connection = connection(product, "https://api.example.com", settings);
    connection.config.webhook_url.clone_from(&vector.url);
    let credentials = json!({ "signing_secrets": secrets, "api_token": "" });
    connection.credentials = serde_json::from_value::<Credentials>(credentials).expect("credentials");
    connection
}

fn verified(vector: &Vector, connection: &Connection) -> Result<(), Unverified> {
    let delivery =
        Delivery { method: &vector.method, headers: &vector.headers, body: vector.body.as_bytes() };
    verify(connection, &delivery, Timestamp::from_second(vector.now).expect("a moment"))
}

#[test]
fn every_vector_is_decided_as_it_should_be() {
    let vectors = vectors();
    for scheme in ["hubspot-v1", "hubspot-v2", "hubspot-v3", "stripe", "standard-webhooks", "docusign"] {
        for expect in ["valid", "invalid"] {
            let some = vectors.iter().any(|v| v.scheme == scheme && v.expect == expect);
            assert!(some, "no {expect} vector of {scheme}");
        }
    }
    for vector in &vectors {
        let outcome = verified(vector, &as_given(vector, &[&vector.secret]));
        assert_eq!(
            outcome.is_ok(),
            vector.expect == "valid",
            "{}: {}: {outcome:?}",
            vector.scheme,
            vector.why
        );
    }
}

#[test]
fn a_secret_being_retired_still_verifies_and_no_secret_verifies_nothing() {
    for vector in vectors().iter().filter(|v| v.expect == "valid") {
        assert_eq!(
            verified(vector, &as_given(vector, &["dGhlIG5ldyBvbmU=", &vector.secret])),
            Ok(()),
            "{}",
            vector.why
        );
        assert_eq!(verified(vector, &as_given(vector, &[])), Err(Unverified::NotAccepted), "{}", vector.why);
    }
}

/// A forger of the weakest version must not get past a connection that accepts the strongest.
#[test]
fn hubspot_is_never_downgraded() {
    let find = |why: &str| vectors().into_iter().find(|v| v.why == why).expect("vector");
    let mut both = find("v1 headers sent beside v3, as HubSpot does");
    let mut connection = as_given(&both, &[&both.secret]);
    connection.config.settings = accepting(&["v1", "v3"]);
    assert_eq!(verified(&both, &connection), Ok(()));
    let header =
        both.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("x-hubspot-signature-v3"));
    header.expect("v3").1 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into();
    assert_eq!(verified(&both, &connection), Err(Unverified::WrongSignature), "the v1 beside it is right");

    connection.config.settings = json!({ "triggers": [], "settles_within_seconds": 15 });
    assert_eq!(verified(&both, &connection), Err(Unverified::NotAccepted), "versions have no default");
    connection.config.settings = accepting(&["v0"]);
    assert_eq!(verified(&both, &connection), Err(Unverified::NotAccepted));
}
