//! When an engagement is compared with what the other systems hold.

use std::collections::BTreeSet;

use domain::id::EngagementId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commit::Write;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// The next comparison of an engagement, and what the last one found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The engagement.
    pub engagement: EngagementId,
    /// When it is due.
    pub due_at: Timestamp,
    /// When it was compared last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_at: Option<Timestamp>,
    /// What differed then, in words; empty where all agreed.
    #[serde(default)]
    pub difference: String,
    /// The later version that the CRM held as approved and that was carried on as a change order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u32>,
    /// The statements of work of that version that were carried on so; empty where all of it was.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missed_statements: BTreeSet<String>,
}

impl Comparison {
    /// Its item, listed by when it is due.
    fn item(&self, tenant: &str) -> Result<Item, JournalError> {
        let key = Key::comparison(tenant, self.engagement.as_str());
        Ok(Item::new(&key, "comparison", tenant, self)?
            .with("status_key", due_key(tenant))
            .with("status_at", self.due_at.to_string()))
    }
}

fn due_key(tenant: &str) -> String {
    format!("tenant#{tenant}#comparison")
}

impl Journal {
    /// The write that puts a comparison in the place of the one that was read at a version (0: none yet).
    ///
    /// # Errors
    /// Never for a well-formed comparison.
    pub fn write_comparison(
        &self,
        tenant: &str,
        comparison: &Comparison,
        expected: u64,
    ) -> Result<Write, JournalError> {
        Ok(Write::Replace { item: comparison.item(tenant)?, expected })
    }

    /// An engagement's comparison, with the item's version.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn comparison(
        &self,
        tenant: &str,
        engagement: &EngagementId,
    ) -> Result<(u64, Option<Comparison>), JournalError> {
        let item = self.store.get(&Key::comparison(tenant, engagement.as_str())).await?;
        Ok(match item {
            None => (0, None),
            Some(item) => (item.version(), Some(item.body()?)),
        })
    }

    /// Comparisons that are due at a moment, the longest overdue first, with their versions. As the
    /// index shows them: it may lag.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn comparisons_due(
        &self,
        tenant: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Comparison>, JournalError> {
        let items = self.store.by_status(&due_key(tenant), most).await?;
        let all: Vec<Comparison> = items.iter().map(Item::body).collect::<Result<_, _>>()?;
        Ok(all.into_iter().take_while(|c| c.due_at <= now).collect())
    }

    /// Engagements that are or were active, those that are compared next first: over a day, each comes to the
    /// front once. As the index shows them.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn engagements(&self, tenant: &str, most: usize) -> Result<Vec<EngagementId>, JournalError> {
        let items = self.store.by_status(&due_key(tenant), most).await?;
        items.iter().map(|item| item.body::<Comparison>().map(|c| c.engagement)).collect()
    }
}
