//! A table whose writes take their time.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::SignedDuration;
use journal::memory::MemoryStore;
use journal::{Item, Key, Op, Store, StoreError};

use crate::product::StoppedClock;

#[derive(Default)]
pub struct SlowStore {
    inner: MemoryStore,
    passing: Mutex<Option<(Arc<StoppedClock>, SignedDuration)>>,
}

impl SlowStore {
    pub fn passes_at_each_write(&self, clock: &Arc<StoppedClock>, time: SignedDuration) {
        *self.passing.lock().unwrap() = Some((Arc::clone(clock), time));
    }
}

#[async_trait]
impl Store for SlowStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.inner.get_many(keys).await
    }
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        if let Some((clock, time)) = self.passing.lock().unwrap().as_ref() {
            clock.pass(*time);
        }
        self.inner.write(ops).await
    }
    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.inner.query(pk, sk_prefix, limit).await
    }
    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.inner.by_status(status_key, limit).await
    }
}
