//! Where the usual idempotency libraries stop: cases of a step that is sent to a product.
//!
//! Compared are Powertools for AWS Lambda (utility "idempotency", Python, TypeScript and Java) and
//! the idempotency keys of Stripe's API ("Idempotent requests" in its reference).
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

mod product;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::operation::{Reference, Undone};
use connectors::{CallError, Idempotency, Performs};
use jiff::SignedDuration;
use journal::dying::DyingStore;
use journal::memory::MemoryStore;
use journal::{Journal, LeaseError, StepRecord, StepState, Store};
use product::{Fault, Make, Product, StoppedClock};
use workflow::{Clock, Purpose, Run, RunKey, StepError, Workflow};

const KEY: RunKey<'_> =
    RunKey { tenant: "northwind", subject: "eng_1", workflow: Workflow::Invoice, run: "inv_1" };
const SETTLES: Duration = Duration::from_secs(60);
const SEARCH: Idempotency = Idempotency::SearchThenCreate { settles_within: SETTLES };
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LEASE: SignedDuration = SignedDuration::from_secs(60);

struct World {
    store: Arc<dyn Store>,
    product: Arc<Product>,
    clock: Arc<StoppedClock>,
}

impl World {
    fn new(idempotency: Idempotency) -> Self {
        let product = Arc::new(Product::new(idempotency));
        Self { store: Arc::new(MemoryStore::new()), product, clock: Arc::default() }
    }

    async fn run(&self) -> Result<Run, LeaseError> {
        self.run_over(&self.store).await
    }

    async fn run_over(&self, store: &Arc<dyn Store>) -> Result<Run, LeaseError> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Run::begin(&Journal::new(Arc::clone(store)), &clock, KEY, LEASE, &Purpose::Finish).await
    }

    /// One delivery of the message: the step, and the run's end.
    async fn deliver(&self) -> Result<(), StepError> {
        let mut run = self.run().await?;
        match run.perform("create", "erp", &self.product, &Make::named("invoice")).await {
            Ok(_) => Ok(run.complete().await?),
            Err(error) => {
                run.pause().await?;
                Err(error)
            }
        }
    }

    fn pass(&self, seconds: i64) {
        self.clock.pass(SignedDuration::from_secs(seconds));
    }
}

/// The handler fails after the product did what it was asked. Powertools deletes its record when the
/// handler raises ("Handling exceptions"), so the next delivery has the effect once more; here the
/// step stands as begun, and the product is asked.
#[tokio::test]
async fn an_exception_after_the_effect() {
    let world = World::new(SEARCH);
    world.product.fault("invoice", Fault::CommitThenSilence);
    world.deliver().await.expect_err("the answer is lost");
    assert_eq!(world.product.made(), ["invoice"]);
    world.deliver().await.expect("found");
    assert_eq!(world.product.made(), ["invoice"], "not made again");
}

/// The process dies between the effect and its record. Powertools takes the record that is still in
/// progress for void once the invocation's time is over, and runs the handler again; here the step
/// stands as begun, and the product is asked.
#[tokio::test]
async fn a_crash_between_effect_and_record() {
    for after in [false, true] {
        let world = World::new(SEARCH);
        // Lease, steps and "started" get through; the fourth call is the record of what was done.
        let dying: Arc<dyn Store> = Arc::new(DyingStore::new(Arc::clone(&world.store), 3, after));
        let mut run = world.run_over(&dying).await.expect("leased");
        let made = run.perform("create", "erp", &world.product, &Make::named("invoice")).await;
        assert!(made.is_err(), "it died");
        assert_eq!(world.product.made(), ["invoice"], "after the effect");
        world.pass(61);
        world.deliver().await.expect("found");
        assert_eq!(world.product.made(), ["invoice"], "not made again");
    }
}

/// The key is forgotten before it comes again. Stripe removes keys once they are 24 hours old and
/// then takes the request for a new one; Powertools lets a record expire after an hour unless told
/// otherwise. Here a key past its product's retention is not trusted, and the product is asked.
#[tokio::test]
async fn a_record_that_outlives_its_retention() {
    let world = World::new(Idempotency::NativeKey { retention: DAY });
    world.product.fault("invoice", Fault::CommitThenSilence);
    world.deliver().await.expect_err("the answer is lost");
    world.product.forget_keys();
    world.pass(25 * 60 * 60);
    world.deliver().await.expect("found");
    assert_eq!(world.product.made(), ["invoice"], "not made again");
}

/// Within the retention nothing is asked: the key alone makes the repetition harmless.
#[tokio::test]
async fn a_key_within_its_retention_repeats_the_answer() {
    let world = World::new(Idempotency::NativeKey { retention: DAY });
    world.product.fault("invoice", Fault::CommitThenSilence);
    world.deliver().await.expect_err("the answer is lost");
    world.pass(23 * 60 * 60);
    world.deliver().await.expect("the same key");
    assert_eq!(world.product.made(), ["invoice"]);
}

/// A product that takes its time to answer what it holds.
struct SlowAnswer {
    product: Arc<Product>,
    clock: Arc<StoppedClock>,
}

#[async_trait]
impl Performs<Make> for SlowAnswer {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }
    async fn find(&self, make: &Make) -> Result<Option<Reference>, CallError> {
        let found = self.product.find(make).await;
        self.clock.pass(SignedDuration::from_secs(10));
        found
    }
    async fn perform(&self, make: &Make, key: &str) -> Result<Reference, CallError> {
        self.product.perform(make, key).await
    }
    async fn undo(&self, make: &Make, record: &Reference) -> Result<Undone, CallError> {
        self.product.undo(make, record).await
    }
}

/// "Not found" was true when the product looked, and no more when its answer came: what counts is
/// the moment of the question.
#[tokio::test]
async fn an_answer_older_than_the_settling_is_not_believed() {
    let world = World::new(SEARCH);
    world.product.fault("invoice", Fault::CommitUnseen);
    world.deliver().await.expect_err("the answer is lost");
    // The call settles 65 s after it was recorded; the product is asked at 60 s and answers at 70 s.
    world.pass(60);
    let slow = Arc::new(SlowAnswer { product: world.product.clone(), clock: world.clock.clone() });
    let mut run = world.run().await.expect("free again");
    let answer = run.perform("create", "erp", &slow, &Make::named("invoice")).await;
    assert!(matches!(answer, Err(StepError::Settling { .. })), "{answer:?}");
    assert_eq!(world.product.made(), ["invoice"], "not made again");
}

/// A function that read a step as begun writes it as begun again, after its predecessor recorded it
/// as done under the same lease: what is done must stay done.
#[tokio::test]
async fn a_step_that_is_done_is_not_begun_again() {
    let world = World::new(SEARCH);
    let journal = Journal::new(Arc::clone(&world.store));
    let lease = async || {
        let (now, run) = (world.clock.now(), KEY.run);
        journal.lease(KEY.tenant, KEY.subject, KEY.workflow.as_str(), run, now, LEASE).await.expect("free")
    };
    let record = |state, lease: &str| StepRecord {
        workflow: KEY.workflow.as_str().into(),
        run: KEY.run.into(),
        step: "create".into(),
        position: 0,
        state,
        system: Some("erp".into()),
        external_id: None,
        summary: String::new(),
        result: None,
        lease: lease.into(),
        recorded_at: world.clock.now(),
    };
    let first = lease().await;
    let started = record(StepState::Started, &first.token);
    journal.record_step(&first, &started, None).await.expect("begun");
    world.pass(61);
    let second = lease().await;
    let read = journal.steps(&second).await.expect("read").remove(0);
    let done = record(StepState::Done, &first.token);
    journal.record_step(&first, &done, Some(&started)).await.expect("the first one is only late");
    let begun = record(StepState::Started, &second.token);
    let overwritten = journal.record_step(&second, &begun, Some(&read)).await;
    assert!(matches!(overwritten, Err(LeaseError::Superseded)), "{overwritten:?}");
}
