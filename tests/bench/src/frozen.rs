//! A table that answers every read from what it was made with and forgets every write: what a
//! handler does is then the same however many events it has handled.

use std::sync::Arc;

use async_trait::async_trait;
use journal::memory::MemoryStore;
use journal::{Item, Key, Op, Store, StoreError};

/// A table that never changes.
pub(crate) struct Frozen(pub(crate) Arc<MemoryStore>);

#[async_trait]
impl Store for Frozen {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.0.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.0.get_many(keys).await
    }
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        drop(ops);
        Ok(())
    }
    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.0.query(pk, sk_prefix, limit).await
    }
    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.0.by_status(status_key, limit).await
    }
}
