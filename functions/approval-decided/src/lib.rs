//! Somebody decided on an approval: the answer is kept, and whatever waited for it goes on.

use async_trait::async_trait;
use domain::approval::{ApprovalDecided as Decided, Refusal};
use domain::problem::ProblemCode;
use domain::{Condition, Event, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, Failure, Handler, Outcome, each, taken_before};
use uuid::Uuid;

/// Others that may write the same approval: reminders, events that begin to wait for it.
const MOST_ROUNDS: usize = 20;

/// Handles `q2c.approval.decided.v1`.
pub struct ApprovalDecided;

#[async_trait]
impl Handler for ApprovalDecided {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::ApprovalDecided(decided) => Box::pin(take(context, event, decided)).await,
                other => Err(Failure::new(format!("{} decides on no approval", other.type_name()))),
            }
        })
        .await
    }
}

/// Takes a decision, once, and only from the function of the firm that was asked.
async fn take(context: &Context, event: &Envelope, decided: &Decided) -> Result<Outcome, Failure> {
    let (journal, tenant, subject) = (&context.journal, event.tenant.as_str(), event.subject.as_str());
    for _ in 0..MOST_ROUNDS {
        if let Some(before) = taken_before(context, event).await? {
            return Ok(before);
        }
        let now = context.clock.now();
        let known = journal.approval_of(tenant, subject, &decided.approval).await?;
        let Some(approval) = known.body else {
            return refuse(context, event, format!("{subject} has no {}", decided.approval)).await;
        };
        let (commit, outcome) = match approval.decide(decided, now) {
            Ok(Some(next)) => {
                let entry = JournalEntry::of(event, EntryOutcome::Applied, next.summary(), now);
                let mut commit = Commit::default().entry(tenant, &entry)?.write(journal.write_approval(
                    tenant,
                    &next,
                    known.version,
                    now,
                )?);
                commit.release.push(Condition::ApprovalSettled(next.approval));
                (commit, Outcome::Applied)
            }
            Ok(None) => {
                let why = format!("{} already", approval.summary());
                let entry = JournalEntry::of(event, EntryOutcome::NoEffect, why, now);
                (Commit::default().entry(tenant, &entry)?, Outcome::NoEffect)
            }
            Err(refusal) => return refuse(context, event, said(&refusal, decided)).await,
        };
        match journal.commit(commit).await? {
            Committed::Done => return Ok(outcome),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(subject.to_owned()).into())
}

fn said(refusal: &Refusal, decided: &Decided) -> String {
    format!("{refusal}; {} said {}", decided.decided_by, decided.verdict.status().as_str())
}

/// A decision that is not taken: a person is told, and the approval stays as it is. The exception
/// comes before the entry, which makes a repetition a duplicate.
async fn refuse(context: &Context, event: &Envelope, detail: String) -> Result<Outcome, Failure> {
    let now = context.clock.now();
    let entry = JournalEntry::of(event, EntryOutcome::Held, detail.clone(), now);
    let problem = Problem::new(ProblemCode::IllegalEvent, detail);
    context.journal.raise(context.function, event, problem, vec![], now).await?;
    match context.journal.commit(Commit::default().entry(&event.tenant, &entry)?).await? {
        Committed::Done | Committed::Rejected(_) => Ok(Outcome::Held),
        Committed::Contended => Err(JournalError::Contended(event.subject.clone()).into()),
    }
}
