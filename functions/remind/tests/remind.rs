//! The clock's part of approvals: run twice, late, never, or killed, it does no harm.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};

use domain::approval::{
    Approval, ApprovalDecided, ApprovalRule, ApprovalStatus, PRICE_BELOW_POLICY, Request, Verdict,
};
use domain::event::Event;
use domain::id::EngagementId;
use domain::problem::Owner;
use domain::{Condition, sample};
use events::Envelope;
use jiff::SignedDuration;
use journal::dying::DyingStore;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Expect, Item, Journal, Key, Op, Store, StoreError};
use remind::{Reminded, remind_all};
use runtime::Context;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::verdict;
use serde_json::json;
use workflow::Clock;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const QUARTER: SignedDuration = SignedDuration::from_mins(15);

struct World {
    store: Arc<MemoryStore>,
    journal: Journal,
    clock: Arc<FakeClock>,
}

impl World {
    /// Two tenants with a connection each, the first with two.
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        for (connection, tenant) in
            [("hubspot-main", "northwind"), ("kantata-main", "northwind"), ("hubspot", "southwind")]
        {
            let config = json!({
                "connection": connection, "tenant": tenant, "product": "hubspot", "role": "crm",
                "base_url": "https://product.example", "secret_id": "s", "webhook_url": "https://api.example", "settings": {},
            });
            let item = Item::new(
                &Key::connection(connection),
                "config",
                tenant,
                &json!({"body": config.to_string()}),
            )
            .unwrap()
            .with("status_key", "config#connection")
            .with("status_at", connection);
            store.write(vec![Op::Put { item, expect: Expect::Absent }]).await.unwrap();
        }
        let clock = Arc::new(FakeClock::at("2026-11-21T10:00:00Z".parse().unwrap()));
        Self { journal: Journal::new(store.clone()), store, clock }
    }

    /// Asks for an approval of a deal: reminded of each day, over after three.
    async fn ask(&self, tenant: &str, deal: &str) -> Approval {
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
        let engagement = EngagementId::of_deal(tenant, "hubspot-main", deal);
        let approval = Approval::request(&engagement, &request, &rule, 0, self.clock.now());
        self.write(tenant, &approval, 0).await;
        approval
    }

    async fn write(&self, tenant: &str, approval: &Approval, expected: u64) {
        let write = self.journal.write_approval(tenant, approval, expected, self.clock.now()).unwrap();
        assert!(matches!(
            self.journal.commit(Commit::default().write(write)).await.unwrap(),
            Committed::Done
        ));
    }

    async fn known(&self, tenant: &str, asked: &Approval) -> (u64, Approval) {
        let known =
            self.journal.approval_of(tenant, asked.engagement.as_str(), &asked.approval).await.unwrap();
        (known.version, known.body.expect("is there"))
    }

    async fn decide(&self, tenant: &str, asked: &Approval) {
        let (version, known) = self.known(tenant, asked).await;
        let decided = ApprovalDecided {
            approval: asked.approval.clone(),
            verdict: Verdict::Approved,
            decided_by: "sales-director".into(),
            role: Owner::SalesOperations,
            reason: "why".into(),
        };
        self.write(tenant, &known.decide(&decided, self.clock.now()).unwrap().unwrap(), version).await;
    }

    fn context(&self, store: Arc<dyn Store>) -> Context {
        let bus = Arc::new(FakeBus::default());
        context("remind", store, &bus, &self.clock, FakeConnections::default())
    }

    /// Reminders and expiries of one run.
    async fn run(&self) -> (usize, usize) {
        let came = verdict(remind_all(&self.context(self.store.clone())).await.unwrap()).unwrap();
        (came.iter().map(|r| r.reminded).sum(), came.iter().map(|r| r.expired).sum())
    }

    fn sent(&self) -> Vec<Envelope> {
        let items = self.store.items();
        let outboxes = items.iter().filter_map(|i| i.text("outbox"));
        outboxes.flat_map(|o| serde_json::from_str::<Vec<Envelope>>(o).unwrap()).collect()
    }

    fn releases(&self, asked: &Approval) -> usize {
        let condition = Condition::ApprovalSettled(asked.approval.clone());
        let items = self.store.items();
        let released = items.iter().filter_map(|i| i.text("release"));
        released.filter(|r| serde_json::from_str::<Vec<Condition>>(r).unwrap().contains(&condition)).count()
    }
}

/// Proves WFE-01 in part: reminded once an interval, of every tenant, however often the clock's run comes.
#[tokio::test]
async fn each_interval_brings_one_reminder() {
    let world = World::new().await;
    let (here, there) = (world.ask("northwind", "1").await, world.ask("southwind", "2").await);
    assert_eq!(world.run().await, (0, 0));
    for day in 1..3_u32 {
        world.clock.pass(if day == 1 { HOUR * 24 } else { HOUR * 24 - QUARTER * 3 });
        assert_eq!(world.run().await, (2, 0), "day {day}");
        for _ in 0..3 {
            world.clock.pass(QUARTER);
            assert_eq!(world.run().await, (0, 0), "day {day}");
        }
        assert_eq!(world.known("northwind", &here).await.1.reminders, day);
        assert_eq!(world.known("southwind", &there).await.1.reminders, day);
    }
    let sent = world.sent();
    let told = |e: &&Envelope| matches!(&e.event, Event::ApprovalReminded(r) if r.asked_of == Owner::SalesOperations);
    assert_eq!((sent.len(), sent.iter().filter(told).count()), (4, 4));
    assert_eq!(sent[0].source, format!("/{}/functions/remind", sent[0].tenant));
    let mut ids: Vec<_> = sent.iter().map(|e| e.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each reminder is an event of its own");
    assert_eq!((world.releases(&here), world.releases(&there)), (0, 0), "a reminder lets nothing go");
}

#[tokio::test]
async fn runs_that_were_missed_are_not_made_up_for() {
    let world = World::new().await;
    let asked = world.ask("northwind", "1").await;
    world.clock.pass(HOUR * 50);
    assert_eq!(world.run().await, (1, 0));
    assert_eq!(world.run().await, (0, 0));
    assert_eq!(world.known("northwind", &asked).await.1.reminders, 1);
}

/// Proves WFE-01 in part: what nobody answered ends, is told, and lets go what waited for it.
#[tokio::test]
async fn what_nobody_answers_expires_once() {
    for late in [HOUR * 72, HOUR * 500] {
        let world = World::new().await;
        let asked = world.ask("northwind", "1").await;
        world.clock.pass(late);
        assert_eq!(world.run().await, (0, 1));
        assert_eq!(world.run().await, (0, 0));
        let (_, known) = world.known("northwind", &asked).await;
        assert_eq!((known.status, known.reminders, world.releases(&asked)), (ApprovalStatus::Expired, 0, 1));
        assert!(matches!(&world.sent()[..], [e] if matches!(e.event, Event::ApprovalExpired(_))));
    }
}

#[tokio::test]
async fn what_is_decided_is_left_alone() {
    let world = World::new().await;
    let asked = world.ask("northwind", "1").await;
    world.decide("northwind", &asked).await;
    world.clock.pass(HOUR * 500);
    assert_eq!(world.run().await, (0, 0));
    assert!(world.sent().is_empty());
}

/// An index lags: what it still shows as open may be decided by now.
#[tokio::test]
async fn an_index_that_lags_reminds_of_nothing_decided() {
    let world = World::new().await;
    let asked = world.ask("northwind", "1").await;
    let shown = world.store.by_status("tenant#northwind#approval#requested", 10).await.unwrap();
    world.decide("northwind", &asked).await;
    world.clock.pass(HOUR * 24);
    let lagging = Arc::new(Beside { inner: world.store.clone(), shown, unreadable: Mutex::default() });
    let came = remind_all(&world.context(lagging)).await.unwrap();
    assert!(came.iter().all(|r| (r.reminded, r.expired, r.failures.len()) == (0, 0, 0)), "{came:?}");
    assert_eq!(world.known("northwind", &asked).await.1.status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn two_runs_at_once_remind_once() {
    let world = World::new().await;
    let asked = world.ask("northwind", "1").await;
    world.clock.pass(HOUR * 24);
    let (one, two) = futures::join!(world.run(), world.run());
    assert_eq!((one.0 + two.0, world.sent().len()), (1, 1));
    assert_eq!(world.known("northwind", &asked).await.1.reminders, 1);
}

/// Proves RES-15 in part: a run killed before or after any call to the table is made good by the next.
#[tokio::test]
async fn a_run_killed_at_any_call_is_made_good_by_the_next() {
    for (late, told) in [(HOUR * 24, (1, 0)), (HOUR * 72, (0, 1))] {
        for after in [false, true] {
            for call in 0.. {
                let world = World::new().await;
                let asked = world.ask("northwind", "1").await;
                world.clock.pass(late);
                let dying = Arc::new(DyingStore::new(world.store.clone(), call, after));
                let first = remind_all(&world.context(dying.clone())).await.and_then(verdict);
                assert_eq!(first.is_err(), dying.died(), "call {call}: {first:?}");
                world.run().await;
                let (_, known) = world.known("northwind", &asked).await;
                assert_eq!(usize::try_from(known.reminders).unwrap(), told.0, "call {call}, {after}");
                assert_eq!(world.releases(&asked), told.1, "call {call}, {after}");
                assert_eq!(world.sent().len(), 1, "call {call}, {after}");
                if !dying.died() {
                    break;
                }
            }
        }
    }
}

/// One approval that can't be written keeps no other from its reminder, and the run as a whole says so.
#[tokio::test]
async fn one_that_fails_does_not_keep_the_others() {
    let world = World::new().await;
    let (broken, sound) = (world.ask("northwind", "1").await, world.ask("northwind", "2").await);
    let elsewhere = world.ask("southwind", "3").await;
    world.clock.pass(HOUR * 24);
    let unreadable = Mutex::new(Some(broken.approval.to_string()));
    let shown = world.store.by_status("tenant#northwind#approval#requested", 10).await.unwrap();
    let failing = Arc::new(Beside { inner: world.store.clone(), shown, unreadable });
    let came: Vec<Reminded> = remind_all(&world.context(failing)).await.unwrap();
    assert_eq!(came.iter().map(|r| r.failures.len()).collect::<Vec<_>>(), [1, 0]);
    let failed = verdict(came).expect_err("an alarm sees it");
    assert!(failed.starts_with("northwind: ") && failed.contains(broken.approval.as_str()), "{failed}");
    assert_eq!(world.known("northwind", &sound).await.1.reminders, 1);
    assert_eq!(world.known("southwind", &elsewhere).await.1.reminders, 1);
    assert_eq!(world.known("northwind", &broken).await.1.reminders, 0);
    assert_eq!(world.run().await, (1, 0), "the next run makes it good");
}

#[tokio::test]
async fn a_tenant_list_that_cannot_be_read_fails_the_run() {
    let world = World::new().await;
    world.ask("northwind", "1").await;
    let dead = Arc::new(DyingStore::new(world.store.clone(), 0, false));
    assert!(remind_all(&world.context(dead)).await.is_err());
}

/// A table whose index shows the first tenant's open approvals as they were, and in which one approval
/// can't be read.
struct Beside {
    inner: Arc<dyn Store>,
    shown: Vec<Item>,
    unreadable: Mutex<Option<String>>,
}

#[async_trait::async_trait]
impl Store for Beside {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let unreadable = self.unreadable.lock().unwrap().clone();
        match unreadable {
            Some(id) if key.sk.ends_with(&id) => Err(StoreError::Unavailable("on order".into())),
            _ => self.inner.get(key).await,
        }
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.inner.get_many(keys).await
    }
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.inner.write(ops).await
    }
    async fn query(&self, pk: &str, sk: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.inner.query(pk, sk, limit).await
    }
    async fn by_status(&self, key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        if key == "tenant#northwind#approval#requested" {
            return Ok(self.shown.clone());
        }
        self.inner.by_status(key, limit).await
    }
}
