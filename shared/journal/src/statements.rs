//! The statements of work of an engagement, kept for ever. They change only in the commit that brings a
//! version of the contract into force.

use domain::Contract;
use domain::id::EngagementId;
use domain::statement_of_work::{Draft, StatementApproval, StatementOfWork, next};
use jiff::Timestamp;

use crate::commit::Write;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// A version of the contract that comes into force, as far as statements of work go.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// The statements that its quote has beside it and nobody has approved yet.
    pub drafted: &'a [Draft],
    /// What brought it into force.
    pub approval: &'a StatementApproval,
}

impl Journal {
    /// The statements of work of an engagement, by name.
    ///
    /// # Errors
    /// When the table can't be read, or an item has another form than expected.
    pub async fn statements_of_work(
        &self,
        tenant: &str,
        engagement: &str,
    ) -> Result<Vec<StatementOfWork>, JournalError> {
        self.statement_items(tenant, engagement).await?.iter().map(Item::body).collect()
    }

    /// The writes that bring the statements of work to where they stand with a new version of the
    /// contract: for the commit that brings it into force, which must hold the engagement's state.
    ///
    /// # Errors
    /// When the table can't be read; when a statement may not become what it would.
    pub async fn write_statements_of_work(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        version: NewVersion<'_>,
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let items = self.statement_items(tenant, engagement.as_str()).await?;
        let known: Vec<StatementOfWork> = items.iter().map(Item::body).collect::<Result<_, _>>()?;
        let NewVersion { contract, drafted, approval } = version;
        let changed = next(&known, engagement, contract, drafted, approval)
            .map_err(|e| JournalError::Decision(e.to_string()))?;
        let write = |statement: StatementOfWork| {
            let key = Key::statement_of_work(tenant, engagement.as_str(), &statement.statement);
            let expected = items.iter().find(|item| item.key() == key).map_or(0, Item::version);
            let item = Item::new(&key, "statement-of-work", tenant, &statement)?
                .with("recorded_at", now.to_string());
            Ok(Write::Replace { item, expected })
        };
        changed.into_iter().map(write).collect()
    }

    async fn statement_items(&self, tenant: &str, engagement: &str) -> Result<Vec<Item>, JournalError> {
        let partition = Key::partition(tenant, engagement);
        Ok(self.store.query(&partition, "statement-of-work#", usize::MAX).await?)
    }
}
