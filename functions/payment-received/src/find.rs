//! Which invoice a payment is for.

use std::collections::BTreeSet;

use domain::event::PaymentReceived as Received;
use domain::id::{EngagementId, InvoiceId};
use domain::routing::Selects;
use events::Envelope;
use runtime::{ConnectError, Context, Failure};

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
    let today = context.business_day(&config).map_err(Failure::new)?;
    let mut matched: BTreeSet<InvoiceId> = BTreeSet::new();
    for connection in config.routing.ever_given(Selects::Erp) {
        let known = context.journal.by_local_id(tenant, connection, "invoice-number", number).await?;
        if let Some(invoice) = known.and_then(|entry| InvoiceId::try_from(entry.global_id).ok()) {
            matched.insert(invoice);
            continue;
        }
        match context.connect.erp(connection).await {
            Ok(erp) => matched.extend(erp.invoice_numbered(number).await?),
            // One that nothing is set up in any more may be gone; one that is only down is waited for, as it
            // may know another invoice of this number.
            Err(ConnectError::Unknown(_)) if !config.routing.gives(Selects::Erp, connection, today) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Numbers are unique in one ERP only: where it is the number of two invoices, a person says which is
    // meant. Two connections to the same books show the same invoice.
    let mut matched = matched.into_iter();
    let (Some(invoice), None) = (matched.next(), matched.next()) else { return Ok(None) };
    let owner = context.journal.owner_of(tenant, invoice.as_str()).await?;
    Ok(owner.map(|owner| (owner, invoice)))
}
