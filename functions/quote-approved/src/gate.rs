//! Whether what was announced of a deal lets its activation begin, by the tenant's choice.

use domain::activation::{Signal, Verdict};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Key, Signals};
use runtime::{Context, Failure, Outcome};

/// Announcements that may meet at one engagement.
const MOST_ROUNDS: usize = 20;

/// None where the activation begins, or goes on; else what came of the event.
///
/// What is awaited is kept before anything else is done, so that it counts even where the activation
/// that it begins is held.
pub(crate) async fn pass(
    context: &Context,
    event: &Envelope,
    signal: Signal,
) -> Result<Option<Outcome>, Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let policy = &context.connect.tenant(tenant).await?.activation;
    for _ in 0..MOST_ROUNDS {
        let known = journal.signals(tenant, &event.subject).await?;
        let verdict = policy.decide(&known.seen, signal);
        // An activation that has begun is nobody's to be kept waiting. A statement of work is approved whenever it is
        // ready, also of an engagement that began with something else.
        if known.begun && (signal == Signal::SowApproved || !matches!(verdict, Verdict::Ignored(_))) {
            return Ok(None);
        }
        if !known.begun && had_no_effect(context, event).await? {
            return Ok(Some(Outcome::Duplicate));
        }
        let mut commit = Commit::default();
        let outcome = match verdict {
            Verdict::Ignored(why) => {
                commit = commit.entry(tenant, &no_effect(context, event, why))?;
                Some(Outcome::NoEffect)
            }
            Verdict::Waits(why) => {
                commit = commit.entry(tenant, &no_effect(context, event, why))?;
                commit = keep(context, event, signal, &known, commit)?;
                Some(Outcome::NoEffect)
            }
            // Where nothing is awaited, nothing needs to be kept.
            Verdict::Begins if policy.requires.is_empty() => return Ok(None),
            Verdict::Begins => {
                commit = keep(context, event, signal, &known, commit)?;
                None
            }
        };
        if commit.writes.is_empty() {
            return Ok(outcome);
        }
        match journal.commit(commit).await? {
            Committed::Done => return Ok(outcome),
            // Its entry is there: another delivery of it was quicker.
            Committed::Rejected(r) if outcome.is_some() && r.iter().any(|x| x.position == 0) => {
                return Ok(Some(Outcome::Duplicate));
            }
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}

/// Adds what is to be remembered of a signal, unless it is known.
fn keep(
    context: &Context,
    event: &Envelope,
    signal: Signal,
    known: &Signals,
    commit: Commit,
) -> Result<Commit, JournalError> {
    let mut seen = known.seen.clone();
    if !seen.insert(signal) {
        return Ok(commit);
    }
    let now = context.clock.now();
    let write = context.journal.write_signals(&event.tenant, &event.subject, &seen, known.version, now)?;
    Ok(commit.write(write))
}

fn no_effect(context: &Context, event: &Envelope, why: String) -> JournalEntry {
    JournalEntry::of(event, EntryOutcome::NoEffect, why, context.clock.now())
}

/// Whether this very event was taken before and waited, or began nothing: what it announced counts
/// already, and its entry stays as it is.
async fn had_no_effect(context: &Context, event: &Envelope) -> Result<bool, JournalError> {
    let key = Key::journal(&event.tenant, &event.subject, event.id);
    let entry = context.journal.store().get(&key).await?;
    Ok(entry.is_some_and(|e| e.text("outcome") == Some("no-effect")))
}
