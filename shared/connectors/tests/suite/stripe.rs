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
    let mut payout = vendor("stripe/charge_refunded.json");
    payout["type"] = "payout.paid".into();
    assert_eq!(translated(&payout), Ok(Vec::new()));
    assert!(translated(&vendor("stripe/thin_event.json")).is_err());
    assert!(translated(&json!([])).is_err());
    let mut unknown = vendor("stripe/payment_intent_succeeded.json");
    unknown["data"]["object"]["currency"] = "zzz".into();
    assert!(translated(&unknown).is_err(), "no such currency");
}

fn one(event: &Value) -> Translated {
    let mut events = translated(event).expect("translates");
    assert_eq!(events.len(), 1);
    let one = events.remove(0);
    assert_eq!(
        one.subject,
        Subject::Other(PaymentId::derive(&["northwind", "stripe-main", "pi_3Qx"]).to_string())
    );
    one
}

/// Proves EVT-18, PAY-01 in part: received and settled are two events; a charge that is not in the balance is neither.
#[test]
fn a_charge_in_the_balance_is_settled() {
    let mut charge = vendor("stripe/charge_updated.json");
    let settled = one(&charge);
    assert_eq!(settled.delivery, "charge.settled:ch_3Qx:1764000500");
    let Event::PaymentSettled(told) = &settled.event else { panic!("settled") };
    assert_eq!((told.record.as_str(), told.settled_at.as_second()), ("pi_3Qx", 1_764_000_500));
    for (field, value) in
        [("balance_transaction", Value::Null), ("status", "pending".into()), ("captured", false.into())]
    {
        let mut other = charge.clone();
        other["data"]["object"][field] = value;
        assert_eq!(translated(&other), Ok(Vec::new()), "{field}");
    }
    charge["data"]["object"]["payment_intent"] = Value::Null;
    assert_eq!(translated(&charge), Ok(Vec::new()), "charged by itself");
}

/// Proves PAY-01 in part: a refund is known by its own ID, under whatever event; what was refunded in all has none.
#[test]
fn refunds_are_told_one_by_one_and_in_all() {
    let mut refund = vendor("stripe/refund_created.json");
    let made = one(&refund);
    let Event::PaymentRefunded(told) = &made.event else { panic!("refunded") };
    assert_eq!((told.refund.as_deref(), told.amount, told.failed), (Some("re_1Qx"), usd("250.00"), false));
    refund["type"] = "charge.refund.updated".into();
    assert_eq!(one(&refund), made, "the same fact");
    refund["type"] = "refund.failed".into();
    refund["data"]["object"]["status"] = "failed".into();
    let failed = one(&refund);
    assert_ne!(failed.delivery, made.delivery);
    assert!(matches!(&failed.event, Event::PaymentRefunded(told) if told.failed));
    refund["data"]["object"]["status"] = "requires_action".into();
    assert_eq!(translated(&refund), Ok(Vec::new()));
    let in_all = one(&vendor("stripe/charge_refunded.json"));
    let Event::PaymentRefunded(told) = &in_all.event else { panic!("refunded") };
    assert_eq!((told.refund.as_deref(), told.amount), (None, usd("250.00")));
    refund["data"]["object"]["status"] = "succeeded".into();
    refund["data"]["object"]["amount"] = 0.into();
    assert!(translated(&refund).is_err(), "a refund of nothing");
}

/// Proves PAY-01 in part: disputes are opened, won and lost; an inquiry takes nothing until the money is withdrawn.
#[test]
fn disputes_are_opened_won_and_lost() {
    let mut dispute = vendor("stripe/dispute_created.json");
    let opened = one(&dispute);
    assert!(matches!(&opened.event, Event::PaymentDisputed(told) if told.amount == usd("1250.00")));
    dispute["data"]["object"]["status"] = "warning_needs_response".into();
    assert_eq!(translated(&dispute), Ok(Vec::new()));
    dispute["type"] = "charge.dispute.funds_withdrawn".into();
    assert_eq!(one(&dispute), opened);
    dispute["type"] = "charge.dispute.closed".into();
    for (status, won) in [("won", true), ("lost", false)] {
        dispute["data"]["object"]["status"] = status.into();
        assert!(
            matches!(&one(&dispute).event, Event::PaymentDisputeClosed(told) if told.won == won),
            "{status}"
        );
    }
    dispute["data"]["object"]["status"] = "warning_closed".into();
    assert_eq!(translated(&dispute), Ok(Vec::new()));
    dispute["type"] = "charge.dispute.funds_reinstated".into();
    assert!(matches!(&one(&dispute).event, Event::PaymentDisputeClosed(told) if told.won));
}

#[test]
fn a_failed_intent_says_why() {
    let failed = one(&vendor("stripe/payment_intent_failed.json"));
    let Event::PaymentFailed(told) = &failed.event else { panic!("failed") };
    assert_eq!(told.reason.as_deref(), Some("payment_method_bank_account_returned"));
}

/// A remittance is taken from metadata that nobody wrote before, so an older delivery keeps its content.
#[test]
fn a_remittance_says_how_much_is_for_which() {
    let mut event = vendor("stripe/payment_intent_succeeded.json");
    let metadata = &mut event["data"]["object"]["metadata"];
    metadata["q2c_remittance"] = "INV-1 = 700.00; INV-2".into();
    let Event::PaymentReceived(told) = one(&event).event else { panic!("received") };
    let lines: Vec<_> = told.remittance.iter().map(|l| (l.invoice_number.as_str(), l.amount)).collect();
    assert_eq!(lines, [("INV-1", Some(usd("700.00"))), ("INV-2", None)]);
    for wrong in ["INV-1=ten", "INV-1=-1", "INV-1=0.001"] {
        event["data"]["object"]["metadata"]["q2c_remittance"] = wrong.into();
        assert!(translated(&event).is_err(), "{wrong}");
    }
}
