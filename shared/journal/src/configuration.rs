//! Configuration and cursors, kept in the same table.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::store::{Expect, Item, Op, StoreError};
use crate::{Journal, JournalError};

/// How far a connection's log was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything that happened before was read.
    pub read_to: Timestamp,
    /// Events that the last read showed: what the next one's overlap will show again.
    #[serde(default)]
    pub seen: Vec<String>,
}

impl Journal {
    /// A configuration item's body, which is JSON text written by `infra/configure.py`.
    ///
    /// # Errors
    /// When it can't be read or does not have the expected form.
    pub async fn configuration<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, JournalError> {
        let Some(item) = self.store.get(key).await? else { return Ok(None) };
        let body = item.text("body").unwrap_or_default();
        serde_json::from_str(body)
            .map(Some)
            .map_err(|e| JournalError::Malformed { key: key.to_string(), detail: e.to_string() })
    }

    /// How far a connection's log was read, with the item's version.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn cursor(
        &self,
        tenant: &str,
        connection: &str,
    ) -> Result<(u64, Option<Cursor>), JournalError> {
        let item = self.store.get(&Key::cursor(tenant, connection)).await?;
        Ok(match item {
            None => (0, None),
            Some(item) => (item.version(), Some(item.body()?)),
        })
    }

    /// Moves a cursor on. Where another run moved it in the meantime, that run's word stands.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn advance_cursor(
        &self,
        tenant: &str,
        connection: &str,
        version: u64,
        cursor: &Cursor,
    ) -> Result<(), JournalError> {
        let item = Item::new(&Key::cursor(tenant, connection), "cursor", tenant, cursor)?
            .with("version", version + 1);
        match self.store.write(vec![Op::Put { item, expect: Expect::Version(version) }]).await {
            Ok(()) | Err(StoreError::Unmet(_)) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}
