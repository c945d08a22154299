//! Events that come again.

use domain::Problem;
use domain::problem::ProblemCode;
use events::Envelope;
use journal::{JournalError, Key};

use crate::context::Context;
use crate::failure::Outcome;

/// What came of the same event before; another content under its ID is for a person.
///
/// # Errors
/// When the table can't be read or written.
pub async fn taken_before(context: &Context, event: &Envelope) -> Result<Option<Outcome>, JournalError> {
    let key = Key::journal(&event.tenant, &event.subject, event.id);
    let Some(entry) = context.journal.store().get(&key).await? else {
        return Ok(None);
    };
    if entry.text("body_hash") == Some(event.body_hash().as_str()) {
        return Ok(Some(Outcome::Duplicate));
    }
    let detail = format!("{} differs from {}, which stands", event.event.type_name(), event.id);
    let problem = Problem::new(ProblemCode::EventConflict, detail);
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(Some(Outcome::Held))
}
