//! Events that wait for a condition, each an item beside what it waits for.

use domain::decision::Condition;
use events::Envelope;
use jiff::Timestamp;

use crate::commit::{Commit, Committed, Write};
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// The write that parks an event. It must be committed together with a write that raises the version
/// of what the event waits for: a commit that satisfies the condition must not overlook it.
///
/// # Errors
/// Never for a well-formed event.
pub fn parking(event: &Envelope, condition: &Condition, now: Timestamp) -> Result<Write, JournalError> {
    let key = Key::parked(&event.tenant, &event.subject, condition, event.id);
    let item = Item::new(&key, "parked", &event.tenant, event)?
        .with("body_hash", event.body_hash())
        .with("condition", condition.to_string())
        .with("recorded_at", now.to_string());
    Ok(Write::Insert { item, cause: event.id })
}

impl Journal {
    /// Whether an event waits for a condition.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn is_parked(&self, event: &Envelope, condition: &Condition) -> Result<bool, JournalError> {
        let key = Key::parked(&event.tenant, &event.subject, condition, event.id);
        Ok(self.store.get(&key).await?.is_some())
    }

    /// Every event that waits for a condition.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn parked_for(
        &self,
        tenant: &str,
        subject: &str,
        condition: &Condition,
    ) -> Result<Vec<Envelope>, JournalError> {
        let (pk, prefix) = (Key::partition(tenant, subject), Key::parked_prefix(condition));
        self.store.query(&pk, &prefix, usize::MAX).await?.iter().map(Item::body).collect()
    }
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
        let commit = Commit::default().write(parking(event, condition, now)?).write(touch);
        match self.commit(commit).await? {
            Committed::Done => Ok(true),
            // It waits already; that write raised the version too.
            Committed::Rejected(rejections) => Ok(rejections.iter().any(|r| r.position == 0)),
            Committed::Contended => Ok(false),
        }
    }
}
