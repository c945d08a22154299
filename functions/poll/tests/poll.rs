//! A log that repeats itself, comes out of order and is sometimes unreachable.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connectors::inbound::{Subject, Translated};
use connectors::role::Polled;
use connectors::{CallError, CallErrorKind};
use domain::event::Event;
use domain::sample;
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::{Item, Key, Op, Store};
use runtime::Context;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::json;

/// A log of time entries, each visible from a moment on.
#[derive(Default)]
struct Log {
    entries: Mutex<Vec<(Timestamp, Translated)>>,
    asked: Mutex<Vec<Timestamp>>,
    down: Mutex<bool>,
}

impl Log {
    fn add(&self, at: &str, id: &str) {
        let engagement = sample::active(&sample::quote()).engagement;
        let translated = Translated {
            delivery: id.into(),
            subject: Subject::Engagement(engagement),
            occurred_at: at.parse().unwrap(),
            event: Event::TimeApproved(sample::entry(id, "consultant", "2026-11-16", 60)),
        };
        self.entries.lock().unwrap().push((at.parse().unwrap(), translated));
    }
}

#[async_trait]
impl Polled for Log {
    fn overlap(&self) -> SignedDuration {
        SignedDuration::from_mins(30)
    }

    async fn changes_since(&self, since: Timestamp) -> Result<Vec<Translated>, CallError> {
        if *self.down.lock().unwrap() {
            let kind = CallErrorKind::Transient { retry_after: None };
            return Err(CallError {
                kind,
                connection: "kantata-main".into(),
                operation: "read",
                detail: "down".into(),
            });
        }
        self.asked.lock().unwrap().push(since);
        let entries = self.entries.lock().unwrap();
        let shown = entries.iter().filter(|(at, _)| *at >= since).map(|(_, t)| t.clone());
        // The log may show an entry twice.
        Ok(shown.clone().chain(shown.take(1)).collect())
    }
}

struct World {
    log: Arc<Log>,
    bus: Arc<FakeBus>,
    clock: Arc<FakeClock>,
    context: Context,
}

async fn world() -> World {
    let (store, log) = (Arc::new(MemoryStore::new()), Arc::new(Log::default()));
    let body = json!({"connection": "kantata-main", "tenant": "northwind", "product": "kantata", "role": "psa",
        "base_url": "https://psa.example", "webhook_url": "", "secret_id": "s", "settings": {}});
    let item = Item::new(&Key::connection("kantata-main"), "config", "northwind", &json!({}))
        .unwrap()
        .with("body", body.to_string())
        .with("status_key", "config#connection")
        .with("status_at", "kantata-main");
    store.write(vec![Op::Put { item, expect: journal::Expect::Absent }]).await.unwrap();
    let (bus, clock) =
        (Arc::new(FakeBus::default()), Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap())));
    let mut connections = FakeConnections::default();
    connections.polled.insert("kantata-main".into(), log.clone());
    let context = context("poll", store, &bus, &clock, connections);
    World { log, bus, clock, context }
}

async fn poll(w: &World) -> poll::Polled {
    poll::poll_all(&w.context).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_the_overlap_shows_again_is_not_published_again() {
    let w = world().await;
    w.log.add("2026-11-21T11:50:00Z", "1");
    w.log.add("2026-11-21T11:55:00Z", "2");
    let first = poll(&w).await;
    assert_eq!((first.published, first.failure), (2, None));
    w.clock.pass(SignedDuration::from_mins(1));
    w.log.add("2026-11-21T12:00:30Z", "3");
    let second = poll(&w).await;
    assert_eq!((second.published, w.bus.taken().len()), (1, 3));
}

/// An entry that appears late, with a time before the last read, is found within the overlap.
#[tokio::test]
async fn a_late_entry_is_found() {
    let w = world().await;
    poll(&w).await;
    w.clock.pass(SignedDuration::from_mins(10));
    poll(&w).await;
    w.log.add("2026-11-21T11:45:00Z", "late");
    w.clock.pass(SignedDuration::from_mins(1));
    assert_eq!(poll(&w).await.published, 1);
}

/// The cursor stays while anything is not on the bus: it is read and published again.
#[tokio::test]
async fn nothing_is_passed_over_while_bus_or_log_are_down() {
    let w = world().await;
    w.log.add("2026-11-21T11:50:00Z", "1");
    w.bus.refuse_after(Some(0));
    assert!(poll(&w).await.failure.is_some());
    w.bus.refuse_after(None);
    *w.log.down.lock().unwrap() = true;
    assert!(poll(&w).await.failure.is_some());
    *w.log.down.lock().unwrap() = false;
    assert_eq!(poll(&w).await.published, 1);
}

/// What happens before a new connection works for the first time is read once it does.
#[tokio::test]
async fn a_connection_that_never_worked_yet_loses_nothing() {
    let w = world().await;
    *w.log.down.lock().unwrap() = true;
    let failed = poll::poll_all(&w.context).await.unwrap();
    assert!(runtime::verdict(failed).unwrap_err().starts_with("kantata-main: "));
    w.log.add("2026-11-21T12:05:00Z", "1");
    w.clock.pass(SignedDuration::from_hours(2));
    *w.log.down.lock().unwrap() = false;
    assert_eq!(poll(&w).await.published, 1);
}

/// After an outage of hours the log is read from where it was left, not from now.
#[tokio::test]
async fn after_an_outage_reading_goes_on_where_it_stopped() {
    let w = world().await;
    poll(&w).await;
    w.log.add("2026-11-21T12:05:00Z", "during");
    w.clock.pass(SignedDuration::from_hours(5));
    assert_eq!(poll(&w).await.published, 1);
    let asked = w.log.asked.lock().unwrap();
    assert_eq!(asked[1], "2026-11-21T11:30:00Z".parse::<Timestamp>().unwrap());
}
