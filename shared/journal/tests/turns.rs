//! Steps of a run are written by whoever holds it and knows how it stands, and by nobody else.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::now;
use jiff::SignedDuration;
use journal::memory::MemoryStore;
use journal::{Journal, Lease, LeaseError, StepRecord, StepState};

fn step(lease: &Lease) -> StepRecord {
    StepRecord {
        workflow: lease.workflow.clone(),
        run: lease.run.clone(),
        step: "taken-back".into(),
        position: 0,
        state: StepState::Done,
        system: None,
        external_id: None,
        summary: "asked for by finance".into(),
        result: None,
        lease: lease.token.clone(),
        recorded_at: now(),
    }
}

/// The step is new, so nothing but the lease itself can tell that the run has another holder.
#[tokio::test]
async fn a_holder_of_the_past_does_not_turn_a_run() {
    let (journal, minute) = (Journal::new(Arc::new(MemoryStore::new())), SignedDuration::from_secs(60));
    let take =
        async |at| journal.lease("northwind", "eng_1", "activation", "quote", at, minute).await.unwrap();
    let first = take(now()).await;
    let second = take(now() + SignedDuration::from_secs(61)).await;
    let late = journal.record_turn(&first, &step(&first), None).await;
    assert!(matches!(late, Err(LeaseError::Superseded)), "{late:?}");
    assert_eq!(journal.steps(&second).await.unwrap(), []);
    journal.record_turn(&second, &step(&second), None).await.unwrap();
    assert_eq!(journal.steps(&second).await.unwrap(), [step(&second)]);
}

/// A write that arrives late finds another record than the one that its writer knows, and changes nothing.
#[tokio::test]
async fn a_step_is_not_put_back() {
    let (journal, minute) = (Journal::new(Arc::new(MemoryStore::new())), SignedDuration::from_secs(60));
    let lease = journal.lease("northwind", "eng_1", "activation", "quote", now(), minute).await.unwrap();
    let begun = StepRecord { state: StepState::Started, ..step(&lease) };
    let done = StepRecord { recorded_at: now() + SignedDuration::from_secs(1), ..step(&lease) };
    journal.record_step(&lease, &begun, None).await.unwrap();
    journal.record_step(&lease, &done, Some(&begun)).await.unwrap();
    for previous in [None, Some(&begun)] {
        let late = journal.record_step(&lease, &begun, previous).await;
        assert!(matches!(late, Err(LeaseError::Superseded)), "{late:?}");
    }
    assert_eq!(journal.steps(&lease).await.unwrap(), [done]);
}
