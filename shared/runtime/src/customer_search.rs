//! Who a customer is in its ERP, asked before anything is written and by whoever only wants to know.

use connectors::role::Erp;
use domain::activation::{Assignment, CustomerFacts, Matched, assign, match_accounts};
use domain::customer::OBJECT;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::CustomerId;
use domain::quote::{Customer, Quote};
use domain::{Problem, TenantConfig};
use workflow::StepError;

use crate::connect::ConnectError;
use crate::context::Context;

/// A customer's account and its parent's as the ERP has them, or what a person must settle, and
/// the credit of an account that is known.
pub struct Searched {
    /// The accounts that the customer and its parent are, or what stands in the way.
    pub matched: Result<Matched, Vec<Problem>>,
    /// What the ERP knows of the account's credit.
    pub facts: CustomerFacts,
}

/// What the rules in force give to a quote, and who its customer is in the ERP that they give.
pub struct Placed {
    /// Its systems and codes; none where the rules give it none.
    pub assigned: Option<Assignment>,
    /// Why the rules give it none. A legal entity that is not configured is a finding of the checks.
    pub unassigned: Option<Problem>,
    /// Its customer, searched for in that ERP; as nobody knows it where there is none.
    pub searched: Searched,
}

/// Assigns a quote that a CRM reported to its systems and searches its ERP for the customer. Where
/// the quote names no project template, it gets the one that a rule gives. Reads only.
///
/// # Errors
/// When the ERP or the table can't be read, or the tenant's time zone is not known.
pub async fn place(
    context: &Context,
    config: &TenantConfig,
    tenant: &str,
    crm: &str,
    quote: &mut Quote,
) -> Result<Placed, StepError> {
    let today = context.business_day(config).map_err(ConnectError::Unknown)?;
    let (assigned, unassigned) = match assign(quote, crm, config, today) {
        Some(Ok(assignment)) => (Some(assignment), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    let searched = match &assigned {
        Some(assignment) => {
            let erp = context.connect.erp(&assignment.systems.erp).await?;
            search(context, tenant, crm, erp.as_ref(), &quote.customer).await?
        }
        // Without an ERP there is nobody to ask; the finding about the legal entity says so.
        None => Searched { matched: Ok(Matched::default()), facts: CustomerFacts::default() },
    };
    if quote.project_template.is_none() {
        quote.project_template = assigned.as_ref().and_then(|a| a.project_template.clone());
    }
    Ok(Placed { assigned, unassigned, searched })
}

/// Searches the ERP for the customer and for the company that it belongs to.
async fn search(
    context: &Context,
    tenant: &str,
    crm: &str,
    erp: &dyn Erp,
    record: &Customer,
) -> Result<Searched, StepError> {
    let (customer, linked, accounts) = like(context, tenant, crm, erp, record).await?;
    let sought = Sought { customer: &customer, linked: linked.as_deref(), record };
    let above = match record.parent.as_deref() {
        Some(parent) => Some((parent, like(context, tenant, crm, erp, parent).await?)),
        None => None,
    };
    let parent = above.as_ref().map(|(record, (customer, linked, accounts))| {
        (Sought { customer, linked: linked.as_deref(), record }, accounts.as_slice())
    });
    let matched = match_accounts(&sought, &accounts, parent);
    // Nobody is asked about an account that is in doubt; a new one has no hold and owes nothing.
    let facts = match matched.as_ref().ok().and_then(|m| m.account.as_deref()) {
        Some(account) => erp.customer_facts(account).await?,
        None => CustomerFacts::default(),
    };
    Ok(Searched { matched, facts })
}

type Like = (CustomerId, Option<String>, Vec<ErpCustomer>);

/// A firm's global ID, the account it was linked with before, and the accounts that it may be.
async fn like(
    context: &Context,
    tenant: &str,
    crm: &str,
    erp: &dyn Erp,
    record: &Customer,
) -> Result<Like, StepError> {
    let customer = CustomerId::of_company(tenant, crm, &record.company);
    let linked = context.journal.by_global_id(tenant, customer.as_str(), erp.connection(), OBJECT).await?;
    let linked = linked.map(|pair| pair.local_id);
    let accounts =
        erp.customers_like(&Sought { customer: &customer, linked: linked.as_deref(), record }).await?;
    Ok((customer, linked, accounts))
}
