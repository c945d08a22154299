//! An index that lags behind its table: what it does not show yet, or still shows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{about, activate, engagement_id, now};
use domain::id::{InvoiceId, LineId};
use domain::invoice::Invoice;
use domain::sample::{active, entry, quote};
use domain::{Event, billing};
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Journal, Key, Op, Store, StoreError, apply_group};

/// A table whose index shows what it was told to, whatever the table holds.
struct Lagging {
    table: Arc<MemoryStore>,
    shown: Vec<Item>,
}

#[async_trait]
impl Store for Lagging {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.table.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.table.get_many(keys).await
    }
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.table.write(ops).await
    }
    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.table.query(pk, sk_prefix, limit).await
    }
    async fn by_status(&self, _: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        Ok(self.shown.iter().take(limit).cloned().collect())
    }
}

/// An active engagement with one billed hour, and the hour's line.
async fn with_a_line() -> (Arc<MemoryStore>, LineId) {
    let table = Arc::new(MemoryStore::new());
    let journal = Journal::new(table.clone());
    activate(&journal, &active(&quote())).await;
    let worked = entry("1", "consultant", "2026-11-16", 60);
    let line = billing::line_of(&worked.connection, "time", &worked.entry);
    let event = about("1", Event::TimeApproved(worked.clone()));
    apply_group(&journal, "test", &[event], now(), &|state, _| billing::time_approved(state, &worked))
        .await
        .expect("applies");
    (table, line)
}

async fn collected(store: Lagging, name: &str, required: &[LineId]) -> Invoice {
    let (journal, id) = (Journal::new(Arc::new(store)), InvoiceId::derive(&[name]));
    let fresh = Invoice::request(&active(&quote()), id.clone(), name.into());
    let write = journal.write_invoice("northwind", &engagement_id(), &fresh, 0, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    let known = journal.invoice("northwind", &engagement_id(), &id).await.unwrap();
    let taken = journal.collect_lines("northwind", &engagement_id(), known, required, now()).await.unwrap();
    taken.body.expect("an invoice")
}

/// A milestone asks for its invoice in the moment in which its line is written.
#[tokio::test]
async fn a_line_that_is_named_is_found_before_the_index_shows_it() {
    let (table, line) = with_a_line().await;
    let unnamed = collected(Lagging { table: table.clone(), shown: vec![] }, "unnamed", &[]).await;
    assert_eq!(unnamed.line_count, 0);
    let named = collected(Lagging { table, shown: vec![] }, "named", &[line]).await;
    assert_eq!(named.line_count, 1);
}

/// What the index still shows as ready is looked at in the table before it is taken.
#[tokio::test]
async fn a_line_that_is_taken_already_is_not_taken_again() {
    let (table, line) = with_a_line().await;
    let ready = table.items().into_iter().filter(|i| i.text("kind") == Some("line")).collect::<Vec<_>>();
    let first = collected(Lagging { table: table.clone(), shown: ready.clone() }, "first", &[]).await;
    let second = collected(Lagging { table, shown: ready }, "second", &[line]).await;
    assert_eq!((first.line_count, second.line_count), (1, 0));
}
