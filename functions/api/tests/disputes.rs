//! Disputes of invoices: what finance may record, how it is ended, what is refused at once, and how they are shown.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use dispute_requested::DisputeRequested;
use domain::Event;
use domain::billing::{BillableLine, Evidence};
use domain::engagement::EngagementStatus::Active;
use domain::id::{DisputeId, InvoiceId, LineId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{entry, usd};
use journal::{Commit, Committed, Item, Key, LinePage, Write};
use runtime::{Handler, Outcome};
use serde_json::{Value, json};
use uuid::Uuid;
use world::{Call, TENANT, World, now, outgoing, world};

const DISPUTES: &str = "/v1/invoices/{invoice}/disputes";
const RESOLUTION: &str = "/v1/invoices/{invoice}/disputes/{dispute}/resolution";
const CREDIT_MEMOS: &str = "/v1/invoices/{invoice}/credit-memos";

/// An invoice of two lines of 100.00, with ten percent of tax where it is posted.
async fn billed(w: &World, is_posted: bool) -> (InvoiceId, Vec<LineId>) {
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let line = |n: &str| {
        let worked = entry(n, "consultant", "2026-11-16", 60);
        let evidence = Evidence::Time { hourly: usd("100.00"), entry: worked.clone() };
        let (contract, line) = (&w.engagement.contract, LineId::derive(&[n]));
        BillableLine::sold(contract, line, ("3", "ADVISORY"), (usd("100.00"), worked.worked_on), evidence)
    };
    let lines = vec![line("1"), line("2")];
    let invoice = InvoiceId::derive(&["one"]);
    let mut body = Invoice::request(&w.engagement, invoice.clone(), "x".into()).collect(&lines).unwrap();
    body.status = if is_posted { InvoiceStatus::Posted } else { InvoiceStatus::Submitted };
    body.tax = is_posted.then(|| usd("20.00"));
    body.total = is_posted.then(|| usd("220.00"));
    body.number = is_posted.then(|| "INV2026-00001".into());
    let key = Key::invoice_page(TENANT, id.as_str(), invoice.as_str(), 1);
    let page = Item::new(&key, "invoice-page", TENANT, &LinePage { lines: lines.clone() }).unwrap();
    let contract = &w.engagement.contract;
    let commit = Commit::default()
        .write(journal.write_invoice(TENANT, id, &body, 0, now()).unwrap())
        .write(journal.write_contract(TENANT, id, contract, Uuid::nil(), now()).unwrap())
        .write(journal.write_owner(TENANT, invoice.as_str(), id, Uuid::nil()).unwrap())
        .write(Write::Insert { item: page, cause: Uuid::nil() });
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    (invoice, lines.into_iter().map(|line| line.line).collect())
}

async fn post(w: &World, path: &'static str, at: Value, key: &str, body: &Value) -> (i64, Value) {
    Call::post(path, at, key, body).by("finance").send(w).await
}

/// The function takes what was asked for.
async fn carry_out(w: &World) {
    for event in outgoing(w) {
        if matches!(event.event, Event::DisputeRequested(_) | Event::DisputeResolutionRequested(_)) {
            let answers = DisputeRequested.handle(&w.context, vec![event]).await;
            let outcome = *answers[0].1.as_ref().unwrap();
            assert!(matches!(outcome, Outcome::Applied | Outcome::Duplicate), "{outcome:?}");
        }
    }
}

/// Proves BIL-22: one of two lines is contested, 100.00 × 220.00 ÷ 200.00 = 110.00, and shown with the way back to the
/// quote; it is upheld, which credits nothing, and the credit memo that is asked for because of it is shown with it.
#[tokio::test]
async fn a_customer_contests_a_line_and_is_right() {
    let w = world(Active).await;
    let (invoice, lines) = billed(&w, true).await;
    let at = json!({"invoice": invoice});
    let body = json!({"kind": "rate", "lines": [lines[0]], "reason": "not the agreed rate"});
    let (status, first) = post(&w, DISPUTES, at.clone(), "k", &body).await;
    assert_eq!((status, &first["contested"]["amount"]), (202, &json!("110.00")), "{first}");
    assert_eq!(post(&w, DISPUTES, at.clone(), "k", &body).await, (202, first.clone()));
    carry_out(&w).await;

    let show = Call::get(DISPUTES, at.clone()).by("operations");
    let (status, shown) = show.send(&w).await;
    assert_eq!(status, 200, "{shown}");
    let [dispute] = &shown["disputes"].as_array().unwrap()[..] else { panic!("{shown}") };
    assert_eq!((&dispute["dispute"], &dispute["status"]), (&first["dispute"], &json!("open")));
    assert_eq!((&dispute["dispute_kind"], &dispute["requested_by"]), (&json!("rate"), &json!("finance-app")));
    let [traced] = &dispute["evidence"]["lines"].as_array().unwrap()[..] else { panic!("{dispute}") };
    assert_eq!(traced["source"]["kind"], "time-entry");
    assert_eq!(
        (&traced["source"]["connection"], &traced["source"]["record"]),
        (&json!("kantata-main"), &json!("1"))
    );
    assert_eq!((&traced["contract_version"], &traced["quote_line"]), (&json!(1), &json!("3")));
    assert_eq!(traced["quote"]["quote"], json!(w.engagement.contract.quote));
    let invoice_call = Call::get("/v1/invoices/{invoice}", at.clone()).by("finance");
    let collections = invoice_call.send(&w).await.1["collections"].clone();
    assert_eq!(
        (&collections["disputed"]["amount"], &collections["open"]["amount"]),
        (&json!("110.00"), &json!("220.00"))
    );

    let of = json!({"invoice": invoice, "dispute": first["dispute"]});
    let upheld = json!({"outcome": "upheld", "reason": "the contract says otherwise"});
    let (status, answer) = post(&w, RESOLUTION, of.clone(), "r", &upheld).await;
    assert_eq!((status, &answer["outcome"]), (202, &json!("upheld")), "{answer}");
    assert!(answer["to_be_credited_by"].as_str().unwrap().contains("credit-memos"), "{answer}");
    carry_out(&w).await;
    let (status, refused) =
        post(&w, RESOLUTION, of, "r2", &json!({"outcome": "rejected", "reason": "x"})).await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("Q2C-1011")), "it has ended");

    let credit = json!({"lines": [lines[0]], "reason": "rate", "rebill": false, "dispute": first["dispute"]});
    assert_eq!(post(&w, CREDIT_MEMOS, at.clone(), "c", &credit).await.0, 202);
    let asked = outgoing(&w).into_iter().find_map(|e| match e.event {
        Event::CreditMemoRequested(asked) => Some(asked),
        _ => None,
    });
    assert_eq!(json!(asked.unwrap().dispute), first["dispute"]);
    assert_eq!(invoice_call.send(&w).await.1["collections"].get("disputed"), None);
    let timeline =
        Call::get("/v1/engagements/{engagement}/timeline", json!({"engagement": w.engagement.engagement}));
    let entries = timeline.by("finance").send(&w).await.1["entries"].clone();
    let entry = entries.as_array().unwrap().iter().find(|e| e["kind"] == "dispute").unwrap().clone();
    assert_eq!((&entry["status"], &entry["resolution"]["outcome"]), (&json!("upheld"), &json!("upheld")));
}

/// Proves BIL-22 in part: what can't be contested, or ended so, is refused at once with its reason.
#[tokio::test]
async fn what_can_not_be_contested_is_refused_at_once() {
    let w = world(Active).await;
    let (invoice, lines) = billed(&w, true).await;
    let at = json!({"invoice": invoice});
    let amount = |amount: &str| json!({"kind": "scope", "reason": "x", "amount": {"amount": amount, "currency": "USD"}});
    for (body, status, code) in [
        (amount("220.01"), 422, "Q2C-1012"),
        (amount("0.00"), 422, "Q2C-1012"),
        (json!({"kind": "rate", "lines": [LineId::derive(&["other"])], "reason": "x"}), 422, "Q2C-1012"),
        (json!({"kind": "rate", "lines": [lines[0], lines[0]], "reason": "x"}), 422, "Q2C-1012"),
        (json!({"kind": "balance", "lines": [lines[0]], "reason": "x"}), 400, "Q2C-1006"),
        (json!({"kind": "taste", "reason": "x"}), 400, "Q2C-1006"),
        (json!({"kind": "scope", "reason": " "}), 400, "Q2C-1006"),
        (json!({"kind": "scope", "reason": "x", "more": 1}), 400, "Q2C-1006"),
        (json!({"kind": "scope", "lines": vec![&lines[0]; 2_001], "reason": "x"}), 400, "Q2C-1006"),
    ] {
        let (answered, answer) = post(&w, DISPUTES, at.clone(), "k", &body).await;
        assert_eq!((answered, answer["code"].as_str()), (status, Some(code)), "{body}: {answer}");
    }
    let unknown = json!({"invoice": invoice, "dispute": DisputeId::derive(&["none"])});
    let end = json!({"outcome": "upheld", "reason": "x"});
    assert_eq!(post(&w, RESOLUTION, unknown.clone(), "k", &end).await.0, 404);
    let credit = json!({"lines": [lines[0]], "reason": "x", "rebill": false, "dispute": unknown["dispute"]});
    assert_eq!(post(&w, CREDIT_MEMOS, at.clone(), "k", &credit).await.0, 422);
    assert!(outgoing(&w).is_empty());

    let scope = json!({"kind": "scope", "reason": "x"});
    let (_, first) = post(&w, DISPUTES, at.clone(), "k", &scope).await;
    carry_out(&w).await;
    let (status, answer) = post(&w, DISPUTES, at.clone(), "k2", &scope).await;
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("is contested by"), "{answer}");
    let of = json!({"invoice": invoice, "dispute": first["dispute"]});
    let memo = "crm_0123456789abcdef0123456789abcdef";
    for outcome in ["settled", "rejected"] {
        let body = json!({"outcome": outcome, "reason": "x", "credit_memo": memo});
        assert_eq!(post(&w, RESOLUTION, of.clone(), outcome, &body).await.0, 422, "{outcome}");
    }

    let early = world(Active).await;
    let (invoice, _) = billed(&early, false).await;
    let (status, answer) = post(&early, DISPUTES, json!({"invoice": invoice}), "k", &scope).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("Q2C-1011")), "not posted yet");
    assert_eq!(
        post(&early, DISPUTES, json!({"invoice": InvoiceId::derive(&["two"])}), "k", &scope).await.0,
        404
    );
}
