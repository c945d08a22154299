//! The crosswalk: which product's record is which of ours, both ways, for ever.

use domain::id::EngagementId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// One pair of identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrosswalkEntry {
    /// Our ID.
    pub global_id: String,
    /// The connection.
    pub connection: String,
    /// Kind of record there (`project`, `invoice`, `invoice-number`, …).
    pub record_kind: String,
    /// The product's ID.
    pub local_id: String,
    /// The engagement it belongs to.
    pub engagement: String,
}

impl CrosswalkEntry {
    /// Both directions, each unique. `cause` is the event that linked them.
    ///
    /// # Errors
    /// Never for a well-formed entry.
    pub fn writes(&self, tenant: &str, cause: Uuid) -> Result<[Write; 2], JournalError> {
        let there = Key::crosswalk(tenant, &self.connection, &self.record_kind, &self.local_id);
        let back = Key::crosswalk_back(tenant, &self.global_id, &self.connection, &self.record_kind);
        let insert = |key: &Key| -> Result<Write, JournalError> {
            Ok(Write::Insert { item: Item::new(key, "crosswalk", tenant, self)?, cause })
        };
        Ok([insert(&there)?, insert(&back)?])
    }
}

/// The engagement that one of our IDs belongs to.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    engagement: EngagementId,
}

impl Journal {
    /// The write that ties one of our IDs to its engagement.
    ///
    /// # Errors
    /// Never for a well-formed ID.
    pub fn write_owner(
        &self,
        tenant: &str,
        global: &str,
        engagement: &EngagementId,
        cause: Uuid,
    ) -> Result<Write, JournalError> {
        let owner = Owner { engagement: engagement.clone() };
        Ok(Write::Insert {
            item: Item::new(&Key::owner(tenant, global), "crosswalk", tenant, &owner)?,
            cause,
        })
    }

    /// The engagement that one of our IDs belongs to.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn owner_of(&self, tenant: &str, global: &str) -> Result<Option<EngagementId>, JournalError> {
        let item = self.store.get(&Key::owner(tenant, global)).await?;
        Ok(item.map(|i| i.body::<Owner>()).transpose()?.map(|o| o.engagement))
    }

    /// What a product's ID stands for.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn by_local_id(
        &self,
        tenant: &str,
        connection: &str,
        kind: &str,
        local: &str,
    ) -> Result<Option<CrosswalkEntry>, JournalError> {
        self.store.get(&Key::crosswalk(tenant, connection, kind, local)).await?.map(|i| i.body()).transpose()
    }

    /// What our ID is in a product.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn by_global_id(
        &self,
        tenant: &str,
        global: &str,
        connection: &str,
        kind: &str,
    ) -> Result<Option<CrosswalkEntry>, JournalError> {
        self.store
            .get(&Key::crosswalk_back(tenant, global, connection, kind))
            .await?
            .map(|i| i.body())
            .transpose()
    }
}
