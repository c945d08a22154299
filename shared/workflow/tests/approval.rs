//! A flow that asks a person: once, fenced, through any crash, and never while it is taken back.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code)]

mod product;

use std::sync::Arc;

use domain::approval::{
    Approval, ApprovalDecided, ApprovalRule, ApprovalStatus, Due, PRICE_BELOW_POLICY, Request, Verdict,
};
use domain::event::{Event, QuoteApproved};
use domain::id::EngagementId;
use domain::problem::Owner;
use events::{Envelope, Traceparent};
use jiff::SignedDuration;
use journal::dying::DyingStore;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Journal, Key, LeaseError, Store};
use product::StoppedClock;
use workflow::{Answer, Asking, Clock, Purpose, Run, RunKey, StepError, Workflow};

const LEASE: SignedDuration = SignedDuration::from_secs(60);

fn engagement() -> EngagementId {
    EngagementId::of_deal("northwind", "hubspot-main", "123")
}

fn event(delivery: &str) -> Envelope {
    let approved = QuoteApproved { connection: "hubspot-main".into(), deal: "123".into() };
    let (at, trace) = ("2026-11-20T08:00:00Z".parse().unwrap(), Traceparent::start());
    let subject = engagement();
    Envelope::reported("northwind", "hubspot-main", delivery, subject.as_str(), at, approved.into(), trace)
}

fn request(content: &str) -> Request {
    Request { what: PRICE_BELOW_POLICY.into(), content: content.into(), detail: "low".into(), at_stake: None }
}

fn rule() -> ApprovalRule {
    ApprovalRule {
        what: PRICE_BELOW_POLICY.into(),
        asked_of: Owner::SalesOperations,
        remind_after_hours: 24,
        expires_after_hours: 72,
    }
}

struct World {
    store: Arc<MemoryStore>,
    journal: Journal,
    clock: Arc<StoppedClock>,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self { journal: Journal::new(store.clone()), store, clock: Arc::default() }
    }

    async fn begin(&self, journal: &Journal, purpose: &Purpose) -> Result<Run, LeaseError> {
        let (clock, subject): (Arc<dyn Clock>, _) = (self.clock.clone(), engagement());
        let key = RunKey {
            tenant: "northwind",
            subject: subject.as_str(),
            workflow: Workflow::Activation,
            run: "quote",
        };
        Run::begin(journal, &clock, key, LEASE, purpose).await
    }

    /// One delivery of an event: the flow asks, and leaves the run as the runtime does.
    async fn deliver(&self, journal: &Journal, event: &Envelope, content: &str) -> Result<Answer, StepError> {
        let run = self.begin(journal, &Purpose::Finish).await?;
        let (request, rule) = (request(content), rule());
        let answer =
            run.approval(Asking { function: "quote-approved", event, request: &request, rule: &rule }).await;
        match &answer {
            Err(StepError::AwaitsApproval { .. }) | Ok(_) => run.hold().await?,
            Err(_) => drop(run.pause().await),
        }
        answer
    }

    /// As the functions do it: whoever answers writes under the version that was read.
    async fn settle(&self, content: &str, next: impl Fn(&Approval) -> Approval) {
        let (subject, now) = (engagement(), self.clock.now());
        let id = request(content).id(&subject, 0);
        let known = self.journal.approval_of("northwind", subject.as_str(), &id).await.unwrap();
        let next = next(&known.body.expect("was asked for"));
        let write = self.journal.write_approval("northwind", &next, known.version, now).unwrap();
        assert!(matches!(
            self.journal.commit(Commit::default().write(write)).await.unwrap(),
            Committed::Done
        ));
    }

    async fn decide(&self, content: &str, verdict: Verdict) {
        let (decided_by, reason) = ("sales-director".into(), "why".into());
        let approval = request(content).id(&engagement(), 0);
        let decided = ApprovalDecided { approval, verdict, decided_by, role: Owner::SalesOperations, reason };
        let now = self.clock.now();
        self.settle(content, |a| a.decide(&decided, now).unwrap().unwrap()).await;
    }

    fn kind(&self, kind: &str) -> Vec<Item> {
        self.store.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
    }

    fn approvals(&self) -> Vec<Approval> {
        self.kind("approval").iter().map(|i| i.body().unwrap()).collect()
    }

    /// Every event that commits left to be sent, and every condition they released.
    fn sent(&self) -> (Vec<Envelope>, String) {
        let items = self.store.items();
        let carriers = items.iter().filter(|i| i.text("outbox").is_some());
        let (mut events, mut released) = (Vec::new(), String::new());
        for item in carriers {
            events.extend(serde_json::from_str::<Vec<Envelope>>(item.text("outbox").unwrap()).unwrap());
            released.push_str(item.text("release").unwrap_or_default());
        }
        (events, released)
    }

    fn asked(&self) -> usize {
        self.sent().0.iter().filter(|e| matches!(e.event, Event::ApprovalRequested(_))).count()
    }
}

fn waits(answer: &Result<Answer, StepError>) -> bool {
    matches!(answer, Err(StepError::AwaitsApproval { asked_of: Owner::SalesOperations, .. }))
}

/// Proves WFE-01 and WFE-02 in part: asked once, however often the event comes; the attempt ends
/// without a problem and without a wish to be repeated; the answer is found by the next.
#[tokio::test]
async fn a_flow_asks_once_and_goes_on_with_the_answer() {
    for (verdict, granted) in [(Verdict::Approved, true), (Verdict::Rejected, false)] {
        let world = World::new();
        for _ in 0..3 {
            world.clock.pass(SignedDuration::from_secs(1));
            let answer = world.deliver(&world.journal, &event("a"), "90").await;
            assert!(waits(&answer), "{answer:?}");
            let error = answer.expect_err("waits");
            assert!(error.problem().is_none() && error.retry_after().is_none());
        }
        assert_eq!((world.asked(), world.kind("parked").len(), world.approvals().len()), (1, 1, 1));
        assert_eq!(world.kind("workflow")[0].text("status"), Some("held"));
        assert!(world.kind("exception").is_empty());
        let item = &world.kind("approval")[0];
        assert_eq!(item.text("status_key"), Some("tenant#northwind#approval#requested"));
        assert_eq!(item.text("status_at"), Some(world.approvals()[0].remind_at.to_string().as_str()));

        world.decide("90", verdict).await;
        assert_eq!(world.kind("approval")[0].text("status_key"), None, "nothing is due of it any more");
        world.clock.pass(SignedDuration::from_secs(1));
        match world.deliver(&world.journal, &event("a"), "90").await.unwrap() {
            Answer::Granted(approval) => assert!(granted && approval.status == ApprovalStatus::Approved),
            Answer::Denied(approval) => assert!(!granted && approval.status == ApprovalStatus::Rejected),
        }
        assert_eq!((world.asked(), world.kind("parked").len()), (1, 1));
    }
}

/// Proves WFE-01 in part: nobody answered in time is a no.
#[tokio::test]
async fn no_answer_in_time_is_a_no() {
    let world = World::new();
    assert!(waits(&world.deliver(&world.journal, &event("a"), "90").await));
    world.clock.pass(SignedDuration::from_hours(72));
    let now = world.clock.now();
    world
        .settle("90", |a| match a.due(now) {
            Due::Expiry(next) => *next,
            other => panic!("{other:?}"),
        })
        .await;
    let answer = world.deliver(&world.journal, &event("a"), "90").await.unwrap();
    assert!(matches!(answer, Answer::Denied(a) if a.status == ApprovalStatus::Expired));
}

/// Proves WFE-01 and RES-15 in part: killed before or after any call to the table, the next attempt
/// finds the question asked once, with the event parked beside it.
#[tokio::test]
async fn a_flow_killed_at_any_call_has_asked_once_in_the_end() {
    for after in [false, true] {
        for call in 0.. {
            let world = World::new();
            let dying = Arc::new(DyingStore::new(world.store.clone(), call, after));
            let first = world.deliver(&Journal::new(dying.clone()), &event("a"), "90").await;
            assert_eq!(waits(&first), !dying.died(), "call {call}: {first:?}");
            world.clock.pass(SignedDuration::from_secs(61));
            assert!(waits(&world.deliver(&world.journal, &event("a"), "90").await), "call {call}, {after}");
            assert_eq!(
                (world.asked(), world.kind("parked").len(), world.approvals().len()),
                (1, 1, 1),
                "call {call}"
            );
            if !dying.died() {
                break;
            }
        }
    }
}

/// Whoever waits for the same answer is released with it: the approval's version tells whoever decides.
#[tokio::test]
async fn another_event_waits_for_the_same_answer() {
    let world = World::new();
    assert!(waits(&world.deliver(&world.journal, &event("a"), "90").await));
    let version = world.kind("approval")[0].version();
    world.clock.pass(SignedDuration::from_secs(1));
    assert!(waits(&world.deliver(&world.journal, &event("b"), "90").await));
    assert_eq!((world.asked(), world.kind("parked").len(), world.approvals().len()), (1, 2, 1));
    assert_eq!(
        world.kind("approval")[0].version(),
        version + 1,
        "a decision that had read before must look again"
    );
    let id = request("90").id(&engagement(), 0);
    let condition = domain::Condition::ApprovalSettled(id);
    let parked = world.journal.parked_for("northwind", engagement().as_str(), &condition).await.unwrap();
    assert_eq!(parked.len(), 2);
}

/// Other content is another question; the earlier one is given up and what waited for it is released.
#[tokio::test]
async fn other_content_is_asked_for_anew() {
    let world = World::new();
    assert!(waits(&world.deliver(&world.journal, &event("a"), "90").await));
    world.clock.pass(SignedDuration::from_secs(1));
    assert!(waits(&world.deliver(&world.journal, &event("b"), "95").await));
    let status = |content: &str, round| {
        let id = request(content).id(&engagement(), round);
        world.approvals().into_iter().find(|a| a.approval == id).map(|a| a.status)
    };
    assert_eq!(status("90", 0), Some(ApprovalStatus::Superseded));
    assert_eq!(status("95", 0), Some(ApprovalStatus::Requested));
    assert!(world.sent().1.contains(request("90").id(&engagement(), 0).as_str()));
    // What was released comes again, and waits with the other. Back to the first content: a question of its own.
    world.clock.pass(SignedDuration::from_secs(1));
    assert!(waits(&world.deliver(&world.journal, &event("a"), "95").await));
    world.clock.pass(SignedDuration::from_secs(1));
    assert!(waits(&world.deliver(&world.journal, &event("a"), "90").await));
    assert_eq!(status("95", 0), Some(ApprovalStatus::Superseded));
    assert_eq!(status("90", 1), Some(ApprovalStatus::Requested));
    assert_eq!(world.asked(), 3);
}

/// An answer stands even where other content was asked for later.
#[tokio::test]
async fn an_answered_question_is_never_given_up() {
    let world = World::new();
    assert!(waits(&world.deliver(&world.journal, &event("a"), "90").await));
    world.decide("90", Verdict::Approved).await;
    world.clock.pass(SignedDuration::from_secs(1));
    assert!(waits(&world.deliver(&world.journal, &event("b"), "95").await), "95 was never approved");
    world.clock.pass(SignedDuration::from_secs(1));
    let answer = world.deliver(&world.journal, &event("a"), "90").await.unwrap();
    assert!(matches!(answer, Answer::Granted(_)));
}

/// Proves WFE-02 in part: a holder that was taken over can't ask any more.
#[tokio::test]
async fn a_zombie_asks_nobody() {
    let world = World::new();
    let (event, request, rule) = (event("a"), request("90"), rule());
    let asking = Asking { function: "quote-approved", event: &event, request: &request, rule: &rule };
    let slow = world.begin(&world.journal, &Purpose::Finish).await.unwrap();
    world.clock.pass(SignedDuration::from_secs(61));
    assert!(matches!(slow.approval(asking).await, Err(StepError::Lease(LeaseError::Superseded))));
    // Its clock lags: its lease seems good, but somebody else holds the run.
    let world = World::new();
    let (store, journal) = (world.store.clone(), world.journal.clone());
    let lagging = World { store, journal, clock: Arc::default() };
    let zombie = lagging.begin(&lagging.journal, &Purpose::Finish).await.unwrap();
    world.clock.pass(SignedDuration::from_secs(61));
    let _successor = world.begin(&world.journal, &Purpose::Finish).await.unwrap();
    assert!(matches!(zombie.approval(asking).await, Err(StepError::Lease(LeaseError::Superseded))));
    assert_eq!((world.asked(), world.approvals().len(), world.kind("parked").len()), (0, 0, 0));
}

/// What is being taken back begins nothing new, and asks for nothing.
#[tokio::test]
async fn a_run_that_is_taken_back_asks_nobody() {
    let world = World::new();
    let run = world.begin(&world.journal, &Purpose::Undo("withdrawn".into())).await.unwrap();
    let (event, request, rule) = (event("a"), request("90"), rule());
    let asking = Asking { function: "quote-approved", event: &event, request: &request, rule: &rule };
    assert!(matches!(run.approval(asking).await, Err(StepError::NotBegun { .. })));
    assert!(world.approvals().is_empty());
    let key = Key::approval("northwind", engagement().as_str(), request.id(&engagement(), 0).as_str());
    assert_eq!(world.store.get(&key).await.unwrap(), None);
}
