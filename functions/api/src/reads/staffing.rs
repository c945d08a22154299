//! Who delivers an engagement, at which rates, and where its project stands.

use domain::TenantConfig;
use domain::delivery::{Delivery, ResourceAssignment};
use domain::engagement::Engagement;
use domain::id::EngagementId;
use jiff::civil::Date;
use runtime::Context;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::ApiError;

/// The assignments as the PSA told them last, each with the contract's rate of today for its role and the
/// resource that its person is to us. People are named by the PSA's IDs.
pub(super) async fn of(context: &Context, caller: &Caller, id: &EngagementId) -> Result<Value, ApiError> {
    let engagement = super::engagement(context, caller, id).await?;
    let config = context.connect.tenant(&caller.tenant).await?;
    let today = context.business_day(&config).map_err(ApiError::inside)?;
    let known = context.journal.delivery(&caller.tenant, id.as_str()).await?.body;
    let delivery = known.unwrap_or_else(|| Delivery::new(id.clone()));
    let assignments = delivery.assignments.iter().map(|a| shown(a, &engagement, &config, today));
    Ok(json!({
        "engagement": id,
        "project": engagement.records.project,
        "status": delivery.status,
        "assignments": assignments.collect::<Vec<_>>(),
    }))
}

fn shown(
    assignment: &ResourceAssignment,
    engagement: &Engagement,
    config: &TenantConfig,
    today: Date,
) -> Value {
    let planned = assignment.planned.as_ref();
    // What a fee covers has no rate of its own, though the same role may be sold by the hour elsewhere.
    let rated = planned.is_none_or(|role| role.rated);
    let rate = engagement.contract.rate_card.in_force(&assignment.role, today).filter(|_| rated);
    let resource = assignment.person.as_deref().and_then(|person| config.resource_of(person, today));
    json!({
        "record": assignment.record,
        "role": assignment.role,
        "status": assignment.status,
        "person": assignment.person,
        "legal_entity": resource.map(|r| &r.legal_entity),
        "employment": resource.map(|r| r.employment),
        "service": planned.map(|role| &role.service),
        "quote_line": planned.map(|role| &role.quote_line),
        "planned_hours": planned.and_then(|role| role.planned_hours),
        "hourly": rate.map(|rate| rate.hourly),
        "as_of": assignment.as_of,
    })
}
