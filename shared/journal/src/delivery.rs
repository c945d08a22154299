//! Delivery as the PSA tells it: one item an engagement, beside its state, so that neither waits for
//! the other.

use domain::delivery::Delivery;
use jiff::Timestamp;

use crate::commit::Write;
use crate::key::Key;
use crate::ledger::Versioned;
use crate::store::Item;
use crate::{Journal, JournalError};

impl Journal {
    /// What is known of an engagement's delivery, with its version.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn delivery(
        &self,
        tenant: &str,
        engagement: &str,
    ) -> Result<Versioned<Delivery>, JournalError> {
        let item = self.store.get(&Key::delivery(tenant, engagement)).await?;
        Versioned::read(item.as_ref(), "engagement")
    }

    /// The write that keeps it under the version that was read.
    ///
    /// # Errors
    /// Never for a well-formed delivery.
    pub fn write_delivery(
        &self,
        tenant: &str,
        delivery: &Delivery,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::delivery(tenant, delivery.engagement.as_str());
        let item = Item::new(&key, "delivery", tenant, delivery)?.with("recorded_at", now.to_string());
        Ok(Write::Replace { item, expected })
    }
}
