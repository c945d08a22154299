//! Settling what change orders were refused for, once one is in force.

use domain::id::ExceptionId;
use events::Envelope;
use jiff::Timestamp;
use journal::{Commit, Committed, EntryOutcome, Item, JournalEntry, JournalError, Key};
use runtime::{Context, Outcome};

use crate::carry_out::MOST_ROUNDS;

/// The entry that an attempt left of the event, if one did.
pub(crate) async fn entry(context: &Context, event: &Envelope) -> Result<Option<JournalEntry>, JournalError> {
    let key = Key::journal(&event.tenant, &event.subject, event.id);
    context.journal.store().get(&key).await?.map(|item| item.body()).transpose()
}

/// What became of an event, by the entry that it left.
pub(crate) fn outcome(entry: &JournalEntry) -> Outcome {
    match entry.outcome {
        EntryOutcome::Applied => Outcome::Applied,
        EntryOutcome::NoEffect => Outcome::NoEffect,
        EntryOutcome::Held => Outcome::Held,
    }
}

/// Settles what orders were refused for before this one came into force. Done after its run has
/// ended: until then an exception may be all that is left to carry it on.
pub(crate) async fn settle(context: &Context, event: &Envelope) -> Result<(), JournalError> {
    let Some(entry) = entry(context, event).await?.filter(|e| e.outcome == EntryOutcome::Applied) else {
        return Ok(());
    };
    let (journal, subject) = (&context.journal, event.subject.as_str());
    for _ in 0..MOST_ROUNDS {
        let raised = journal.listed(&event.tenant, subject, "exception#", usize::MAX).await?;
        let standing: Vec<ExceptionId> =
            raised.iter().filter(|item| stands(item, event, &entry)).filter_map(id).collect();
        let now = context.clock.now();
        let settled =
            journal.settle_exceptions(&event.tenant, subject, context.function, &standing, now).await?;
        if settled.is_empty() {
            return Ok(());
        }
        if let Committed::Done = journal.commit(Commit { writes: settled, ..Commit::default() }).await? {
            return Ok(());
        }
    }
    Err(JournalError::Contended(event.subject.clone()))
}

/// Whether an exception tells of a later order, which this one's coming into force says nothing about.
fn stands(item: &Item, event: &Envelope, entry: &JournalEntry) -> bool {
    let later = item
        .text("status_at")
        .and_then(|at| at.parse::<Timestamp>().ok())
        .is_some_and(|at| at > entry.recorded_at);
    let cause = item.text("payload").and_then(|p| serde_json::from_str::<Envelope>(p).ok());
    later && cause.is_none_or(|cause| cause.id != event.id)
}

fn id(item: &Item) -> Option<ExceptionId> {
    item.body::<journal::Exception>().ok().map(|e| e.exception)
}
