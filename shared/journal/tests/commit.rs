//! The commit of events: once, whole, in some order — over DynamoDB's own semantics.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{about, activate, engagement_id, items, now, stores};
use domain::quote::Quote;
use domain::sample::{active, completion, entry, quote, usd};
use domain::{Decision, Engagement, Event, billing};
use events::Envelope;
use journal::dying::DyingStore;
use journal::{Decided, Item, Journal, Store, apply_group};

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

fn time(id: &str, minutes: u32) -> Envelope {
    about(
        &format!("time-{id}-{minutes}"),
        Event::TimeApproved(entry(id, "consultant", "2026-11-16", minutes)),
    )
}

fn milestone(key: &str) -> Envelope {
    about(&format!("story-{key}"), Event::MilestoneCompleted(completion(key)))
}

fn emitted(items: &[Item]) -> usize {
    let events =
        |i: &Item| serde_json::from_str::<Vec<Envelope>>(i.text("outbox").unwrap_or("[]")).unwrap().len();
    items.iter().map(events).sum()
}

/// Proves EVT-29 and RES-02 in part: a redelivery has no effect, alone or within its batch.
#[tokio::test]
async fn a_duplicate_has_no_effect() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        let (m, t) = (milestone("M1"), time("1", 60));
        assert_eq!(take(&journal, &[m.clone(), t.clone(), m.clone()]).await, [Decided::Applied; 3], "{name}");
        let before = items(store.as_ref(), "").await;
        assert_eq!(take(&journal, &[t.clone(), m.clone()]).await, [Decided::Duplicate; 2], "{name}");
        assert_eq!(items(store.as_ref(), "").await, before, "{name}");
        assert_eq!(items(store.as_ref(), "line#").await.len(), 2, "{name}");
        assert_eq!(emitted(&before), 3, "{name}: ready, requested, ready");
    }
}

/// Proves RES-03 in part: the same entry under another event ID is still one line; a changed
/// entry is an exception and the first line stands.
#[tokio::test]
async fn an_entry_bills_once_whatever_its_event_is_called() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        let original = entry("1", "consultant", "2026-11-16", 60);
        assert_eq!(
            take(&journal, &[about("a", Event::TimeApproved(original.clone()))]).await,
            [Decided::Applied]
        );
        assert_eq!(
            take(&journal, &[about("b", Event::TimeApproved(original))]).await,
            [Decided::Duplicate],
            "{name}"
        );
        assert_eq!(take(&journal, &[time("1", 90)]).await, [Decided::Held], "{name}");
        assert_eq!(take(&journal, &[time("1", 90)]).await, [Decided::Held], "{name}");
        let lines = items(store.as_ref(), "line#").await;
        assert_eq!(lines.len(), 1, "{name}");
        assert_eq!(lines[0].0["amount"]["amount"], "180.00", "{name}");
        let exceptions = items(store.as_ref(), "exception#").await;
        assert_eq!(exceptions.len(), 1, "{name}: raised once");
        assert_eq!(exceptions[0].text("code"), Some("Q2C-0303"), "{name}");
    }
}

/// The same ID with another content is an exception, never skipped as a duplicate.
#[tokio::test]
async fn the_same_event_with_another_content_is_a_conflict() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        assert_eq!(take(&journal, &[milestone("M1")]).await, [Decided::Applied], "{name}");
        let mut other = completion("M2");
        other.record = "another".into();
        let forged = Envelope { event: Event::MilestoneCompleted(other), ..milestone("M1") };
        assert_eq!(take(&journal, &[forged]).await, [Decided::Held], "{name}");
        assert_eq!(items(store.as_ref(), "exception#").await[0].text("code"), Some("Q2C-0201"), "{name}");
        assert_eq!(items(store.as_ref(), "line#").await.len(), 1, "{name}");
    }
}

/// A redelivery under a ceiling is a duplicate, never counted again: neither held by itself nor
/// the reason to hold what comes with it.
#[tokio::test]
async fn what_is_billed_does_not_use_the_ceiling_twice() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&Quote { time_ceiling: Some(usd("400.00")), ..quote() })).await;
        assert_eq!(take(&journal, &[time("1", 80)]).await, [Decided::Applied], "{name}: 240.00 of 400.00");
        assert_eq!(take(&journal, &[time("1", 80)]).await, [Decided::Duplicate], "{name}");
        let mixed = take(&journal, &[time("1", 80), time("2", 50)]).await;
        assert_eq!(mixed, [Decided::Duplicate, Decided::Applied], "{name}: 150.00 more fit");
        assert!(items(store.as_ref(), "exception#").await.is_empty(), "{name}");
    }
}

/// An entry that stops being billable after it became a line is an exception, not a silent change.
#[tokio::test]
async fn a_billed_entry_that_is_no_longer_billable_is_an_exception() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&quote())).await;
        take(&journal, &[time("1", 60)]).await;
        let mut internal = entry("1", "consultant", "2026-11-16", 60);
        internal.billable = false;
        assert_eq!(
            take(&journal, &[about("x", Event::TimeApproved(internal))]).await,
            [Decided::Held],
            "{name}"
        );
        assert_eq!(items(store.as_ref(), "exception#").await[0].text("code"), Some("Q2C-0303"), "{name}");
    }
}

/// An event that waited for a person is decided again when it is sent again: once the contract
/// has the milestone, it is billed, once.
#[tokio::test]
async fn a_held_event_is_applied_when_it_is_sent_again_after_the_correction() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        let mut sold = quote();
        let go_live = sold.lines.remove(1);
        activate(&journal, &active(&sold)).await;
        assert_eq!(take(&journal, &[milestone("M2")]).await, [Decided::Held], "{name}");
        assert_eq!(take(&journal, &[milestone("M2")]).await, [Decided::Held], "{name}");
        assert_eq!(items(store.as_ref(), "exception#").await.len(), 1, "{name}");
        sold.lines.insert(1, go_live);
        activate(&journal, &active(&sold)).await;
        assert_eq!(take(&journal, &[milestone("M2")]).await, [Decided::Applied], "{name}");
        assert_eq!(take(&journal, &[milestone("M2")]).await, [Decided::Duplicate], "{name}");
        assert_eq!(items(store.as_ref(), "line#").await.len(), 1, "{name}");
    }
}

/// Two writers on one engagement with a ceiling: both land, one after the other, and the
/// ceiling holds whatever their order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_commits_on_one_engagement_all_land() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&Quote { time_ceiling: Some(usd("1500.00")), ..quote() })).await;
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..10 {
            let journal = journal.clone();
            writers.spawn(async move { take(&journal, &[time(&writer.to_string(), 60)]).await });
        }
        let outcomes = writers.join_all().await;
        let applied = outcomes.iter().filter(|o| o[..] == [Decided::Applied]).count();
        let held = outcomes.iter().filter(|o| o[..] == [Decided::Held]).count();
        assert_eq!((applied, held), (8, 2), "{name}: 8 × 180.00 = 1440.00 fit, two more do not");
        let state = journal.engagement("northwind", engagement_id().as_str()).await.unwrap();
        assert_eq!(state.body.unwrap().time_billed, Some(usd("1440.00")), "{name}");
        assert_eq!(items(store.as_ref(), "line#").await.len(), 8, "{name}");
    }
}

/// Work that comes too early waits; activation can't overlook what is being parked, because
/// parking raises the version that the activation must find.
#[tokio::test]
async fn parking_and_activation_never_miss_each_other() {
    for (name, store) in stores().await {
        let journal = Journal::new(Arc::clone(&store));
        let id = engagement_id();
        let before = journal.engagement("northwind", id.as_str()).await.unwrap();
        assert_eq!(take(&journal, &[time("1", 60), milestone("M1")]).await, [Decided::Parked; 2], "{name}");
        assert_eq!(take(&journal, &[time("1", 60)]).await, [Decided::Duplicate], "{name}: parked once");
        let stale = journal.write_state("northwind", &active(&quote()), before.version, now()).unwrap();
        let late = journal.commit(journal::Commit::default().write(stale)).await.unwrap();
        assert!(matches!(late, journal::Committed::Rejected(_)), "{name}: activation must look again");
        assert_eq!(items(store.as_ref(), "parked#engagement-active#").await.len(), 2, "{name}");
        let again = journal.engagement("northwind", id.as_str()).await.unwrap();
        assert!(again.body.is_none() && again.version > before.version, "{name}");
    }
}

/// Proves RES-15 in part: killed before or after any call to the table, the batch leaves nothing
/// half-done, and repeating it completes it with exactly the effects of one undisturbed run.
#[tokio::test]
async fn a_batch_killed_between_any_two_calls_is_completed_by_its_retry() {
    let sold = Quote { time_ceiling: Some(usd("100000.00")), ..quote() };
    let batch = [time("1", 60), milestone("M1"), time("2", 90), time("3", 45)];
    let undisturbed = {
        let store: Arc<dyn Store> = Arc::new(journal::memory::MemoryStore::new());
        let journal = Journal::new(Arc::clone(&store));
        activate(&journal, &active(&sold)).await;
        take(&journal, &batch).await;
        items(store.as_ref(), "").await
    };
    for after in [false, true] {
        for call in 0.. {
            let store: Arc<dyn Store> = Arc::new(common::dynamodb().await);
            activate(&Journal::new(Arc::clone(&store)), &active(&sold)).await;
            let dying = Arc::new(DyingStore::new(Arc::clone(&store), call, after));
            let killed = apply_group(&Journal::new(dying.clone()), "test", &batch, now(), &decide).await;
            assert_eq!(killed.is_err(), dying.died(), "call {call}");
            take(&Journal::new(Arc::clone(&store)), &batch).await;
            assert_eq!(
                plain(items(store.as_ref(), "").await),
                plain(undisturbed.clone()),
                "call {call}, after {after}"
            );
            if !dying.died() {
                assert!(call >= 2, "at least a read and a write were tried");
                break;
            }
        }
    }
}

/// Items without what differs between two honest runs: spans of the trace.
fn plain(mut items: Vec<Item>) -> Vec<Item> {
    for item in &mut items {
        let Some(outbox) = item.text("outbox") else { continue };
        let mut events: Vec<Envelope> = serde_json::from_str(outbox).unwrap();
        for event in &mut events {
            event.traceparent = None;
        }
        *item = item.clone().with("outbox", serde_json::to_string(&events).unwrap());
    }
    items
}
