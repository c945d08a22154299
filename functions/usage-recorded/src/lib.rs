//! Recorded usage is counted once a record and rated with its month; what the month costs more, or less, is a
//! billable line.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::billing::{LineStatus, line_of};
use domain::problem::ProblemCode;
use domain::usage::{USAGE, usage_recorded};
use domain::{Decision, Engagement, Event, Problem};
use events::Envelope;
use jiff::tz::TimeZone;
use runtime::{Context, Failure, Handler, Outcome, commit_billable};
use uuid::Uuid;

/// Handles `q2c.usage.recorded.v1`.
pub struct UsageRecorded;

fn decide(
    zone: &TimeZone,
    taken_off: &BTreeSet<Uuid>,
    state: Option<&Engagement>,
    event: &Envelope,
) -> Decision {
    match &event.event {
        // Its line was given up, so taking it back would give the customer what he never paid.
        Event::UsageRecorded(record) if taken_off.contains(&event.id) => {
            let corrects = record.corrects.as_deref().unwrap_or_default();
            let what =
                format!("record {}: the line of {corrects} was written off or credited", record.record);
            Decision::Hold(Problem::new(ProblemCode::UsageChanged, what))
        }
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

/// Of events that take something back, those of which the line was written off or credited for good.
async fn taken_off(context: &Context, group: &[Envelope]) -> Result<BTreeSet<Uuid>, Failure> {
    let mut found = BTreeSet::new();
    for event in group {
        let Event::UsageRecorded(record) = &event.event else { continue };
        let Some(corrects) = &record.corrects else { continue };
        let line = line_of(&record.connection, USAGE, corrects);
        let known = context.journal.line(&event.tenant, &event.subject, line.as_str()).await?;
        let gone = |status| matches!(status, LineStatus::WrittenOff | LineStatus::Credited);
        if known.is_some_and(|known| gone(known.status)) {
            found.insert(event.id);
        }
    }
    Ok(found)
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
            let (config, zone) = context.business(&tenant).await?;
            Ok::<_, Failure>((config, zone, taken_off(context, &group).await?))
        };
        match read.await {
            Ok((config, zone, gone)) => {
                let decide =
                    |state: Option<&Engagement>, event: &Envelope| decide(&zone, &gone, state, event);
                commit_billable(context, group, &config, &decide).await
            }
            Err(failure) => failure.of_each(group.iter().map(|e| e.id)),
        }
    }
}
