//! What a write finds decides whether it happens: each kind of write against an item that has moved on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::now;
use jiff::SignedDuration;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Cursor, Item, Journal, Key, Op, Store, StoreError, Write};
use serde_json::{Map, json};
use uuid::Uuid;

fn key() -> Key {
    Key::new("tenant#northwind#eng_1", "state")
}

fn item(content: &str) -> Item {
    Item::new(&key(), "state", "northwind", &json!({"content": content, "status": "open"})).unwrap()
}

fn when(status: &str) -> Write {
    let set = Map::from_iter([("content".into(), "changed".into())]);
    Write::When { key: key(), field: ("status", status.into()), set, remove: vec![] }
}

fn when_without(without: &'static str) -> Write {
    let set = Map::from_iter([("content".into(), "changed".into())]);
    Write::WhenWithout { key: key(), field: ("status", "open".into()), without, set, remove: vec![] }
}

/// A journal whose item was written twice: it has version 2.
async fn moved_on() -> (Journal, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    for expected in 0..2 {
        let write = Write::Replace { item: item("as it is"), expected };
        assert!(happens(&journal, write).await);
    }
    (journal, store)
}

async fn happens(journal: &Journal, write: Write) -> bool {
    matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done)
}

#[tokio::test]
async fn a_write_that_expects_what_is_gone_changes_nothing() {
    let refused = [
        Write::Insert { item: item("other"), cause: Uuid::nil() },
        Write::Replace { item: item("other"), expected: 1 },
        Write::Replace { item: item("other"), expected: 0 },
        Write::Touch { key: key(), kind: "state", expected: 1 },
        Write::Touch { key: key(), kind: "state", expected: 0 },
        Write::Supersede { item: item("other"), field: ("status", "held".into()) },
        when("resolved"),
        when_without("content"),
    ];
    for write in refused {
        let (journal, store) = moved_on().await;
        let before = store.items();
        assert!(!happens(&journal, write.clone()).await, "{write:?}");
        assert_eq!(store.items(), before, "{write:?}");
    }
}

#[tokio::test]
async fn a_write_that_expects_what_is_there_happens() {
    let taken = [
        Write::Replace { item: item("other"), expected: 2 },
        Write::Touch { key: key(), kind: "state", expected: 2 },
        Write::Supersede { item: item("other"), field: ("status", "open".into()) },
        when("open"),
        when_without("corrected"),
    ];
    for write in taken {
        let (journal, store) = moved_on().await;
        let before = store.items();
        assert!(happens(&journal, write.clone()).await, "{write:?}");
        assert_ne!(store.items(), before, "{write:?}");
    }
}

/// Whoever read before a touch must read again.
#[tokio::test]
async fn a_touch_lets_nobody_through_who_read_before_it() {
    let (journal, _) = moved_on().await;
    assert!(happens(&journal, Write::Touch { key: key(), kind: "state", expected: 2 }).await);
    assert!(!happens(&journal, Write::Replace { item: item("other"), expected: 2 }).await);
    assert!(happens(&journal, Write::Replace { item: item("other"), expected: 3 }).await);
}

/// A table at which another transaction is at work.
struct Busy;

#[async_trait]
impl Store for Busy {
    async fn get(&self, _: &Key) -> Result<Option<Item>, StoreError> {
        Ok(None)
    }
    async fn get_many(&self, _: &[Key]) -> Result<Vec<Item>, StoreError> {
        Ok(vec![])
    }
    async fn write(&self, _: Vec<Op>) -> Result<(), StoreError> {
        Err(StoreError::Contention)
    }
    async fn query(&self, _: &str, _: &str, _: usize) -> Result<Vec<Item>, StoreError> {
        Ok(vec![])
    }
    async fn by_status(&self, _: &str, _: usize) -> Result<Vec<Item>, StoreError> {
        Ok(vec![])
    }
}

#[tokio::test]
async fn a_commit_that_met_another_has_not_happened() {
    let write = Write::Replace { item: item("other"), expected: 0 };
    let committed = Journal::new(Arc::new(Busy)).commit(Commit::default().write(write)).await.unwrap();
    assert!(matches!(committed, Committed::Contended), "{committed:?}");
}

/// A poll that stood still must not put the cursor back behind one that went on.
#[tokio::test]
async fn a_cursor_is_not_put_back() {
    let journal = Journal::new(Arc::new(MemoryStore::new()));
    let at = |minutes| Cursor { read_to: now() + SignedDuration::from_mins(minutes), seen: vec![] };
    for (version, minutes) in [(0, 1), (1, 9), (1, 5)] {
        journal.advance_cursor("northwind", "kantata-main", version, &at(minutes)).await.unwrap();
    }
    assert_eq!(journal.cursor("northwind", "kantata-main").await.unwrap(), (2, Some(at(9))));
}
