//! Charges and costs stand beside their line, once, in the same commit, however often an entry is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::sample::{active, config, entry, quote, usd};
use domain::work::TimeEntry;
use domain::{Engagement, Event};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Handler, Outcome};
use serde_json::json;
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
    async fn new(ceiling: Option<&str>) -> Self {
        let mut quote = quote();
        quote.time_ceiling = ceiling.map(usd);
        let (table, engagement) = (Arc::new(MemoryStore::new()), active(&quote));
        let journal = Journal::new(table.clone());
        let write = journal.write_state(TENANT, &engagement, 0, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        let _ = table.drain_stream();
        Self { table, engagement }
    }

    async fn tell(&self, told: &[(&str, TimeEntry)]) -> Vec<Outcome> {
        let mut tenant = serde_json::to_value(config()).unwrap();
        tenant["resources"] = json!([
            {"name": "Grace Hopper", "legal_entity": "NW-EU", "employment": "employee"},
            {"name": "Edith Clarke", "legal_entity": "NW-EU", "employment": "subcontractor",
             "cost_rate": {"amount": "80.00", "currency": "EUR"}},
        ]);
        tenant["transfer_prices"] = json!([{"from": "NW-EU", "to": "NW-US", "basis": {"percent": "80"}}]);
        let mut known = FakeConnections::default();
        known.tenants.insert(TENANT.into(), Arc::new(serde_json::from_value(tenant).unwrap()));
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let context = context("time-approved", self.table.clone(), &bus, &clock, known);
        let event = |(delivery, entry): &(&str, TimeEntry)| {
            let (subject, fact) = (self.engagement.engagement.as_str(), Event::TimeApproved(entry.clone()));
            Envelope::reported(TENANT, "kantata-main", delivery, subject, now(), fact, Traceparent::start())
        };
        let group: Vec<Envelope> = told.iter().map(event).collect();
        let order: Vec<_> = group.iter().map(|e| e.id).collect();
        let answers = TimeApproved.handle(&context, group).await;
        let answer = |id| answers.iter().find(|(of, _)| *of == id).unwrap().1.as_ref().copied().unwrap();
        order.into_iter().map(answer).collect()
    }

    /// How many lines, charges, costs and exceptions there are.
    fn counts(&self) -> [usize; 4] {
        let items = self.table.items();
        ["line", "charge", "cost", "exception"]
            .map(|kind| items.iter().filter(|item| item.text("kind") == Some(kind)).count())
    }

    fn emitted(&self) -> Vec<&'static str> {
        let outboxes =
            self.table.drain_stream().into_iter().filter_map(|i| i.text("outbox").map(str::to_owned));
        let events = outboxes.flat_map(|o| serde_json::from_str::<Vec<Envelope>>(&o).unwrap());
        events.map(|e| e.event.type_name()).collect()
    }
}

fn by(person: &str, id: &str) -> TimeEntry {
    TimeEntry { person: person.into(), ..entry(id, "consultant", "2026-11-16", 60) }
}

/// Proves SCN-25, BIL-09 and MEC-07 in part: an employee, a colleague of another entity and a
/// subcontractor on one engagement take one path, and each entry counts once, with a ceiling or without.
#[tokio::test]
async fn each_entry_is_charged_once_however_often_it_is_told() {
    for ceiling in [None, Some("10000.00")] {
        let world = World::new(ceiling).await;
        let told =
            [("a", by("Ada Lovelace", "1")), ("b", by("Grace Hopper", "2")), ("c", by("Edith Clarke", "3"))];
        assert_eq!(world.tell(&told).await, [Outcome::Applied; 3]);
        assert_eq!(world.counts(), [3, 2, 1, 0]);
        let mut emitted = world.emitted();
        emitted.sort_unstable();
        let (ready, charged) = ("q2c.billing.ready.v1", "q2c.intercompany.charged.v1");
        assert_eq!(emitted, [ready, ready, ready, charged, charged, "q2c.subcontractor-cost.recorded.v1"]);
        // The same events, and the same entries under other events.
        assert_eq!(world.tell(&told).await, [Outcome::Duplicate; 3]);
        let again = told.map(|(_, entry)| entry).map(|entry| ("again", entry));
        for one in &again {
            assert_eq!(world.tell(std::slice::from_ref(one)).await, [Outcome::Duplicate]);
        }
        assert_eq!(world.counts(), [3, 2, 1, 0]);
        assert_eq!(world.emitted(), [""; 0]);
    }
}

/// An entry without charge or cost is one item in the table, as ever.
#[tokio::test]
async fn own_people_s_time_is_one_write() {
    let world = World::new(None).await;
    let before = world.table.items().len();
    world.tell(&[("a", by("Ada Lovelace", "1"))]).await;
    assert_eq!(world.table.items().len(), before + 1);
}

/// A billed entry that changed is shown to a person; what was billed stands.
#[tokio::test]
async fn a_changed_entry_of_a_subcontractor_is_held() {
    let billable = by("Edith Clarke", "1");
    let unbilled = TimeEntry { billable: false, ..billable.clone() };
    let world = World::new(None).await;
    assert_eq!(world.tell(&[("a", billable.clone())]).await, [Outcome::Applied]);
    assert_eq!(world.tell(&[("a", billable.clone())]).await, [Outcome::Duplicate]);
    assert_eq!(world.tell(&[("b", billable)]).await, [Outcome::Duplicate]);
    assert_eq!(world.tell(&[("c", unbilled)]).await, [Outcome::Held]);
    assert_eq!(world.counts(), [1, 1, 1, 1]);
}

/// Two versions of one entry in one delivery: the second is seen beside the first, whoever worked.
#[tokio::test]
async fn a_correction_that_comes_with_its_entry_is_not_lost() {
    for person in ["Edith Clarke", "Ada Lovelace"] {
        let billable = by(person, "1");
        let unbilled = TimeEntry { billable: false, ..billable.clone() };
        let world = World::new(None).await;
        let told = world.tell(&[("a", billable), ("b", unbilled)]).await;
        assert_eq!(told, [Outcome::Applied, Outcome::Held], "{person}");
    }
}

/// An entry that is found to be billable after all is billed, once; its cost stays the one cost, and takes
/// the line.
#[tokio::test]
async fn a_corrected_entry_of_a_subcontractor_is_billed() {
    let billable = by("Edith Clarke", "1");
    let unbilled = TimeEntry { billable: false, ..billable.clone() };
    let world = World::new(None).await;
    assert_eq!(world.tell(&[("a", unbilled.clone())]).await, [Outcome::Applied]);
    assert_eq!(world.tell(&[("a", unbilled.clone())]).await, [Outcome::Duplicate]);
    assert_eq!(world.tell(&[("b", unbilled)]).await, [Outcome::Duplicate]);
    assert_eq!(world.counts(), [0, 0, 1, 0]);
    assert_eq!(world.tell(&[("c", billable.clone())]).await, [Outcome::Applied]);
    for again in ["c", "d"] {
        assert_eq!(world.tell(&[(again, billable.clone())]).await, [Outcome::Duplicate]);
    }
    let unbilled = TimeEntry { billable: false, ..billable };
    assert_eq!(world.tell(&[("a", unbilled)]).await, [Outcome::Duplicate], "told once more, it is no news");
    assert_eq!(world.counts(), [1, 1, 1, 0]);
    let of = |kind: &str| world.table.items().into_iter().find(|i| i.text("kind") == Some(kind)).expect(kind);
    assert_eq!(of("cost").text("line"), of("line").text("line"));
    assert!(of("cost").text("line").is_some());
}
