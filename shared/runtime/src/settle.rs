//! Settling exceptions, whoever settles beside.

use events::Envelope;
use journal::{Commit, Committed, Item, JournalError};

use crate::context::Context;

/// Others that may settle at the same time.
const MOST_ROUNDS: usize = 20;

/// Settles what this function raised about an event's subject, but for what still stands.
///
/// # Errors
/// When the table can't be reached or stays contended.
pub async fn settle_all_but(
    context: &Context,
    event: &Envelope,
    stands: impl Fn(&Item) -> bool + Send + Sync,
) -> Result<(), JournalError> {
    let (journal, now) = (&context.journal, context.clock.now());
    for _ in 0..MOST_ROUNDS {
        let settled = journal
            .settle_exceptions_but(&event.tenant, &event.subject, context.function, &stands, now)
            .await?;
        if settled.is_empty() {
            return Ok(());
        }
        // Whoever settled one in the meantime keeps the others from being settled: look again.
        if let Committed::Done = journal.commit(Commit { writes: settled, ..Commit::default() }).await? {
            return Ok(());
        }
    }
    Err(JournalError::Contended(event.subject.clone()))
}
