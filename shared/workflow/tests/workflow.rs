//! Durable steps against a product that forgets, refuses, and answers too late.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod product;
mod slow;

use std::sync::Arc;
use std::time::Duration;

use connectors::operation::Reference;
use connectors::{CallErrorKind, Idempotency};
use domain::problem::ProblemCode;
use jiff::SignedDuration;
use journal::dying::DyingStore;
use journal::memory::MemoryStore;
use journal::{Journal, Store};
use product::{Fault, Make, Product, StoppedClock};
use slow::SlowStore;
use workflow::{Clock, Compensated, LeaseError, Purpose, Run, RunKey, StepError, Workflow, WorkflowStatus};

const KEY: RunKey<'_> =
    RunKey { tenant: "northwind", subject: "eng_1", workflow: Workflow::Activation, run: "quote" };
const STEPS: [&str; 3] = ["customer", "project", "rate-card"];

struct World {
    journal: Journal,
    product: Arc<Product>,
    clock: Arc<StoppedClock>,
}

impl World {
    fn new(idempotency: Idempotency) -> Self {
        Self::over(Arc::new(MemoryStore::new()), idempotency)
    }

    fn over(store: Arc<dyn Store>, idempotency: Idempotency) -> Self {
        Self {
            journal: Journal::new(store),
            product: Arc::new(Product::new(idempotency)),
            clock: Arc::default(),
        }
    }

    async fn begin(&self) -> Result<Run, LeaseError> {
        self.begin_to(&Purpose::Finish).await
    }

    async fn begin_to(&self, purpose: &Purpose) -> Result<Run, LeaseError> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Run::begin(&self.journal, &clock, KEY, SignedDuration::from_secs(60), purpose).await
    }

    /// Every step in order; on failure the run is left as the function would leave it.
    async fn attempt(&self) -> Result<(), StepError> {
        let mut run = self.begin().await?;
        match steps(&mut run, &self.product).await {
            Ok(()) => Ok(run.complete().await?),
            Err(error) if error.problem().is_some() => {
                run.hold().await?;
                Err(error)
            }
            Err(error) => {
                // A process that died does not get this far; one that lives gives its lease back.
                let _ = run.pause().await;
                Err(error)
            }
        }
    }
}

async fn steps(run: &mut Run, product: &Arc<Product>) -> Result<(), StepError> {
    for step in STEPS {
        let Reference { record } = run.perform(step, "psa", product, &Make::named(step)).await?;
        assert_eq!(record, format!("record-{step}"));
    }
    Ok(())
}

const SETTLES: Duration = Duration::from_secs(30);
const SEARCH: Idempotency = Idempotency::SearchThenCreate { settles_within: SETTLES };
const UPSERT: Idempotency = Idempotency::Upsert { settles_within: SETTLES };
const REFUSED: Idempotency = Idempotency::RefusedTwice { settles_within: SETTLES };

#[tokio::test]
async fn a_run_does_each_step_once_and_then_has_ended() {
    let world = World::new(SEARCH);
    world.attempt().await.unwrap();
    assert_eq!(world.product.made(), STEPS);
    let again = world.begin().await.err().expect("ended");
    assert!(matches!(again, LeaseError::Ended(WorkflowStatus::Completed)));
}

/// Proves RES-15 and WFA-30 in part: killed before or after any call to the table, the next
/// attempt completes the run and the product holds each record once.
#[tokio::test]
async fn a_run_killed_at_any_call_to_the_table_is_completed_by_the_next() {
    for after in [false, true] {
        for call in 0.. {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let dying = Arc::new(DyingStore::new(Arc::clone(&store), call, after));
            let mut world = World::over(dying.clone(), SEARCH);
            let first = world.attempt().await;
            assert_eq!(first.is_err(), dying.died(), "call {call}");
            world.journal = Journal::new(store);
            // Its lease, and the time in which its last call settles.
            world.clock.pass(SignedDuration::from_secs(91));
            match world.attempt().await {
                Ok(()) | Err(StepError::Lease(LeaseError::Ended(_))) => {}
                Err(other) => panic!("call {call}, after {after}: {other}"),
            }
            assert_eq!(world.product.made(), STEPS, "call {call}, after {after}");
            if !dying.died() {
                break;
            }
        }
    }
}

/// Proves RES-02 in part: a product that commits and then does not answer is asked before
/// anything is sent again, whatever makes its calls idempotent.
#[tokio::test]
async fn an_unknown_outcome_is_asked_about_and_never_guessed() {
    let day = Duration::from_secs(24 * 60 * 60);
    for idempotency in [SEARCH, UPSERT, REFUSED, Idempotency::NativeKey { retention: day }] {
        for step in STEPS {
            let world = World::new(idempotency);
            world.product.fault(step, Fault::CommitThenSilence);
            let error = world.attempt().await.expect_err("unknown");
            assert!(error.problem().is_none(), "unknown is repeated, not held");
            world.clock.pass(SignedDuration::from_secs(36));
            world.attempt().await.unwrap();
            assert_eq!(world.product.made(), STEPS, "{idempotency:?}, {step}");
        }
    }
}

/// What can't be found yet may still come: for as long as an unanswered call may take effect, or be
/// there and not be shown, nothing is sent again, and the wait is what the queue is told.
#[tokio::test]
async fn until_an_unanswered_call_has_settled_nothing_is_sent_again() {
    let world = World::new(SEARCH);
    world.product.fault("project", Fault::CommitUnseen);
    world.attempt().await.expect_err("unknown");
    let early = world.attempt().await.expect_err("not settled");
    assert!(matches!(early, StepError::Settling { .. }), "{early}");
    assert_eq!(
        early.retry_after(),
        Some(Duration::from_secs(36)),
        "5 s to be sent, 30 s to settle, rounded up"
    );
    assert_eq!(world.product.made(), ["customer", "project"]);
    world.product.show_everything();
    world.clock.pass(SignedDuration::from_secs(36));
    world.attempt().await.unwrap();
    assert_eq!(world.product.made(), STEPS);
}

/// An earlier write of absolute values that nobody answered for could undo a later one.
#[tokio::test]
async fn a_later_write_waits_for_an_earlier_one_without_an_answer() {
    let world = World::new(UPSERT);
    world.product.fault("shows 1", Fault::CommitThenSilence);
    let mut run = world.begin().await.unwrap();
    run.perform("shows 1", "psa", &world.product, &Make::named("shows 1")).await.expect_err("unknown");
    let early = run.perform("shows 2", "psa", &world.product, &Make::named("shows 2")).await;
    assert!(matches!(early, Err(StepError::Settling { .. })));
    // Another product has nothing to do with it.
    run.perform("shows 2", "crm", &world.product, &Make::named("elsewhere")).await.unwrap();
}

/// A function that was frozen after it said that it sends, and before it sent, sends nothing: its
/// successor may have asked in between.
#[tokio::test]
async fn a_step_that_was_held_up_is_not_sent() {
    let slow = Arc::new(SlowStore::default());
    let world = World::over(slow.clone(), SEARCH);
    slow.passes_at_each_write(&world.clock, SignedDuration::from_secs(6));
    let error = world.attempt().await.expect_err("held up");
    assert!(matches!(error, StepError::Delayed { .. }), "{error}");
    assert!(world.product.made().is_empty());
}

/// Nothing happened, so nothing has to settle: a busy product is tried again as soon as it wishes.
#[tokio::test]
async fn a_call_that_surely_had_no_effect_is_sent_again_at_once() {
    let world = World::new(SEARCH);
    world.product.fault("project", Fault::Throttle(1));
    world.attempt().await.expect_err("throttled");
    world.attempt().await.unwrap();
    assert_eq!(world.product.made(), STEPS);
}

/// Past the retention of a product's own key, only the record itself tells whether it happened.
#[tokio::test]
async fn past_the_retention_of_a_key_the_product_is_asked_first() {
    let hour = Duration::from_secs(60 * 60);
    let world = World::new(Idempotency::NativeKey { retention: hour });
    world.product.fault("project", Fault::CommitThenSilence);
    world.attempt().await.expect_err("unknown");
    world.product.forget_keys();
    world.clock.pass(SignedDuration::from_hours(2));
    world.attempt().await.unwrap();
    assert_eq!(world.product.made(), STEPS);
}

/// Proves RES-08 in part: a product that asks us to wait is not refused, and its wish is passed on.
#[tokio::test]
async fn throttling_is_repeated_after_what_the_product_asks() {
    let world = World::new(SEARCH);
    world.product.fault("project", Fault::Throttle(7));
    let error = world.attempt().await.expect_err("throttled");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    world.attempt().await.unwrap();
    assert_eq!(world.product.made(), STEPS);
}

/// Proves WFA-30: after a refusal the run waits for a person and goes on at the refused step.
#[tokio::test]
async fn a_refusal_holds_the_run_and_resuming_goes_on_there() {
    let world = World::new(SEARCH);
    world.product.fault("project", Fault::Refuse);
    let problem = world.attempt().await.expect_err("refused").problem().expect("a person");
    assert_eq!(problem.code, ProblemCode::ProductRefused);
    assert_eq!(world.product.made(), ["customer"]);
    world.attempt().await.unwrap();
    assert_eq!(world.product.made(), STEPS, "the customer was not made again");
}

/// A record that differs from what was sent stops the run before anything follows from it.
#[tokio::test]
async fn an_answer_that_differs_is_a_problem() {
    let world = World::new(SEARCH);
    world.product.fault("project", Fault::AnswerAnother);
    let problem = world.attempt().await.expect_err("differs").problem().expect("a person");
    assert_eq!(problem.code, ProblemCode::ProductMismatch);
    assert_eq!(world.product.made(), ["customer", "project"]);
}

#[tokio::test]
async fn two_functions_never_work_on_one_run() {
    let world = World::new(SEARCH);
    let _held = world.begin().await.unwrap();
    let second = world.begin().await.err().expect("busy");
    assert!(matches!(second, LeaseError::Busy { .. }));
}

/// A function that outlived its lease can't record a step over its successor's.
#[tokio::test]
async fn a_zombie_is_fenced_off() {
    let world = World::new(SEARCH);
    let mut zombie = world.begin().await.unwrap();
    zombie.perform("customer", "psa", &world.product, &Make::named("customer")).await.unwrap();
    world.clock.pass(SignedDuration::from_secs(61));
    world.attempt().await.unwrap();
    let late = zombie.perform("project", "psa", &world.product, &Make::named("project")).await;
    assert!(matches!(late, Err(StepError::Lease(LeaseError::Superseded))));
    assert_eq!(world.product.made(), STEPS);
    assert!(matches!(zombie.complete().await, Err(LeaseError::Superseded)));
}

/// Proves RES-06 and WFA-31 in part: what was done is undone in reverse, and the run has ended.
#[tokio::test]
async fn compensation_undoes_in_reverse() {
    let world = World::new(SEARCH);
    let mut run = world.begin().await.unwrap();
    steps(&mut run, &world.product).await.unwrap();
    assert_eq!(run.compensate().await.unwrap(), Compensated::default());
    assert_eq!(world.product.undone(), ["rate-card", "project", "customer"]);
    assert!(world.product.made().is_empty());
    let ended = world.begin().await.err().expect("ended");
    assert!(matches!(ended, LeaseError::Ended(WorkflowStatus::Compensated)));
}

/// Proves RES-06 and RES-20 in part: a run that stopped anywhere is taken back to where it began,
/// without beginning anything, and is never carried on after that.
#[tokio::test]
async fn a_run_that_stopped_half_way_is_taken_back() {
    for (stops_at, fault) in [(1, Fault::Refuse), (1, Fault::CommitThenSilence), (2, Fault::Throttle(1))] {
        let world = World::new(SEARCH);
        world.product.fault(STEPS[stops_at], fault);
        world.attempt().await.expect_err("stops");
        world.clock.pass(SignedDuration::from_secs(36));
        let mut run = world.begin_to(&Purpose::Undo("asked for by finance".into())).await.unwrap();
        let end = steps(&mut run, &world.product).await.expect_err("was not begun");
        assert!(matches!(end, StepError::NotBegun { .. }), "{end}");
        world.product.fault("customer", Fault::UndoFails);
        run.compensate().await.expect_err("half-way");
        world.clock.pass(SignedDuration::from_secs(1));
        let carried_on = world.begin().await.err().expect("is being taken back");
        assert!(matches!(carried_on, LeaseError::Ended(WorkflowStatus::Compensated)));
        world.clock.pass(SignedDuration::from_secs(1));
        let mut again = world.begin_to(&Purpose::Undo("asked for again".into())).await.unwrap();
        steps(&mut again, &world.product).await.expect_err("was not begun");
        assert_eq!(again.compensate().await.unwrap(), Compensated::default());
        assert!(world.product.made().is_empty(), "{:?}", world.product.made());
    }
}

/// Proves CHG-11 in part: a step that brings a record to a state is taken back though it was refused, as
/// something of it may stand; and not before what was never answered is over.
#[tokio::test]
async fn what_was_refused_half_way_is_taken_back_too() {
    let world = World::new(UPSERT);
    world.product.fault("project", Fault::RefuseHalfway);
    world.attempt().await.expect_err("refused");
    let mut run = world.begin_to(&Purpose::Undo("refused".into())).await.unwrap();
    let end = steps(&mut run, &world.product).await.expect_err("the next was not begun");
    assert!(matches!(end, StepError::NotBegun { ref step } if step == "rate-card"), "{end}");
    assert_eq!(run.compensate().await.unwrap(), Compensated::default());
    assert_eq!(world.product.undone(), ["project", "customer"]);
    assert!(world.product.made().is_empty());

    let world = World::new(UPSERT);
    world.product.fault("project", Fault::CommitThenSilence);
    world.attempt().await.expect_err("no answer");
    let mut early = world.begin_to(&Purpose::Undo("asked for".into())).await.unwrap();
    let waits = steps(&mut early, &world.product).await.expect_err("it may come later");
    assert!(matches!(waits, StepError::Settling { .. }), "{waits}");
    early.pause().await.unwrap();
    world.clock.pass(SignedDuration::from_secs(36));
    let mut run = world.begin_to(&Purpose::Undo("asked for".into())).await.unwrap();
    steps(&mut run, &world.product).await.expect_err("the next was not begun");
    assert_eq!(run.compensate().await.unwrap(), Compensated::default());
    assert!(world.product.made().is_empty());
}

/// A refusal says nothing of an earlier call that was not answered: that one may take effect afterwards, and is found
/// when the run is taken back. A call that is refused after it has settled is known not to have happened.
#[tokio::test]
async fn a_refusal_does_not_hide_an_earlier_call_without_an_answer() {
    for fault in [Fault::Refuse, Fault::Throttle(0)] {
        let world = World::new(REFUSED);
        world.product.fault("project", Fault::CommitUnseen);
        world.attempt().await.expect_err("unknown");
        world.product.fault("project", fault);
        world.attempt().await.expect_err("another fault");
        world.product.show_everything();
        world.clock.pass(SignedDuration::from_secs(36));
        let mut run = world.begin_to(&Purpose::Undo("asked for".into())).await.unwrap();
        steps(&mut run, &world.product).await.expect_err("the next was not begun");
        assert_eq!(run.compensate().await.unwrap(), Compensated::default());
        assert!(world.product.made().is_empty(), "{fault:?}: {:?}", world.product.made());
    }
    // It has settled when it is refused: nothing is left to wait for.
    let world = World::new(REFUSED);
    world.product.fault("project", Fault::Silence);
    world.attempt().await.expect_err("unknown");
    world.clock.pass(SignedDuration::from_secs(36));
    world.product.fault("project", Fault::Refuse);
    world.attempt().await.expect_err("refused");
    let mut run = world.begin_to(&Purpose::Undo("asked for".into())).await.unwrap();
    let end = steps(&mut run, &world.product).await.expect_err("the next was not begun");
    assert!(matches!(end, StepError::NotBegun { ref step } if step == "project"), "{end}");
    assert_eq!(run.compensate().await.unwrap(), Compensated::default());
    assert!(world.product.made().is_empty());
}

/// A compensation that failed half-way goes on where it stopped; nothing is undone twice.
#[tokio::test]
async fn a_compensation_that_fails_is_repeated_from_where_it_stopped() {
    let world = World::new(SEARCH);
    let mut run = world.begin().await.unwrap();
    steps(&mut run, &world.product).await.unwrap();
    world.product.fault("project", Fault::UndoFails);
    run.compensate().await.expect_err("half-way");
    world.clock.pass(SignedDuration::from_secs(1));
    // The flow gives its operations again; those that are done or undone answer from the journal.
    let mut again = world.begin_to(&Purpose::Undo("again".into())).await.unwrap();
    steps(&mut again, &world.product).await.unwrap();
    assert_eq!(again.compensate().await.unwrap(), Compensated::default());
    assert_eq!(world.product.undone(), ["rate-card", "project", "customer"]);
}

/// What can't be undone is left for a person, never unknown: the run is held, not ended.
#[tokio::test]
async fn what_cannot_be_undone_is_left_for_a_person() {
    let world = World::new(SEARCH);
    let mut run = world.begin().await.unwrap();
    steps(&mut run, &world.product).await.unwrap();
    world.product.fault("customer", Fault::UndoImpossible);
    let left = run.compensate().await.unwrap().left;
    assert_eq!(left, [("customer".to_owned(), "it has invoices".to_owned())]);
    let again = world.begin_to(&Purpose::Undo("asked for again".into())).await;
    assert!(again.is_ok(), "held, so that a person can go on");
}

/// Proves RES-06 in part: what a product refuses to give back is told, and keeps nothing else standing.
#[tokio::test]
async fn what_is_refused_on_the_way_back_is_left_for_a_person() {
    let world = World::new(SEARCH);
    let mut run = world.begin().await.unwrap();
    steps(&mut run, &world.product).await.unwrap();
    world.product.fault("project", Fault::UndoRefused);
    let left = run.compensate().await.unwrap().left;
    assert_eq!(left.iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>(), ["project"]);
    assert_eq!(world.product.made(), ["project"]);
    // Once a person made it possible, it is tried again, and the run ends.
    world.clock.pass(SignedDuration::from_secs(1));
    let mut again = world.begin_to(&Purpose::Undo("asked for again".into())).await.unwrap();
    steps(&mut again, &world.product).await.unwrap();
    assert_eq!(again.compensate().await.unwrap(), Compensated::default());
    assert!(world.product.made().is_empty());
}

#[test]
fn an_error_says_whether_a_person_is_needed() {
    let error = |kind| {
        StepError::from(connectors::CallError {
            kind,
            connection: "psa".into(),
            operation: "create",
            detail: "x".into(),
        })
    };
    assert!(error(CallErrorKind::Refused).problem().is_some());
    assert!(error(CallErrorKind::Unknown).problem().is_none());
    assert!(error(CallErrorKind::Transient { retry_after: None }).problem().is_none());
}
