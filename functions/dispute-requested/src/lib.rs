//! A customer contests a posted invoice: recorded with what it was billed on, and ended by somebody's decision.
//!
//! Whoever records or ends a dispute raises the version of its invoice, so that two at once never contest the same.

mod record;
mod resolve;

use async_trait::async_trait;
use domain::id::EngagementId;
use domain::invoice::Invoice;
use domain::{Event, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Key, Versioned, Write};
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Writers that may meet at one invoice: its posting, payments, credit memos, other disputes.
const MOST_ROUNDS: usize = 20;

/// Handles `q2c.dispute.requested.v1` and `q2c.dispute-resolution.requested.v1`.
pub struct DisputeRequested;

#[async_trait]
impl Handler for DisputeRequested {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move { Box::pin(take(context, event)).await }).await
    }
}

async fn take(context: &Context, event: &Envelope) -> Result<Outcome, Failure> {
    let owner = EngagementId::try_from(event.subject.clone())
        .map_err(|e| JournalError::Decision(format!("only an engagement's invoice is contested: {e}")))?;
    let known = match &event.event {
        Event::DisputeRequested(asked) => &asked.invoice,
        Event::DisputeResolutionRequested(asked) => &asked.invoice,
        other => return Err(Failure::new(format!("{} is no dispute", other.type_name()))),
    };
    for _ in 0..MOST_ROUNDS {
        let invoice = context.journal.invoice(&event.tenant, &owner, known).await?;
        let (commit, outcome) = match &event.event {
            Event::DisputeRequested(asked) => {
                record::decide(context, event, (&owner, &invoice), asked).await?
            }
            Event::DisputeResolutionRequested(asked) => {
                resolve::decide(context, event, (&owner, &invoice), asked).await?
            }
            other => return Err(Failure::new(format!("{} is no dispute", other.type_name()))),
        };
        match context.journal.commit(commit).await? {
            Committed::Done => return Ok(outcome),
            // The entry stands: what was decided on this event was decided before.
            Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(Outcome::Duplicate),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(known.to_string()).into())
}

/// The beginning of every commit: its entry first, so that a rejection there means a duplicate.
fn entry(
    context: &Context,
    event: &Envelope,
    outcome: EntryOutcome,
    summary: String,
) -> Result<Commit, JournalError> {
    Commit::default().entry(&event.tenant, &JournalEntry::of(event, outcome, summary, context.clock.now()))
}

/// A refusal is over: what is reported later is another request. The invoice's version is raised with it, so that a
/// repetition that decides at the same time can't decide otherwise.
fn refuse(
    context: &Context,
    event: &Envelope,
    (owner, invoice): (&EngagementId, &Versioned<Invoice>),
    problem: Problem,
) -> Result<(Commit, Outcome), Failure> {
    let now = context.clock.now();
    let (raise, raised) = context.journal.raising(context.function, event, problem.clone(), now)?;
    let commit = entry(context, event, EntryOutcome::Held, problem.to_string())?.write(raise).emit([raised]);
    let commit = match &invoice.body {
        None => commit,
        Some(body) => commit.write(Write::Touch {
            key: Key::invoice(&event.tenant, owner.as_str(), body.invoice.as_str()),
            kind: "invoice",
            expected: invoice.version,
        }),
    };
    Ok((commit, Outcome::Held))
}
