//! Events that are decided together: each sees what those before it did, and what stands is not replaced.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{about, activate, engagement_id, items, now};
use domain::billing::BillableLine;
use domain::expense::{Expense, ExpenseStatus, expense_approved};
use domain::id::InvoiceId;
use domain::invoice::Invoice;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::sample::{active, completion, entry, expense, quote, quote_with_expenses, usd};
use domain::{Decision, Engagement, Event, billing};
use events::Envelope;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Decided, Journal, apply_group};

fn decide(state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::TimeApproved(entry) => billing::time_approved(state, entry),
        Event::MilestoneCompleted(done) => {
            billing::milestone_completed(state, done, "2026-11-21".parse().expect("date"))
        }
        other => panic!("{}", other.type_name()),
    }
}

async fn take(journal: &Journal, group: &[Envelope]) -> Vec<Decided> {
    let outcomes = apply_group(journal, "test", group, now(), &decide).await.expect("applies");
    group.iter().map(|e| outcomes[&e.id]).collect()
}

/// Three hours each at 180.00 an hour, of which the ceiling holds one entry and not two.
#[tokio::test]
async fn entries_of_one_batch_share_the_ceiling() {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    activate(&journal, &active(&Quote { time_ceiling: Some(usd("1000.00")), ..quote() })).await;
    let time = |id: &str| about(id, Event::TimeApproved(entry(id, "consultant", "2026-11-16", 180)));
    let outcomes = take(&journal, &[time("1"), time("2"), time("3")]).await;
    assert_eq!(outcomes, [Decided::Applied, Decided::Held, Decided::Held]);
    assert_eq!(items(store.as_ref(), "line#").await.len(), 1);
    let state = journal.engagement("northwind", engagement_id().as_str()).await.unwrap().body.unwrap();
    assert_eq!(state.time_billed, Some(usd("540.00")));
}

/// Two versions of an entry wait at a ceiling of 500.00: three hours, 540.00, and then four, 720.00. When there is room
/// and both are sent again, the later one counts: 540.00 and 180.00 more.
#[tokio::test]
async fn a_later_version_that_waited_counts_when_it_is_sent_again() {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    let low = active(&Quote { time_ceiling: Some(usd("500.00")), ..quote() });
    activate(&journal, &low).await;
    let first = about("a", Event::TimeApproved(entry("1", "consultant", "2026-11-16", 180)));
    let mut second = about("b", Event::TimeApproved(entry("1", "consultant", "2026-11-16", 240)));
    second.time = first.time.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    for version in [&first, &second] {
        assert_eq!(take(&journal, std::slice::from_ref(version)).await, [Decided::Held]);
    }
    let mut room = low.clone();
    room.contract.time_ceiling = Some(usd("2000.00"));
    let known = journal.engagement("northwind", engagement_id().as_str()).await.unwrap();
    let write = journal.write_state("northwind", &room, known.version, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    for version in [&first, &second] {
        assert_eq!(take(&journal, std::slice::from_ref(version)).await, [Decided::Applied]);
        assert_eq!(take(&journal, std::slice::from_ref(version)).await, [Decided::Duplicate]);
    }
    let lines = items(store.as_ref(), "line#").await;
    let amounts = lines.iter().map(|l| l.body::<domain::billing::BillableLine>().unwrap().amount);
    assert_eq!(domain::Money::total(usd("0").currency(), amounts).unwrap(), usd("720.00"));
    let state = journal.engagement("northwind", engagement_id().as_str()).await.unwrap().body.unwrap();
    assert_eq!(state.time_billed, Some(usd("720.00")));
}

/// What waited for a person may be decided again; another content under its ID is a conflict.
#[tokio::test]
async fn another_content_does_not_take_the_place_of_what_is_held() {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    activate(&journal, &active(&quote())).await;
    let unknown = about("story", Event::MilestoneCompleted(completion("M9")));
    assert_eq!(take(&journal, std::slice::from_ref(&unknown)).await, [Decided::Held]);
    let other = about("story", Event::MilestoneCompleted(completion("M1")));
    assert_eq!(other.id, unknown.id);
    assert_eq!(take(&journal, &[other]).await, [Decided::Held]);
    assert_eq!(items(store.as_ref(), "line#").await.len(), 0);
    let exceptions = items(store.as_ref(), "exception#").await;
    let codes: Vec<&str> = exceptions.iter().filter_map(|e| e.text("code")).collect();
    assert!(codes.contains(&ProblemCode::EventConflict.as_str()), "{codes:?}");
}

fn decide_expense(state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::ExpenseApproved(told) => expense_approved(state, told),
        other => panic!("{}", other.type_name()),
    }
}

async fn take_expenses(journal: &Journal, told: &[(&str, Expense)]) -> Vec<Decided> {
    let group: Vec<Envelope> =
        told.iter().map(|(name, told)| about(name, Event::ExpenseApproved(told.clone()))).collect();
    let outcomes = apply_group(journal, "test", &group, now(), &decide_expense).await.expect("applies");
    group.iter().map(|e| outcomes[&e.id]).collect()
}

/// An expense of one ID, however its event is called and whether it comes in one batch or later, with a cap or
/// without, is one line; another content is shown to a person.
#[tokio::test]
async fn an_expense_is_one_line_however_often_it_is_told() {
    for cap in [None, Some("1000.00")] {
        let store = Arc::new(MemoryStore::new());
        let journal = Journal::new(store.clone());
        activate(&journal, &active(&quote_with_expenses("10", cap))).await;
        let hotel = expense("7", usd("200.00"));
        let (one, again) = (("approved", hotel.clone()), ("touched", hotel.clone()));
        let told = take_expenses(&journal, &[one.clone(), again.clone(), one.clone()]).await;
        assert_eq!(told, [Decided::Applied, Decided::Duplicate, Decided::Applied], "the first is one event");
        assert_eq!(take_expenses(&journal, &[again, one]).await, [Decided::Duplicate; 2]);
        let dearer = Expense { cost: usd("300.00"), ..hotel.clone() };
        let withdrawn = Expense { status: ExpenseStatus::Withdrawn, ..hotel };
        let changed = take_expenses(&journal, &[("dearer", dearer), ("withdrawn", withdrawn)]).await;
        assert_eq!(changed, [Decided::Held; 2]);
        let lines = items(store.as_ref(), "line#").await;
        assert_eq!(lines.len(), 1, "{cap:?}");
        assert_eq!(lines[0].body::<BillableLine>().unwrap().amount, usd("220.00"));
        let exceptions = items(store.as_ref(), "exception#").await;
        let codes: Vec<&str> = exceptions.iter().filter_map(|e| e.text("code")).collect();
        assert_eq!(codes, [ProblemCode::EntryChanged.as_str(); 2]);
        let state = journal.engagement("northwind", engagement_id().as_str()).await.unwrap().body.unwrap();
        assert_eq!(state.expenses_billed, cap.map(|_| usd("220.00")));
    }
}

/// Two batches at once share the cap: 10 × 110.00 under 1,000.00 are nine lines, and one that waits.
#[tokio::test]
async fn batches_at_once_share_the_cap() {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    activate(&journal, &active(&quote_with_expenses("10", Some("1000.00")))).await;
    let told: Vec<(String, Expense)> =
        (0..10).map(|n| (n.to_string(), expense(&n.to_string(), usd("100.00")))).collect();
    let named: Vec<(&str, Expense)> = told.iter().map(|(name, told)| (name.as_str(), told.clone())).collect();
    let (one, other) = named.split_at(5);
    let (mut all, more) =
        futures::future::join(take_expenses(&journal, one), take_expenses(&journal, other)).await;
    all.extend(more);
    assert_eq!(all.iter().filter(|d| **d == Decided::Applied).count(), 9);
    assert_eq!(all.iter().filter(|d| **d == Decided::Held).count(), 1);
    let state = journal.engagement("northwind", engagement_id().as_str()).await.unwrap().body.unwrap();
    assert_eq!(state.expenses_billed, Some(usd("990.00")));
}

/// Without a cap an expense is one conditional write; its line says which event it was.
#[tokio::test]
async fn an_expense_without_a_cap_shares_nothing() {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    activate(&journal, &active(&quote_with_expenses("0", None))).await;
    assert_eq!(take_expenses(&journal, &[("a", expense("7", usd("1.00")))]).await, [Decided::Applied]);
    let lines = items(store.as_ref(), "line#").await;
    assert_eq!(lines[0].text("event_type"), Some("q2c.expense.approved.v1"));
    assert!(lines[0].text("outbox").is_some() && items(store.as_ref(), "journal#").await.is_empty());
    assert_eq!(journal.engagement("northwind", engagement_id().as_str()).await.unwrap().version, 1);
}

/// Gives an invoice whatever is ready.
async fn invoiced(journal: &Journal, name: &str) -> Invoice {
    let (id, subject) = (InvoiceId::derive(&[name]), engagement_id());
    let fresh = Invoice::request(&active(&quote()), id.clone(), name.into());
    let write = journal.write_invoice("northwind", &subject, &fresh, 0, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    let known = journal.invoice("northwind", &subject, &id).await.unwrap();
    journal.collect_lines("northwind", &subject, known, &[], now()).await.unwrap().body.expect("an invoice")
}

/// OpenLawOffice put expenses that were invoiced on each later invoice again ("Expense - multiple invoicing", its issue
/// 59). Here a line is owned by one invoice, also where its expense is told once more after it was invoiced.
#[tokio::test]
async fn an_expense_that_was_invoiced_is_on_no_later_invoice() {
    let journal = Journal::new(Arc::new(MemoryStore::new()));
    activate(&journal, &active(&quote_with_expenses("10", None))).await;
    let hotel = expense("7", usd("200.00"));
    assert_eq!(take_expenses(&journal, &[("a", hotel.clone())]).await, [Decided::Applied]);
    let first = invoiced(&journal, "first").await;
    assert_eq!((first.line_count, first.untaxed), (1, usd("220.00")));
    let again = take_expenses(&journal, &[("a", hotel.clone()), ("b", hotel)]).await;
    assert_eq!(again, [Decided::Duplicate; 2]);
    assert_eq!(invoiced(&journal, "second").await.line_count, 0);
}
