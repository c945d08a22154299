//! A table in memory with the same conditions, for tests and simulations in one process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::key::Key;
use crate::store::{Expect, Item, Op, Store, StoreError};

/// A table in memory.
#[derive(Default)]
pub struct MemoryStore {
    items: Mutex<BTreeMap<Key, Item>>,
    inserted: Mutex<Vec<Item>>,
}

impl MemoryStore {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything in it, in key order.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        self.lock().values().cloned().collect()
    }

    /// Items inserted since the last call, as the stream would deliver them.
    #[must_use]
    pub fn drain_stream(&self) -> Vec<Item> {
        std::mem::take(&mut *self.inserted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(expect: &Expect, current: Option<&Item>) -> bool {
    match expect {
        Expect::Anything => true,
        Expect::Absent => current.is_none(),
        Expect::Version(0) => current.is_none(),
        Expect::Version(version) => current.is_some_and(|i| i.version() == *version),
        Expect::Field(name, value) => current.and_then(|i| i.text(name)) == Some(value),
        Expect::AbsentOrBefore(name, value) => {
            current.is_none_or(|i| i.text(name).is_some_and(|present| present < value.as_str()))
        }
    }
}

fn expectation(op: &Op) -> &Expect {
    match op {
        Op::Put { expect, .. } | Op::Update { expect, .. } => expect,
        Op::Delete { .. } => &Expect::Anything,
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        Ok(self.lock().get(key).cloned())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let items = self.lock();
        Ok(keys.iter().filter_map(|k| items.get(k).cloned()).collect())
    }

    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let mut items = self.lock();
        let unmet: Vec<(usize, Option<Item>)> = ops
            .iter()
            .enumerate()
            .map(|(i, op)| (i, op, items.get(&op.key())))
            .filter(|(_, op, current)| !holds(expectation(op), *current))
            .map(|(i, _, current)| (i, current.cloned()))
            .collect();
        if !unmet.is_empty() {
            return Err(StoreError::Unmet(unmet));
        }
        for op in ops {
            match op {
                Op::Put { item, .. } => {
                    let key = item.key();
                    if !items.contains_key(&key) {
                        self.inserted.lock().unwrap_or_else(PoisonError::into_inner).push(item.clone());
                    }
                    items.insert(key, item);
                }
                Op::Update { key, set, remove, .. } => {
                    let item = items.entry(key.clone()).or_insert_with(|| {
                        Item::default().with("pk", key.pk.clone()).with("sk", key.sk.clone())
                    });
                    item.0.extend(set);
                    for name in remove {
                        item.0.remove(name);
                    }
                }
                Op::Delete { key } => {
                    items.remove(&key);
                }
            }
        }
        Ok(())
    }

    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let items = self.lock();
        let found = items.iter().filter(|(k, _)| k.pk == pk && k.sk.starts_with(sk_prefix));
        Ok(found.take(limit).map(|(_, i)| i.clone()).collect())
    }

    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let items = self.lock();
        let mut found: Vec<Item> = items
            .values()
            .filter(|i| i.0.get("status_key").and_then(Value::as_str) == Some(status_key))
            .cloned()
            .collect();
        found.sort_by(|a, b| a.text("status_at").cmp(&b.text("status_at")));
        found.truncate(limit);
        Ok(found)
    }
}
