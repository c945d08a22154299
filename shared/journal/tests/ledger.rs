//! Ownership of lines, the crosswalk, leases.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{about, activate, engagement_id, items, now, stores};
use domain::id::InvoiceId;
use domain::invoice::Invoice;
use domain::sample::{active, entry, quote, usd};
use domain::{Event, billing};
use jiff::SignedDuration;
use journal::dying::DyingStore;
use journal::{Commit, Committed, CrosswalkEntry, Journal, LeaseError, Store, WorkflowStatus, apply_group};
use uuid::Uuid;

async fn bill(journal: &Journal, entries: std::ops::Range<u32>) {
    let events: Vec<_> = entries
        .map(|i| {
            about(
                &format!("t{i}"),
                Event::TimeApproved(entry(&i.to_string(), "consultant", "2026-11-16", 60)),
            )
        })
        .collect();
    for chunk in events.chunks(50) {
        let decide = |state: Option<&domain::Engagement>, event: &events::Envelope| match &event.event {
            Event::TimeApproved(entry) => billing::time_approved(state, entry),
            other => panic!("{}", other.type_name()),
        };
        apply_group(journal, "test", chunk, now(), &decide).await.expect("applies");
    }
}

async fn request(journal: &Journal, name: &str) -> InvoiceId {
    let engagement = active(&quote());
    let id = InvoiceId::derive(&[name]);
    let invoice = Invoice::request(&engagement, id.clone(), name.into());
    let write = journal.write_invoice("northwind", &engagement.engagement, &invoice, 0, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    id
}

async fn collect(journal: &Journal, invoice: &InvoiceId) -> Result<Invoice, journal::JournalError> {
    let known = journal.invoice("northwind", &engagement_id(), invoice).await?;
    let collected = journal.collect_lines("northwind", &engagement_id(), known, &[], now()).await?;
    Ok(collected.body.expect("invoice"))
}

/// Proves BIL-14 in part: two invoices that collect at once never own the same line, and
/// together own all of them, across the limit of one transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_line_is_on_two_invoices() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        bill(&journal, 0..230).await;
        let (one, two) = (request(&journal, "one").await, request(&journal, "two").await);
        let (a, b) = tokio::join!(collect(&journal, &one), collect(&journal, &two));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.line_count + b.line_count, 230, "{name}");
        assert_eq!(a.untaxed.plus(b.untaxed).unwrap(), usd("41400.00"), "{name}: 230 × 180.00");
        let mut owned = Vec::new();
        for id in [&one, &two] {
            let lines = journal.invoice_lines("northwind", &engagement_id(), id).await.unwrap();
            owned.extend(lines.into_iter().map(|l| l.line));
        }
        let count = owned.len();
        owned.sort();
        owned.dedup();
        assert_eq!((count, owned.len()), (230, 230), "{name}");
        assert!(
            items(store.as_ref(), "line#").await.iter().all(|l| l.text("status") == Some("invoiced")),
            "{name}"
        );
    }
}

/// Killed before or after any call while it takes lines, an invoice goes on where it stopped.
#[tokio::test]
async fn collecting_lines_survives_a_kill_at_any_call() {
    for after in [false, true] {
        for call in 0.. {
            let store: Arc<dyn Store> = Arc::new(journal::memory::MemoryStore::new());
            let journal = Journal::new(Arc::clone(&store));
            activate(&journal, &active(&quote())).await;
            bill(&journal, 0..200).await;
            let id = request(&journal, "one").await;
            let dying = Arc::new(DyingStore::new(Arc::clone(&store), call, after));
            let killed = collect(&Journal::new(dying.clone()), &id).await;
            assert_eq!(killed.is_err(), dying.died(), "call {call}");
            let invoice = collect(&journal, &id).await.unwrap();
            assert_eq!(
                (invoice.line_count, invoice.untaxed),
                (200, usd("36000.00")),
                "call {call}, after {after}"
            );
            assert_eq!(journal.invoice_lines("northwind", &engagement_id(), &id).await.unwrap().len(), 200);
            if !dying.died() {
                break;
            }
        }
    }
}

/// Proves OWN-08: both directions are found, and neither can be given away again.
#[tokio::test]
async fn the_crosswalk_is_unique_both_ways() {
    for (name, store) in stores().await {
        let journal = Journal::new(store);
        let pair = |global: &str, local: &str| CrosswalkEntry {
            global_id: global.into(),
            connection: "tryton-us".into(),
            record_kind: "customer".into(),
            local_id: local.into(),
            engagement: engagement_id().to_string(),
        };
        let link = async |entry: CrosswalkEntry| {
            let [there, back] = entry.writes("northwind", Uuid::nil()).unwrap();
            matches!(
                journal.commit(Commit::default().write(there).write(back)).await.unwrap(),
                Committed::Done
            )
        };
        assert!(link(pair("cus_1", "3")).await, "{name}");
        assert!(!link(pair("cus_2", "3")).await, "{name}: the ERP's record is taken");
        assert!(!link(pair("cus_1", "4")).await, "{name}: our customer is linked");
        let there = journal.by_local_id("northwind", "tryton-us", "customer", "3").await.unwrap().unwrap();
        let back =
            journal.by_global_id("northwind", "cus_1", "tryton-us", "customer").await.unwrap().unwrap();
        assert_eq!((there.global_id.as_str(), back.local_id.as_str()), ("cus_1", "3"), "{name}");
        assert!(
            journal.by_global_id("northwind", "cus_2", "tryton-us", "customer").await.unwrap().is_none(),
            "{name}"
        );
    }
}

/// One holder at a time; an expired lease is taken over, and its former holder is fenced off.
#[tokio::test]
async fn a_lease_has_one_holder_and_fences_off_the_last() {
    for (name, store) in stores().await {
        let journal = Journal::new(store);
        let minute = SignedDuration::from_secs(60);
        let take = async |at| {
            journal.lease("northwind", engagement_id().as_str(), "activation", "quote", at, minute).await
        };
        let first = take(now()).await.unwrap();
        assert!(matches!(take(now()).await, Err(LeaseError::Busy { .. })), "{name}");
        let later = now() + SignedDuration::from_secs(61);
        let second = take(later).await.unwrap();
        let zombie = journal.release(&first, WorkflowStatus::Completed, later).await;
        assert!(matches!(zombie, Err(LeaseError::Superseded)), "{name}");
        journal.release(&second, WorkflowStatus::Completed, later).await.unwrap();
        let ended = take(later + SignedDuration::from_hours(24 * 365)).await;
        assert!(matches!(ended, Err(LeaseError::Ended(WorkflowStatus::Completed))), "{name}");
    }
}

/// A settled exception whose cause comes back waits for its owner again; an open one is one.
#[tokio::test]
async fn an_exception_is_raised_once_and_opens_again_when_its_cause_returns() {
    use domain::problem::{Problem, ProblemCode};
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        let event = about("t1", Event::TimeApproved(entry("1", "consultant", "2026-11-16", 60)));
        let problem = || Problem::new(ProblemCode::NoRateInForce, "no rate");
        let open =
            async || store.by_status("tenant#northwind#exception#open#contracts", 10).await.unwrap().len();
        let first = journal.raise("test", &event, problem(), vec![], now()).await.unwrap();
        assert_eq!(journal.raise("test", &event, problem(), vec![], now()).await.unwrap(), first, "{name}");
        assert_eq!(open().await, 1, "{name}");
        let settle = journal
            .settle_exceptions("northwind", engagement_id().as_str(), "test", &[], now())
            .await
            .unwrap();
        assert!(matches!(
            journal.commit(Commit { writes: settle, ..Commit::default() }).await.unwrap(),
            Committed::Done
        ));
        assert_eq!(open().await, 0, "{name}");
        journal.raise("test", &event, problem(), vec![], now()).await.unwrap();
        assert_eq!(open().await, 1, "{name}");
    }
}
