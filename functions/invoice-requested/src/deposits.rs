//! What an invoice draws on the deposits of its engagement, once all its lines are taken.

use domain::deposit::Drawing;
use domain::engagement::Engagement;
use domain::invoice::Invoice;
use jiff::Timestamp;
use journal::{JournalError, Write};
use runtime::Context;

/// An invoice with what it draws, and the writes that go with it.
pub(crate) struct Drawn {
    /// The invoice.
    pub(crate) invoice: Invoice,
    /// Its drawdowns, and what they leave of the deposits: found as they were read, or not written.
    pub(crate) writes: Vec<Write>,
}

/// Draws for an invoice whose lines are all taken. An engagement without deposits reads nothing for it.
pub(crate) async fn draw(
    context: &Context,
    tenant: &str,
    engagement: &Engagement,
    invoice: Invoice,
    now: Timestamp,
) -> Result<Drawn, JournalError> {
    if engagement.contract.deposits.is_empty() {
        return Ok(Drawn { invoice, writes: vec![] });
    }
    let journal = &context.journal;
    let zone = context.business_time_zone(tenant).await.map_err(|e| JournalError::Decision(e.to_string()))?;
    let (deposits, versions) = journal.billed_deposits(tenant, engagement).await?;
    let drawing = Drawing::of(invoice, &deposits, now.to_zoned(zone).date());
    let drawing = drawing.map_err(|e| JournalError::Decision(e.to_string()))?;
    let writes = journal.write_drawing(tenant, &engagement.engagement, (&drawing, &versions), now)?;
    Ok(Drawn { invoice: drawing.invoice, writes })
}
