//! Time on a retainer is drawn down once: early or late, alone or in a batch, however often and under whatever name.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::billing::BillableLine;
use domain::engagement::EngagementStatus;
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::sample::{active, config, entry, quote, retainer_line, usd};
use domain::{Engagement, Event};
use events::{Envelope, Traceparent};
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::overtaken::OvertakenStore;
use journal::{Commit, Committed, Journal, Store};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Handler, Outcome};
use time_approved::TimeApproved;

const TENANT: &str = "northwind";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

struct World {
    table: Arc<MemoryStore>,
    engagement: Engagement,
}

impl World {
    /// Two hours of consultants a month, 100.00 an hour beyond them.
    async fn new(status: EngagementStatus) -> Self {
        let mut sold = quote();
        let terms = ("2", "100.00");
        sold.lines.push(retainer_line("7", ("R1", "300.00"), ("2026-11-01", 3), terms, &["consultant"]));
        let engagement = Engagement { status, ..active(&sold) };
        let world = Self { table: Arc::new(MemoryStore::new()), engagement };
        world.write(&world.engagement, 0).await;
        world
    }

    async fn write(&self, state: &Engagement, expected: u64) {
        let journal = Journal::new(self.table.clone());
        let write = journal.write_state(TENANT, state, expected, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    }

    fn about(&self, delivery: &str, fact: Event) -> Envelope {
        let subject = self.engagement.engagement.as_str();
        Envelope::reported(TENANT, "kantata-main", delivery, subject, now(), fact, Traceparent::start())
    }

    async fn take(&self, told: &[(&str, Event)]) -> Vec<Outcome> {
        self.handle(told.iter().map(|(delivery, fact)| self.about(delivery, fact.clone())).collect()).await
    }

    async fn handle(&self, group: Vec<Envelope>) -> Vec<Outcome> {
        self.handle_over(self.table.clone(), group).await
    }

    async fn handle_over(&self, store: Arc<dyn Store>, group: Vec<Envelope>) -> Vec<Outcome> {
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let mut known = FakeConnections::default();
        known.tenants.insert(TENANT.into(), Arc::new(config()));
        let context = context("time-approved", store, &bus, &clock, known);
        let order: Vec<_> = group.iter().map(|e| e.id).collect();
        let answers = TimeApproved.handle(&context, group).await;
        let answer = |id| answers.iter().find(|(of, _)| *of == id).unwrap().1.as_ref().copied().unwrap();
        order.into_iter().map(answer).collect()
    }

    fn texts(&self, kind: &str, field: &str) -> Vec<String> {
        let items = self.table.items();
        let of_kind = items.iter().filter(|item| item.text("kind") == Some(kind));
        of_kind.map(|item| item.text(field).unwrap_or_default().to_owned()).collect()
    }

    fn billed(&self) -> Money {
        let items = self.table.items();
        let lines = items.iter().filter(|item| item.text("kind") == Some("line"));
        let amounts = lines.map(|item| item.body::<BillableLine>().unwrap().amount);
        Money::total(usd("0").currency(), amounts).unwrap()
    }
}

fn worked(id: &str, minutes: u32) -> Event {
    entry(id, "consultant", "2026-11-16", minutes).into()
}

/// Proves BIL-04 in part: 90 and 60 minutes are half an hour beyond two hours: 50.00, however often each is told and
/// under whatever name.
#[tokio::test]
async fn each_entry_is_drawn_down_once() {
    let entries = [("a", worked("1", 90)), ("b", worked("2", 60))];
    for pieces in [1, 2] {
        let world = World::new(EngagementStatus::Active).await;
        for piece in entries.chunks(pieces) {
            assert_eq!(world.take(piece).await, vec![Outcome::Applied; piece.len()]);
        }
        assert_eq!(world.take(&entries).await, [Outcome::Duplicate; 2]);
        let renamed = [("c", worked("2", 60)), ("d", worked("1", 90))];
        assert_eq!(world.take(&renamed).await, [Outcome::Duplicate; 2]);
        assert_eq!(world.billed(), usd("50.00"));
        assert_eq!(world.texts("drawdown", "body_hash").len(), 2);
        assert_eq!(world.texts("line", "status"), ["ready"]);
        assert!(world.texts("exception", "code").is_empty());
    }
}

/// An entry that changed after it was drawn down waits for a person, also where it would be a line by itself now; what
/// was drawn down stands.
#[tokio::test]
async fn an_entry_that_changed_is_shown_to_a_person() {
    let world = World::new(EngagementStatus::Active).await;
    assert_eq!(world.take(&[("a", worked("1", 90))]).await, [Outcome::Applied]);
    let principal: Event = entry("1", "principal", "2026-11-16", 90).into();
    let changed = [("b", worked("1", 200)), ("c", principal)];
    assert_eq!(world.take(&changed[..1]).await, [Outcome::Held]);
    assert_eq!(world.take(&changed[1..]).await, [Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::DrawdownChanged.as_str(); 2]);
    assert_eq!(world.billed(), usd("0.00"));
}

/// What was a line before a retainer stays one when it is told again.
#[tokio::test]
async fn what_was_billed_before_is_not_drawn_down() {
    let world = World::new(EngagementStatus::Active).await;
    let retained = world.engagement.clone();
    let mut without = retained.clone();
    without.contract.retainers.clear();
    world.write(&without, 1).await;
    assert_eq!(world.take(&[("a", worked("1", 60))]).await, [Outcome::Applied]);
    world.write(&retained, 2).await;
    assert_eq!(world.take(&[("b", worked("1", 60))]).await, [Outcome::Duplicate]);
    assert_eq!((world.billed(), world.texts("drawdown", "drawdown").len()), (usd("180.00"), 0));
}

/// An entry that was billed by the hour, 180.00, and changes into one that a retainer covers in part is shown to a
/// person: were only the difference billed, nothing would say what it drew, and each further change would draw again.
#[tokio::test]
async fn an_entry_that_moves_into_a_retainer_is_shown_to_a_person() {
    let world = World::new(EngagementStatus::Active).await;
    let before: Event = entry("1", "consultant", "2026-10-30", 60).into();
    let retained = world.engagement.clone();
    let mut without = retained.clone();
    without.contract.retainers.clear();
    world.write(&without, 1).await;
    assert_eq!(world.take(&[("a", before)]).await, [Outcome::Applied]);
    world.write(&retained, 2).await;
    let mut told = world.about("b", worked("1", 300));
    told.time = told.time.checked_add(SignedDuration::from_hours(1)).unwrap();
    assert_eq!(world.handle(vec![told]).await, [Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::EntryChanged.as_str()]);
    assert_eq!((world.billed(), world.texts("drawdown", "drawdown").len()), (usd("180.00"), 0));
    let state = world.table.items().into_iter().find(|item| item.text("kind") == Some("state")).unwrap();
    assert!(state.body::<Engagement>().unwrap().retainers.is_empty(), "nothing was drawn");
}

/// Two versions of an entry at once, of which one is billed by the hour and the other is covered by the retainer: one of
/// them counts, and a person is shown the other.
#[tokio::test]
async fn an_entry_is_billed_or_drawn_down() {
    let before: Event = entry("1", "consultant", "2026-10-30", 60).into();
    let mut kept = 0;
    loop {
        let world = World::new(EngagementStatus::Active).await;
        let slow = Arc::new(OvertakenStore::new(world.table.clone(), kept));
        let drawing = async {
            assert_eq!(world.take(&[("b", worked("1", 60))]).await, [Outcome::Applied]);
        };
        let billing = world.handle_over(slow.clone(), vec![world.about("a", before.clone())]);
        let (outcomes, overtaken) = slow.overtake(billing, drawing).await;
        if !overtaken {
            assert_eq!(outcomes, [Outcome::Applied]);
            break;
        }
        assert_eq!(outcomes, [Outcome::Held], "kept read {kept}");
        let (lines, drawn) = (world.texts("line", "line").len(), world.texts("drawdown", "drawdown").len());
        assert_eq!((lines, drawn), (0, 1), "kept read {kept}");
        kept += 1;
    }
    assert!(kept >= 2, "the engagement, and what is there of the entry, are read");
}

/// Early time waits, and is drawn down when the engagement is active.
#[tokio::test]
async fn early_time_waits_for_its_engagement() {
    let world = World::new(EngagementStatus::Activating).await;
    let early = [("a", worked("1", 180))];
    assert_eq!(world.take(&early).await, [Outcome::Parked]);
    let activated = Engagement { status: EngagementStatus::Active, ..world.engagement.clone() };
    world.write(&activated, 2).await;
    assert_eq!(world.take(&early).await, [Outcome::Applied]);
    assert_eq!(world.billed(), usd("100.00"));
}
