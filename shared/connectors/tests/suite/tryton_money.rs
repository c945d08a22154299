//! Tryton's books: invoices and payments.

use std::sync::Arc;

use connectors::operation::{
    AppliedTo, ApplyPayment, CreateInvoice, CustomerRecord, Operation, PostInvoice, Undone,
};
use connectors::role::Erp;
use connectors::{CallErrorKind, registry};
use domain::id::{InvoiceId, PaymentId};
use domain::invoice::{InvoiceLine, Unit};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{INVOICE, answer, connection, on, sent, silent, tryton_settings, usd, vendor};

const MODEL: &str = "/erp/rest/model/account.invoice";
const STATEMENT: &str = "/erp/rest/model/account.statement";
const LINE: &str = "/erp/rest/model/account.statement.line";
const RECONCILIATION: &str = "/erp/rest/model/account.move.reconciliation";

fn erp(base: &str) -> Arc<dyn Erp> {
    registry::erp(&connection("tryton", base, tryton_settings())).expect("opens")
}

fn account() -> CustomerRecord {
    CustomerRecord { record: "3".into(), address: "4".into(), tax_registration: None, adopted: false }
}

fn id() -> InvoiceId {
    InvoiceId::try_from(INVOICE.to_owned()).expect("an ID")
}

fn refused(payload: &str) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(vendor(payload))
}

fn create() -> CreateInvoice {
    let line = |position, unit, quantity: &str, price: &str, amount: &str| InvoiceLine {
        position,
        description: "work".into(),
        unit,
        quantity: quantity.parse().expect("a quantity"),
        unit_price: usd(price),
        amount: usd(amount),
        lines: Vec::new(),
        accounting: None,
    };
    CreateInvoice {
        invoice: id(),
        customer: account(),
        payment_terms: "net-30".into(),
        tax_code: "SALES-10".into(),
        purchase_order: Some("PO-4711".into()),
        untaxed: usd("1000.00"),
        lines: vec![
            line(1, Unit::Fee, "1", "100.00", "100.00"),
            line(2, Unit::Hour, "7.5", "120.00", "900.00"),
        ],
    }
}

/// Proves OWN-14 in part: our invoice becomes Tryton's, in Tryton's own fields.
#[tokio::test]
async fn an_invoice_is_created_in_draft_and_every_line_says_everything() {
    let server = MockServer::start().await;
    on(&server, "POST", MODEL, answer(&vendor("tryton/invoice_draft.json")), 1).await;
    let made = erp(&server.uri()).perform(&create(), "key").await.expect("is created");
    assert!(!made.posted && made.number.is_none());
    assert_eq!((made.untaxed, made.tax, made.total), (usd("1000.00"), usd("100.00"), usd("1100.00")));
    assert_eq!(create().verify(&made), Ok(()));
    let body = &sent(&server, "POST", MODEL).await[0];
    assert_eq!((body["external_id"].as_str(), body["reference"].as_str()), (Some(INVOICE), Some("PO-4711")));
    let lines = &body["lines"][0][1];
    assert_eq!(lines[0]["external_id"], format!("{INVOICE}/1"));
    let hours = json!({
        "external_id": format!("{INVOICE}/2"), "type": "line", "product": 2, "unit": 9, "quantity": "7.5",
        "unit_price": "120.00", "account": 99, "currency": 1, "taxes": [["add", [1]]], "description": "work",
    });
    assert_eq!(lines[1], hours);
}

#[tokio::test]
async fn another_amount_than_was_sent_is_noticed() {
    let server = MockServer::start().await;
    let mut draft = vendor("tryton/invoice_draft.json");
    draft["untaxed_amount"]["decimal"] = "1001.00".into();
    on(&server, "POST", MODEL, answer(&draft), 1).await;
    let made = erp(&server.uri()).perform(&create(), "key").await.expect("is answered");
    assert_eq!(create().verify(&made), Err("untaxed 1001.00 USD instead of 1000.00 USD".into()));
}

#[tokio::test]
async fn an_invoice_that_is_there_is_found_or_adopted() {
    let server = MockServer::start().await;
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/invoice_draft.json")])), 2).await;
    on(&server, "POST", MODEL, refused("tryton/not_unique.json"), 1).await;
    let erp = erp(&server.uri());
    assert_eq!(erp.find(&create()).await.expect("is asked").expect("is there").record, "9");
    assert_eq!(erp.perform(&create(), "key").await.expect("is adopted").record, "9");
}

#[tokio::test]
async fn a_draft_is_undone_and_a_posted_invoice_is_not() {
    let server = MockServer::start().await;
    let erp = erp(&server.uri());
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/invoice_draft.json")])), 2).await;
    on(&server, "DELETE", &format!("{MODEL}/9"), ResponseTemplate::new(204), 1).await;
    let draft = erp.find(&create()).await.expect("is asked").expect("is there");
    assert_eq!(erp.undo(&create(), &draft).await, Ok(Undone::Removed));
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/invoice_posted.json")])), 1).await;
    assert!(matches!(erp.undo(&create(), &draft).await, Ok(Undone::Impossible(_))));
}

#[tokio::test]
async fn a_code_that_is_not_configured_is_told_before_anything_is_sent() {
    let server = MockServer::start().await;
    let unknown = CreateInvoice { tax_code: "VAT-19".into(), ..create() };
    let error = erp(&server.uri()).perform(&unknown, "key").await.expect_err("no such tax");
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (CallErrorKind::Unauthorised, "settings have no tax `VAT-19`")
    );
    assert!(sent(&server, "POST", MODEL).await.is_empty());
}

fn post() -> PostInvoice {
    PostInvoice { invoice: id(), record: "9".into(), untaxed: usd("1000.00") }
}

#[tokio::test]
async fn posting_gives_a_number_and_posting_again_the_same() {
    let server = MockServer::start().await;
    let erp = erp(&server.uri());
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/invoice_draft.json")])), 1).await;
    assert_eq!(erp.find(&post()).await, Ok(None), "a draft isn't posted");
    let path = format!("{MODEL}/9/post");
    on(&server, "POST", &path, answer(&vendor("tryton/invoice_posted.json")), 1).await;
    let posted = erp.perform(&post(), "key").await.expect("is posted");
    assert_eq!(posted.number.as_deref(), Some("INV2026-00001"));
    assert_eq!(post().verify(&posted), Ok(()));
    on(&server, "POST", &path, refused("tryton/not_called.json"), 1).await;
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/invoice_posted.json")])), 1).await;
    assert_eq!(erp.perform(&post(), "key").await, Ok(posted));
}

#[tokio::test]
async fn a_refusal_to_post_a_draft_stays_one_and_another_record_is_a_mismatch() {
    let server = MockServer::start().await;
    let erp = erp(&server.uri());
    on(&server, "POST", &format!("{MODEL}/9/post"), refused("tryton/not_called.json"), 1).await;
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/invoice_draft.json")])), 2).await;
    let error = erp.perform(&post(), "key").await.expect_err("is refused");
    assert_eq!(error.detail, "400: You can not call \"post\" on \"…\" of \"Account Invoice\".");
    let other = PostInvoice { record: "10".into(), ..post() };
    assert_eq!(erp.find(&other).await.expect_err("another record").kind, CallErrorKind::Mismatch);
}

#[tokio::test]
async fn an_invoice_is_found_by_our_id_and_by_its_number() {
    let server = MockServer::start().await;
    let erp = erp(&server.uri());
    let mut paid = vendor("tryton/invoice_posted.json");
    paid["state"] = "paid".into();
    on(&server, "GET", MODEL, answer(&json!([paid])), 2).await;
    assert!(erp.invoice(&id()).await.expect("is read").expect("is there").posted, "paid is posted and more");
    assert_eq!(erp.invoice_numbered("INV2026-00001").await, Ok(Some(id())));
    paid["external_id"] = Value::Null;
    on(&server, "GET", MODEL, answer(&json!([paid])), 1).await;
    assert_eq!(erp.invoice_numbered("INV2026-00002").await, Ok(None), "not one of ours");
}

fn payment(applied: &str, unapplied: &str) -> ApplyPayment {
    ApplyPayment {
        payment: PaymentId::derive(&["p"]),
        booking: PaymentId::derive(&["p"]).to_string(),
        reference: "pi_3Qx".into(),
        customer: account(),
        applied: vec![AppliedTo { invoice_record: "9".into(), amount: usd(applied), stands: usd(applied) }],
        unapplied: usd(unapplied),
        moved_on: "2026-11-21".parse().expect("a day"),
    }
}

fn statement(state: &str) -> Value {
    let mut statement = vendor("tryton/statement.json");
    statement["state"] = state.into();
    statement
}

#[tokio::test]
async fn a_payment_takes_three_calls_and_what_is_left_over_is_on_account() {
    let server = MockServer::start().await;
    on(&server, "GET", STATEMENT, answer(&json!([])), 1).await;
    on(&server, "POST", STATEMENT, answer(&statement("draft")), 1).await;
    on(&server, "POST", &format!("{STATEMENT}/1/validate_statement"), answer(&statement("validated")), 1)
        .await;
    on(&server, "POST", &format!("{STATEMENT}/1/post"), answer(&statement("posted")), 1).await;
    let booked = erp(&server.uri()).perform(&payment("250.00", "50.00"), "key").await.expect("is booked");
    assert_eq!(booked.record, "1");
    let body = &sent(&server, "POST", STATEMENT).await[0];
    assert_eq!(body["total_amount"], "300.00");
    let lines = body["lines"][0][1].as_array().expect("lines");
    let told: Vec<_> = lines.iter().map(|l| (l["amount"].as_str(), l["related_to"].as_str())).collect();
    assert_eq!(told, [(Some("250.00"), Some("account.invoice,9")), (Some("50.00"), None)]);
}

/// Cut off after any of its calls, a payment is continued where it stopped.
#[tokio::test]
async fn a_payment_is_continued_and_never_begun_again() {
    for (state, calls) in [("draft", 2), ("validated", 1), ("posted", 0)] {
        let server = MockServer::start().await;
        let erp = erp(&server.uri());
        on(&server, "GET", STATEMENT, answer(&json!([statement(state)])), 2).await;
        let found = erp.find(&payment("300.00", "0.00")).await.expect("is asked");
        assert_eq!(found.is_some(), state == "posted", "{state}");
        on(
            &server,
            "POST",
            &format!("{STATEMENT}/1/validate_statement"),
            answer(&statement("validated")),
            calls / 2,
        )
        .await;
        on(&server, "POST", &format!("{STATEMENT}/1/post"), answer(&statement("posted")), calls.min(1)).await;
        let booked = erp.perform(&payment("300.00", "0.00"), "key").await.expect("is booked");
        assert_eq!(booked.record, "1", "{state}");
        assert!(sent(&server, "POST", STATEMENT).await.is_empty(), "{state}: nothing is created");
    }
}

/// A paid invoice takes no line: its reconciliation is undone, what earlier bookings of this payment pay of it is
/// freed, and what stands is applied anew. Another payment's line and the same booking's own are left alone.
#[tokio::test]
async fn cash_is_taken_from_a_paid_invoice_again() {
    let server = MockServer::start().await;
    let with = |state: &str| {
        let mut it = statement(state);
        it["total_amount"]["decimal"] = "-300.00".into();
        it
    };
    let payment_id = PaymentId::derive(&["p"]).to_string();
    on(&server, "GET", STATEMENT, answer(&json!([])), 1).await;
    let lines = json!([{"id": 11, "number": payment_id}, {"id": 12, "number": format!("{payment_id}.2")}]);
    on(&server, "GET", LINE, answer(&lines), 1).await;
    let paid = json!({"id": 9, "state": "paid",
        "payment_lines": [{"id": 23, "origin": "account.statement.line,11"},
                          {"id": 24, "origin": "account.statement.line,10"},
                          {"id": 25, "origin": "account.statement.line,12"}],
        "lines_to_pay": [{"id": 1, "reconciliation": {"id": 7}}]});
    on(&server, "GET", &format!("{MODEL}/9"), answer(&paid), 1).await;
    on(&server, "DELETE", &format!("{RECONCILIATION}/7"), ResponseTemplate::new(204), 1).await;
    on(&server, "PUT", &format!("{MODEL}/9"), answer(&json!({"id": 9, "state": "posted"})), 1).await;
    on(&server, "POST", STATEMENT, answer(&with("draft")), 1).await;
    on(&server, "POST", &format!("{STATEMENT}/1/validate_statement"), answer(&with("validated")), 1).await;
    on(&server, "POST", &format!("{STATEMENT}/1/post"), answer(&with("posted")), 1).await;
    let erp = erp(&server.uri());
    let taken = AppliedTo { invoice_record: "9".into(), amount: usd("-300.00"), stands: usd("800.00") };
    let booking = format!("{payment_id}.2");
    let back = ApplyPayment { booking: booking.clone(), applied: vec![taken], ..payment("0.00", "0.00") };
    assert_eq!(erp.perform(&back, "key").await.expect("is booked").record, "1");
    assert_eq!(
        sent(&server, "PUT", &format!("{MODEL}/9")).await[0]["payment_lines"],
        json!([["remove", [23]]])
    );
    let body = &sent(&server, "POST", STATEMENT).await[0];
    assert_eq!(
        (body["external_id"].as_str(), body["total_amount"].as_str()),
        (Some(&*booking), Some("-300.00"))
    );
    let lines = body["lines"][0][1].as_array().expect("lines");
    let told: Vec<_> = lines.iter().map(|l| (l["amount"].as_str(), l["related_to"].as_str())).collect();
    assert_eq!(
        told,
        [(Some("-300.00"), None), (Some("800.00"), Some("account.invoice,9")), (Some("-800.00"), None)]
    );
}

#[tokio::test]
async fn a_refused_draft_does_not_stay_in_the_way() {
    let server = MockServer::start().await;
    on(&server, "GET", STATEMENT, answer(&json!([])), 1).await;
    on(&server, "POST", STATEMENT, answer(&statement("draft")), 1).await;
    on(&server, "POST", &format!("{STATEMENT}/1/validate_statement"), refused("tryton/not_called.json"), 1)
        .await;
    on(&server, "DELETE", &format!("{STATEMENT}/1"), ResponseTemplate::new(204), 1).await;
    let error = erp(&server.uri()).perform(&payment("300.00", "0.00"), "key").await.expect_err("is refused");
    assert_eq!(error.kind, CallErrorKind::Refused);
}

#[tokio::test]
async fn a_statement_of_another_amount_is_a_mismatch() {
    let server = MockServer::start().await;
    on(&server, "GET", STATEMENT, answer(&json!([statement("draft")])), 1).await;
    let error = erp(&server.uri()).perform(&payment("301.00", "0.00"), "key").await.expect_err("differs");
    assert_eq!(error.kind, CallErrorKind::Mismatch);
}

#[tokio::test]
async fn an_unanswered_call_and_a_server_error_after_it_was_sent_are_unknown() {
    let error = erp(&silent().await).perform(&post(), "key").await.expect_err("no answer");
    assert_eq!(error.kind, CallErrorKind::Unknown);
    let server = MockServer::start().await;
    on(&server, "POST", &format!("{MODEL}/9/post"), ResponseTemplate::new(500), 1).await;
    let error = erp(&server.uri()).perform(&post(), "key").await.expect_err("no answer");
    assert_eq!(error.kind, CallErrorKind::Unknown);
}
