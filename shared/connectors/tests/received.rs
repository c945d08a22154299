//! How much a payment product says that it received.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use connectors::inbound::{Delivery, translate};
use connectors::{Connection, ConnectionConfig, Credentials};
use domain::event::Event;
use serde_json::{Value, json};

fn connection() -> Connection {
    let config = json!({
        "connection": "stripe-main", "tenant": "northwind", "product": "stripe", "role": "any",
        "base_url": "https://api.stripe.com", "webhook_url": "https://q2c.example.com/v1/webhooks/stripe-main",
        "secret_id": "secret", "settings": {},
    });
    let credentials = json!({"signing_secrets": ["current"], "api_token": "token"});
    Connection {
        config: serde_json::from_value::<ConnectionConfig>(config).expect("config"),
        credentials: serde_json::from_value::<Credentials>(credentials).expect("credentials"),
    }
}

fn received(edit: impl FnOnce(&mut Value)) -> String {
    let event = include_str!("../../../tests/fixtures/vendors/stripe/payment_intent_succeeded.json");
    let mut event: Value = serde_json::from_str(event).expect("an event");
    edit(&mut event["data"]["object"]);
    let body = serde_json::to_vec(&event).expect("JSON");
    let delivery = Delivery { method: "POST", headers: &[], body: &body };
    let events = translate(&connection(), &delivery).expect("translates");
    let Event::PaymentReceived(payment) = &events[0].event else { panic!("a payment") };
    payment.amount.to_string()
}

/// An intent that was captured in part pays in part.
#[test]
fn what_was_received_counts_and_not_what_was_asked_for() {
    let partly = |intent: &mut Value| {
        intent["amount"] = 125_000.into();
        intent["amount_received"] = 50_000.into();
    };
    assert_eq!(received(partly), "500.00 USD");
}

/// ISO 4217 gives the Icelandic crown no decimals, and Stripe sends it with two.
#[test]
fn crowns_come_with_two_decimals() {
    assert_eq!(received(|intent| intent["currency"] = "isk".into()), "1250 ISK");
}
