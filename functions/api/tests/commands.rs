//! Commands: kept once with their events, and answered alike however often they are sent.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::Event;
use domain::engagement::EngagementStatus::{Activating, Active, Held, Withdrawn};
use domain::expense::ExpenseStatus;
use domain::id::EngagementId;
use domain::sample::usd;
use journal::memory::MemoryStore;
use journal::{Item, Journal, Key, Op, Store, StoreError};
use runtime::{Handler, Outcome};
use serde_json::{Value, json};
use time_approved::TimeApproved;
use tokio::sync::Barrier;
use world::{Call, TENANT, World, outgoing, world};

fn activation(key: &str, deal: &str) -> Call {
    Call::post("/v1/engagements", json!({}), key, &json!({"connection": "hubspot-main", "deal": deal}))
}

fn to(w: &World, path: &'static str, key: &str, body: &Value) -> Call {
    Call::post(path, json!({"engagement": w.engagement.engagement}), key, body)
}

const WITHDRAWAL: &str = "/v1/engagements/{engagement}/withdrawal";
const INVOICES: &str = "/v1/engagements/{engagement}/invoices";
const TIME: &str = "/v1/engagements/{engagement}/time";
const EXPENSES: &str = "/v1/engagements/{engagement}/expenses";
const MILESTONES: &str = "/v1/engagements/{engagement}/milestones";

/// Proves API-06 and SEC-07 in part: the event of an asked-for activation is kept in the same write as the entry that
/// says which caller with which role asked for what, when and under which key.
#[tokio::test]
async fn an_activation_is_put_on_its_way_and_audited() {
    let w = world(Active).await;
    let (status, answer) = activation("k-1", "777").by("sales").send(&w).await;
    assert_eq!(status, 202);
    let engagement = EngagementId::of_deal(TENANT, "hubspot-main", "777");
    assert_eq!(answer["engagement"], json!(engagement));
    let [event] = &outgoing(&w)[..] else { panic!("one event") };
    assert_eq!(answer["events"], json!([{"id": event.id, "type": "q2c.quote.approved.v1"}]));
    assert_eq!(event.source, "/northwind/callers/sales-app");
    assert_eq!(event.subject, engagement.as_str());
    assert!(
        matches!(&event.event, Event::QuoteApproved(q) if q.deal == "777" && q.connection == "hubspot-main")
    );
    let entries = w.context.journal.listed(TENANT, engagement.as_str(), "journal#", 9).await.unwrap();
    let [entry] = &entries[..] else { panic!("one entry") };
    let summary = "sales-app [sales] asked for the activation of deal 777 in hubspot-main (key k-1)";
    assert_eq!(entry.text("summary"), Some(summary));
    assert_eq!(entry.text("recorded_at"), Some("2026-11-21T12:00:00Z"));
    assert!(entry.text("outbox").is_some(), "the event rides on the entry");
    assert_ne!(entry.text("event_id"), Some(event.id.to_string().as_str()), "or its function would skip it");
    let shown = Call::get("/v1/engagements/{engagement}", json!({"engagement": engagement})).by("sales");
    assert_eq!(shown.send(&w).await.1["status"], "requested");
}

/// Proves API-21: the same key and request get the first answer and one event; another request under the key is refused,
/// and another caller's equal key is another key.
#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    let w = world(Active).await;
    let first = activation("k", "777").by("sales").send(&w).await;
    let reordered = r#" {"deal":"777",  "connection":"hubspot-main"} "#.to_owned();
    let again = Call { body: Some(reordered), ..activation("k", "777").by("sales") };
    assert_eq!(again.send(&w).await, first);
    assert_eq!(outgoing(&w).len(), 1);
    let (status, body) = activation("k", "778").by("sales").send(&w).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("Q2C-1010")));
    assert_eq!(outgoing(&w).len(), 1);
    assert_eq!(activation("k", "778").by("operations").send(&w).await.0, 202);
    let elsewhere = to(&w, WITHDRAWAL, "k", &json!({"reason": "x"})).by("operations").send(&w).await;
    assert_eq!(elsewhere.1["code"], "Q2C-1010");
    let ids: std::collections::BTreeSet<_> = outgoing(&w).iter().map(|e| e.id).collect();
    assert_eq!((ids.len(), outgoing(&w).len()), (2, 2));
}

/// Lets the first two readers of a request see nothing, both, before either may write.
struct Abreast(Arc<MemoryStore>, Barrier, AtomicUsize);

#[async_trait]
impl Store for Abreast {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let found = self.0.get(key).await;
        if key.sk == "request" && self.2.fetch_add(1, Ordering::SeqCst) < 2 {
            self.1.wait().await;
        }
        found
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.0.get_many(keys).await
    }
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.0.write(ops).await
    }
    async fn query(&self, pk: &str, prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.0.query(pk, prefix, limit).await
    }
    async fn by_status(&self, key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.0.by_status(key, limit).await
    }
}

/// Proves API-21 in part: two at once under one key are one request; where they differ, one of them is refused.
#[tokio::test]
async fn of_two_at_once_one_is_kept() {
    for (other, second) in [("777", 202), ("778", 409)] {
        let mut w = world(Active).await;
        w.context.journal =
            Journal::new(Arc::new(Abreast(w.store.clone(), Barrier::new(2), AtomicUsize::new(0))));
        let (a, b) = (activation("k", "777").by("sales"), activation("k", other).by("sales"));
        let (a, b) = futures::future::join(a.send(&w), b.send(&w)).await;
        let mut statuses = [a.0, b.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, second]);
        assert_eq!(a.1 == b.1, second == 202);
        assert_eq!(outgoing(&w).len(), 1);
    }
}

/// What is active is ended otherwise; what is withdrawn is withdrawn. A repetition is answered as before, even
/// where the first one changed the state.
#[tokio::test]
async fn only_what_is_being_set_up_is_withdrawn() {
    let because = json!({"reason": "sold twice"});
    for (status, expected) in [(Activating, 202), (Held, 202), (Active, 409), (Withdrawn, 409)] {
        let w = world(status).await;
        let call = to(&w, WITHDRAWAL, "k", &because).by("operations");
        let (answered, body) = call.send(&w).await;
        assert_eq!(answered, expected, "{status:?}: {body}");
        let events = outgoing(&w);
        assert_eq!(events.len(), usize::from(expected == 202));
        if let Some(event) = events.first() {
            let Event::WithdrawalRequested(asked) = &event.event else { panic!("{event:?}") };
            assert_eq!(
                (asked.requested_by.as_str(), asked.reason.as_str()),
                ("operations-app", "sold twice")
            );
            let mut ended = w.engagement.clone();
            ended.status = Withdrawn;
            let write = w.context.journal.write_state(TENANT, &ended, 1, world::now()).unwrap();
            let commit = journal::Commit::default().write(write);
            assert!(matches!(w.context.journal.commit(commit).await.unwrap(), journal::Committed::Done));
            assert_eq!(call.send(&w).await, (202, body));
        } else {
            assert_eq!(body["code"], "Q2C-1011");
        }
    }
}

/// Proves API-08 in part: an invoice of what is ready is asked for once per key.
#[tokio::test]
async fn an_invoice_is_asked_for_once() {
    let because = json!({"reason": "month end"});
    let w = world(Active).await;
    let (status, answer) = to(&w, INVOICES, "k", &because).by("finance").send(&w).await;
    assert_eq!(status, 202);
    let [event] = &outgoing(&w)[..] else { panic!("one event") };
    let Event::InvoiceRequested(asked) = &event.event else { panic!("{event:?}") };
    assert_eq!(answer["invoice"], json!(asked.invoice));
    assert_eq!((asked.lines.len(), asked.reason.as_str()), (0, "month end"));
    let other = to(&w, INVOICES, "k-2", &because).by("finance").send(&w).await.1;
    assert_ne!(other["invoice"], answer["invoice"]);
    let early = world(Activating).await;
    assert_eq!(to(&early, INVOICES, "k", &because).by("finance").send(&early).await.0, 409);
    for reason in ["", "  ", &"x".repeat(501)] {
        let call = to(&w, INVOICES, "k-3", &json!({"reason": reason})).by("finance");
        assert_eq!(call.send(&w).await.0, 400);
    }
}

fn entry(id: &str) -> Value {
    json!({"approved": true, "connection": "kantata-main", "entry": id, "project": "6", "task": "7",
           "person": "Ada Lovelace", "role": "consultant", "worked_on": "2026-11-20", "minutes": 90,
           "billable": true, "notes": null})
}

/// Proves API-12 in part and API-23 in part: a batch of approved time becomes lines like time that was polled, and
/// the same entry from both is one line.
#[tokio::test]
async fn approved_time_becomes_lines() {
    let w = world(Active).await;
    let entries: Vec<Value> = (0..100).map(|n| entry(&n.to_string())).collect();
    let call = to(&w, TIME, "k", &json!({"entries": entries})).by("automation");
    let (status, answer) = call.send(&w).await;
    assert_eq!((status, answer["events"].as_array().unwrap().len()), (202, 100));
    let events = outgoing(&w);
    for (_, outcome) in TimeApproved.handle(&w.context, events).await {
        assert_eq!(outcome.unwrap(), Outcome::Applied);
    }
    let once_more = to(&w, TIME, "k-2", &json!({"entries": [entry("5")]})).by("operations");
    assert_eq!(once_more.send(&w).await.0, 202);
    let again = outgoing(&w).into_iter().filter(|e| e.source.ends_with("operations-app")).collect();
    for (_, outcome) in TimeApproved.handle(&w.context, again).await {
        assert_eq!(outcome.unwrap(), Outcome::Duplicate);
    }
    let lines = w.context.journal.listed(TENANT, w.engagement.engagement.as_str(), "line#", 200).await;
    assert_eq!(lines.unwrap().len(), 100);
}

/// Proves API-12 in part: what is not marked approved, or is not the PSA's word about this project, is refused, and with
/// it everything else of the call.
#[tokio::test]
async fn a_call_with_one_bad_entry_is_refused_whole() {
    let w = world(Active).await;
    let changed = |name: &str, value: Value| {
        let mut bad = entry("2");
        bad[name] = value;
        json!({"entries": [entry("1"), bad]})
    };
    let hundred_and_one: Vec<Value> = (0..=100).map(|n| entry(&n.to_string())).collect();
    let mut silent = entry("2");
    silent.as_object_mut().unwrap().remove("approved");
    for (body, status, said) in [
        (changed("approved", json!(false)), 422, "entries: not approved: 2"),
        (changed("connection", json!("hubspot-main")), 422, "entries[1].connection: kantata-main owns"),
        (changed("project", json!("99")), 422, "entries[1].project: is not the project"),
        (changed("entry", json!("1")), 400, "entries[1]: is no ID, or comes twice"),
        (changed("minutes", json!(0)), 400, "entries[1].minutes"),
        (changed("minutes", json!(1441)), 400, "entries[1].minutes"),
        (changed("role", json!(" ")), 400, "entries[1].role"),
        (changed("notes", json!("x".repeat(1001))), 400, "entries[1].notes"),
        (json!({"entries": []}), 400, "entries: must be 1 to 100"),
        (json!({"entries": hundred_and_one}), 400, "entries: must be 1 to 100"),
        (json!({"entries": [entry("1"), silent]}), 400, "entries[1]: missing field `approved`"),
    ] {
        let (answered, answer) = to(&w, TIME, "k", &body).by("operations").send(&w).await;
        assert_eq!(answered, status, "{answer}");
        assert!(answer["detail"].as_str().unwrap().starts_with(said), "{answer}");
    }
    assert!(outgoing(&w).is_empty());
    assert_eq!(to(&w, TIME, "k", &json!({"entries": [entry("1")]})).by("operations").send(&w).await.0, 202);
    let gone = world(Withdrawn).await;
    let late = to(&gone, TIME, "k", &json!({"entries": [entry("1")]})).by("operations");
    assert_eq!(late.send(&gone).await.0, 409);
}

/// Proves API-12 in part: approved expenses become lines like those that were polled, and what is not marked approved is
/// refused with its whole call.
#[tokio::test]
async fn approved_expenses_are_taken_and_others_refused() {
    let w = world(Active).await;
    let expense = |id: &str| {
        json!({"approved": true, "connection": "kantata-main", "expense": id, "project": "6",
               "person": "Ada Lindqvist", "category": "Lodging", "incurred_on": "2026-11-03",
               "cost": {"amount": "240.00", "currency": "USD"}, "pass_through": true})
    };
    let changed = |name: &str, value: Value| {
        let mut bad = expense("2");
        bad[name] = value;
        json!({"expenses": [expense("1"), bad]})
    };
    let mut silent = expense("2");
    silent.as_object_mut().unwrap().remove("approved");
    for (body, status, said) in [
        (changed("approved", json!(false)), 422, "expenses: not approved: 2"),
        (changed("connection", json!("hubspot-main")), 422, "expenses[1].connection: kantata-main owns"),
        (changed("project", json!("99")), 422, "expenses[1].project: is not the project"),
        (changed("expense", json!("1")), 400, "expenses[1]: is no ID, or comes twice"),
        (changed("category", json!("")), 400, "expenses[1].category"),
        (changed("cost", json!({"amount": "0", "currency": "USD"})), 400, "expenses[1].cost"),
        (changed("cost", json!({"amount": "1.001", "currency": "USD"})), 400, "expenses[1].cost"),
        (json!({"expenses": [expense("1"), silent]}), 400, "expenses[1]: missing field `approved`"),
    ] {
        let (answered, answer) = to(&w, EXPENSES, "k", &body).by("operations").send(&w).await;
        assert_eq!(answered, status, "{answer}");
        assert!(answer["detail"].as_str().unwrap().starts_with(said), "{answer}");
    }
    assert!(outgoing(&w).is_empty());
    let taken = to(&w, EXPENSES, "k", &json!({"expenses": [expense("1")]})).by("automation");
    assert_eq!(taken.send(&w).await.0, 202);
    let [event] = &outgoing(&w)[..] else { panic!("one event") };
    let Event::ExpenseApproved(told) = &event.event else { panic!("{event:?}") };
    assert_eq!((told.status, told.charged()), (ExpenseStatus::Approved, Some(usd("240.00"))));
}

/// Proves API-12 in part: milestones of the contract that are accepted, and no others.
#[tokio::test]
async fn accepted_milestones_are_taken() {
    let w = world(Active).await;
    let milestone = |key: &str, approved: bool, at: &str| {
        json!({"milestones": [{"approved": approved, "connection": "kantata-main", "record": "story-1",
                               "milestone": key, "completed_at": at}]})
    };
    let yesterday = "2026-11-20T22:30:00Z";
    for (body, status) in [
        (milestone("M9", true, yesterday), 422),
        (milestone("M1", false, yesterday), 422),
        (milestone("M1", true, "2026-11-22T00:00:00Z"), 400),
        (milestone("M1", true, yesterday), 202),
    ] {
        let (answered, answer) = to(&w, MILESTONES, "k", &body).by("operations").send(&w).await;
        assert_eq!(answered, status, "{answer}");
    }
    let [event] = &outgoing(&w)[..] else { panic!("one event") };
    assert!(
        matches!(&event.event, Event::MilestoneCompleted(m) if m.milestone == "M1" && m.record == "story-1")
    );
    assert_eq!(event.time.to_string(), yesterday);
}
