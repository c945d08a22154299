//! Parking an event that a function decides on by itself, outside of a group.

use domain::decision::Condition;
use events::Envelope;
use jiff::Timestamp;

use crate::commit::{Commit, Committed, Write};
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// The record of an event that waits for a condition.
pub(crate) fn parked(event: &Envelope, condition: &Condition, now: Timestamp) -> Result<Item, JournalError> {
    let key = Key::parked(&event.tenant, &event.subject, condition, event.id);
    Ok(Item::new(&key, "parked", &event.tenant, event)?
        .with("body_hash", event.body_hash())
        .with("condition", condition.to_string())
        .with("recorded_at", now.to_string()))
}

impl Journal {
    /// Parks an event until a condition holds, as decided on the engagement's state of a version.
    /// Gives whether it is parked: not where the state changed in the meantime, which must be read again.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn park(
        &self,
        event: &Envelope,
        condition: &Condition,
        version: u64,
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        let touch =
            Write::Touch { key: Key::state(&event.tenant, &event.subject), kind: "state", expected: version };
        let item = parked(event, condition, now)?;
        let commit = Commit::default().write(Write::Insert { item, cause: event.id }).write(touch);
        match self.commit(commit).await? {
            Committed::Done => Ok(true),
            // It waits already; that write raised the version too.
            Committed::Rejected(rejections) => Ok(rejections.iter().any(|r| r.position == 0)),
            Committed::Contended => Ok(false),
        }
    }
}
