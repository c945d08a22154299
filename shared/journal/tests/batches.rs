//! Events that are decided together: each sees what those before it did, and what stands is not replaced.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{about, activate, engagement_id, items, now};
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::sample::{active, completion, entry, quote, usd};
use domain::{Decision, Engagement, Event, billing};
use events::Envelope;
use journal::memory::MemoryStore;
use journal::{Decided, Journal, apply_group};

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
