//! A period of a recurring charge that fell due becomes a billable line and asks for an invoice.

use async_trait::async_trait;
use domain::problem::ProblemCode;
use domain::recurring::charge_due;
use domain::{Decision, Engagement, Event, Problem};
use events::Envelope;
use jiff::tz::TimeZone;
use runtime::{Context, Failure, Handler, Outcome, commit_billable};
use uuid::Uuid;

/// Handles `q2c.charge.due.v1`.
pub struct ChargeDue;

fn decide(zone: &TimeZone, state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::ChargeDue(due) => {
            // The day that counts is the business's, not UTC's; and of the telling, whenever it is read.
            let told_on = event.time.to_zoned(zone.clone()).date();
            charge_due(state, due, told_on)
        }
        other => Decision::Hold(Problem::new(
            ProblemCode::IllegalEvent,
            format!("{} is no period of a charge", other.type_name()),
        )),
    }
}

#[async_trait]
impl Handler for ChargeDue {
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
