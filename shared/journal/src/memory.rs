//! A table in memory with the same conditions, for tests and simulations in one process.
//!
//! It refuses what DynamoDB refuses, so that a simulation can't do what production can't.

mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::key::Key;
use crate::store::{Expect, Item, Op, Store, StoreError};

use self::limits::Place;

/// Keys in one batch read of DynamoDB.
const KEYS_A_READ: usize = 100;

#[derive(Default)]
struct Table {
    items: BTreeMap<Key, Item>,
    /// The index `by-status`: `status_key`, then `status_at`.
    by_status: BTreeMap<String, BTreeSet<(String, Key)>>,
    inserted: Vec<Item>,
}

impl Table {
    /// Puts or removes an item, and keeps index and stream in step with it.
    fn set(&mut self, key: Key, item: Option<Item>) {
        let before = match &item {
            Some(item) => self.items.insert(key.clone(), item.clone()),
            None => self.items.remove(&key),
        };
        let (was, is) = (before.as_ref().and_then(status), item.as_ref().and_then(status));
        if was != is {
            if let Some((status, at)) = was
                && let Some(listed) = self.by_status.get_mut(status)
            {
                listed.remove(&(at.to_owned(), key.clone()));
                if listed.is_empty() {
                    self.by_status.remove(status);
                }
            }
            if let Some((status, at)) = is {
                self.by_status.entry(status.to_owned()).or_default().insert((at.to_owned(), key));
            }
        }
        if before.is_none() {
            self.inserted.extend(item);
        }
    }
}

/// What the index lists an item by; an item that lacks one of both is not in it.
fn status(item: &Item) -> Option<(&str, &str)> {
    item.text("status_key").zip(item.text("status_at"))
}

/// A table in memory.
#[derive(Default)]
pub struct MemoryStore(Mutex<Table>);

impl MemoryStore {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything in it, in key order.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        self.lock().items.values().cloned().collect()
    }

    /// What of it is so, in key order. Nothing else is copied.
    pub fn matching(&self, is: impl Fn(&Item) -> bool) -> Vec<Item> {
        self.lock().items.values().filter(|item| is(item)).cloned().collect()
    }

    /// Puts items into it as if they had always been there: no conditions, no limits, no stream.
    /// For measurements that begin with a full table.
    pub fn fill(&self, items: impl IntoIterator<Item = Item>) {
        let mut table = self.lock();
        let seen = table.inserted.len();
        for item in items {
            table.set(item.key(), Some(item));
            table.inserted.truncate(seen);
        }
    }

    /// Items inserted since the last call, as the stream would deliver them.
    #[must_use]
    pub fn drain_stream(&self) -> Vec<Item> {
        std::mem::take(&mut self.lock().inserted)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(expect: &Expect, current: Option<&Item>) -> bool {
    match expect {
        Expect::Anything => true,
        Expect::Absent | Expect::Version(0) => current.is_none(),
        Expect::Version(version) => {
            current.is_some_and(|i| i.0.get("version").and_then(serde_json::Value::as_u64) == Some(*version))
        }
        Expect::Field(name, value) => current.and_then(|i| i.text(name)) == Some(value),
        Expect::FieldWithout(name, value, absent) => {
            current.is_some_and(|i| i.text(name) == Some(value) && !i.0.contains_key(*absent))
        }
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

/// The item after a write.
fn written(op: Op, current: Option<&Item>) -> Option<Item> {
    match op {
        Op::Put { item, .. } => Some(item),
        Op::Update { key, set, remove, .. } => {
            let mut item = current
                .cloned()
                .unwrap_or_else(|| Item::default().with("pk", key.pk.as_str()).with("sk", key.sk.as_str()));
            item.0.extend(set);
            for name in remove {
                item.0.remove(name);
            }
            Some(item)
        }
        Op::Delete { .. } => None,
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        limits::key(key)?;
        Ok(self.lock().items.get(key).cloned())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        for chunk in keys.chunks(KEYS_A_READ) {
            chunk.iter().try_for_each(limits::key)?;
            if chunk.iter().collect::<BTreeSet<_>>().len() < chunk.len() {
                return Err(StoreError::Refused("a key twice in one batch read".into()));
            }
        }
        let table = self.lock();
        let mut found: Vec<Item> = keys.iter().filter_map(|k| table.items.get(k).cloned()).collect();
        if keys.len() > KEYS_A_READ {
            // A key of two batches comes twice, one after the other.
            found.sort_by_cached_key(|item| keys.iter().position(|k| *k == item.key()));
        }
        Ok(found)
    }

    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        limits::request(&ops)?;
        let mut table = self.lock();
        let (mut results, mut unmet) = (Vec::with_capacity(ops.len()), Vec::new());
        for (position, op) in ops.into_iter().enumerate() {
            let key = op.key();
            let current = table.items.get(&key);
            if !holds(expectation(&op), current) {
                unmet.push((position, current.cloned()));
                continue;
            }
            let updated = matches!(op, Op::Update { .. });
            let item = written(op, current);
            if let (true, Some(item)) = (updated, &item) {
                limits::item(item, Place::Result)?;
            }
            results.push((key, item));
        }
        if !unmet.is_empty() {
            return Err(StoreError::Unmet(unmet));
        }
        for (key, item) in results {
            table.set(key, item);
        }
        Ok(())
    }

    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let table = self.lock();
        let from = table.items.range(Key::new(pk, sk_prefix)..);
        let found = from.take_while(|(k, _)| k.pk == pk && k.sk.starts_with(sk_prefix));
        Ok(found.take(limit).map(|(_, i)| i.clone()).collect())
    }

    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let table = self.lock();
        let listed = table.by_status.get(status_key).into_iter().flatten().take(limit);
        Ok(listed.filter_map(|(_, key)| table.items.get(key).cloned()).collect())
    }
}
