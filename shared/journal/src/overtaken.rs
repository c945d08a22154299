//! A process that stands still after a read, for proving that whoever goes by meanwhile is not overwritten.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::key::Key;
use crate::store::{Item, Op, Store, StoreError};

/// A store that keeps the answer to one of its reads until somebody else has gone by.
pub struct OvertakenStore {
    inner: Arc<dyn Store>,
    reads: AtomicUsize,
    kept: usize,
    read: Notify,
    go_on: Notify,
}

impl OvertakenStore {
    /// Keeps the answer to the `kept`-th read, from 0.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, kept: usize) -> Self {
        Self { inner, reads: AtomicUsize::new(0), kept, read: Notify::new(), go_on: Notify::new() }
    }

    /// Lets `quick` go by while `slow`, which works over this store, waits for its answer. Gives what came of `slow`,
    /// and whether it was overtaken: it was not where it reads less often.
    pub async fn overtake<T>(
        &self,
        slow: impl Future<Output = T>,
        quick: impl Future<Output = ()>,
    ) -> (T, bool) {
        let overtaking = async {
            self.read.notified().await;
            quick.await;
            self.go_on.notify_one();
        };
        tokio::pin!(slow);
        tokio::select! {
            biased;
            done = &mut slow => return (done, false),
            () = overtaking => {}
        }
        (slow.await, true)
    }

    async fn answered<T>(&self, answer: T) -> T {
        if self.reads.fetch_add(1, Ordering::SeqCst) == self.kept {
            self.read.notify_one();
            self.go_on.notified().await;
        }
        answer
    }
}

#[async_trait]
impl Store for OvertakenStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.answered(self.inner.get(key).await).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.answered(self.inner.get_many(keys).await).await
    }

    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.inner.write(ops).await
    }

    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.answered(self.inner.query(pk, sk_prefix, limit).await).await
    }

    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.answered(self.inner.by_status(status_key, limit).await).await
    }
}
