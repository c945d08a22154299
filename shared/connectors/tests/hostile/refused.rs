//! Authentic deliveries that must not become a fact, nor be passed over as of no interest.

use serde_json::{Value, json};

use crate::bodies::translated;
use crate::mutation::PAYLOADS;

fn payload(product: &str, at: usize) -> Value {
    let (_, text) = PAYLOADS.iter().filter(|(p, _)| *p == product).nth(at).expect("a payload");
    serde_json::from_str(text).expect("JSON")
}

fn becomes(product: &str, body: &Value) -> Result<usize, String> {
    translated(product, body.to_string().as_bytes()).map(|events| events.len()).map_err(|e| e.to_string())
}

fn payment(change: impl Fn(&mut Value)) -> Result<usize, String> {
    let mut event = payload("stripe", 0);
    change(&mut event["data"]["object"]);
    becomes("stripe", &event)
}

/// Cash that was not received: applied to an invoice, less than nothing would open it again.
#[test]
fn only_an_amount_received_is_a_payment() {
    for (amount, expected) in [(1, true), (0, false), (-1, false), (i64::MIN, false)] {
        let outcome = payment(|intent| intent["amount_received"] = amount.into());
        assert_eq!(outcome.is_ok(), expected, "{amount}: {outcome:?}");
    }
}

/// Stripe's own limits: what is longer would not fit into a key of the table, at the limit and one past it.
#[test]
fn an_id_and_a_number_are_as_long_as_stripe_makes_them() {
    for (length, expected) in [(0, false), (1, true), (255, true), (256, false), (200_000, false)] {
        let outcome = payment(|intent| intent["id"] = "p".repeat(length).into());
        assert_eq!(outcome.is_ok(), expected, "an ID of {length}: {outcome:?}");
    }
    for (length, expected) in [(500, true), (501, false), (200_000, false)] {
        let outcome = payment(|intent| intent["metadata"]["q2c_invoice_number"] = "é".repeat(length).into());
        assert_eq!(outcome.is_ok(), expected, "a number of {length}: {outcome:?}");
    }
}

/// A change whose subscription or property can't be read may be an approval: it is kept, not passed over.
#[test]
fn a_notification_is_not_passed_over_for_what_it_lacks() {
    let approval = payload("hubspot", 1);
    assert_eq!(becomes("hubspot", &approval), Ok(1));
    for (name, value) in [
        ("subscriptionType", Value::Null),
        ("subscriptionType", json!(7)),
        ("subscriptionType", json!(["deal.propertyChange"])),
        ("propertyName", Value::Null),
        ("propertyName", json!({})),
    ] {
        let mut broken = approval.clone();
        broken[0][name] = value.clone();
        assert!(becomes("hubspot", &broken).is_err(), "{name} {value}");
        broken[0].as_object_mut().expect("an object").remove(name);
        assert!(becomes("hubspot", &broken).is_err(), "no {name}");
    }
    let mut other = approval;
    other[0]["subscriptionType"] = "contact.creation".into();
    assert_eq!(becomes("hubspot", &other), Ok(0), "another subscription is of no interest");
}

/// Whoever may write to the ERP may write any external ID; only what can be ours becomes a key.
#[test]
fn an_external_id_that_cannot_be_ours_is_of_no_interest() {
    let told = |id: String| {
        let mut notification = payload("tryton", 2);
        notification["data"]["external_id"] = id.into();
        becomes("tryton", &notification)
    };
    assert_eq!(told("inv_31edd794dd625f77a01d8dcd230934b4".into()), Ok(1));
    assert_eq!(told(format!("inv_{}", "a".repeat(60))), Ok(1), "64 bytes");
    for id in [
        format!("inv_{}", "a".repeat(61)),
        "inv_1#state".into(),
        "inv_ü".into(),
        "inv_".into(),
        "eng_1".into(),
    ] {
        assert_eq!(told(id.clone()), Ok(0), "{id}");
    }
}
