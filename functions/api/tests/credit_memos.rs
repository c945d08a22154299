//! Credit memos: what finance may ask for, what is refused at once, and how an invoice shows them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use domain::Event;
use domain::billing::{BillableLine, Evidence};
use domain::credit_memo::{CreditMemo, CreditMemoRequested, CreditMemoStatus, ManualAdjustment};
use domain::engagement::EngagementStatus::Active;
use domain::id::{AdjustmentId, CreditMemoId, InvoiceId, LineId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{entry, usd};
use journal::{Commit, Committed, Item, Key, LinePage, Write};
use serde_json::{Value, json};
use uuid::Uuid;
use world::{Call, TENANT, World, now, outgoing, world};

const PATH: &str = "/v1/invoices/{invoice}/credit-memos";

/// An invoice of one line of 100.00, with ten percent of tax where it is posted.
async fn billed(w: &World, is_posted: bool) -> (InvoiceId, BillableLine) {
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let worked = entry("1", "consultant", "2026-11-16", 60);
    let evidence = Evidence::Time { hourly: usd("100.00"), entry: worked.clone() };
    let (contract, line) = (&w.engagement.contract, LineId::derive(&["1"]));
    let line =
        BillableLine::sold(contract, line, ("3", "ADVISORY"), (usd("100.00"), worked.worked_on), evidence);
    let invoice = InvoiceId::derive(&["one"]);
    let mut body = Invoice::request(&w.engagement, invoice.clone(), "x".into());
    body = body.collect(std::slice::from_ref(&line)).unwrap();
    body.status = if is_posted { InvoiceStatus::Posted } else { InvoiceStatus::Submitted };
    body.tax = is_posted.then(|| usd("10.00"));
    body.total = is_posted.then(|| usd("110.00"));
    let key = Key::invoice_page(TENANT, id.as_str(), invoice.as_str(), 1);
    let page = Item::new(&key, "invoice-page", TENANT, &LinePage { lines: vec![line.clone()] }).unwrap();
    let commit = Commit::default()
        .write(journal.write_invoice(TENANT, id, &body, 0, now()).unwrap())
        .write(journal.write_owner(TENANT, invoice.as_str(), id, Uuid::nil()).unwrap())
        .write(Write::Insert { item: page, cause: Uuid::nil() });
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    (invoice, line)
}

async fn ask(w: &World, invoice: &InvoiceId, key: &str, role: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = Call::post(PATH, json!({"invoice": invoice}), key, body).by(role).send(w).await;
    (u16::try_from(status).unwrap(), answer)
}

/// Proves BIL-20 in part: what finance asks for is kept once, under the caller's key, as the event that carries it out.
#[tokio::test]
async fn a_credit_memo_is_asked_for_once() {
    let w = world(Active).await;
    let (invoice, line) = billed(&w, true).await;
    let body = json!({"lines": [line.line], "reason": "billed too early", "rebill": true});
    let first = ask(&w, &invoice, "k", "finance", &body).await;
    assert_eq!((first.0, &first.1["untaxed"]["amount"]), (202, &json!("100.00")), "{first:?}");
    assert_eq!(ask(&w, &invoice, "k", "finance", &body).await, first);
    let [event] = &outgoing(&w)[..] else { panic!("one event") };
    let Event::CreditMemoRequested(asked) = &event.event else { panic!("{event:?}") };
    assert_eq!(first.1["credit_memo"], json!(asked.credit_memo));
    assert_eq!((&asked.invoice, asked.rebill, asked.requested_by.as_str()), (&invoice, true, "finance-app"));
    assert_eq!(event.subject, w.engagement.engagement.as_str());
}

#[tokio::test]
async fn what_can_not_be_granted_is_refused_at_once() {
    let w = world(Active).await;
    let (invoice, line) = billed(&w, true).await;
    let refused = async |role: &str, body: Value| {
        let (status, answer) = ask(&w, &invoice, "k", role, &body).await;
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    let plain = json!({"lines": [line.line], "reason": "x", "rebill": false});
    for role in ["sales", "operations", "automation"] {
        assert_eq!(refused(role, plain.clone()).await, (403, "Q2C-1002".into()), "{role}");
    }
    let off = |amount: &str| json!({"reduction": {"amount": {"amount": amount, "currency": "USD"}}, "reason": "x", "rebill": false});
    for (body, status, code) in [
        (json!({"lines": [LineId::derive(&["other"])], "reason": "x", "rebill": false}), 422, "Q2C-1012"),
        (off("100.01"), 422, "Q2C-1012"),
        (off("0.00"), 422, "Q2C-1012"),
        (json!({"lines": [], "reason": "x", "rebill": true}), 400, "Q2C-1006"),
        (json!({"lines": [line.line], "reason": " ", "rebill": true}), 400, "Q2C-1006"),
        (json!({"lines": [line.line], "reason": "x"}), 400, "Q2C-1006"),
        (json!({"lines": ["inv_1"], "reason": "x", "rebill": true}), 400, "Q2C-1006"),
        (json!({"lines": [line.line], "reason": "x", "rebill": true, "more": 1}), 400, "Q2C-1006"),
    ] {
        assert_eq!(refused("finance", body.clone()).await, (status, code.into()), "{body}");
    }
    let nobody = ask(&w, &InvoiceId::derive(&["two"]), "k", "finance", &plain).await;
    assert_eq!(nobody.0, 404);
    assert!(outgoing(&w).is_empty());
    let early = world(Active).await;
    let (invoice, _) = billed(&early, false).await;
    let (status, answer) = ask(&early, &invoice, "k", "finance", &plain).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("Q2C-1011")), "not posted yet");
}

/// Proves CAN-21: a credit memo is kept with the invoice that it reduces, and shown with it.
#[tokio::test]
async fn an_invoice_shows_its_credit_memos_and_what_was_done_by_hand() {
    let w = world(Active).await;
    let (invoice, line) = billed(&w, true).await;
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let asked = CreditMemoRequested {
        credit_memo: CreditMemoId::derive(&["m"]),
        invoice: invoice.clone(),
        lines: vec![line.line.clone()],
        reduction: None,
        reason: "billed too early".into(),
        rebill: false,
        requested_by: "finance-app".into(),
        dispute: None,
    };
    let known = journal.invoice(TENANT, id, &invoice).await.unwrap();
    let body = known.body.unwrap();
    let memo = CreditMemo::request(&w.engagement, &body, &[line], &[], &asked).unwrap();
    let memo = CreditMemo {
        status: CreditMemoStatus::Applied,
        number: Some("CN1".into()),
        total: Some(usd("110.00")),
        set_off: Some(usd("110.00")),
        ..memo
    };
    let credited = body.credit(usd("100.00"), usd("110.00")).unwrap().0;
    let adjustment = ManualAdjustment {
        adjustment: AdjustmentId::derive(&["a"]),
        invoices: vec![invoice.clone()],
        connection: "tryton-us".into(),
        record: "9".into(),
        number: Some("CN2".into()),
        issued_on: None,
        untaxed: usd("5.00"),
        tax: usd("0.50"),
        total: usd("5.50"),
    };
    let commit = Commit::default()
        .write(journal.write_credit_memo(TENANT, &memo, 0, now()).unwrap())
        .write(journal.write_adjustment(TENANT, id, &adjustment, Uuid::nil(), now()).unwrap())
        .write(journal.write_invoice(TENANT, id, &credited, known.version, now()).unwrap());
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    let call = Call::get("/v1/invoices/{invoice}", json!({"invoice": invoice})).by("finance");
    let (status, shown) = call.send(&w).await;
    assert_eq!(
        (status, &shown["invoice"]["status"], &shown["open"]["amount"]),
        (200, &json!("credited"), &json!("0.00"))
    );
    assert_eq!(shown["collections"]["status"], "settled");
    assert_eq!(shown["credit_memos"][0]["number"], "CN1");
    assert_eq!(shown["manual_adjustments"][0]["number"], "CN2");
    assert_eq!(shown["manual_adjustments"].as_array().unwrap().len(), 1);
}
