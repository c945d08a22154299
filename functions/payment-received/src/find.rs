//! Which invoice a payment is for.

use std::collections::BTreeSet;

use domain::event::PaymentReceived as Received;
use domain::id::{EngagementId, InvoiceId};
use events::Envelope;
use runtime::{Context, Failure, Systems};

/// The invoice that the payer named, and its engagement. The crosswalk knows every number that
/// was read back; an ERP is asked for one that it just gave.
pub(crate) async fn invoice_of(
    context: &Context,
    event: &Envelope,
    received: &Received,
) -> Result<Option<(EngagementId, InvoiceId)>, Failure> {
    let Some(number) = received.invoice_number.as_deref().map(str::trim).filter(|n| !n.is_empty()) else {
        return Ok(None);
    };
    let tenant = event.tenant.as_str();
    let config = context.connect.tenant(tenant).await?;
    let mut matched: BTreeSet<InvoiceId> = BTreeSet::new();
    for erp in Systems::erps(context, &config).await? {
        let known = context.journal.by_local_id(tenant, erp.connection(), "invoice-number", number).await?;
        let invoice = match known.and_then(|entry| InvoiceId::try_from(entry.global_id).ok()) {
            Some(invoice) => Some(invoice),
            None => erp.invoice_numbered(number).await?,
        };
        matched.extend(invoice);
    }
    // Numbers are unique in one ERP only: where it is the number of two invoices, a person says which is
    // meant. Two connections to the same books show the same invoice.
    let mut matched = matched.into_iter();
    let (Some(invoice), None) = (matched.next(), matched.next()) else { return Ok(None) };
    let owner = context.journal.owner_of(tenant, invoice.as_str()).await?;
    Ok(owner.map(|owner| (owner, invoice)))
}
