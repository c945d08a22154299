//! What the ERP posted is read back, compared with what was submitted, and shown in PSA and CRM; what becomes of it
//! in collections is shown there later.

mod collections;

use async_trait::async_trait;
use domain::event::InvoicePosted as Posted;
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::{Invoice, PostedInvoice};
use domain::problem::ProblemCode;
use domain::{Condition, Event, Problem};
use events::Envelope;
use journal::{Commit, Committed, CrosswalkEntry, EntryOutcome, JournalEntry, Rejection, Versioned};
use runtime::{Context, Failure, Handler, Outcome, each, follow_through};
use uuid::Uuid;
use workflow::Workflow;

/// Writers that may meet at one invoice: submission and payment.
const MOST_ROUNDS: usize = 10;

/// Handles `q2c.invoice.posted.v1` and `q2c.collections.changed.v1`.
pub struct InvoicePosted;

#[async_trait]
impl Handler for InvoicePosted {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::InvoicePosted(posted) => Box::pin(take(context, event, posted)).await,
                Event::CollectionsChanged(told) => Box::pin(collections::show(context, event, told)).await,
                other => Err(Failure::new(format!("{} is no posted invoice", other.type_name()))),
            }
        })
        .await
    }
}

async fn take(context: &Context, event: &Envelope, posted: &Posted) -> Result<Outcome, Failure> {
    let Some(owner) = context.journal.owner_of(&event.tenant, posted.invoice.as_str()).await? else {
        let detail = format!(
            "{} posted {} as {}, which we never submitted",
            posted.connection, posted.invoice, posted.record
        );
        let problem = Problem::new(ProblemCode::InvoiceMismatch, detail);
        context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
        return Ok(Outcome::Held);
    };
    // From here on the event is about the engagement, and its entry stands in that timeline.
    let event = Envelope { subject: owner.to_string(), correlationid: owner.to_string(), ..event.clone() };
    let erp = context.connect.erp(&posted.connection).await?;
    let found = erp.invoice(&posted.invoice).await?;
    let found = found
        .ok_or_else(|| Failure::new(format!("{} does not show {} yet", posted.connection, posted.invoice)))?;
    match compare(context, &event, &owner, posted, &found).await? {
        Outcome::Held => Ok(Outcome::Held),
        outcome => {
            let run = (Workflow::InvoiceStatus, posted.invoice.as_str());
            follow_through(
                context,
                &event,
                run,
                std::slice::from_ref(&posted.invoice),
                outcome,
                async |_, _, _| Ok(()),
            )
            .await
        }
    }
}

/// Commits the posting, once: number, tax and total, or the exception that it differs.
async fn compare(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    posted: &Posted,
    found: &PostedInvoice,
) -> Result<Outcome, Failure> {
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.invoice(&event.tenant, owner, &posted.invoice).await?;
        let Some(invoice) = known.body.clone() else {
            return Err(Failure::new(format!("{} is not recorded yet", posted.invoice)));
        };
        let next = match invoice.post(found) {
            Ok(next) => next,
            Err(problem) => {
                context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
                return Ok(Outcome::Held);
            }
        };
        let looked_at =
            context.journal.look_again(&event.tenant, owner, &posted.invoice, context.clock.now()).await?;
        let commit = posting(context, event, owner, posted, &known, &next)?.write(looked_at);
        match context.journal.commit(commit).await? {
            Committed::Done => return Ok(Outcome::Applied),
            Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(Outcome::Duplicate),
            Committed::Rejected(r) if r.iter().any(|x| taken_by_another(x, &posted.invoice)) => {
                let number = found.number.as_deref().unwrap_or_default();
                let detail = format!(
                    "{}: record {} or number {number} is another invoice's",
                    posted.invoice, posted.record
                );
                let problem = Problem::new(ProblemCode::InvoiceMismatch, detail).with_stake(found.total);
                context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
                return Ok(Outcome::Held);
            }
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(Failure::new(format!("{} stayed contended", posted.invoice)))
}

/// Whether a link of the crosswalk stands for another invoice already.
fn taken_by_another(rejection: &Rejection, invoice: &InvoiceId) -> bool {
    let holder = rejection.current.as_ref().and_then(|item| item.text("global_id"));
    holder.is_some_and(|holder| holder != invoice.as_str())
}

fn posting(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    posted: &Posted,
    known: &Versioned<Invoice>,
    next: &Invoice,
) -> Result<Commit, Failure> {
    let (tenant, now) = (event.tenant.as_str(), context.clock.now());
    let number = next.number.clone().unwrap_or_default();
    let total = next.total.map(|t| t.to_string()).unwrap_or_default();
    let tax = next.tax.map(|t| t.to_string()).unwrap_or_default();
    let summary = format!("{number} posted in {}: {total}, of which tax {tax}", posted.connection);
    let mut commit = Commit::default()
        .entry(tenant, &JournalEntry::of(event, EntryOutcome::Applied, summary, now))?
        .write(context.journal.write_invoice(tenant, owner, next, known.version, now)?);
    for (kind, local) in [("invoice", &posted.record), ("invoice-number", &number)] {
        let entry = CrosswalkEntry {
            global_id: next.invoice.to_string(),
            connection: posted.connection.clone(),
            record_kind: kind.into(),
            local_id: local.clone(),
            engagement: owner.to_string(),
        };
        for write in entry.writes(tenant, event.id)? {
            commit = commit.write(write);
        }
    }
    commit.release.push(Condition::InvoicePosted(next.invoice.clone()));
    // Told once: of a posting that the ERP reports again, nothing is new.
    let first = known.body.as_ref().is_none_or(|before| !before.is_posted());
    let confirmed = next.confirmed().filter(|_| first);
    let told =
        confirmed.map(|told| event.concluded(context.function, owner.as_str(), "confirmed", told.into()));
    Ok(commit.emit(told))
}
