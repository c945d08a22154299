//! A lease that is about to end is not relied on: whoever takes the run over must not be met by a late call.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code)]

mod product;

use std::sync::Arc;
use std::time::Duration;

use connectors::Idempotency;
use jiff::SignedDuration;
use journal::memory::MemoryStore;
use journal::{Journal, LeaseError};
use product::{Make, Product, StoppedClock};
use workflow::{Clock, Purpose, Run, RunKey, StepError, Workflow};

const KEY: RunKey<'_> =
    RunKey { tenant: "northwind", subject: "eng_1", workflow: Workflow::Activation, run: "quote" };
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// What comes of a call that is made so many seconds after the run was leased.
async fn called_after(seconds: i64) -> (Result<(), StepError>, Vec<String>) {
    let journal = Journal::new(Arc::new(MemoryStore::new()));
    let product = Arc::new(Product::new(Idempotency::Upsert { settles_within: Duration::ZERO }));
    let clock: Arc<StoppedClock> = Arc::default();
    let shared: Arc<dyn Clock> = clock.clone();
    let mut run = Run::begin(&journal, &shared, KEY, LEASE, &Purpose::Finish).await.unwrap();
    clock.pass(SignedDuration::from_secs(seconds));
    let done = run.perform("customer", "psa", &product, &Make::named("customer")).await;
    (done.map(drop), product.made())
}

#[tokio::test]
async fn a_call_is_sent_while_the_lease_holds() {
    let (done, made) = called_after(54).await;
    done.unwrap();
    assert_eq!(made, ["customer"]);
}

/// Clocks differ by seconds: the last ones of a lease belong to nobody.
#[tokio::test]
async fn nothing_is_sent_when_the_lease_is_about_to_end() {
    for seconds in [55, 59, 60, 600] {
        let (done, made) = called_after(seconds).await;
        assert!(matches!(done, Err(StepError::Lease(LeaseError::Superseded))), "{seconds}: {done:?}");
        assert!(made.is_empty(), "{seconds}: {made:?}");
    }
}
