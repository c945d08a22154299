//! Lines that somebody decided not to bill leave the work in progress, all of a request or none.

use async_trait::async_trait;
use domain::write_off::{self, WriteOff, WriteOffRequested as Requested};
use domain::{Engagement, Event, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, LineRecord, Versioned};
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Invoices and entries that may meet at the same lines or the same ceiling.
const MOST_ROUNDS: usize = 20;

/// Handles `q2c.write-off.requested.v1`.
pub struct WriteOffRequested;

#[async_trait]
impl Handler for WriteOffRequested {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::WriteOffRequested(requested) => take(context, event, requested).await,
                other => Err(Failure::new(format!("{} is no write-off", other.type_name()))),
            }
        })
        .await
    }
}

async fn take(context: &Context, event: &Envelope, requested: &Requested) -> Result<Outcome, Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    for _ in 0..MOST_ROUNDS {
        let state = journal.engagement(tenant, &event.subject).await?;
        let asked: Vec<_> = requested.lines.iter().take(write_off::MOST_LINES).cloned().collect();
        let records = journal.lines(tenant, &event.subject, &asked).await?;
        let lines: Vec<_> = records.iter().map(|known| (known.line.clone(), known.status)).collect();
        let Some(engagement) = &state.body else {
            return Err(Failure::new(format!("{} is unknown", event.subject)));
        };
        let corrected: Vec<_> = records.iter().filter(|r| r.corrected).map(|r| &r.line.line).collect();
        let decided = match write_off::corrected(&corrected) {
            Some(problem) => Err(problem),
            None => write_off::decide(engagement, requested, &lines),
        };
        let (commit, outcome) = match decided {
            Ok((write_off, next)) => {
                (writing(context, event, &write_off, &records, (&state, next)).await?, Outcome::Applied)
            }
            Err(problem) => (holding(context, event, problem)?, Outcome::Held),
        };
        match journal.commit(commit).await? {
            Committed::Done => return Ok(outcome),
            // The entry stands: what was decided on this event was decided before.
            Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(Outcome::Duplicate),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(Failure::new(format!("{} stayed contended", event.subject)))
}

/// The commit of a write-off: its entry first, so that a rejection there means a duplicate.
async fn writing(
    context: &Context,
    event: &Envelope,
    write_off: &WriteOff,
    lines: &[LineRecord],
    (known, next): (&Versioned<Engagement>, Option<Engagement>),
) -> Result<Commit, Failure> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let summary = format!(
        "{} lines of {} written off by {}: {}",
        write_off.lines.len(),
        write_off.amount,
        write_off.requested_by,
        write_off.reason
    );
    let mut commit = Commit::default()
        .entry(tenant, &JournalEntry::of(event, EntryOutcome::Applied, summary, now))?
        .emit([event.concluded(context.function, &event.subject, 0, write_off.clone().into())]);
    commit.writes.extend(journal.writing_off(tenant, write_off, lines, event.id, now).await?);
    if let Some(next) = next {
        commit = commit.write(journal.write_state(tenant, &next, known.version, now)?);
    }
    Ok(commit)
}

fn holding(context: &Context, event: &Envelope, problem: Problem) -> Result<Commit, Failure> {
    let now = context.clock.now();
    let entry = JournalEntry::of(event, EntryOutcome::Held, problem.to_string(), now);
    let (write, raised) = context.journal.raising(context.function, event, problem, now)?;
    Ok(Commit::default().entry(&event.tenant, &entry)?.write(write).emit([raised]))
}
