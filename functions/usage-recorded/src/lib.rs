//! Recorded usage is counted once a record and rated with its month; what the month costs more, or less, is a
//! billable line.

use async_trait::async_trait;
use domain::problem::ProblemCode;
use domain::usage::usage_recorded;
use domain::{Decision, Engagement, Event, Problem};
use events::Envelope;
use jiff::tz::TimeZone;
use runtime::{Context, Failure, Handler, Outcome, commit_billable};
use uuid::Uuid;

/// Handles `q2c.usage.recorded.v1`.
pub struct UsageRecorded;

fn decide(zone: &TimeZone, state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::UsageRecorded(record) => {
            // The day that counts is the business's, not UTC's; and of the telling, whenever it is read.
            let told_on = event.time.to_zoned(zone.clone()).date();
            usage_recorded(state, record, told_on)
        }
        other => Decision::Hold(Problem::new(
            ProblemCode::IllegalEvent,
            format!("{} is no recorded usage", other.type_name()),
        )),
    }
}

/// Whether an event takes something back.
fn takes_back(event: &Envelope) -> bool {
    matches!(&event.event, Event::UsageRecorded(record) if record.quantity.is_sign_negative())
}

#[async_trait]
impl Handler for UsageRecorded {
    async fn handle(
        &self,
        context: &Context,
        mut group: Vec<Envelope>,
    ) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        let Some(tenant) = group.first().map(|e| e.tenant.clone()) else { return vec![] };
        // What is taken back may have come in the same batch, and no queue keeps the order.
        group.sort_by_key(takes_back);
        let read = async {
            let config = context.connect.tenant(&tenant).await?;
            Ok::<_, Failure>((config, context.business_time_zone(&tenant).await?))
        };
        match read.await {
            Ok((config, zone)) => {
                commit_billable(context, group, &config, &|state, event| decide(&zone, state, event)).await
            }
            Err(failure) => {
                let failed = || Failure::new(failure.reason.clone());
                group.iter().map(|e| (e.id, Err(failed()))).collect()
            }
        }
    }
}
