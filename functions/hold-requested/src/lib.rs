//! Lines and invoices are held, and released, by people: each once, and only while that is possible.

mod invoices;
mod lines;

use async_trait::async_trait;
use domain::billing::hold::HoldTarget;
use domain::problem::ProblemCode;
use domain::{Event, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, Failure, Handler, Outcome, each, taken_before};
use uuid::Uuid;

/// Others that may write the same line or invoice.
const MOST_ROUNDS: usize = 20;

/// Handles `q2c.hold.requested.v1` and `q2c.release.requested.v1`.
pub struct Holds;

/// What is to become of a request.
enum Next {
    /// It has these effects, which an event beside them tells.
    Apply(Commit, String),
    /// It changes nothing, for a reason.
    Nothing(String),
    /// It comes too late, or is about nothing that we know.
    Refuse(String),
}

#[async_trait]
impl Handler for Holds {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move { Box::pin(take(context, event)).await }).await
    }
}

/// Takes a request, once.
async fn take(context: &Context, event: &Envelope) -> Result<Outcome, Failure> {
    for _ in 0..MOST_ROUNDS {
        if let Some(before) = taken_before(context, event).await? {
            return Ok(before);
        }
        let next = match &event.event {
            Event::HoldRequested(asked) => match &asked.target {
                HoldTarget::Line(line) => lines::hold(context, event, asked, line).await?,
                HoldTarget::Invoice(invoice) => invoices::hold(context, event, asked, invoice).await?,
            },
            Event::ReleaseRequested(asked) => match &asked.target {
                HoldTarget::Line(line) => lines::release(context, event, asked, line).await?,
                HoldTarget::Invoice(invoice) => invoices::release(context, event, asked, invoice).await?,
            },
            other => return Err(Failure::new(format!("{} holds nothing", other.type_name()))),
        };
        let now = context.clock.now();
        let entry = |outcome, summary: String| JournalEntry::of(event, outcome, summary, now);
        let (commit, outcome) = match next {
            Next::Apply(effects, summary) => {
                let mut commit =
                    Commit::default().entry(&event.tenant, &entry(EntryOutcome::Applied, summary))?;
                commit.writes.extend(effects.writes);
                commit.outgoing.extend(effects.outgoing);
                commit.release.extend(effects.release);
                (commit, Outcome::Applied)
            }
            Next::Nothing(why) => {
                let entry = entry(EntryOutcome::NoEffect, why);
                (Commit::default().entry(&event.tenant, &entry)?, Outcome::NoEffect)
            }
            Next::Refuse(why) => {
                let entry = entry(EntryOutcome::Held, why.clone());
                let problem = Problem::new(ProblemCode::HoldRefused, why);
                let (raised, told) = context.journal.raising(context.function, event, problem, now)?;
                (Commit::default().entry(&event.tenant, &entry)?.write(raised).emit([told]), Outcome::Held)
            }
        };
        match context.journal.commit(commit).await? {
            Committed::Done => return Ok(outcome),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}
