//! What a product finds under our ID is believed only where it is what was asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code)]

mod product;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::operation::{Reference, Undone};
use connectors::{CallError, Idempotency, Performs};
use jiff::SignedDuration;
use journal::Journal;
use journal::memory::MemoryStore;
use product::{Make, StoppedClock};
use workflow::{Clock, Purpose, Run, RunKey, StepError, Workflow};

const KEY: RunKey<'_> =
    RunKey { tenant: "northwind", subject: "eng_1", workflow: Workflow::Activation, run: "quote" };

/// Finds a record of these books, whatever is looked for, and makes none.
struct Finds(&'static str);

#[async_trait]
impl Performs<Make> for Finds {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: Duration::ZERO }
    }
    async fn find(&self, _: &Make) -> Result<Option<Reference>, CallError> {
        Ok(Some(Reference { record: self.0.into() }))
    }
    async fn perform(&self, _: &Make, _: &str) -> Result<Reference, CallError> {
        panic!("it was found")
    }
    async fn undo(&self, _: &Make, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Removed)
    }
}

async fn looked_for(record: &'static str) -> Result<Reference, StepError> {
    let journal = Journal::new(Arc::new(MemoryStore::new()));
    let clock: Arc<dyn Clock> = Arc::new(StoppedClock::default());
    let minute = SignedDuration::from_secs(60);
    let mut run = Run::begin(&journal, &clock, KEY, minute, &Purpose::Finish).await.unwrap();
    run.perform("customer", "psa", &Arc::new(Finds(record)), &Make::named("customer")).await
}

/// A record of an earlier attempt with other terms is a person's matter and not this step's result.
#[tokio::test]
async fn what_is_found_is_compared() {
    assert_eq!(looked_for("record-customer").await.unwrap().record, "record-customer");
    let other = looked_for("record-of-another").await;
    assert!(matches!(other, Err(StepError::Mismatch { .. })), "{other:?}");
}
