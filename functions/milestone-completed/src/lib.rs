//! A completed, accepted milestone becomes a billable line and asks for an invoice.

use async_trait::async_trait;
use domain::problem::ProblemCode;
use domain::{Decision, Engagement, Event, Problem, billing};
use events::Envelope;
use jiff::tz::TimeZone;
use runtime::{Context, Failure, Handler, Outcome, commit_billable};
use uuid::Uuid;

/// Handles `q2c.milestone.completed.v1`.
pub struct MilestoneCompleted;

fn decide(zone: &TimeZone, state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::MilestoneCompleted(completion) => {
            // The day that counts is the business's, not UTC's.
            let day = completion.completed_at.to_zoned(zone.clone()).date();
            billing::milestone_completed(state, completion, day)
        }
        other => Decision::Hold(Problem::new(
            ProblemCode::IllegalEvent,
            format!("{} is no milestone", other.type_name()),
        )),
    }
}

#[async_trait]
impl Handler for MilestoneCompleted {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        let Some(tenant) = group.first().map(|e| e.tenant.clone()) else { return vec![] };
        match context.business(&tenant).await {
            Ok((config, zone)) => {
                commit_billable(context, group, &config, &|state, event| decide(&zone, state, event)).await
            }
            Err(failure) => failure.of_each(group.iter().map(|e| e.id)),
        }
    }
}
