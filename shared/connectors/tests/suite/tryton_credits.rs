//! Credit notes in Tryton: made, posted, set off, and read back, ours and those that were issued by hand.

use std::sync::Arc;

use connectors::inbound::{Delivery, Subject, translate};
use connectors::operation::{
    CreateCreditMemo, CustomerRecord, Operation, PostCreditMemo, SetOffCreditMemo, Undone,
};
use connectors::role::Erp;
use connectors::{CallErrorKind, registry};
use domain::credit_memo::CreditLine;
use domain::event::Event;
use domain::id::{CreditMemoId, InvoiceId};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{INVOICE, answer, connection, on, sent, silent, tryton_settings, usd, vendor};

const MODEL: &str = "/erp/rest/model/account.invoice";
const LINES: &str = "/erp/rest/model/account.invoice.line";
const STATEMENT: &str = "/erp/rest/model/account.statement";
const CREDIT: &str = "crm_31edd794dd625f77a01d8dcd230934b4";

fn erp(base: &str) -> Arc<dyn Erp> {
    registry::erp(&connection("tryton", base, tryton_settings())).expect("opens")
}

fn account() -> CustomerRecord {
    CustomerRecord { record: "3".into(), address: "4".into(), tax_registration: None, adopted: false }
}

fn id() -> CreditMemoId {
    CreditMemoId::try_from(CREDIT.to_owned()).expect("an ID")
}

fn refused(payload: &str) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(vendor(payload))
}

fn create() -> CreateCreditMemo {
    CreateCreditMemo {
        credit_memo: id(),
        invoice: InvoiceId::try_from(INVOICE.to_owned()).expect("an ID"),
        customer: account(),
        payment_terms: "net-30".into(),
        tax_code: "SALES-10".into(),
        reference: Some("INV2026-00001".into()),
        untaxed: usd("250.00"),
        lines: vec![CreditLine {
            position: 1,
            of: 2,
            description: "Credit of 2: work".into(),
            amount: usd("250.00"),
            accounting: None,
        }],
    }
}

fn post() -> PostCreditMemo {
    PostCreditMemo { credit_memo: id(), record: "2".into(), untaxed: usd("250.00") }
}

fn set_off() -> SetOffCreditMemo {
    SetOffCreditMemo {
        credit_memo: id(),
        record: "2".into(),
        invoice_record: "1".into(),
        customer: account(),
        amount: usd("100.00"),
        on: "2026-11-21".parse().expect("a day"),
    }
}

/// What Tryton holds is negative; what we say is what is taken off. Each line is tied to the line that it reduces.
#[tokio::test]
async fn a_credit_note_is_an_invoice_of_less_than_nothing_tied_to_the_lines_it_reduces() {
    let server = MockServer::start().await;
    on(&server, "GET", LINES, answer(&vendor("tryton/invoice_lines.json")), 1).await;
    on(&server, "GET", LINES, answer(&json!([])), 1).await;
    on(&server, "POST", MODEL, answer(&vendor("tryton/credit_draft.json")), 1).await;
    let made = erp(&server.uri()).perform(&create(), "key").await.expect("is created");
    assert_eq!((made.untaxed, made.tax, made.total), (usd("250.00"), usd("25.00"), usd("275.00")));
    assert!(!made.posted && create().verify(&made) == Ok(()));
    let body = &sent(&server, "POST", MODEL).await[0];
    assert_eq!((body["external_id"].as_str(), body["type"].as_str()), (Some(CREDIT), Some("out")));
    let expected = json!({
        "external_id": format!("{CREDIT}/1"), "type": "line", "product": 1, "unit": 36, "quantity": "-1",
        "unit_price": "250.00", "account": 99, "currency": 1, "taxes": [["add", [1]]],
        "origin": "account.invoice.line,2", "description": "Credit of 2: work",
    });
    assert_eq!(body["lines"][0][1][0], expected);
}

#[tokio::test]
async fn a_line_that_the_invoice_does_not_have_there_is_refused_before_anything_is_made() {
    let server = MockServer::start().await;
    on(&server, "GET", LINES, answer(&json!([])), 1).await;
    let error = erp(&server.uri()).perform(&create(), "key").await.expect_err("no such line");
    assert_eq!(error.kind, CallErrorKind::Refused);
    assert!(sent(&server, "POST", MODEL).await.is_empty());
}

/// Named after getlago/lago-api #5482, a read time-out that duplicated an ERP invoice: an unanswered create is unknown, is
/// asked about by our ID, and a second create is answered with the first one.
#[tokio::test]
async fn a_read_time_out_does_not_make_a_second_credit_note() {
    let server = MockServer::start().await;
    let erp_there = erp(&server.uri());
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/credit_draft.json")])), 2).await;
    on(&server, "GET", LINES, answer(&vendor("tryton/invoice_lines.json")), 1).await;
    on(&server, "GET", LINES, answer(&json!([])), 1).await;
    on(&server, "POST", MODEL, refused("tryton/not_unique.json"), 1).await;
    assert_eq!(erp_there.find(&create()).await.expect("is asked").expect("is there").record, "2");
    assert_eq!(erp_there.perform(&create(), "key").await.expect("is adopted").record, "2");
    let error = erp(&silent().await).perform(&post(), "key").await.expect_err("no answer");
    assert_eq!(error.kind, CallErrorKind::Unknown);
}

#[tokio::test]
async fn posting_gives_a_number_and_posting_again_the_same() {
    let server = MockServer::start().await;
    let erp = erp(&server.uri());
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/credit_draft.json")])), 1).await;
    assert_eq!(erp.find(&post()).await, Ok(None), "a draft isn't posted");
    let path = format!("{MODEL}/2/post");
    on(&server, "POST", &path, answer(&vendor("tryton/credit_posted.json")), 1).await;
    let posted = erp.perform(&post(), "key").await.expect("is posted");
    assert_eq!(posted.number.as_deref(), Some("CN2026-00001"));
    assert_eq!(post().verify(&posted), Ok(()));
    on(&server, "POST", &path, refused("tryton/not_called.json"), 1).await;
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/credit_posted.json")])), 1).await;
    assert_eq!(erp.perform(&post(), "key").await, Ok(posted));
    let off = PostCreditMemo { untaxed: usd("250.01"), ..post() };
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/credit_posted.json")])), 1).await;
    let found = erp.find(&off).await.expect("is asked").expect("is there");
    assert_eq!(off.verify(&found), Err("submitted 250.01 USD, posted 250.00 USD".into()));
}

#[tokio::test]
async fn a_draft_is_undone_and_a_posted_credit_note_is_not() {
    let server = MockServer::start().await;
    let erp = erp(&server.uri());
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/credit_draft.json")])), 2).await;
    on(&server, "DELETE", &format!("{MODEL}/2"), ResponseTemplate::new(204), 1).await;
    let draft = erp.find(&create()).await.expect("is asked").expect("is there");
    assert_eq!(erp.undo(&create(), &draft).await, Ok(Undone::Removed));
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/credit_posted.json")])), 1).await;
    assert!(matches!(erp.undo(&create(), &draft).await, Ok(Undone::Impossible(_))));
}

fn statement(state: &str) -> Value {
    let mut statement = vendor("tryton/statement.json");
    statement["state"] = state.into();
    statement["total_amount"]["decimal"] = "0.00".into();
    statement
}

/// A statement of nothing: what the invoice gets is taken from the credit note.
#[tokio::test]
async fn a_set_off_takes_three_calls_and_is_continued_where_it_stopped() {
    for (state, validates, posts) in [("", 1, 1), ("draft", 1, 1), ("validated", 0, 1), ("posted", 0, 0)] {
        let server = MockServer::start().await;
        let there = if state.is_empty() { json!([]) } else { json!([statement(state)]) };
        on(&server, "GET", STATEMENT, answer(&there), 1).await;
        on(&server, "POST", STATEMENT, answer(&statement("draft")), u64::from(state.is_empty())).await;
        let path = format!("{STATEMENT}/1");
        let step = |name: &str| format!("{path}/{name}");
        on(&server, "POST", &step("validate_statement"), answer(&statement("validated")), validates).await;
        on(&server, "POST", &step("post"), answer(&statement("posted")), posts).await;
        assert_eq!(erp(&server.uri()).perform(&set_off(), "key").await.expect("is booked").record, "1");
        if let Some(body) = sent(&server, "POST", STATEMENT).await.first() {
            assert_eq!(
                (body["external_id"].as_str(), body["total_amount"].as_str()),
                (Some(CREDIT), Some("0.00"))
            );
            let lines = body["lines"][0][1].as_array().expect("lines");
            let told: Vec<_> =
                lines.iter().map(|l| (l["amount"].as_str(), l["related_to"].as_str())).collect();
            assert_eq!(
                told,
                [(Some("100.00"), Some("account.invoice,1")), (Some("-100.00"), Some("account.invoice,2"))]
            );
        }
    }
}

#[tokio::test]
async fn a_credit_note_is_read_back_with_the_invoices_that_it_reduces() {
    let server = MockServer::start().await;
    on(&server, "GET", MODEL, answer(&json!([vendor("tryton/credit_posted.json")])), 1).await;
    on(&server, "GET", MODEL, answer(&vendor("tryton/credit_origin.json")), 1).await;
    let found = erp(&server.uri()).issued_credit("2").await.expect("is read").expect("is there");
    assert_eq!((found.credit.total, found.carries.as_deref()), (usd("275.00"), Some(CREDIT)));
    assert_eq!(found.invoices, [InvoiceId::try_from(INVOICE.to_owned()).expect("an ID")]);
    assert_eq!(found.customer.as_deref(), Some("cus_abc"));
}

/// Proves EVT-17 in part: a posted credit note is told by webhook and by poll under one name; one that was issued by
/// hand carries no ID and is found by the poll alone, by its amount.
#[tokio::test]
async fn posted_credit_notes_are_told_and_those_by_hand_are_found() {
    let mut notification = vendor("tryton/notification.json");
    notification["data"]["external_id"] = CREDIT.into();
    let body = serde_json::to_vec(&notification).expect("JSON");
    let delivery = Delivery { method: "POST", headers: &[], body: &body };
    let told = translate(&connection("tryton", "http://erp.example.com", tryton_settings()), &delivery)
        .expect("translates");
    assert_eq!(
        (told[0].delivery.as_str(), &told[0].subject),
        ("account.invoice:2:posted", &Subject::Other(CREDIT.into()))
    );
    let row = |id: i64, external: Value, total: &str| {
        let mut row = vendor("tryton/invoices_changed.json")[0].clone();
        row["id"] = id.into();
        row["external_id"] = external;
        row["total_amount"]["decimal"] = total.into();
        row
    };
    let rows = json!([
        row(2, CREDIT.into(), "-275.00"),
        row(3, Value::Null, "-55.00"),
        row(4, Value::Null, "55.00"),
        row(5, "SO-17".into(), "-55.00"),
    ]);
    let server = MockServer::start().await;
    on(&server, "GET", MODEL, answer(&rows), 1).await;
    let polled = registry::polled(&connection("tryton", &server.uri(), tryton_settings())).expect("opens");
    let found =
        polled.changes_since("2026-11-21T05:00:00Z".parse().expect("a moment")).await.expect("is read");
    assert_eq!((&found[0].delivery, &found[0].event), (&told[0].delivery, &told[0].event));
    let by_hand: Vec<_> =
        found[1..].iter().map(|t| (t.delivery.as_str(), t.subject.as_str(), &t.event)).collect();
    let [first, second] = by_hand.as_slice() else { panic!("two by hand: {by_hand:?}") };
    assert_eq!((first.0, first.1), ("account.invoice:3:posted", "credit-note-3"));
    assert!(
        matches!(first.2, Event::CreditMemoIssued(issued) if issued.credit_memo.is_none() && issued.record == "3")
    );
    assert_eq!(second.0, "account.invoice:5:posted");
}
