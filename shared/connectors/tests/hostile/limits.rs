//! Each limit of what comes in: at the limit, and one past it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::inbound::{Delivery, Unverified, verify};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::bodies::translated;
use crate::mutation::PAYLOADS;
use crate::products::{NOW, SECRET, verifying};
use crate::signing::{ALL, Scheme, Signed, headers};

fn verified(
    scheme: Scheme,
    secrets: &[&str],
    signed_with: &str,
    late: SignedDuration,
) -> Result<(), Unverified> {
    let timestamp = match scheme {
        Scheme::HubspotV3 => (NOW * 1_000).to_string(),
        _ => NOW.to_string(),
    };
    let connection = verifying(scheme, secrets);
    let url = connection.config.webhook_url.clone();
    let what = Signed { method: "POST", url: &url, id: "msg_1", timestamp: &timestamp, body: b"{}" };
    let headers = headers(scheme, signed_with, &what);
    let now = Timestamp::from_second(NOW).expect("a moment").saturating_add(late).expect("a moment");
    verify(&connection, &Delivery { method: "POST", headers: &headers, body: b"{}" }, now)
}

/// Five minutes either way, to the nanosecond.
#[test]
fn a_timestamp_is_believed_for_300_seconds_and_no_longer() {
    for scheme in [Scheme::HubspotV3, Scheme::Stripe, Scheme::Standard] {
        for direction in [1, -1] {
            let late = |seconds, nanos| {
                let late = SignedDuration::new(seconds, nanos);
                if direction > 0 { late } else { -late }
            };
            assert_eq!(verified(scheme, &[SECRET], SECRET, late(300, 0)), Ok(()), "{scheme:?}");
            for past in [late(300, 1), late(301, 0)] {
                assert_eq!(
                    verified(scheme, &[SECRET], SECRET, past),
                    Err(Unverified::Stale),
                    "{scheme:?} {past:?}"
                );
            }
        }
    }
}

/// Ten secrets are tried, the newest first; what signs with the eleventh is refused.
#[test]
fn the_tenth_secret_is_tried_and_the_eleventh_is_not() {
    let others: Vec<String> = (0..10).map(|i| format!("whsec_b3RoZXI{i}")).collect();
    for scheme in ALL {
        for (before, expected) in [(9, Ok(())), (10, Err(Unverified::WrongSignature))] {
            let mut secrets: Vec<&str> = others[..before].iter().map(String::as_str).collect();
            secrets.push(SECRET);
            assert_eq!(verified(scheme, &secrets, SECRET, SignedDuration::ZERO), expected, "{scheme:?}");
        }
    }
}

/// A secret that was left empty is known to everyone: it verifies nothing, and is not counted either.
#[test]
fn an_empty_secret_verifies_nothing() {
    for scheme in [Scheme::HubspotV1, Scheme::HubspotV2, Scheme::HubspotV3, Scheme::Stripe] {
        for blank in ["", " "] {
            assert_eq!(
                verified(scheme, &[blank], blank, SignedDuration::ZERO),
                Err(Unverified::NotAccepted),
                "{scheme:?}"
            );
        }
        let secrets = ["", "", "", "", "", "", "", "", "", "", SECRET];
        assert_eq!(verified(scheme, &secrets, SECRET, SignedDuration::ZERO), Ok(()), "{scheme:?}");
    }
    // Under Standard Webhooks `whsec_` alone is an empty key too: `HMAC("", "msg_1.1795262400.{}")`.
    let signature = format!("v1,{}", standard_with_an_empty_key());
    let headers = [
        ("webhook-id", "msg_1".into()),
        ("webhook-timestamp", NOW.to_string()),
        ("webhook-signature", signature),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let delivery = Delivery { method: "POST", headers: &headers, body: b"{}" };
    for secret in ["", "whsec_"] {
        let connection = verifying(Scheme::Standard, &[secret]);
        let now = Timestamp::from_second(NOW).expect("a moment");
        assert!(verify(&connection, &delivery, now).is_err(), "{secret:?}");
    }
}

fn standard_with_an_empty_key() -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"").expect("any length will do");
    mac.update(format!("msg_1.{NOW}.{{}}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A payload whose unread field is nested to a depth, counted from the outside.
fn nested(product: &str, depth: usize) -> String {
    let (_, payload) = PAYLOADS.iter().find(|(p, _)| *p == product).expect("a payload");
    let mut value: Value = serde_json::from_str(payload).expect("JSON");
    let (place, around) = match product {
        "hubspot" => (&mut value[0]["sourceId"], 2),
        _ => (&mut value["padding"], 1),
    };
    *place = "deep".into();
    let deep = format!("{}{}", "[".repeat(depth - around), "]".repeat(depth - around));
    value.to_string().replace("\"deep\"", &deep)
}

/// HubSpot's notifications are read as JSON of any form before those of interest are picked out: down
/// to 127 levels; past them the delivery is refused, and so kept, and no stack overflows.
#[test]
fn notifications_are_read_127_levels_deep_and_not_128() {
    for (depth, expected) in [(127, true), (128, false), (129, false), (100_000, false)] {
        let outcome = translated("hubspot", nested("hubspot", depth).as_bytes());
        assert_eq!(outcome.is_ok(), expected, "{depth}");
        assert!(outcome.map_or(true, |events| events.len() == 2), "{depth}: passed over");
    }
}

/// A field that nobody reads is skipped without a stack, whatever its depth.
#[test]
fn what_is_not_read_may_be_nested_to_any_depth() {
    for product in ["stripe", "tryton"] {
        for depth in [127, 128, 129, 100_000] {
            let outcome = translated(product, nested(product, depth).as_bytes());
            assert_eq!(outcome.map(|events| events.len()), Ok(1), "{product} {depth}");
        }
    }
}

/// A thousand notifications are taken, one more is kept for a person.
#[test]
fn a_thousand_notifications_are_taken_and_one_more_is_not() {
    let (_, payload) = PAYLOADS[1];
    let one: Value = serde_json::from_str::<Value>(payload).expect("JSON")[0].clone();
    let batch = |count: usize| {
        let all: Vec<Value> = (0..count)
            .map(|i| {
                let mut next = one.clone();
                next["objectId"] = json!(i);
                next
            })
            .collect();
        translated("hubspot", Value::Array(all).to_string().as_bytes())
    };
    assert_eq!(batch(1_000).map(|events| events.len()), Ok(1_000));
    assert!(batch(1_001).is_err());
    assert_eq!(batch(0).map(|events| events.len()), Ok(0));
}
