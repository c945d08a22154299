//! Decisions: taken once, from whom was asked, in time; and what waited goes on with them alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use approval_decided::ApprovalDecided;
use domain::approval::{
    Approval, ApprovalDecided as Decided, ApprovalRule, ApprovalStatus, Due, PRICE_BELOW_POLICY, Request,
    Verdict,
};
use domain::id::{ApprovalId, EngagementId};
use domain::problem::Owner;
use domain::{Condition, sample};
use events::{Envelope, Traceparent};
use jiff::{SignedDuration, Timestamp};
use journal::dying::DyingStore;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Journal, Store};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Failure, Handler, Outcome};
use workflow::Clock;

const NOW: &str = "2026-11-21T10:00:00Z";

struct World {
    store: Arc<MemoryStore>,
    clock: Arc<FakeClock>,
    approval: Approval,
}

impl World {
    /// An engagement that waits for an approval of a price.
    async fn new() -> Self {
        let now: Timestamp = NOW.parse().unwrap();
        let request = Request {
            what: PRICE_BELOW_POLICY.into(),
            content: "90".into(),
            detail: "a rate of 90".into(),
            at_stake: Some(sample::usd("900.00")),
        };
        let rule = ApprovalRule {
            what: PRICE_BELOW_POLICY.into(),
            asked_of: Owner::SalesOperations,
            remind_after_hours: 24,
            expires_after_hours: 72,
        };
        let engagement = EngagementId::of_deal("northwind", "hubspot-main", "123");
        let approval = Approval::request(&engagement, &request, &rule, 0, now);
        let world =
            Self { store: Arc::new(MemoryStore::new()), clock: Arc::new(FakeClock::at(now)), approval };
        world.write(&world.approval, 0).await;
        world
    }

    async fn write(&self, approval: &Approval, expected: u64) {
        let journal = Journal::new(self.store.clone());
        let write = journal.write_approval("northwind", approval, expected, self.clock.now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    }

    fn context(&self, store: Arc<dyn Store>) -> Context {
        let bus = Arc::new(FakeBus::default());
        context("approval-decided", store, &bus, &self.clock, FakeConnections::default())
    }

    async fn take(&self, event: &Envelope) -> Result<Outcome, Failure> {
        self.take_over(self.store.clone(), event).await
    }

    async fn take_over(&self, store: Arc<dyn Store>, event: &Envelope) -> Result<Outcome, Failure> {
        let context = self.context(store);
        ApprovalDecided.handle(&context, vec![event.clone()]).await.pop().expect("an answer").1
    }

    fn decision(&self, delivery: &str, verdict: Verdict, role: Owner) -> Envelope {
        self.decision_on(delivery, &self.approval.approval, verdict, role)
    }

    fn decision_on(&self, delivery: &str, approval: &ApprovalId, verdict: Verdict, role: Owner) -> Envelope {
        let decided = Decided {
            approval: approval.clone(),
            verdict,
            decided_by: "sales-director".into(),
            role,
            reason: "the first deal with them".into(),
        };
        let (subject, trace) = (self.approval.engagement.as_str(), Traceparent::start());
        Envelope::reported("northwind", "console", delivery, subject, self.clock.now(), decided.into(), trace)
    }

    fn yes(&self) -> Envelope {
        self.decision("yes", Verdict::Approved, Owner::SalesOperations)
    }

    fn no(&self) -> Envelope {
        self.decision("no", Verdict::Rejected, Owner::SalesOperations)
    }

    fn kind(&self, kind: &str) -> Vec<Item> {
        self.store.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
    }

    fn status(&self) -> ApprovalStatus {
        self.kind("approval")[0].body::<Approval>().unwrap().status
    }

    /// How often the approval's answer let go what waited for it.
    fn releases(&self) -> usize {
        let condition = Condition::ApprovalSettled(self.approval.approval.clone());
        let items = self.store.items();
        let released = items.iter().filter_map(|i| i.text("release"));
        released.filter(|r| serde_json::from_str::<Vec<Condition>>(r).unwrap().contains(&condition)).count()
    }

    fn codes(&self) -> Vec<String> {
        self.kind("exception").iter().map(|i| i.text("code").unwrap().to_owned()).collect()
    }
}

/// Proves WFE-01 and EVT-25 in part: a decision is kept with who, when and why, and lets go what waited.
#[tokio::test]
async fn a_decision_is_kept_and_lets_go_what_waited() {
    for (event, status) in
        [(World::yes as fn(&World) -> _, ApprovalStatus::Approved), (World::no, ApprovalStatus::Rejected)]
    {
        let world = World::new().await;
        assert_eq!(world.take(&event(&world)).await.unwrap(), Outcome::Applied);
        assert_eq!((world.status(), world.releases()), (status, 1));
        let (entry, item) = (&world.kind("journal")[0], &world.kind("approval")[0]);
        assert!(entry.text("summary").unwrap().contains("by sales-director: the first deal with them"));
        assert_eq!(item.text("decided_by"), Some("sales-director"));
        assert_eq!(item.text("status_key"), None, "not listed as open any more");
    }
}

/// Proves WFE-01 in part: the same event, and the same answer by another, have no second effect.
#[tokio::test]
async fn an_answer_is_taken_once() {
    let world = World::new().await;
    assert_eq!(world.take(&world.yes()).await.unwrap(), Outcome::Applied);
    assert_eq!(world.take(&world.yes()).await.unwrap(), Outcome::Duplicate);
    let again = world.decision("yes, again", Verdict::Approved, Owner::SalesOperations);
    assert_eq!(world.take(&again).await.unwrap(), Outcome::NoEffect);
    assert_eq!((world.releases(), world.kind("journal").len(), world.codes().len()), (1, 2, 0));
}

/// Proves WFE-01 in part: another answer, one of another role, one that is too late and one on nothing
/// wait for a person, once; the approval stays as it is and nothing goes on.
#[tokio::test]
async fn what_may_not_be_decided_is_an_exception() {
    let world = World::new().await;
    let wrong = world.decision("wrong role", Verdict::Approved, Owner::Tax);
    let nothing = ApprovalId::derive(&["nothing"]);
    let unknown = world.decision_on("unknown", &nothing, Verdict::Approved, Owner::SalesOperations);
    for event in [&wrong, &unknown] {
        assert_eq!(world.take(event).await.unwrap(), Outcome::Held);
        assert_eq!(world.take(event).await.unwrap(), Outcome::Duplicate);
    }
    assert_eq!((world.status(), world.releases()), (ApprovalStatus::Requested, 0));
    assert_eq!(world.codes(), ["Q2C-0202", "Q2C-0202"]);

    assert_eq!(world.take(&world.no()).await.unwrap(), Outcome::Applied);
    assert_eq!(world.take(&world.yes()).await.unwrap(), Outcome::Held);
    assert_eq!((world.status(), world.releases(), world.codes().len()), (ApprovalStatus::Rejected, 1, 3));

    let late = World::new().await;
    late.clock.pass(SignedDuration::from_hours(72));
    assert_eq!(late.take(&late.yes()).await.unwrap(), Outcome::Held);
    assert_eq!(
        (late.status(), late.releases()),
        (ApprovalStatus::Requested, 0),
        "its end is the clock's to tell"
    );
    assert!(late.kind("exception")[0].text("detail").unwrap().contains("expired at 2026-11-24T10:00:00Z"));
}

/// Another content under a known ID is never taken for the first.
#[tokio::test]
async fn another_decision_under_the_same_id_is_an_exception() {
    let world = World::new().await;
    world.take(&world.no()).await.unwrap();
    let changed = world.decision("no", Verdict::Approved, Owner::SalesOperations);
    assert_eq!(changed.id, world.no().id);
    assert_eq!(world.take(&changed).await.unwrap(), Outcome::Held);
    assert_eq!((world.codes(), world.status()), (vec!["Q2C-0201".to_owned()], ApprovalStatus::Rejected));
}

/// Two people answer at once, in every order of their calls to the table: one answer stands.
#[tokio::test]
async fn of_two_answers_at_once_one_stands() {
    let world = World::new().await;
    let (yes, no) = (world.yes(), world.no());
    let (first, second) = futures::join!(world.take(&yes), world.take(&no));
    let outcomes = [first.unwrap(), second.unwrap()];
    assert!(outcomes.contains(&Outcome::Applied) && outcomes.contains(&Outcome::Held), "{outcomes:?}");
    assert_eq!((world.releases(), world.codes().len()), (1, 1));
}

/// A reminder, or an event that begins to wait, between reading and committing: it is decided anew.
#[tokio::test]
async fn a_decision_that_was_overtaken_is_taken_on_what_is_there_now() {
    let world = World::new().await;
    world.clock.pass(SignedDuration::from_hours(24));
    let Due::Reminder(reminded) = world.approval.due(world.clock.now()) else { panic!("due") };
    let overtaken =
        Arc::new(Overtaken::new(world.store.clone(), &world.approval, *reminded, world.clock.now()));
    assert_eq!(world.take_over(overtaken, &world.yes()).await.unwrap(), Outcome::Applied);
    let kept: Approval = world.kind("approval")[0].body().unwrap();
    assert_eq!((kept.status, kept.reminders), (ApprovalStatus::Approved, 1), "the reminder is not lost");
}

/// Proves RES-15 in part: killed before or after any call to the table, the next delivery finds the
/// answer given once.
#[tokio::test]
async fn a_decision_killed_at_any_call_is_taken_once() {
    for role in [Owner::SalesOperations, Owner::Tax] {
        for after in [false, true] {
            for call in 0.. {
                let world = World::new().await;
                let event = world.decision("one", Verdict::Approved, role);
                let dying = Arc::new(DyingStore::new(world.store.clone(), call, after));
                let first = world.take_over(dying.clone(), &event).await;
                assert_eq!(first.is_err(), dying.died(), "call {call}");
                world.take(&event).await.unwrap();
                let taken = usize::from(role == Owner::SalesOperations);
                assert_eq!(
                    (world.releases(), world.codes().len()),
                    (taken, 1 - taken),
                    "call {call}, {after}"
                );
                assert_eq!(world.kind("journal").len(), 1, "call {call}, {after}");
                if !dying.died() {
                    break;
                }
            }
        }
    }
}

/// A store in which somebody else writes the approval before the first write gets there.
struct Overtaken {
    inner: Arc<dyn Store>,
    by: std::sync::Mutex<Option<(Approval, Timestamp)>>,
}

impl Overtaken {
    fn new(inner: Arc<dyn Store>, was: &Approval, by: Approval, now: Timestamp) -> Self {
        assert_eq!(was.approval, by.approval);
        Self { inner, by: std::sync::Mutex::new(Some((by, now))) }
    }
}

#[async_trait::async_trait]
impl Store for Overtaken {
    async fn get(&self, key: &journal::Key) -> Result<Option<Item>, journal::StoreError> {
        self.inner.get(key).await
    }
    async fn get_many(&self, keys: &[journal::Key]) -> Result<Vec<Item>, journal::StoreError> {
        self.inner.get_many(keys).await
    }
    async fn write(&self, ops: Vec<journal::Op>) -> Result<(), journal::StoreError> {
        let by = self.by.lock().unwrap().take();
        if let Some((by, now)) = by {
            let journal = Journal::new(self.inner.clone());
            let write = journal.write_approval("northwind", &by, 1, now).unwrap();
            assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        }
        self.inner.write(ops).await
    }
    async fn query(&self, pk: &str, sk: &str, limit: usize) -> Result<Vec<Item>, journal::StoreError> {
        self.inner.query(pk, sk, limit).await
    }
    async fn by_status(&self, key: &str, limit: usize) -> Result<Vec<Item>, journal::StoreError> {
        self.inner.by_status(key, limit).await
    }
}
