//! What a change order means for recurring charges: when the next is due, and what was billed too much.

use domain::change_order::ChangeOrder;
use domain::engagement::Engagement;
use domain::id::EngagementId;
use domain::recurring::{ChargeCalendar, charge_line};
use events::Envelope;
use journal::{Commit, JournalError};
use runtime::Context;
use workflow::StepError;

/// Where exceptions about billed periods belong. Not to this function: it settles its own once an order is in
/// force, and these are there because of that.
const STAGE: &str = "charge-due";

/// What is told of retainers that the order ends, of which more was drawn than is left. It is decided on the state
/// that the order comes into force on: whoever draws writes it.
pub(crate) fn overdrawn(
    context: &Context,
    event: &Envelope,
    order: &ChangeOrder,
    engagement: &Engagement,
) -> Result<Commit, JournalError> {
    let problem = order.overdrawn(engagement).map_err(|e| JournalError::Decision(e.to_string()))?;
    let Some(problem) = problem else { return Ok(Commit::default()) };
    let (raised, announced) = context.journal.raising(STAGE, event, problem, context.clock.now())?;
    Ok(Commit::default().write(raised).emit([announced]))
}

/// The commit, with the calendar as the next version has it, and an exception for each period that was billed
/// with more than the order leaves of it. It is decided on the lines as they are under the state's version:
/// whoever bills a period writes the state.
pub(crate) async fn charged(
    context: &Context,
    event: &Envelope,
    order: &ChangeOrder,
    mut commit: Commit,
) -> Result<Commit, StepError> {
    if order.from.recurring == order.to.recurring && order.from.deposits == order.to.deposits {
        return Ok(commit);
    }
    let decision = |e: String| JournalError::Decision(e);
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let engagement = EngagementId::try_from(event.subject.clone()).map_err(|e| decision(e.to_string()))?;
    let known = journal.charge_calendar(tenant, &event.subject).await?;
    let calendar = known.body.unwrap_or_else(|| ChargeCalendar::new(engagement.clone()));
    let calendar = calendar.under(&order.to).map_err(|e| decision(e.to_string()))?;
    commit = commit.write(journal.write_charge_calendar(tenant, &calendar, known.version, now)?);
    for cut in order.cut_short(&calendar.next) {
        let line = charge_line(&engagement, &cut.charge, cut.period);
        let billed = journal.line(tenant, &event.subject, line.as_str()).await?;
        if let Some(problem) = billed.and_then(|known| cut.overbilled(&known.line)) {
            let (raised, announced) = journal.raising(STAGE, event, problem, now)?;
            commit = commit.write(raised).emit([announced]);
        }
    }
    Ok(commit)
}
