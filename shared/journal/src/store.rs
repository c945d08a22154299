//! The little that the journal needs of a database.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::JournalError;
use crate::key::Key;

/// An item as JSON. Money is text in it, numbers are whole: nothing is ever a float.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item(pub Map<String, Value>);

impl Item {
    /// An item of a kind, with the fields of a body.
    ///
    /// # Errors
    /// When the body is no JSON object.
    pub fn new(key: &Key, kind: &str, tenant: &str, body: &impl Serialize) -> Result<Self, JournalError> {
        let malformed = |detail: String| JournalError::Malformed { key: key.to_string(), detail };
        let Value::Object(mut map) = serde_json::to_value(body).map_err(|e| malformed(e.to_string()))? else {
            return Err(malformed("the body is no object".into()));
        };
        // Absent beats null: an index key may not be null, and a smaller item costs less.
        map.retain(|_, value| !value.is_null());
        for (name, value) in [("pk", key.pk.as_str()), ("sk", &key.sk), ("kind", kind), ("tenant", tenant)] {
            map.insert(name.into(), value.into());
        }
        Ok(Self(map))
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(self.text("pk").unwrap_or_default(), self.text("sk").unwrap_or_default())
    }

    /// A text field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Its version; an item that does not exist has version 0.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.get("version").and_then(Value::as_u64).unwrap_or(0)
    }

    /// The body it was made of.
    ///
    /// # Errors
    /// When it does not have that form.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, JournalError> {
        T::deserialize(&self.0)
            .map_err(|e| JournalError::Malformed { key: self.key().to_string(), detail: e.to_string() })
    }
}

/// What must hold of an item for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Anything,
    /// It does not exist.
    Absent,
    /// It has this version; 0 means it does not exist.
    Version(u64),
    /// It exists and the field has this value.
    Field(&'static str, String),
    /// It exists, the first field has this value, and the other field is absent.
    FieldWithout(&'static str, String, &'static str),
    /// It does not exist, or the field sorts before this value.
    AbsentOrBefore(&'static str, String),
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes the whole item.
    Put {
        /// The item.
        item: Item,
        /// What must hold of the present one.
        expect: Expect,
    },
    /// Sets and removes fields, creating the item where it does not exist.
    Update {
        /// Which item.
        key: Key,
        /// Fields to set.
        set: Map<String, Value>,
        /// Fields to remove.
        remove: Vec<&'static str>,
        /// What must hold of the present one.
        expect: Expect,
    },
    /// Removes the item.
    Delete {
        /// Which item.
        key: Key,
    },
}

impl Op {
    /// The item it writes.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Put { item, .. } => item.key(),
            Self::Update { key, .. } | Self::Delete { key } => key.clone(),
        }
    }
}

/// Why a write or read did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Expectations were not met; for each, the operation's position and the item as it is.
    #[error("{} expectation(s) not met", .0.len())]
    Unmet(Vec<(usize, Option<Item>)>),
    /// Another transaction is at the same items right now.
    #[error("the item is being written by another transaction")]
    Contention,
    /// The table can't be reached, or asks us to slow down.
    #[error("the table is unavailable: {0}")]
    Unavailable(String),
    /// The write breaks a limit of the table: it will never succeed.
    #[error("the table refuses the write: {0}")]
    Refused(String),
}

/// A table with conditional and transactional writes.
#[async_trait]
pub trait Store: Send + Sync {
    /// One item, strongly consistent.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;

    /// Those of many items that exist, strongly consistent, in the order of the keys.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError>;

    /// All writes or none. One write costs half of what it costs in a transaction, so a
    /// single operation is written plainly.
    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError>;

    /// Items of a partition whose sort key starts with a prefix, strongly consistent, in order.
    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError>;

    /// Items of the `by-status` index, oldest first; may lag behind the table.
    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError>;

    /// Those of them whose `status_at` comes after a text: the next page of a list.
    async fn by_status_after(
        &self,
        status_key: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let all = self.by_status(status_key, usize::MAX).await?;
        let later = all.into_iter().filter(|item| item.text("status_at").is_some_and(|at| at > after));
        Ok(later.take(limit).collect())
    }
}
