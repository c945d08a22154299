//! What collections says of an invoice is shown where account teams and project managers look.

use domain::collections::CollectionsChanged;
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry};
use runtime::{Context, Failure, Outcome, show_collections};
use workflow::Workflow;

/// Shows an invoice as it stands by now, once for each change that was told.
pub(crate) async fn show(
    context: &Context,
    event: &Envelope,
    told: &CollectionsChanged,
) -> Result<Outcome, Failure> {
    let entry = JournalEntry::of(event, EntryOutcome::Applied, summary(told), context.clock.now());
    let outcome = match context.journal.commit(Commit::default().entry(&event.tenant, &entry)?).await? {
        Committed::Done => Outcome::Applied,
        Committed::Rejected(_) => Outcome::Duplicate,
        Committed::Contended => return Err(Failure::new(format!("{} stayed contended", told.invoice))),
    };
    let run = format!("{}.{}", told.invoice, told.change);
    let run = (Workflow::InvoiceStatus, run.as_str());
    show_collections(context, event, run, &told.invoice, outcome).await
}

fn summary(told: &CollectionsChanged) -> String {
    let (stands, invoice) = (&told.collections, &told.invoice);
    let age = stands.age.map_or_else(String::new, |age| format!(", {}", age.as_str()));
    let disputed = stands.disputed.map_or_else(String::new, |d| format!(", {d} of it contested"));
    format!("collections of {invoice}: {}{age}, {} open{disputed}", stands.status.as_str(), stands.open)
}
