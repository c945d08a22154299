//! Approved time becomes billable lines, priced at the rate in force on the day worked.

use async_trait::async_trait;
use domain::problem::ProblemCode;
use domain::{Decision, Engagement, Event, Problem, billing};
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, commit_group};

/// Handles `q2c.time.approved.v1`.
pub struct TimeApproved;

fn decide(state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::TimeApproved(entry) => billing::time_approved(state, entry),
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
        commit_group(context, group, &decide).await
    }
}
