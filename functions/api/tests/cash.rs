//! Cash that matched nothing: shown with suggestions, applied by a person, settled.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use domain::Event;
use domain::activation::CustomerFacts;
use domain::engagement::EngagementStatus::Active;
use domain::event::PaymentReceived as Received;
use domain::id::{InvoiceId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{quote, usd};
use events::{Envelope, Traceparent};
use journal::{Commit, Committed};
use payment_received::PaymentReceived;
use runtime::{Context, Handler};
use serde_json::{Value, json};
use uuid::Uuid;
use world::products::answering;
use world::{Call, TENANT, World, now, outgoing, world_with};

const APPLICATIONS: &str = "/v1/payments/{payment}/applications";

/// A posted invoice of 110.00, in the list of those that are open.
async fn posted(w: &World, number: &str) -> InvoiceId {
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let invoice = InvoiceId::derive(&[number]);
    let body = Invoice {
        status: InvoiceStatus::Posted,
        number: Some(number.into()),
        record: Some("9".into()),
        untaxed: usd("100.00"),
        tax: Some(usd("10.00")),
        total: Some(usd("110.00")),
        line_count: 1,
        ..Invoice::request(&w.engagement, invoice.clone(), "M1".into())
    };
    let commit = Commit::default()
        .write(journal.write_invoice(TENANT, id, &body, 0, now()).unwrap())
        .write(journal.write_owner(TENANT, invoice.as_str(), id, Uuid::nil()).unwrap());
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    invoice
}

/// What the function that takes events makes of one. The ERP is not there to book it, which is another delivery's.
async fn taken(w: &World, event: Envelope) {
    let context = Context { function: "payment-received", ..w.context.clone() };
    let _ = PaymentReceived.handle(&context, vec![event]).await;
}

async fn received(w: &World, amount: &str, number: &str) -> PaymentId {
    let payment = PaymentId::derive(&[TENANT, "stripe-main", "pi_1"]);
    let told = Received {
        payment: payment.clone(),
        connection: "stripe-main".into(),
        record: "pi_1".into(),
        amount: usd(amount),
        invoice_number: Some(number.into()),
        remittance: vec![],
        customer: None,
        received_at: now() - jiff::SignedDuration::from_secs(90),
    };
    let event = Envelope::reported(
        TENANT,
        "stripe-main",
        "1",
        payment.as_str(),
        now(),
        told.into(),
        Traceparent::start(),
    );
    taken(w, event).await;
    payment
}

fn apply(payment: &PaymentId, key: &str, applications: &Value) -> Call {
    Call::post(APPLICATIONS, json!({"payment": payment}), key, &json!({"applications": applications}))
}

async fn exceptions(w: &World) -> Vec<Value> {
    let call =
        Call { query: json!({"owner": "finance-operations"}), ..Call::get("/v1/exceptions", json!({})) };
    let (status, body) = call.by("finance").send(w).await;
    assert_eq!(status, 200);
    body["exceptions"].as_array().unwrap().clone()
}

async fn unmatched(w: &World) -> Value {
    let (status, body) = Call::get("/v1/payments/unmatched", json!({})).by("finance").send(w).await;
    assert_eq!(status, 200, "{body}");
    body["payments"].clone()
}

/// Proves SCN-28 and API-10 in part, PAY-03 in part: a payment with a wrong number is shown with the invoice that it is
/// likely for; applied by finance, it is on the invoice, the exception is settled, and how long it took is told.
#[tokio::test]
async fn a_payment_that_matches_nothing_is_shown_and_resolved() {
    let w = world_with(Active, answering(Ok(quote()), CustomerFacts::default())).await;
    let invoice = posted(&w, "INV2026-00042").await;
    let payment = received(&w, "110.00", "INV2026-00024").await;
    assert_eq!(exceptions(&w).await[0]["code"], "Q2C-0501");
    let waiting = unmatched(&w).await;
    assert_eq!(waiting[0]["payment"], json!(payment));
    assert_eq!(waiting[0]["unapplied"], json!(usd("110.00")));
    let suggested = &waiting[0]["suggestions"][0];
    assert_eq!((&suggested["invoice"], &suggested["score"]), (&json!(invoice), &json!(80)));
    assert_eq!(suggested["reasons"], json!(["swapped-digits", "exact-amount"]));

    let call = apply(&payment, "k-1", &json!([{"invoice": invoice, "amount": usd("110.00")}]));
    let (status, answer) = call.clone().by("finance").send(&w).await;
    assert_eq!((status, &answer["payment"]), (202, &json!(payment)));
    let asked = outgoing(&w).into_iter().find(|e| matches!(e.event, Event::PaymentApplicationRequested(_)));
    let asked = asked.expect("the event");
    assert_eq!(asked.source, "/northwind/callers/finance-app");
    taken(&w, asked.clone()).await;
    taken(&w, asked).await;
    assert_eq!(call.by("finance").send(&w).await, (202, answer), "the same key is answered the same");

    let known =
        w.context.journal.invoice(TENANT, &w.engagement.engagement, &invoice).await.unwrap().body.unwrap();
    assert_eq!((known.status, known.applied), (InvoiceStatus::Paid, usd("110.00")));
    assert!(exceptions(&w).await.is_empty() && unmatched(&w).await == json!([]));
    let (status, read) =
        Call::get("/v1/payments/{payment}", json!({"payment": payment})).by("finance").send(&w).await;
    assert_eq!((status, &read["status"], &read["unapplied"]), (200, &json!("received"), &json!(usd("0.00"))));
    let application = &read["applications"][0];
    assert_eq!((&application["invoice"], &application["seconds_to_apply"]), (&json!(invoice), &json!(90)));
    let seen = w.context.journal.payment(TENANT, &w.engagement.engagement, &payment).await.unwrap().unwrap();
    assert_eq!((seen.applied, seen.unapplied), (usd("110.00"), usd("0.00")));
}

/// What can't be done is refused, and by whom it may be asked for is told by the role.
#[tokio::test]
async fn what_cannot_be_applied_is_refused() {
    let w = world_with(Active, answering(Ok(quote()), CustomerFacts::default())).await;
    let invoice = posted(&w, "INV2026-00042").await;
    let payment = received(&w, "50.00", "nobody knows").await;
    let of = |amount: &str| json!([{"invoice": invoice, "amount": usd(amount)}]);
    let missing = json!([{"invoice": InvoiceId::derive(&["none"]), "amount": usd("1.00")}]);
    for (applications, status, said) in [
        (of("50.01"), 409, "50.00 USD of payment pi_1 is unapplied"),
        (of("110.01"), 409, "110.00 USD is open"),
        (of("0.00"), 409, "is open"),
        (
            json!([{"invoice": invoice, "amount": {"amount": "1.00", "currency": "EUR"}}]),
            409,
            "cannot be combined",
        ),
        (missing, 422, "applications[0].invoice: there is no such invoice"),
        (json!([]), 400, "applications: must be 1 to 20"),
    ] {
        let (got, answer) = apply(&payment, "k", &applications).by("finance").send(&w).await;
        assert_eq!(got, status, "{applications}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(said), "{answer}");
    }
    for role in ["sales", "operations", "automation"] {
        assert_eq!(apply(&payment, "k", &of("1.00")).by(role).send(&w).await.0, 403, "{role}");
    }
    let unknown = PaymentId::derive(&["unknown"]);
    assert_eq!(apply(&unknown, "k", &of("1.00")).by("finance").send(&w).await.0, 404);
    let read = |role| Call::get("/v1/payments/{payment}", json!({"payment": unknown})).by(role);
    assert_eq!((read("finance").send(&w).await.0, read("sales").send(&w).await.0), (404, 403));
    assert!(!outgoing(&w).iter().any(|e| matches!(e.event, Event::PaymentApplicationRequested(_))));
}

/// Two requests for the same cash, both sound when they were asked for: the second is an exception and moves nothing.
#[tokio::test]
async fn the_same_cash_is_applied_once() {
    let w = world_with(Active, answering(Ok(quote()), CustomerFacts::default())).await;
    let (first, second) = (posted(&w, "INV2026-00042").await, posted(&w, "INV2026-00043").await);
    let payment = received(&w, "110.00", "nobody knows").await;
    for (key, invoice) in [("k-1", &first), ("k-2", &second)] {
        let call = apply(&payment, key, &json!([{"invoice": invoice, "amount": usd("110.00")}]));
        assert_eq!(call.by("finance").send(&w).await.0, 202);
    }
    let asked = outgoing(&w).into_iter().filter(|e| matches!(e.event, Event::PaymentApplicationRequested(_)));
    for event in asked.collect::<Vec<_>>() {
        taken(&w, event).await;
    }
    let codes: Vec<Value> = exceptions(&w).await.iter().map(|e| e["code"].clone()).collect();
    assert_eq!(codes, ["Q2C-0507"]);
    let receipt = w.context.journal.receipt(TENANT, &payment).await.unwrap().body.unwrap();
    assert_eq!((receipt.applications.len(), receipt.unapplied), (1, Some(usd("0.00"))));
}
