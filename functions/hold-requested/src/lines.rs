//! Holding and releasing a billable line.

use domain::Status;
use domain::billing::LineStatus;
use domain::billing::hold::{HeldLine, HoldReason, HoldRequested, ReleaseRequested};
use domain::billing::readiness::{Facts, check};
use domain::id::LineId;
use events::Envelope;
use journal::{Commit, JournalError, LineRecord};
use runtime::{Context, Failure, Standing, ready_events};

use super::Next;

/// Holds a line that may be invoiced.
pub(crate) async fn hold(
    context: &Context,
    event: &Envelope,
    asked: &HoldRequested,
    line: &LineId,
) -> Result<Next, Failure> {
    let Some((standing, record)) = known(context, event, line).await? else { return Ok(unknown(line)) };
    let LineRecord { line: billable, status, hold, .. } = record;
    match (status, hold) {
        (LineStatus::Held, Some(hold)) => {
            Ok(Next::Nothing(format!("line {line} is held already: {}", hold.detail)))
        }
        (LineStatus::Ready, _) => {
            let held = HeldLine::by_person(line.clone(), billable.amount, asked);
            let summary = held.problem.detail.clone();
            let (function, now) = (context.function, context.clock.now());
            let state = &standing.state;
            let (writes, told) =
                context.journal.hold_line(function, event, state, (&billable, &held), now)?;
            Ok(Next::Apply(Commit { writes, ..Commit::default() }.emit([told]), summary))
        }
        (status, _) => Ok(Next::Refuse(format!("line {line} is {} and can't be held", status.name()))),
    }
}

/// Releases a held line, unless something else keeps it from being billed: then it is held for that.
pub(crate) async fn release(
    context: &Context,
    event: &Envelope,
    asked: &ReleaseRequested,
    line: &LineId,
) -> Result<Next, Failure> {
    let config = context.connect.tenant(&event.tenant).await?;
    let Some((standing, record)) = known(context, event, line).await? else { return Ok(unknown(line)) };
    let Some(hold) = record.hold.clone().filter(|_| record.status == LineStatus::Held) else {
        return Ok(Next::Nothing(format!("line {line} is {} and not held", record.status.name())));
    };
    let Some(engagement) = standing.state.body.as_ref() else { return Ok(unknown(line)) };
    let (journal, function, now) = (&context.journal, context.function, context.clock.now());
    let facts = Facts { config: &config, customer: standing.customer.as_ref() };
    match check(&record.line, engagement, &facts) {
        Some(found) if hold.reason == HoldReason::Person => {
            let summary = format!("released by {}, and held: {}", asked.requested_by, found.problem.detail);
            let lines = (&record.line, &found, &hold);
            let (writes, told) = journal.hold_line_on(function, event, &standing.state, lines, now).await?;
            Ok(Next::Apply(Commit { writes, ..Commit::default() }.emit([told]), summary))
        }
        Some(found) => Ok(Next::Nothing(format!("still: {}", found.problem.detail))),
        None => {
            let told = ready_events(engagement, &record, &config);
            let told = told.into_iter().map(|e| event.concluded(function, &event.subject, line, e));
            let lines = (&record.line, &hold);
            let writes = journal.release_line(&event.tenant, &standing.state, lines, now).await?;
            let summary = format!("line {line} released by {}: {}", asked.requested_by, asked.reason);
            Ok(Next::Apply(Commit { writes, ..Commit::default() }.emit(told.collect::<Vec<_>>()), summary))
        }
    }
}

async fn known(
    context: &Context,
    event: &Envelope,
    line: &LineId,
) -> Result<Option<(Standing, LineRecord)>, JournalError> {
    let (tenant, subject) = (event.tenant.as_str(), event.subject.as_str());
    let standing = Standing::read(context, tenant, subject).await?;
    let record = context.journal.line(tenant, subject, line.as_str()).await?;
    Ok(record.filter(|_| standing.state.body.is_some()).map(|record| (standing, record)))
}

fn unknown(line: &LineId) -> Next {
    Next::Refuse(format!("there is no line {line}"))
}
