//! Holding and releasing an invoice that is not on its way to the ERP's books yet.

use domain::billing::hold::{HoldRequested, ReleaseRequested};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::Invoice;
use events::Envelope;
use journal::{Commit, JournalError, Versioned};
use runtime::{Context, Failure};

use super::Next;

/// Holds an invoice.
pub(crate) async fn hold(
    context: &Context,
    event: &Envelope,
    asked: &HoldRequested,
    invoice: &InvoiceId,
) -> Result<Next, Failure> {
    let (id, known) = known(context, event, invoice).await?;
    let Some(body) = known.body else { return Ok(unknown(invoice)) };
    let now = context.clock.now();
    match body.held(asked, now) {
        Err(why) => Ok(Next::Refuse(format!("{why}: it can't be held"))),
        Ok(None) => Ok(Next::Nothing(format!("{invoice} is held already"))),
        Ok(Some(next)) => {
            let write = context.journal.write_invoice(&event.tenant, &id, &next, known.version, now)?;
            let summary = format!("{invoice} is held by {}: {}", asked.requested_by, asked.reason);
            Ok(Next::Apply(Commit::default().write(write), summary))
        }
    }
}

/// Releases an invoice; its request, where it waits, goes on.
pub(crate) async fn release(
    context: &Context,
    event: &Envelope,
    asked: &ReleaseRequested,
    invoice: &InvoiceId,
) -> Result<Next, Failure> {
    let (id, known) = known(context, event, invoice).await?;
    let Some(body) = known.body else { return Ok(unknown(invoice)) };
    let now = context.clock.now();
    let Some(next) = body.released(asked, now) else {
        return Ok(Next::Nothing(format!("{invoice} is {} and not held", body.status.as_str())));
    };
    let mut commit = Commit::default().write(context.journal.write_invoice(
        &event.tenant,
        &id,
        &next,
        known.version,
        now,
    )?);
    commit.release.extend(body.awaited());
    Ok(Next::Apply(commit, format!("{invoice} is released by {}: {}", asked.requested_by, asked.reason)))
}

async fn known(
    context: &Context,
    event: &Envelope,
    invoice: &InvoiceId,
) -> Result<(EngagementId, Versioned<Invoice>), Failure> {
    let id = EngagementId::try_from(event.subject.clone())
        .map_err(|e| JournalError::Decision(format!("an invoice belongs to an engagement: {e}")))?;
    let known = context.journal.invoice(&event.tenant, &id, invoice).await?;
    Ok((id, known))
}

fn unknown(invoice: &InvoiceId) -> Next {
    Next::Refuse(format!("there is no invoice {invoice}"))
}
