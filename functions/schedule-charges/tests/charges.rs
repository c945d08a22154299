//! From the clock to the line: run twice, late, never, at once or killed, each period is billed once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use charge_due::ChargeDue;
use domain::billing::{BillableLine, Evidence};
use domain::engagement::Engagement;
use domain::event::Event;
use domain::recurring::ChargeCalendar;
use domain::sample::{self, support_line, usd};
use events::Envelope;
use jiff::SignedDuration;
use journal::dying::DyingStore;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Expect, Item, Journal, Key, Op, Store};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::verdict;
use runtime::{Context, Handler, Outcome};
use schedule_charges::tell_all;
use serde_json::json;
use workflow::Clock;

const TENANT: &str = "northwind";
const DAY: SignedDuration = SignedDuration::from_hours(24);

struct World {
    store: Arc<MemoryStore>,
    journal: Journal,
    clock: Arc<FakeClock>,
}

impl World {
    /// A tenant, at four in the morning of the 20th of November where its business counts its days.
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let config = json!({
            "connection": "hubspot-main", "tenant": TENANT, "product": "hubspot", "role": "crm",
            "base_url": "https://product.example", "secret_id": "s", "webhook_url": "https://api.example", "settings": {},
        });
        let body = json!({"body": config.to_string()});
        let item = Item::new(&Key::connection("hubspot-main"), "config", TENANT, &body).unwrap();
        let item = item.with("status_key", "config#connection").with("status_at", "hubspot-main");
        store.write(vec![Op::Put { item, expect: Expect::Absent }]).await.unwrap();
        let clock = Arc::new(FakeClock::at("2026-11-20T09:00:00Z".parse().unwrap()));
        Self { journal: Journal::new(store.clone()), store, clock }
    }

    /// An active engagement with support for 1,500.00 a month from a day on, in arrears.
    async fn sold(&self, deal: &str, starts_on: &str, months: u32) -> Engagement {
        let mut quote = sample::quote();
        quote.deal = deal.into();
        quote.lines.push(support_line("5", "S1", "1500.00", starts_on, months));
        let engagement = sample::active(&quote);
        let calendar =
            ChargeCalendar::new(engagement.engagement.clone()).under(&engagement.contract).unwrap();
        let now = self.clock.now();
        let commit = Commit::default()
            .write(self.journal.write_state(TENANT, &engagement, 0, now).unwrap())
            .write(self.journal.write_charge_calendar(TENANT, &calendar, 0, now).unwrap());
        assert!(matches!(self.journal.commit(commit).await.unwrap(), Committed::Done));
        engagement
    }

    fn context(&self, function: &'static str, store: Arc<dyn Store>) -> Context {
        let tenants = BTreeMap::from([(TENANT.to_owned(), Arc::new(sample::config()))]);
        let connections = FakeConnections { tenants, ..FakeConnections::default() };
        context(function, store, &Arc::new(FakeBus::default()), &self.clock, connections)
    }

    /// Periods told by one run.
    async fn run(&self) -> usize {
        let told = tell_all(&self.context("schedule-charges", self.store.clone())).await.and_then(verdict);
        told.unwrap().iter().map(|told| told.periods).sum()
    }

    /// Every period that was told, in the order of the table.
    fn told(&self) -> Vec<Envelope> {
        let items = self.store.items();
        let sent = items.iter().filter_map(|i| i.text("outbox"));
        sent.flat_map(|sent| serde_json::from_str::<Vec<Envelope>>(sent).unwrap())
            .filter(|e| matches!(e.event, Event::ChargeDue(_)))
            .collect()
    }

    async fn deliver(&self, events: Vec<Envelope>) -> Vec<Outcome> {
        let context = self.context("charge-due", self.store.clone());
        let done = ChargeDue.handle(&context, events).await;
        done.into_iter().map(|(_, outcome)| outcome.expect("is handled")).collect()
    }

    /// Number and amount of each period that is billed.
    fn billed(&self) -> BTreeMap<u32, String> {
        let items = self.store.items();
        let lines = items.iter().filter(|i| i.text("kind") == Some("line"));
        let lines: Vec<BillableLine> = lines.map(|i| i.body().unwrap()).collect();
        let billed: Vec<_> = lines
            .iter()
            .map(|line| match &line.evidence {
                Evidence::Charge { period, .. } => (*period, line.amount.to_string()),
                other => panic!("{other:?}"),
            })
            .collect();
        let by_period: BTreeMap<_, _> = billed.iter().cloned().collect();
        assert_eq!(by_period.len(), billed.len(), "a period is on one line");
        by_period
    }
}

/// Proves EVT-12 in part, BIL-05 in part: nothing before its day; on its day once, however often the run comes, and delivered
/// again it is a duplicate.
#[tokio::test]
async fn each_period_is_told_and_billed_once() {
    let world = World::new().await;
    world.sold("123", "2026-10-21", 12).await;
    assert_eq!(world.run().await, 0, "due tomorrow");
    // Midnight is five in the morning, UTC.
    world.clock.pass(SignedDuration::from_mins(19 * 60 + 59));
    assert_eq!(world.run().await, 0);
    world.clock.pass(SignedDuration::from_mins(1));
    assert_eq!((world.run().await, world.run().await), (1, 0));
    let told = world.told();
    assert_eq!(world.deliver(told.clone()).await, [Outcome::Applied]);
    assert_eq!(world.deliver(told).await, [Outcome::Duplicate]);
    assert_eq!(world.billed(), BTreeMap::from([(0, usd("1500.00").to_string())]));
    world.clock.pass(DAY * 30);
    assert_eq!(world.run().await, 1);
}

/// After two and a half years without a run: 30 periods, 24 of them by the first run and the rest by the next, told in any
/// order and twice.
#[tokio::test]
async fn runs_that_were_missed_are_made_up_for() {
    let world = World::new().await;
    world.sold("123", "2024-05-01", 36).await;
    assert_eq!((world.run().await, world.run().await, world.run().await), (24, 6, 0));
    let mut told = world.told();
    assert_eq!(told.len(), 30);
    told.sort_by_key(|event| event.id);
    for some in told.chunks(10).chain(told.chunks(7)) {
        world.deliver(some.to_vec()).await;
    }
    assert_eq!(world.billed().into_keys().collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_runs_at_once_tell_once() {
    let world = World::new().await;
    world.sold("123", "2026-09-20", 12).await;
    let (one, two) = futures::join!(world.run(), world.run());
    assert_eq!((one + two, world.told().len()), (2, 2));
}

/// Two deliveries of one period at once, and of another beside it.
#[tokio::test]
async fn deliveries_at_once_bill_once() {
    let world = World::new().await;
    world.sold("123", "2026-09-20", 12).await;
    world.run().await;
    let told = world.told();
    let (one, two) = futures::join!(world.deliver(told.clone()), world.deliver(told.clone()));
    let applied = one.iter().chain(&two).filter(|outcome| **outcome == Outcome::Applied).count();
    assert_eq!((applied, world.billed().len()), (2, 2));
}

/// Proves RES-15 in part: a run killed before or after any call to the table is made good by the next.
#[tokio::test]
async fn a_run_killed_at_any_call_is_made_good_by_the_next() {
    for after in [false, true] {
        for call in 0.. {
            let world = World::new().await;
            world.sold("123", "2026-09-20", 12).await;
            let dying = Arc::new(DyingStore::new(world.store.clone(), call, after));
            let first = tell_all(&world.context("schedule-charges", dying.clone())).await.and_then(verdict);
            assert_eq!(first.is_err(), dying.died(), "call {call}: {first:?}");
            world.run().await;
            let told = world.told();
            assert_eq!(told.len(), 2, "call {call}, {after}");
            let dying_too = Arc::new(DyingStore::new(world.store.clone(), call, after));
            ChargeDue.handle(&world.context("charge-due", dying_too), told.clone()).await;
            world.deliver(told).await;
            assert_eq!(world.billed().len(), 2, "call {call}, {after}");
            if !dying.died() {
                break;
            }
        }
    }
}

/// A change order that drops what has not begun, between a run's reading and its writing: nothing of it is told.
#[tokio::test]
async fn what_is_dropped_meanwhile_is_not_told() {
    let world = World::new().await;
    let engagement = world.sold("123", "2026-09-20", 12).await;
    let shown = world.journal.charges_due(TENANT, jiff::civil::date(2026, 11, 20), 10).await.unwrap();
    assert_eq!(shown.len(), 1);
    let mut next = engagement.clone();
    next.contract.recurring.clear();
    let calendar = shown[0].clone().under(&next.contract).unwrap();
    let now = world.clock.now();
    let commit = Commit::default()
        .write(world.journal.write_state(TENANT, &next, 1, now).unwrap())
        .write(world.journal.write_charge_calendar(TENANT, &calendar, 1, now).unwrap());
    assert!(matches!(world.journal.commit(commit).await.unwrap(), Committed::Done));
    assert_eq!((world.run().await, world.told().len()), (0, 0));
    let listed = world.journal.charges_due(TENANT, jiff::civil::date(2030, 1, 1), 10).await.unwrap();
    assert_eq!(listed, [], "nothing will be due");
}
