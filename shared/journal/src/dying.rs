//! A process that dies at a call to the table, for proving that its successor completes the work.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;

use crate::key::Key;
use crate::store::{Item, Op, Store, StoreError};

/// A store whose process dies at the n-th call: before the call, or after it with the answer
/// lost. From then on nothing gets through.
pub struct DyingStore {
    inner: Arc<dyn Store>,
    left: AtomicI64,
    after: bool,
}

impl DyingStore {
    /// Lets `calls` calls through; the next one is the last, and takes effect only with `after`.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, calls: i64, after: bool) -> Self {
        Self { inner, left: AtomicI64::new(calls), after }
    }

    /// Whether it died.
    #[must_use]
    pub fn died(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    async fn call<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let dead = || Err(StoreError::Unavailable("the process died".into()));
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            left if left > 0 => work.await,
            0 if self.after => {
                let _ = work.await;
                dead()
            }
            _ => dead(),
        }
    }
}

#[async_trait]
impl Store for DyingStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.call(self.inner.get(key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.call(self.inner.get_many(keys)).await
    }

    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.call(self.inner.write(ops)).await
    }

    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.call(self.inner.query(pk, sk_prefix, limit)).await
    }

    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.call(self.inner.by_status(status_key, limit)).await
    }
}
