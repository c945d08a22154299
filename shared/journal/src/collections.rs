//! What was told of invoices' collections, and which of them are to be looked at.

use domain::collections::{CollectionsChanged, ToldCollections};
use domain::id::{EngagementId, InvoiceId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::ledger::Versioned;
use crate::store::Item;
use crate::{Journal, JournalError};

fn due_key(tenant: &str) -> String {
    format!("tenant#{tenant}#collections")
}

impl Journal {
    /// What was told of an invoice's collections, with its version.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn told_collections(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
    ) -> Result<Versioned<ToldCollections>, JournalError> {
        let key = Key::collections(tenant, engagement.as_str(), invoice.as_str());
        Versioned::read(self.store.get(&key).await?.as_ref(), "invoice")
    }

    /// What was told of all invoices of an engagement.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn collections_of(
        &self,
        tenant: &str,
        engagement: &EngagementId,
    ) -> Result<Vec<ToldCollections>, JournalError> {
        let pk = Key::partition(tenant, engagement.as_str());
        self.store.query(&pk, "collections#", usize::MAX).await?.iter().map(Item::body).collect()
    }

    /// The write that asks to look at an invoice's collections again, for the commit that changes the invoice. Both
    /// are under their versions, so whoever tells of it meanwhile must look again.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn look_again(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let known = self.told_collections(tenant, engagement, invoice).await?;
        let told = known.body.unwrap_or_else(|| ToldCollections::new(invoice.clone()));
        self.write_told_collections(tenant, engagement, &told.to_be_looked_at(now), known.version, now)
    }

    /// The write of what was told. It is listed by when it is to be looked at, and not at all where it is not.
    ///
    /// # Errors
    /// Never for a well-formed record.
    pub fn write_told_collections(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        told: &ToldCollections,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::collections(tenant, engagement.as_str(), told.invoice.as_str());
        let item = Item::new(&key, "collections", tenant, told)?
            .with("engagement", engagement.as_str())
            .with("recorded_at", now.to_string());
        let item = match told.look_at {
            // Of one length, so that texts sort as moments do.
            Some(at) => item.with("status_key", due_key(tenant)).with("status_at", format!("{at:.9}")),
            None => item,
        };
        Ok(Write::Replace { item, expected })
    }

    /// Invoices that are to be looked at by a moment, the longest due first, each with its engagement. As the index
    /// shows them: it may lag.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn collections_due(
        &self,
        tenant: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<(EngagementId, InvoiceId)>, JournalError> {
        let mut due = Vec::new();
        for item in self.store.by_status(&due_key(tenant), most).await? {
            let told: ToldCollections = item.body()?;
            if told.look_at.is_none_or(|at| at > now) {
                break;
            }
            let engagement = item.text("engagement").unwrap_or_default().to_owned();
            if let Ok(engagement) = EngagementId::try_from(engagement) {
                due.push((engagement, told.invoice));
            }
        }
        Ok(due)
    }

    /// The write that keeps a change that was told. Once: it must not exist.
    ///
    /// # Errors
    /// Never for a well-formed change.
    pub fn write_collections_change(
        &self,
        tenant: &str,
        told: &CollectionsChanged,
        event: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let (engagement, invoice) = (told.engagement.as_str(), told.invoice.as_str());
        let key = Key::collections_change(tenant, engagement, invoice, told.change);
        let item = Item::new(&key, "collections-change", tenant, told)?
            .with("event", event.to_string())
            .with("recorded_at", now.to_string());
        Ok(Write::Insert { item, cause: event })
    }
}
