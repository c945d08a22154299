//! The two moments at which a hold stops an invoice: before it is made in the ERP, and before it is posted.
//!
//! A hold and the beginning of the posting are both commits under the invoice's version: one of them is first.
//! Whoever waits is parked under that version too, so that no release overlooks it.

use domain::engagement::Engagement;
use domain::event::InvoiceRequested as Requested;
use domain::id::InvoiceId;
use domain::invoice::InvoiceStatus;
use events::Envelope;
use journal::{Commit, Committed, JournalError, Key, Write, parking};
use runtime::Context;
use workflow::StepError;

/// Writers that may meet at one invoice.
const MOST_ROUNDS: usize = 10;

/// Whether an invoice may go on.
pub(crate) enum Way {
    /// Nobody holds it.
    Clear,
    /// It is held; its request waits for the release.
    Held,
}

/// Lets the request of an invoice wait where the invoice is held.
pub(crate) async fn park(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    requested: &Requested,
) -> Result<Way, StepError> {
    go_on(context, event, engagement, &requested.invoice, false).await
}

/// Takes the way to the ERP's books, after which no hold is taken any more; or waits, where one was taken.
pub(crate) async fn begin_posting(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    invoice: &InvoiceId,
) -> Result<Way, StepError> {
    go_on(context, event, engagement, invoice, true).await
}

async fn go_on(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    invoice: &InvoiceId,
    posting: bool,
) -> Result<Way, StepError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let id = &engagement.engagement;
    for _ in 0..MOST_ROUNDS {
        let known = journal.invoice(tenant, id, invoice).await?;
        let body = known.body.ok_or_else(|| JournalError::Decision(format!("{invoice} vanished")))?;
        // The ERP's word of its posting may be quicker than what asked for it.
        if body.posting || body.status != InvoiceStatus::Drafted {
            return Ok(Way::Clear);
        }
        let now = context.clock.now();
        let commit = match (body.awaited(), body.on_its_way()) {
            (Some(condition), _) => {
                if journal.is_parked(event, &condition).await? {
                    return Ok(Way::Held);
                }
                let key = Key::invoice(tenant, id.as_str(), invoice.as_str());
                let touch = Write::Touch { key, kind: "invoice", expected: known.version };
                Commit::default().write(parking(event, &condition, now)?).write(touch)
            }
            (None, Some(next)) if posting => {
                Commit::default().write(journal.write_invoice(tenant, id, &next, known.version, now)?)
            }
            (None, _) => return Ok(Way::Clear),
        };
        let parked = !commit.writes.is_empty() && body.is_held();
        match journal.commit(commit).await? {
            Committed::Done => return Ok(if parked { Way::Held } else { Way::Clear }),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(invoice.to_string()).into())
}
