//! What the PSA reports of an engagement's project: where it stands, and who is on it.

use domain::delivery::{Delivery, Told, stopped};
use domain::event::{ProjectStatusChanged, RecordChanged as Changed};
use domain::id::EngagementId;
use domain::problem::ProblemCode;
use domain::{Event, TenantConfig};
use events::Envelope;
use jiff::Timestamp;
use journal::{Commit, EntryOutcome, Item, JournalEntry, JournalError};
use runtime::{Context, Failure, Outcome};

use crate::{MOST_ROUNDS, entered, quarantine};

/// Takes a report over, in one commit with what is told of it.
pub(crate) async fn take(
    context: &Context,
    event: &Envelope,
    change: &Changed,
    config: &TenantConfig,
) -> Result<Outcome, Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let engagement = EngagementId::try_from(event.subject.clone());
    let engagement = engagement.map_err(|e| JournalError::Decision(e.to_string()))?;
    for _ in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let known = journal.delivery(tenant, &event.subject).await?;
        let mut delivery = known.body.unwrap_or_else(|| Delivery::new(engagement.clone()));
        let (outcome, summary, told) = match delivery.apply(change) {
            Told::Refused(problem) => return quarantine(context, event, problem).await,
            Told::Nothing(why) => (EntryOutcome::NoEffect, why, None),
            Told::Confirmed(summary) => (EntryOutcome::Applied, summary, None),
            Told::Changed(told, summary) => (EntryOutcome::Applied, summary, Some(*told)),
        };
        let mut commit = Commit::default().entry(tenant, &JournalEntry::of(event, outcome, summary, now))?;
        if outcome == EntryOutcome::Applied {
            commit = commit.write(journal.write_delivery(tenant, &delivery, known.version, now)?);
        }
        if let Some(told) = told {
            if let Event::ProjectStatusChanged(changed) = &told {
                commit = attended(context, event, changed, config, (commit, now)).await?;
            }
            commit = commit.emit([event.concluded(context.function, &event.subject, 0, told)]);
        }
        // Where something else was told of the project meanwhile, what it is now decides what is late.
        if let Some(outcome) = entered(&journal.commit(commit).await?, outcome) {
            return Ok(outcome);
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}

/// The commit, with the exception of a project that stops, or without the one of a project that goes on.
async fn attended(
    context: &Context,
    event: &Envelope,
    changed: &ProjectStatusChanged,
    config: &TenantConfig,
    (commit, now): (Commit, Timestamp),
) -> Result<Commit, JournalError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    if !changed.status.is_stopped(config) {
        return goes_on(context, event, (commit, now)).await;
    }
    let state = journal.engagement(tenant, &event.subject).await?.body;
    match state.and_then(|engagement| stopped(&engagement, changed, config)) {
        Some(problem) => {
            let (raised, announced) = journal.raising(context.function, event, problem, now)?;
            Ok(commit.write(raised).emit([announced]))
        }
        None => Ok(commit),
    }
}

/// Settles what was raised because the project had stopped, and nothing else of this function.
async fn goes_on(
    context: &Context,
    event: &Envelope,
    (mut commit, now): (Commit, Timestamp),
) -> Result<Commit, JournalError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let other = |e: &Item| e.text("code") != Some(ProblemCode::ProjectStopped.as_str());
    let settled = journal.settle_exceptions_but(tenant, &event.subject, context.function, other, now).await?;
    commit.writes.extend(settled);
    Ok(commit)
}
