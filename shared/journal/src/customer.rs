//! Customers: one item a firm, shared by all its engagements.

use domain::customer::GlobalCustomer;
use domain::id::CustomerId;
use jiff::Timestamp;

use crate::commit::Write;
use crate::key::Key;
use crate::ledger::Versioned;
use crate::store::Item;
use crate::{Journal, JournalError};

impl Journal {
    /// A customer, with its version.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn customer(
        &self,
        tenant: &str,
        customer: &CustomerId,
    ) -> Result<Versioned<GlobalCustomer>, JournalError> {
        let item = self.store.get(&Key::customer(tenant, customer.as_str())).await?;
        Versioned::read(item.as_ref(), "customer")
    }

    /// The write that keeps a customer under the version that was read.
    ///
    /// # Errors
    /// Never for a well-formed customer.
    pub fn write_customer(
        &self,
        tenant: &str,
        customer: &GlobalCustomer,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::customer(tenant, customer.customer.as_str());
        let item = Item::new(&key, "customer", tenant, customer)?.with("recorded_at", now.to_string());
        Ok(Write::Replace { item, expected })
    }
}
