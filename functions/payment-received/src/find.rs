//! Which invoices a payment is for.

use std::collections::BTreeSet;

use domain::cash::numbers_in;
use domain::event::PaymentReceived as Received;
use domain::id::InvoiceId;
use domain::money::Money;
use domain::routing::Selects;
use events::Envelope;
use runtime::{ConnectError, Context, Failure};

/// The invoices that the payer named, each once and in his order, with what he said is for each. A number that
/// nobody knows is left out: what was for it stays unapplied.
pub(crate) async fn invoices_of(
    context: &Context,
    event: &Envelope,
    received: &Received,
) -> Result<Vec<(InvoiceId, Option<Money>)>, Failure> {
    let mut found: Vec<(InvoiceId, Option<Money>)> = Vec::new();
    let add = |invoice: Option<InvoiceId>, amount, found: &mut Vec<(InvoiceId, Option<Money>)>| {
        if let Some(invoice) = invoice.filter(|i| !found.iter().any(|(known, _)| known == i)) {
            found.push((invoice, amount));
        }
    };
    for line in &received.remittance {
        add(numbered(context, event, &line.invoice_number).await?, line.amount, &mut found);
    }
    let text = received.invoice_number.as_deref().map(str::trim).filter(|n| !n.is_empty());
    let Some(text) = text.filter(|_| received.remittance.is_empty()) else { return Ok(found) };
    // A number may have any form; only what is none as a whole may be several.
    add(numbered(context, event, text).await?, None, &mut found);
    if found.is_empty() {
        for number in numbers_in(text).into_iter().filter(|n| *n != text) {
            add(numbered(context, event, number).await?, None, &mut found);
        }
    }
    Ok(found)
}

/// The invoice of a number. The crosswalk knows every number that was read back; an ERP is asked for one that
/// it just gave.
async fn numbered(context: &Context, event: &Envelope, number: &str) -> Result<Option<InvoiceId>, Failure> {
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
    Ok(Some(invoice))
}
