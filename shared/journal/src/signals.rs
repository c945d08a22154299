//! What was announced of an engagement before its activation could begin: kept with its state, under
//! the same version, so that of two announcements at once the second sees the first.

use std::collections::BTreeSet;

use domain::activation::Signal;
use jiff::Timestamp;

use crate::commit::Write;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// The field of the state's item that holds them.
const FIELD: &str = "signals";

/// What was announced of an engagement so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signals {
    /// Version of the state's item; 0 where there is none.
    pub version: u64,
    /// What was announced.
    pub seen: BTreeSet<Signal>,
    /// Whether the engagement has a state: then its activation has begun, and nothing is kept here.
    pub begun: bool,
}

impl Journal {
    /// What was announced of an engagement so far.
    ///
    /// # Errors
    /// When the table can't be reached, or the item has another form than expected.
    pub async fn signals(&self, tenant: &str, engagement: &str) -> Result<Signals, JournalError> {
        let key = Key::state(tenant, engagement);
        let Some(item) = self.store().get(&key).await? else {
            return Ok(Signals { version: 0, seen: BTreeSet::new(), begun: false });
        };
        let seen = match item.0.get(FIELD) {
            Some(value) => serde_json::from_value(value.clone())
                .map_err(|e| JournalError::Malformed { key: key.to_string(), detail: e.to_string() })?,
            None => BTreeSet::new(),
        };
        Ok(Signals { version: item.version(), seen, begun: item.text("engagement").is_some() })
    }

    /// The write of what was announced of an engagement that has no state yet.
    ///
    /// # Errors
    /// Never for a well-formed engagement.
    pub fn write_signals(
        &self,
        tenant: &str,
        engagement: &str,
        seen: &BTreeSet<Signal>,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let body = serde_json::json!({ FIELD: seen });
        let item = Item::new(&Key::state(tenant, engagement), "state", tenant, &body)?;
        Ok(Write::Replace { item: item.with("recorded_at", now.to_string()), expected })
    }
}
