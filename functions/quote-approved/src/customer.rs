//! The customer of a quote: matched with the ERP's accounts before anything is written, kept as one
//! record when the engagement becomes active.

use std::collections::BTreeMap;

use domain::TenantConfig;
use domain::activation::{CustomerFacts, Matched};
use domain::customer::{GlobalCustomer, Learned, Parent};
use domain::id::CustomerId;
use domain::policy::LegalEntity;
use domain::quote::Customer;
use events::Envelope;
use jiff::Timestamp;
use journal::{JournalError, Write};
use runtime::{Context, Systems};
use serde::{Deserialize, Serialize};

use crate::Accepted;
use crate::set_up::SetUp;

/// What was found of the customer before anything was written; journalled with what was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The account that the customer is; none where one is to be made.
    pub(crate) account: Option<String>,
    /// The company that it belongs to.
    pub(crate) parent: Option<FoundParent>,
    /// What the ERP knew of its credit.
    pub(crate) facts: CustomerFacts,
    /// When CRM and ERP were read.
    pub(crate) at: Timestamp,
}

/// The company that the customer belongs to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FoundParent {
    /// Its global ID.
    pub(crate) customer: CustomerId,
    /// Its account; none where one is to be made.
    pub(crate) account: Option<String>,
}

/// What is kept of a search whose findings were all settled.
pub(crate) fn found(matched: Matched, facts: CustomerFacts, at: Timestamp) -> Found {
    let parent = matched.parent.map(|p| FoundParent { customer: p.customer, account: p.account });
    Found { account: matched.account, parent, facts, at }
}

/// The writes that keep the customer, and the company that it belongs to, under the versions that
/// they were read with.
pub(crate) async fn keep(
    context: &Context,
    config: &TenantConfig,
    event: &Envelope,
    systems: &Systems,
    accepted: &Accepted,
    made: &SetUp,
) -> Result<Vec<Write>, JournalError> {
    let Some(entity) = config.legal_entity(&accepted.contract.legal_entity) else { return Ok(vec![]) };
    let keeper = Keeper { context, config, event, entity, accepted };
    let facts = accepted.found.as_ref().map(|f| &f.facts);
    let (crm, erp) = (systems.crm.connection(), systems.erp.connection());
    let records = |record: &Customer, account: &str| {
        BTreeMap::from([(crm.to_owned(), record.company.clone()), (erp.to_owned(), account.to_owned())])
    };
    let above = accepted.record.parent.as_deref().zip(made.parent.as_ref());
    let parent = above.map(|(record, (customer, _))| Parent {
        customer: customer.clone(),
        company: record.company.clone(),
    });
    let own = records(&accepted.record, &made.customer.record);
    let mut writes = vec![keeper.write(&accepted.customer, &accepted.record, facts, parent, own).await?];
    if let Some((record, (customer, account))) = above {
        let own = records(record, &account.record);
        writes.push(keeper.write(customer, record, None, None, own).await?);
    }
    Ok(writes)
}

/// What is the same for every customer that an activation keeps.
struct Keeper<'a> {
    context: &'a Context,
    config: &'a TenantConfig,
    event: &'a Envelope,
    entity: &'a LegalEntity,
    accepted: &'a Accepted,
}

impl Keeper<'_> {
    async fn write(
        &self,
        customer: &CustomerId,
        record: &Customer,
        facts: Option<&CustomerFacts>,
        parent: Option<Parent>,
        records: BTreeMap<String, String>,
    ) -> Result<Write, JournalError> {
        let (tenant, journal) = (self.event.tenant.as_str(), &self.context.journal);
        let learned = Learned {
            record,
            entity: self.entity,
            payment_terms: &self.accepted.contract.payment_terms,
            facts,
            parent,
            records,
            // What was accepted before this was recorded was read when it was approved, or later.
            at: self.accepted.found.as_ref().map_or(self.event.time, |f| f.at),
        };
        let known = journal.customer(tenant, customer).await?;
        let kept = match known.body {
            Some(known) => known.again(&learned, &self.config.ownership),
            None => GlobalCustomer::new(customer.clone(), &learned),
        };
        journal.write_customer(tenant, &kept, known.version, self.context.clock.now())
    }
}
