//! What is shown of deposits, and what of one can be returned.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use domain::billing::{BillableLine, Evidence};
use domain::deposit::{DrawnWhen, deposit_line as line_of_deposit};
use domain::engagement::EngagementStatus::Active;
use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{active, deposit_line, quote, usd};
use journal::{Commit, Committed, Item, Key, Write};
use serde_json::{Value, json};
use uuid::Uuid;
use world::{Call, TENANT, World, now, world};

/// The engagement of the world sells a deposit of 1,000.00.
async fn with_deposit() -> World {
    let mut w = world(Active).await;
    let mut sold = quote();
    sold.lines.push(deposit_line("80", ("D1", "1000.00"), DrawnWhen::Posted));
    let journal = &w.context.journal;
    let known = journal.engagement(TENANT, w.engagement.engagement.as_str()).await.unwrap();
    w.engagement.contract = active(&sold).contract;
    let write = journal.write_state(TENANT, &w.engagement, known.version, now()).unwrap();
    commit(&w, vec![write]).await;
    w
}

async fn commit(w: &World, writes: Vec<Write>) {
    let commit = writes.into_iter().fold(Commit::default(), Commit::write);
    assert!(matches!(w.context.journal.commit(commit).await.unwrap(), Committed::Done));
}

/// It is on a posted invoice, and another one drew 400.00 of it.
async fn billed(w: &World) -> (Invoice, BillableLine) {
    let id = &w.engagement.engagement;
    let evidence = Evidence::Deposit { deposit: "D1".into(), name: "Deposit".into() };
    let day = "2026-11-20".parse().unwrap();
    let contract = &w.engagement.contract;
    let line = line_of_deposit(id, "D1");
    let line = BillableLine::sold(contract, line, ("80", "DEPOSIT"), (usd("1000.00"), day), evidence);
    let key = Key::line(TENANT, id.as_str(), line.line.as_str());
    let item = Item::new(&key, "line", TENANT, &line).unwrap().with("status", "ready");
    let request = Invoice::request(&w.engagement, InvoiceId::derive(&["deposit"]), "deposit".into());
    let journal = &w.context.journal;
    let owner = journal.write_owner(TENANT, request.invoice.as_str(), id, Uuid::nil()).unwrap();
    let fresh = journal.write_invoice(TENANT, id, &request, 0, now()).unwrap();
    commit(w, vec![Write::Insert { item, cause: Uuid::nil() }, fresh, owner]).await;
    let known = journal.invoice(TENANT, id, &request.invoice).await.unwrap();
    let taken =
        journal.collect_lines(TENANT, id, known, std::slice::from_ref(&line.line), now()).await.unwrap();
    let body = taken.body.unwrap().with_drawn(&line.line, usd("400.00")).unwrap();
    let (tax, total) = (Some(usd("0.00")), Some(usd("1000.00")));
    let posted = Invoice { status: InvoiceStatus::Posted, tax, total, ..body };
    commit(w, vec![journal.write_invoice(TENANT, id, &posted, taken.version, now()).unwrap()]).await;
    (posted, line)
}

async fn shown(w: &World) -> Value {
    let path = json!({"engagement": w.engagement.engagement});
    let (status, answer) = Call::get("/v1/engagements/{engagement}", path).by("operations").send(w).await;
    assert_eq!(status, 200, "{answer}");
    answer["deposits"][0].clone()
}

/// Of 1,000.00 are 400.00 drawn and 600.00 left; before it is billed nobody says what is left.
#[tokio::test]
async fn what_is_left_of_a_deposit_is_shown() {
    let w = with_deposit().await;
    let agreed = shown(&w).await;
    assert_eq!(agreed["deposit"], "D1");
    assert_eq!((&agreed["amount"]["amount"], &agreed["drawn_when"]), (&json!("1000.00"), &json!("posted")));
    assert!(agreed.get("left").is_none() && agreed.get("status").is_none(), "{agreed}");
    let (invoice, line) = billed(&w).await;
    let billed = shown(&w).await;
    assert_eq!((&billed["status"], &billed["may_be_drawn"]), (&json!("invoiced"), &json!(true)));
    assert_eq!((&billed["invoice"], &billed["line"]), (&json!(invoice.invoice), &json!(line.line)));
    let amounts = ["drawn", "returned", "left"].map(|name| billed[name]["amount"].clone());
    assert_eq!(amounts, ["400.00", "0.00", "600.00"]);
}

/// The 600.00 that are left can be asked for; a cent more, or the whole line, is refused.
#[tokio::test]
async fn no_more_than_what_is_left_is_returned() {
    let w = with_deposit().await;
    let (invoice, line) = billed(&w).await;
    let ask = |key: &'static str, body: Value| {
        let path = json!({"invoice": invoice.invoice});
        Call::post("/v1/invoices/{invoice}/credit-memos", path, key, &body).by("finance")
    };
    let part = |amount: &str| {
        json!({"reason": "the work is done", "rebill": false,
               "reduction": {"line": line.line, "amount": {"amount": amount, "currency": "USD"}}})
    };
    let whole = json!({"reason": "the work is done", "rebill": false, "lines": [line.line]});
    for (key, body, said) in
        [("a", part("600.01"), "600.00 USD is left"), ("b", whole, "600.00 USD that is left")]
    {
        let (status, answer) = ask(key, body).send(&w).await;
        assert_eq!(status, 422, "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(said), "{answer}");
    }
    let (status, answer) = ask("c", part("600.00")).send(&w).await;
    assert_eq!((status, &answer["untaxed"]["amount"]), (202, &json!("600.00")), "{answer}");
}
