//! A customer: who it is in each system, and what the ERPs say of it now.

use domain::activation::CustomerFacts;
use domain::customer::OBJECT;
use domain::id::{CustomerId, EngagementId};
use domain::routing::Selects;
use journal::CrosswalkEntry;
use runtime::Context;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::{ApiError, Kind};

/// Records, terms of the latest known contract, and each ERP's word on hold and limit.
pub(super) async fn customer(context: &Context, caller: &Caller, id: &CustomerId) -> Result<Value, ApiError> {
    let missing = || ApiError::new(Kind::NotFound, "there is no such customer");
    let (tenant, journal) = (&caller.tenant, &context.journal);
    let links = journal.crosswalk_of(tenant, id.as_str()).await?;
    let first = links.first().ok_or_else(missing)?;
    let engagement = EngagementId::try_from(first.engagement.clone()).map_err(ApiError::inside)?;
    let state = journal.engagement(tenant, engagement.as_str()).await?.body.ok_or_else(missing)?;
    let mut accounts = Vec::new();
    let mut sound = true;
    let config = context.connect.tenant(tenant).await?;
    // The CRM's company is linked as well; hold and limit are the ERP's, of former ones too.
    let erps = config.routing.ever_given(Selects::Erp);
    let in_erp = |l: &&CrosswalkEntry| l.record_kind == OBJECT && erps.contains(l.connection.as_str());
    for link in links.iter().filter(in_erp) {
        let erp = context.connect.erp(&link.connection).await?;
        let facts = erp.customer_facts(&link.local_id).await?;
        let over = over_limit(&facts);
        sound &= !facts.on_hold && !over;
        accounts.push(json!({
            "connection": link.connection, "id": link.local_id, "on_hold": facts.on_hold,
            "credit_limit": facts.credit_limit, "receivable": facts.receivable, "over_limit": over,
        }));
    }
    let record = &state.customer_record;
    Ok(json!({
        "customer": id,
        "name": record.name,
        "country": record.country,
        "has_tax_registration": record.tax_registration.is_some(),
        "legal_entity": state.contract.legal_entity,
        "payment_terms": state.contract.payment_terms,
        "accounts": accounts,
        "may_be_sold_to": sound,
    }))
}

/// Whether a customer owes more than it may. A limit that can't be compared counts as exceeded: a
/// person decides, it is never skipped.
fn over_limit(facts: &CustomerFacts) -> bool {
    let (Some(limit), Some(owed)) = (facts.credit_limit, facts.receivable) else { return false };
    owed.exceeds(limit).unwrap_or(true)
}
