//! A system reports that fields of a record changed. What the system owns is taken over where we
//! keep the record; what another system owns waits for a person, whole, and nothing of it is applied.
//! What the PSA reports of a project and of who is on it is told to others from here, in order and once.

mod deliver;

use async_trait::async_trait;
use domain::customer::{GlobalCustomer, OBJECT};
use domain::delivery::{PROJECT, RESOURCE};
use domain::event::RecordChanged as Changed;
use domain::id::CustomerId;
use domain::ownership::{Admission, admit};
use domain::{Event, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Key, Versioned, Write};
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Writers that may meet at one customer.
const MOST_ROUNDS: usize = 20;

/// Handles `q2c.record.changed.v1`.
pub struct RecordChanged;

#[async_trait]
impl Handler for RecordChanged {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::RecordChanged(change) => Box::pin(take(context, event, change)).await,
                other => Err(Failure::new(format!("{} is no changed record", other.type_name()))),
            }
        })
        .await
    }
}

async fn take(context: &Context, event: &Envelope, change: &Changed) -> Result<Outcome, Failure> {
    if is_taken(context, event).await? {
        return Ok(Outcome::Duplicate);
    }
    let config = context.connect.tenant(&event.tenant).await?;
    match admit(&config.ownership, change) {
        Admission::Quarantine(problem) => quarantine(context, event, problem).await,
        Admission::Apply if [PROJECT, RESOURCE].contains(&change.object.as_str()) => {
            deliver::take(context, event, change, &config).await
        }
        Admission::Apply => apply(context, event, change).await,
    }
}

/// Whether the event was taken before: what it changed must not be counted as stale then.
async fn is_taken(context: &Context, event: &Envelope) -> Result<bool, JournalError> {
    let key = Key::journal(&event.tenant, &event.subject, event.id);
    let entry = context.journal.store().get(&key).await?;
    Ok(entry.is_some_and(|e| e.text("body_hash") == Some(event.body_hash().as_str())))
}

/// Keeps the whole report as an exception; the books stay as they are.
async fn quarantine(context: &Context, event: &Envelope, problem: Problem) -> Result<Outcome, Failure> {
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(Outcome::Held)
}

async fn apply(context: &Context, event: &Envelope, change: &Changed) -> Result<Outcome, Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    for _ in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let (outcome, summary, write) = decide(context, event, change).await?;
        let entry = JournalEntry::of(event, outcome, summary, now);
        let mut commit = Commit::default().entry(tenant, &entry)?;
        commit.writes.extend(write);
        // Where somebody else changed the customer, what it is now decides what is stale.
        if let Some(outcome) = entered(&journal.commit(commit).await?, outcome) {
            return Ok(outcome);
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}

/// What came of a report whose commit begins with its entry; none where it is to be decided anew.
fn entered(committed: &Committed, outcome: EntryOutcome) -> Option<Outcome> {
    match committed {
        Committed::Done => Some(outcome.into()),
        Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => Some(Outcome::Duplicate),
        Committed::Rejected(_) | Committed::Contended => None,
    }
}

/// What the change comes to, and the write that it takes.
async fn decide(
    context: &Context,
    event: &Envelope,
    change: &Changed,
) -> Result<(EntryOutcome, String, Option<Write>), JournalError> {
    let nothing = |why: String| Ok((EntryOutcome::NoEffect, why, None));
    if change.object != OBJECT {
        return nothing(format!("{} {} is not kept here", change.object, change.record));
    }
    let Some((version, mut customer)) = customer_of(context, event, change).await? else {
        return nothing(format!("{} {} is nobody's customer yet", change.connection, change.record));
    };
    let applied = customer.apply(&event.tenant, change);
    if applied.is_empty() {
        let fields: Vec<&str> = change.fields.keys().map(String::as_str).collect();
        return nothing(format!("{} is known as of later, or not kept", fields.join(", ")));
    }
    let summary = format!("{}: {} taken from {}", customer.customer, applied.join(", "), change.connection);
    let write = context.journal.write_customer(&event.tenant, &customer, version, context.clock.now())?;
    Ok((EntryOutcome::Applied, summary, Some(write)))
}

/// The customer that a product's record is, found by the crosswalk; none where we keep none.
async fn customer_of(
    context: &Context,
    event: &Envelope,
    change: &Changed,
) -> Result<Option<(u64, GlobalCustomer)>, JournalError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let Some(pair) = journal.by_local_id(tenant, &change.connection, OBJECT, &change.record).await? else {
        return Ok(None);
    };
    let customer = CustomerId::try_from(pair.global_id).map_err(|e| JournalError::Decision(e.to_string()))?;
    let Versioned { version, body } = journal.customer(tenant, &customer).await?;
    Ok(body.map(|customer| (version, customer)))
}
