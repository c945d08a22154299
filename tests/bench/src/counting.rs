//! Everything that would be a call to AWS, counted where it leaves our code.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use events::Envelope;
use journal::memory::MemoryStore;
use journal::{Item, Key, Op, Store, StoreError};
use runtime::{Bus, MessageQueue, PublishError, SecretSource};
use serde::Serialize;

use crate::units::{consistent_read, eventual_read, index_write, size, table_write};

/// EventBridge takes at most this many entries in one call.
const ENTRIES_A_CALL: usize = 10;
/// Every started 64 KB of an entry is billed as an event.
const BILLED_ENTRY: usize = 64 * 1024;

/// What was used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    reads: usize,
    queries: usize,
    single_writes: usize,
    transactions: usize,
    bus_calls: usize,
    secret_calls: usize,
    queue_calls: usize,
    half_read_units: usize,
    write_units: usize,
    index_write_units: usize,
    bus_entries: usize,
}

/// A counter that the counting parts share.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<Tally>>);

impl Counter {
    /// What was used since the last call.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut *self.0.lock().expect("no panic while counting"))
    }

    fn add(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.0.lock().expect("no panic while counting"));
    }
}

/// A table in memory that counts.
pub(crate) struct CountingStore {
    pub(crate) table: Arc<MemoryStore>,
    pub(crate) counter: Counter,
}

impl CountingStore {
    async fn present(&self, ops: &[Op]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut items = Vec::new();
        for op in ops {
            items.push(self.table.get(&op.key()).await?);
        }
        Ok(items)
    }
}

#[async_trait]
impl Store for CountingStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let item = self.table.get(key).await?;
        self.counter.add(|t| {
            t.reads += 1;
            t.half_read_units += consistent_read(item.as_ref().map_or(0, size));
        });
        Ok(item)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let items = self.table.get_many(keys).await?;
        let missing = keys.len() - items.len();
        self.counter.add(|t| {
            t.reads += keys.len().div_ceil(100);
            t.half_read_units += items.iter().map(|i| consistent_read(size(i))).sum::<usize>();
            t.half_read_units += missing * consistent_read(0);
        });
        Ok(items)
    }

    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let in_transaction = ops.len() > 1;
        let keys: Vec<Key> = ops.iter().map(Op::key).collect();
        let before = self.present(&ops).await?;
        let written = self.table.write(ops).await;
        self.counter.add(|t| *if in_transaction { &mut t.transactions } else { &mut t.single_writes } += 1);
        for (key, old) in keys.iter().zip(&before) {
            // A write whose condition fails is billed for the item that is there.
            let new = self.table.get(key).await?;
            self.counter.add(|t| {
                t.write_units += table_write(old.as_ref(), new.as_ref(), in_transaction);
                t.index_write_units += index_write(old.as_ref(), new.as_ref());
            });
        }
        written
    }

    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let items = self.table.query(pk, sk_prefix, limit).await?;
        self.counter.add(|t| {
            t.queries += 1;
            t.half_read_units += consistent_read(items.iter().map(size).sum());
        });
        Ok(items)
    }

    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let items = self.table.by_status(status_key, limit).await?;
        self.counter.add(|t| {
            t.queries += 1;
            t.half_read_units += eventual_read(items.iter().map(size).sum());
        });
        Ok(items)
    }
}

/// A bus that takes everything and counts what EventBridge would bill.
pub(crate) struct CountingBus(pub(crate) Counter);

#[async_trait]
impl Bus for CountingBus {
    async fn publish(&self, events: Vec<Envelope>) -> Result<(), PublishError> {
        let billed =
            |event| serde_json::to_string(event).map_or(0, |d| d.len()).div_ceil(BILLED_ENTRY).max(1);
        self.0.add(|t| {
            t.bus_calls += events.len().div_ceil(ENTRIES_A_CALL);
            t.bus_entries += events.iter().map(billed).sum::<usize>();
        });
        Ok(())
    }
}

/// Credentials that are good for nothing.
pub(crate) struct CountingSecrets(pub(crate) Counter);

#[async_trait]
impl SecretSource for CountingSecrets {
    async fn secret(&self, _: &str) -> Result<String, String> {
        self.0.add(|t| t.secret_calls += 1);
        Ok(r#"{"signing_secrets":["not-a-secret"],"api_token":"not-a-token"}"#.into())
    }
}

/// A queue that nobody reads.
pub(crate) struct CountingQueue(pub(crate) Counter);

#[async_trait]
impl MessageQueue for CountingQueue {
    async fn send(&self, _: String) -> Result<(), String> {
        self.0.add(|t| t.queue_calls += 1);
        Ok(())
    }
}
