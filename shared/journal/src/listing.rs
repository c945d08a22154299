//! What people and apps ask the journal for: lists out of a partition or the index, bounded.

use domain::problem::Owner;

use crate::crosswalk::CrosswalkEntry;
use crate::exception::open_key;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

impl Journal {
    /// Items of a subject whose sort key starts with a prefix, at most `limit`, in order of the key.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn listed(
        &self,
        tenant: &str,
        subject: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<Item>, JournalError> {
        Ok(self.store.query(&Key::partition(tenant, subject), prefix, limit).await?)
    }

    /// Open exceptions of an owner, oldest first, at most `limit`. The index may lag behind the table.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn open_exceptions(
        &self,
        tenant: &str,
        owner: Owner,
        limit: usize,
    ) -> Result<Vec<Item>, JournalError> {
        Ok(self.store.by_status(&open_key(tenant, owner), limit).await?)
    }

    /// Every record in another system that stands for one of our IDs.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn crosswalk_of(
        &self,
        tenant: &str,
        global: &str,
    ) -> Result<Vec<CrosswalkEntry>, JournalError> {
        let pk = Key::owner(tenant, global).pk;
        self.store.query(&pk, "crosswalk#", usize::MAX).await?.iter().map(Item::body).collect()
    }
}
