//! Approved time becomes billable lines, priced at the rate in force on the day worked, with what
//! the work costs between legal entities and subcontractors beside them.

use async_trait::async_trait;
use domain::problem::ProblemCode;
use domain::{Decision, Engagement, Event, Problem, TenantConfig, staffing};
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, commit_billable};

/// Handles `q2c.time.approved.v1`.
pub struct TimeApproved;

fn decide(config: &TenantConfig, state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::TimeApproved(entry) => staffing::time_approved(state, entry, config),
        other => Decision::Hold(Problem::new(
            ProblemCode::IllegalEvent,
            format!("{} is no approved time", other.type_name()),
        )),
    }
}

#[async_trait]
impl Handler for TimeApproved {
    async fn handle(
        &self,
        context: &Context,
        group: Vec<Envelope>,
    ) -> Vec<(uuid::Uuid, Result<Outcome, Failure>)> {
        let Some(tenant) = group.first().map(|e| e.tenant.clone()) else { return vec![] };
        match context.connect.tenant(&tenant).await {
            Ok(config) => {
                commit_billable(context, group, &config, &|state, event| decide(&config, state, event)).await
            }
            Err(error) => Failure::from(error).of_each(group.iter().map(|e| e.id)),
        }
    }
}
