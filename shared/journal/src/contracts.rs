//! Every version of an engagement's contract, and its revenue schedule, kept for ever: what was
//! invoiced under a version can be recomputed from it.

use domain::Contract;
use domain::id::EngagementId;
use domain::revenue::RevenueSchedule;
use jiff::Timestamp;
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

impl Journal {
    /// The write that keeps a version of the contract. It never changes: the write must be its first.
    ///
    /// # Errors
    /// Never for a well-formed contract.
    pub fn write_contract(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        contract: &Contract,
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::contract(tenant, engagement.as_str(), contract.version);
        let item = Item::new(&key, "contract", tenant, contract)?.with("recorded_at", now.to_string());
        Ok(Write::Insert { item, cause })
    }

    /// A version of the contract.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn contract(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        version: u32,
    ) -> Result<Option<Contract>, JournalError> {
        let key = Key::contract(tenant, engagement.as_str(), version);
        self.store.get(&key).await?.map(|i| i.body()).transpose()
    }

    /// The revenue schedule of a version of the contract, if one was kept.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn revenue_schedule(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        version: u32,
    ) -> Result<Option<RevenueSchedule>, JournalError> {
        let key = Key::revenue_schedule(tenant, engagement.as_str(), version);
        self.store.get(&key).await?.map(|i| i.body()).transpose()
    }

    /// The write that keeps the revenue schedule of a version of the contract.
    ///
    /// # Errors
    /// Never for a well-formed schedule.
    pub fn write_revenue_schedule(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        schedule: &RevenueSchedule,
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::revenue_schedule(tenant, engagement.as_str(), schedule.contract_version);
        let item =
            Item::new(&key, "revenue-schedule", tenant, schedule)?.with("recorded_at", now.to_string());
        Ok(Write::Insert { item, cause })
    }
}
