//! What a Stripe event becomes.

use connectors::inbound::{Delivery, Subject, Translated, Untranslatable, translate};
use domain::event::Event;
use domain::id::PaymentId;
use serde_json::{Value, json};

use crate::support::{connection, usd, vendor};

fn translated(event: &Value) -> Result<Vec<Translated>, Untranslatable> {
    let body = serde_json::to_vec(event).expect("JSON");
    let delivery = Delivery { method: "POST", headers: &[], body: &body };
    translate(&connection("stripe", "https://api.stripe.com", json!({})), &delivery)
}

#[test]
fn a_succeeded_intent_is_a_payment_received() {
    let events = translated(&vendor("stripe/payment_intent_succeeded.json")).expect("translates");
    let [one] = events.as_slice() else { panic!("one event") };
    let payment = PaymentId::derive(&["northwind", "stripe-main", "pi_3Qx"]);
    assert_eq!(one.delivery, "payment_intent.succeeded:pi_3Qx");
    assert_eq!(one.subject, Subject::Other(payment.to_string()));
    assert_eq!(one.occurred_at.to_string(), "2025-11-24T16:00:00Z");
    let Event::PaymentReceived(received) = &one.event else { panic!("a payment") };
    assert_eq!(received.payment, payment);
    assert_eq!(received.record, "pi_3Qx");
    assert_eq!(received.amount, usd("1250.00"));
    assert_eq!(received.invoice_number.as_deref(), Some("INV2026-00001"));
}

#[test]
fn one_fact_under_two_event_ids_is_one_delivery() {
    let first = vendor("stripe/payment_intent_succeeded.json");
    let mut second = first.clone();
    second["id"] = "evt_another".into();
    assert_eq!(translated(&first), translated(&second));
}

#[test]
fn the_amount_stands_in_where_nothing_says_what_was_received() {
    let events =
        translated(&vendor("stripe/payment_intent_without_amount_received.json")).expect("translates");
    let Event::PaymentReceived(received) = &events[0].event else { panic!("a payment") };
    assert_eq!(received.amount, usd("1100.00"));
}

#[test]
fn minor_units_are_stripes_own() {
    for (currency, expected) in
        [("jpy", "125000 JPY"), ("kwd", "125.000 KWD"), ("ugx", "1250 UGX"), ("mga", "125000.00 MGA")]
    {
        let mut event = vendor("stripe/payment_intent_succeeded.json");
        event["data"]["object"]["currency"] = currency.into();
        let events = translated(&event).expect("translates");
        let Event::PaymentReceived(received) = &events[0].event else { panic!("a payment") };
        assert_eq!(received.amount.to_string(), expected);
    }
}

#[test]
fn other_events_are_of_no_interest_and_thin_ones_are_refused() {
    assert_eq!(translated(&vendor("stripe/charge_refunded.json")), Ok(Vec::new()));
    assert!(translated(&vendor("stripe/thin_event.json")).is_err());
    assert!(translated(&json!([])).is_err());
    let mut unknown = vendor("stripe/payment_intent_succeeded.json");
    unknown["data"]["object"]["currency"] = "zzz".into();
    assert!(translated(&unknown).is_err(), "no such currency");
}
