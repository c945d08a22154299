//! An entry that changes after it became a line: in any order, any number of times, beside anything else.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::sync::Arc;

use domain::billing::time_approved;
use domain::decision::Decision;
use domain::sample::{active, entry, quote, usd};
use domain::work::TimeEntry;
use domain::{Engagement, Event, Money};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Decided, Item, Journal, apply_group};

const TENANT: &str = "northwind";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

struct World {
    table: Arc<MemoryStore>,
    journal: Journal,
    engagement: Engagement,
}

impl World {
    async fn new(ceiling: Option<&str>) -> Self {
        let engagement = active(&domain::quote::Quote { time_ceiling: ceiling.map(usd), ..quote() });
        let table = Arc::new(MemoryStore::new());
        let journal = Journal::new(table.clone());
        let write = journal.write_state(TENANT, &engagement, 0, at(0)).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        Self { table, journal, engagement }
    }

    /// A version of an entry, as it was approved in some minute.
    fn version(&self, minute: i64, entry: TimeEntry) -> Envelope {
        let (subject, delivery) = (self.engagement.engagement.as_str(), format!("{}:{minute}", entry.entry));
        let fact = Event::TimeApproved(entry);
        let (time, trace) = (at(minute), Traceparent::start());
        Envelope::reported(TENANT, "kantata-main", &delivery, subject, time, fact, trace)
    }

    fn worked(&self, minute: i64, minutes: u32) -> Envelope {
        self.version(minute, entry("1", "consultant", "2026-11-16", minutes))
    }

    async fn tell(&self, group: &[Envelope]) -> Vec<Decided> {
        let decide = |state: Option<&Engagement>, event: &Envelope| match &event.event {
            Event::TimeApproved(entry) => time_approved(state, entry),
            _ => Decision::NoEffect("no time".into()),
        };
        let answers = apply_group(&self.journal, "time-approved", group, at(999), &decide).await.unwrap();
        group.iter().map(|event| answers[&event.id]).collect()
    }

    fn kind(&self, kind: &str) -> Vec<Item> {
        self.table.items().into_iter().filter(|item| item.text("kind") == Some(kind)).collect()
    }

    /// What the lines come to.
    fn sum(&self) -> Money {
        let amounts = self.kind("line").into_iter().map(|line| {
            let amount = line.0["amount"]["amount"].as_str().unwrap().to_owned();
            usd(&amount)
        });
        Money::total(usd("0").currency(), amounts).unwrap()
    }
}

/// 60 min at 180.00 are 180.00, 90 min 270.00, 30 min 90.00; the version of the latest minute counts. Each is taken
/// once, and the first line stays as it was written.
#[tokio::test]
async fn a_correction_is_a_line_beside_the_first() {
    let w = World::new(None).await;
    assert_eq!(w.tell(&[w.worked(1, 60)]).await, [Decided::Applied]);
    assert_eq!(w.tell(&[w.worked(2, 90)]).await, [Decided::Applied]);
    assert_eq!(w.sum(), usd("270.00"));
    assert_eq!(w.tell(&[w.worked(4, 30)]).await, [Decided::Applied]);
    assert_eq!(w.tell(&[w.worked(3, 480)]).await, [Decided::NoEffect], "told late");
    assert_eq!(w.sum(), usd("90.00"));
    for again in [w.worked(1, 60), w.worked(2, 90), w.worked(3, 480), w.worked(4, 30)] {
        assert_eq!(w.tell(&[again]).await, [Decided::Duplicate]);
    }
    assert_eq!((w.kind("line").len(), w.sum()), (3, usd("90.00")));
    let first = w.kind("line").into_iter().find(|l| l.text("event_id").is_some()).unwrap();
    assert_eq!(first.0["amount"]["amount"], "180.00");
    assert!(w.kind("exception").is_empty());
    let ready: String = w.kind("journal").iter().filter_map(|i| i.text("outbox")).collect();
    assert_eq!(ready.matches("\"type\":\"q2c.billing.ready.v1\"").count(), 2, "each difference is announced");
}

/// All versions in one batch, and every other order of them, come to the same.
#[tokio::test]
async fn the_order_of_versions_does_not_matter() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for together in [true, false] {
            let w = World::new(Some("10000.00")).await;
            let versions = [w.worked(1, 60), w.worked(2, 90), w.worked(3, 45)];
            let told: Vec<Envelope> = order.iter().map(|n| versions[*n].clone()).collect();
            if together {
                w.tell(&told).await;
            } else {
                for one in &told {
                    w.tell(std::slice::from_ref(one)).await;
                }
            }
            assert_eq!(w.sum(), usd("135.00"), "{order:?} {together}: 45 min at 180.00");
            let state = w.journal.engagement(TENANT, w.engagement.engagement.as_str()).await.unwrap();
            assert_eq!(state.body.unwrap().time_billed, Some(usd("135.00")), "{order:?} {together}");
        }
    }
}

/// Back to a content that was billed before: it is the later approval that counts and not a duplicate.
#[tokio::test]
async fn what_is_set_back_is_billed_as_it_was() {
    let w = World::new(None).await;
    let internal = |w: &World, minute| {
        w.version(minute, TimeEntry { billable: false, ..entry("1", "consultant", "2026-11-16", 60) })
    };
    w.tell(&[w.worked(1, 60)]).await;
    assert_eq!(w.tell(&[internal(&w, 2)]).await, [Decided::Applied]);
    assert_eq!(w.sum(), usd("0.00"));
    assert_eq!(w.tell(&[w.worked(3, 60)]).await, [Decided::Applied]);
    assert_eq!(w.tell(&[internal(&w, 2)]).await, [Decided::Duplicate]);
    assert_eq!(w.sum(), usd("180.00"));
}

/// Over the ceiling it waits for a person; told again when there is room, it counts.
#[tokio::test]
async fn a_correction_over_the_ceiling_waits() {
    let w = World::new(Some("400.00")).await;
    let other = w.version(1, entry("2", "consultant", "2026-11-16", 60));
    w.tell(&[w.worked(1, 60), other]).await;
    assert_eq!(w.tell(&[w.worked(2, 120)]).await, [Decided::Held]);
    assert_eq!(w.tell(&[w.worked(2, 120)]).await, [Decided::Held]);
    assert_eq!((w.sum(), w.kind("exception").len()), (usd("360.00"), 1));
    let freed = w.version(3, TimeEntry { billable: false, ..entry("2", "consultant", "2026-11-16", 60) });
    assert_eq!(w.tell(&[freed]).await, [Decided::Applied]);
    assert_eq!(w.tell(&[w.worked(2, 120)]).await, [Decided::Applied]);
    assert_eq!(w.sum(), usd("360.00"), "120 min at 180.00");
}

/// Two versions at once, each alone: one is counted after the other.
#[tokio::test]
async fn two_versions_at_once_are_counted_one_after_the_other() {
    let w = World::new(None).await;
    w.tell(&[w.worked(1, 60)]).await;
    let (second, third) = ([w.worked(2, 90)], [w.worked(3, 30)]);
    futures::join!(w.tell(&second), w.tell(&third));
    assert_eq!(w.sum(), usd("90.00"));
}
