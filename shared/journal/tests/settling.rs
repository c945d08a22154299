//! What a success settles: the exceptions of its own function, but for those that still stand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{about, engagement_id, items, now};
use domain::Event;
use domain::problem::{Problem, ProblemCode};
use domain::sample::entry;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal};

#[tokio::test]
async fn what_still_stands_and_what_others_raised_stays_open() {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    let event = about("t1", Event::TimeApproved(entry("1", "consultant", "2026-11-16", 60)));
    let raise = async |function: &str, detail: &str| {
        let problem = Problem::new(ProblemCode::NoRateInForce, detail);
        journal.raise(function, &event, problem, vec![], now()).await.unwrap()
    };
    let stands = raise("quote-approved", "stands").await;
    raise("quote-approved", "is gone").await;
    raise("time-approved", "of another").await;

    let subject = engagement_id();
    let writes = journal
        .settle_exceptions("northwind", subject.as_str(), "quote-approved", &[stands], now())
        .await
        .unwrap();
    let settled = journal.commit(Commit { writes, ..Commit::default() }).await.unwrap();
    assert!(matches!(settled, Committed::Done));

    let exceptions = items(store.as_ref(), "exception#").await;
    let mut left: Vec<(&str, &str)> =
        exceptions.iter().map(|e| (e.text("detail").unwrap(), e.text("status").unwrap())).collect();
    left.sort_unstable();
    assert_eq!(left, [("is gone", "resolved"), ("of another", "open"), ("stands", "open")]);
}
