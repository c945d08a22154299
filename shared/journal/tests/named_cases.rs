//! Where the usual idempotency libraries stop: cases of the commit.
//!
//! Compared are Powertools for AWS Lambda (utility "idempotency", Python, TypeScript and Java) and
//! the idempotency keys of Stripe's API ("Idempotent requests" in its reference).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{about, activate, engagement_id, items, now, stores};
use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{active, completion, entry, quote};
use domain::{Decision, Engagement, Event, billing};
use events::Envelope;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use journal::memory::MemoryStore;
use journal::{
    Commit, Committed, Decided, Item, Journal, JournalError, Key, Store, StoreError, Versioned, Write,
    apply_group,
};
use uuid::Uuid;

fn decide(state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::TimeApproved(entry) => billing::time_approved(state, entry),
        Event::MilestoneCompleted(done) => {
            billing::milestone_completed(state, done, "2026-11-21".parse().expect("date"))
        }
        other => panic!("{}", other.type_name()),
    }
}

async fn take(journal: &Journal, event: &Envelope, at: Timestamp) -> Decided {
    let group = std::slice::from_ref(event);
    apply_group(journal, "test", group, at, &decide).await.expect("applies")[&event.id]
}

/// The same key with another body. Powertools compares bodies only where the path of a field is
/// configured, and answers with the first result otherwise; in three of its languages the comparison
/// was skipped for a while (its issues 3781 in Python, 2058 in TypeScript, 2260 in Java). Here it is an
/// exception always, and what stands stays.
#[tokio::test]
async fn the_same_key_with_another_body() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        let first = about("story-1", Event::MilestoneCompleted(completion("M1")));
        assert_eq!(take(&journal, &first, now()).await, Decided::Applied, "{name}");
        let lines = items(store.as_ref(), "line#").await;
        let other = Envelope { event: Event::MilestoneCompleted(completion("M2")), ..first };
        assert_eq!(take(&journal, &other, now()).await, Decided::Held, "{name}");
        assert_eq!(items(store.as_ref(), "line#").await, lines, "{name}: what stands stays");
        let exceptions = items(store.as_ref(), "exception#").await;
        assert_eq!(exceptions.len(), 1, "{name}");
        assert_eq!(exceptions[0].text("code"), Some("Q2C-0201"), "{name}");
    }
}

/// Proves part of EVT-29. A record that outlives every retention. Powertools' records expire after an hour unless told
/// otherwise, Stripe's keys after a day; the journal's entries never do. What is replayed from the
/// archive years later is a duplicate still.
#[tokio::test]
async fn a_replay_after_years() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        let milestone = about("story-1", Event::MilestoneCompleted(completion("M1")));
        let time = about("time-1", Event::TimeApproved(entry("1", "consultant", "2026-11-16", 60)));
        for event in [&milestone, &time] {
            assert_eq!(take(&journal, event, now()).await, Decided::Applied, "{name}");
        }
        let before = items(store.as_ref(), "").await;
        assert!(before.iter().all(|i| !i.0.contains_key("expires_at")), "{name}: nothing expires");
        let later = now().to_zoned(TimeZone::UTC).checked_add(12.years()).unwrap().timestamp();
        for event in [&milestone, &time] {
            assert_eq!(take(&journal, event, later).await, Decided::Duplicate, "{name}");
        }
        assert_eq!(items(store.as_ref(), "").await, before, "{name}");
    }
}

/// A commit that does not fit into an item. Powertools writes the result after the effect, so a
/// result that is too large fails when it is too late; here effect and record are one write, which is
/// refused as a whole and with a reason that is told from an outage.
#[tokio::test]
async fn an_item_over_400_kb() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        let before = items(store.as_ref(), "").await;
        // An entry of a role that was never sold is held, and its exception keeps the event whole.
        let mut unsold = entry("1", "astrologer", "2026-11-16", 60);
        unsold.notes = Some("x".repeat(410 * 1024));
        let large = about("large", Event::TimeApproved(unsold));
        let held = apply_group(&journal, "test", std::slice::from_ref(&large), now(), &decide).await;
        assert!(matches!(held, Err(JournalError::Store(StoreError::Refused(_)))), "{name}: {held:?}");
        // The same event in an outbox, with items beside it that would fit.
        let insert = |n: u32| {
            let key = Key::new(Key::partition("northwind", engagement_id().as_str()), format!("note#{n}"));
            Write::Insert {
                item: Item::new(&key, "note", "northwind", &n_of(n)).unwrap(),
                cause: Uuid::nil(),
            }
        };
        let commit = Commit::default().write(insert(1)).write(insert(2)).emit([large]);
        let emitted = journal.commit(commit).await;
        assert!(matches!(emitted, Err(JournalError::Store(StoreError::Refused(_)))), "{name}: {emitted:?}");
        assert_eq!(items(store.as_ref(), "").await, before, "{name}: nothing half-written");
    }
}

fn n_of(n: u32) -> serde_json::Value {
    serde_json::json!({ "n": n })
}

/// An invoice of one line that was fixed, as it was read before and as it stands.
async fn fixed(journal: &Journal) -> (Versioned<Invoice>, Versioned<Invoice>) {
    let engagement = active(&quote());
    activate(journal, &engagement).await;
    let id = InvoiceId::derive(&["one"]);
    let fresh = Invoice::request(&engagement, id.clone(), "one".into());
    let owner = engagement_id();
    let write = |invoice: &Invoice, version| {
        journal
            .write_invoice("northwind", &owner, invoice, version, now())
            .map(|w| Commit::default().write(w))
    };
    let begun = journal.commit(write(&fresh, 0).unwrap()).await.unwrap();
    assert!(matches!(begun, Committed::Done));
    let collecting = journal.invoice("northwind", &owner, &id).await.unwrap();
    let drafted = Invoice { status: InvoiceStatus::Drafted, ..fresh };
    let committed = journal.commit(write(&drafted, collecting.version).unwrap()).await.unwrap();
    assert!(matches!(committed, Committed::Done));
    (collecting, journal.invoice("northwind", &owner, &id).await.unwrap())
}

/// A function that outlived its lease goes on collecting, after its successor fixed the invoice and
/// sent it: what was sent must stay what the invoice owns.
#[tokio::test]
async fn a_zombie_that_goes_on_collecting() {
    let journal = Journal::new(Arc::new(MemoryStore::new()) as Arc<dyn Store>);
    let (as_read, stands) = fixed(&journal).await;
    let late = about("late", Event::TimeApproved(entry("9", "consultant", "2026-11-16", 60)));
    assert_eq!(take(&journal, &late, now()).await, Decided::Applied);
    // Whether it ends with the invoice as it is or with an error, it takes nothing.
    let _ = journal.collect_lines("northwind", &engagement_id(), as_read, &[], now()).await;
    let id = stands.body.as_ref().expect("an invoice").invoice.clone();
    assert_eq!(journal.invoice("northwind", &engagement_id(), &id).await.unwrap(), stands);
    assert!(journal.invoice_lines("northwind", &engagement_id(), &id).await.unwrap().is_empty());
}
