//! A record of usage is counted once: early or late, alone or in a batch, however often and under whatever name.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::engagement::EngagementStatus;
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::sample::{active, config, entry, quote, usage, usage_line, usd};
use domain::usage::{RatedUsage, UsageRecord};
use domain::{Engagement, Event};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Handler, Outcome};
use usage_recorded::UsageRecorded;

const TENANT: &str = "northwind";

/// Half past nine in the evening of the 21st in New York, where it is the 22nd in Greenwich.
fn now() -> Timestamp {
    "2026-11-22T02:30:00Z".parse().unwrap()
}

struct World {
    table: Arc<MemoryStore>,
    engagement: Engagement,
}

impl World {
    async fn new(status: EngagementStatus) -> Self {
        let mut sold = quote();
        // The month's first ten are free, a hundred cost 0.50 each, the rest 0.20.
        let tiers = [(Some("100"), "0.50"), (None, "0.20")];
        sold.lines.push(usage_line("8", ("U1", "api-calls"), ("2026-11-01", 2), "10", &tiers));
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

    async fn take(&self, told: &[(&str, Event)]) -> Vec<Outcome> {
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let mut known = FakeConnections::default();
        known.tenants.insert(TENANT.into(), Arc::new(config()));
        let context = context("usage-recorded", self.table.clone(), &bus, &clock, known);
        let event = |(delivery, fact): &(&str, Event)| {
            let subject = self.engagement.engagement.as_str();
            Envelope::reported(
                TENANT,
                "kantata-main",
                delivery,
                subject,
                now(),
                fact.clone(),
                Traceparent::start(),
            )
        };
        let group: Vec<Envelope> = told.iter().map(event).collect();
        let order: Vec<_> = group.iter().map(|e| e.id).collect();
        let answers = UsageRecorded.handle(&context, group).await;
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
        let amounts = lines.map(|item| item.body::<domain::billing::BillableLine>().unwrap().amount);
        Money::total(usd("0").currency(), amounts).unwrap()
    }
}

fn told(record: &str, quantity: &str) -> Event {
    usage(record, "api-calls", "2026-11-03", quantity).into()
}

fn back(record: &str, quantity: &str) -> Event {
    UsageRecord { corrects: Some("1".into()), ..usage(record, "api-calls", "2026-11-03", quantity) }.into()
}

/// Proves EVT-13 in part: 10 are free; of 130 are 10 free, 100 × 0.50 + 20 × 0.20 = 54.00; in one batch or one by one,
/// however often each is told and under whatever name.
#[tokio::test]
async fn each_record_is_counted_once_however_often_it_is_told() {
    let records = [("a", told("1", "10")), ("b", told("2", "90")), ("c", told("3", "30"))];
    for pieces in [1, 3] {
        let world = World::new(EngagementStatus::Active).await;
        for piece in records.chunks(pieces) {
            assert_eq!(world.take(piece).await, vec![Outcome::Applied; piece.len()]);
        }
        assert_eq!(world.take(&records).await, [Outcome::Duplicate; 3]);
        let renamed = [("d", told("3", "30")), ("e", told("1", "10")), ("f", told("2", "90"))];
        assert_eq!(world.take(&renamed).await, [Outcome::Duplicate; 3]);
        assert_eq!(world.billed(), usd("54.00"));
        assert_eq!(world.texts("line", "status"), ["ready", "ready"], "what is free is no line");
        assert_eq!(world.texts("usage", "body_hash").len(), 3, "and counted all the same");
        assert!(world.texts("exception", "code").is_empty());
    }
}

/// A record that is told twice in one batch under two names is counted once.
#[tokio::test]
async fn two_names_in_one_batch_are_one_record() {
    let world = World::new(EngagementStatus::Active).await;
    let both = [("a", told("1", "60")), ("b", told("1", "60"))];
    assert_eq!(world.take(&both).await, [Outcome::Applied, Outcome::Duplicate]);
    assert_eq!(world.billed(), usd("25.00"));
}

/// Proves CAN-18 in part: a correction is counted with what it corrects, whichever comes first in a batch: of 60 − 20 =
/// 40 are 30 × 0.50 = 15.00 billed. Alone it waits for a person, and is counted when it is sent again.
#[tokio::test]
async fn a_correction_needs_what_it_corrects() {
    let world = World::new(EngagementStatus::Active).await;
    let both = [("b", back("2", "-20")), ("a", told("1", "60"))];
    assert_eq!(world.take(&both).await, [Outcome::Applied; 2]);
    assert_eq!(world.billed(), usd("15.00"));

    let world = World::new(EngagementStatus::Active).await;
    assert_eq!(world.take(&both[..1]).await, [Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::UsageBelowZero.as_str()]);
    assert_eq!(world.take(&both[1..]).await, [Outcome::Applied]);
    assert_eq!(world.take(&both[..1]).await, [Outcome::Applied]);
    assert_eq!(world.take(&both).await, [Outcome::Duplicate; 2]);
    assert_eq!(world.billed(), usd("15.00"));
}

/// What changed after it was counted waits for a person, and what was counted stands; so does the same event with
/// another content.
#[tokio::test]
async fn a_record_that_changed_is_shown_to_a_person() {
    let world = World::new(EngagementStatus::Active).await;
    assert_eq!(world.take(&[("a", told("1", "60"))]).await, [Outcome::Applied]);
    let changed = [("b", told("1", "70")), ("c", told("1", "5"))];
    assert_eq!(world.take(&changed).await, [Outcome::Held; 2]);
    assert_eq!(world.take(&changed).await, [Outcome::Held; 2]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::UsageChanged.as_str(); 2]);
    assert_eq!(world.take(&[("a", told("1", "70"))]).await, [Outcome::Held]);
    assert!(world.texts("exception", "code").contains(&ProblemCode::EventConflict.as_str().to_owned()));
    assert_eq!(world.billed(), usd("25.00"));
    let counted = world.table.items().iter().find_map(|i| i.body::<RatedUsage>().ok()).unwrap();
    assert_eq!(counted.record.quantity, 60.into());
}

/// Early usage waits, and is counted when the engagement is active.
#[tokio::test]
async fn early_usage_waits_for_its_engagement() {
    let world = World::new(EngagementStatus::Activating).await;
    let early = [("a", told("1", "60"))];
    assert_eq!(world.take(&early).await, [Outcome::Parked]);
    let activated = Engagement { status: EngagementStatus::Active, ..world.engagement.clone() };
    world.write(&activated, 2).await;
    assert_eq!(world.take(&early).await, [Outcome::Applied]);
    assert_eq!(world.billed(), usd("25.00"));
}

/// The day of the business counts, not Greenwich's: it is the 21st, so usage of the 22nd has not come yet.
#[tokio::test]
async fn the_day_is_the_business_s() {
    let world = World::new(EngagementStatus::Active).await;
    let on = |record: &str, day: &str| Event::from(usage(record, "api-calls", day, "60"));
    let both = [("a", on("1", "2026-11-21")), ("b", on("2", "2026-11-22"))];
    assert_eq!(world.take(&both).await, [Outcome::Applied, Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::UsageOutsideTerm.as_str()]);
}

/// What waits for a change order is counted once one sells it.
#[tokio::test]
async fn what_is_not_sold_is_counted_once_it_is() {
    let world = World::new(EngagementStatus::Active).await;
    let event = [("a", Event::from(usage("1", "storage", "2026-11-03", "5")))];
    assert_eq!(world.take(&event).await, [Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::UsageNotSold.as_str()]);
    let mut sold = world.engagement.clone();
    let mut storage = sold.contract.usage[0].clone();
    (storage.key, storage.meter, storage.allowance) = ("U2".into(), "storage".into(), 0.into());
    sold.contract.usage.push(storage);
    world.write(&sold, 1).await;
    assert_eq!(world.take(&event).await, [Outcome::Applied]);
    assert_eq!(world.billed(), usd("2.50"));
}

/// An event of another kind is no usage.
#[tokio::test]
async fn another_event_is_held() {
    let world = World::new(EngagementStatus::Active).await;
    let time = entry("1", "consultant", "2026-11-16", 60);
    assert_eq!(world.take(&[("a", time.into())]).await, [Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::IllegalEvent.as_str()]);
}
