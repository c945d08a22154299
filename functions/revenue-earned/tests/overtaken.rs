//! Two events of one schedule at a time: whoever read before the other wrote does not write over it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::contract::RevenueTreatment;
use domain::sample::{completion, usd};
use journal::memory::MemoryStore;
use journal::{Item, Key, Op, Store, StoreError};
use tokio::sync::Notify;
use world::World;

/// A table that keeps one of its answers until somebody else has gone by.
struct Overtaken {
    inner: Arc<MemoryStore>,
    reads: AtomicUsize,
    kept: usize,
    read: Notify,
    go_on: Notify,
}

impl Overtaken {
    fn new(inner: Arc<MemoryStore>, kept: usize) -> Self {
        Self { inner, reads: AtomicUsize::new(0), kept, read: Notify::new(), go_on: Notify::new() }
    }

    async fn answered(&self) {
        if self.reads.fetch_add(1, Ordering::Relaxed) == self.kept {
            self.read.notify_one();
            self.go_on.notified().await;
        }
    }
}

#[async_trait]
impl Store for Overtaken {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self.inner.get(key).await;
        self.answered().await;
        answer
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let answer = self.inner.get_many(keys).await;
        self.answered().await;
        answer
    }
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.inner.write(ops).await
    }
    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let answer = self.inner.query(pk, sk_prefix, limit).await;
        self.answered().await;
        answer
    }
    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.inner.by_status(status_key, limit).await
    }
}

/// An event of the schedule stands still after any of its reads, while a milestone without a planned day is completed
/// and told: the milestone's month is told all the same.
#[tokio::test]
async fn a_late_writer_does_not_hide_a_completed_milestone() {
    let (mut kept, mut overtaken) = (0, true);
    while overtaken {
        let world = World::new(|engagement| {
            let contract = &mut engagement.contract;
            let service = contract.milestone("M1").unwrap().service.clone();
            contract.revenue.insert(service, RevenueTreatment::StraightLine);
            contract.milestones.iter_mut().for_each(|m| m.planned_on = None);
        })
        .await;
        let slow = Arc::new(Overtaken::new(world.store.clone(), kept));
        let planned = world.planned();
        let late = world.deliver_over(slow.clone(), &planned);
        let quick = async {
            slow.read.notified().await;
            world.complete(&completion("M1")).await;
            world.deliver_all().await;
            slow.go_on.notify_one();
        };
        tokio::pin!(late);
        overtaken = tokio::select! {
            biased;
            done = &mut late => { done.unwrap(); false }
            () = quick => true,
        };
        if overtaken {
            late.await.unwrap();
            world.pass_to("2026-12-02T12:00:00Z");
            world.recognise().await;
            let told: Vec<_> = world.told().iter().map(|e| (e.element.to_string(), e.amount)).collect();
            assert_eq!(told, [("milestone M1".to_owned(), usd("20000.00"))], "kept read {kept}");
            kept += 1;
        }
    }
    assert!(kept >= 3, "the engagement, its schedule and how far it was told are read");
}
