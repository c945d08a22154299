//! Cash that a person applies.

use domain::cash::{Named, allocate};
use domain::id::{EngagementId, PaymentId};
use domain::invoice::Invoice;
use domain::payment::{PaymentApplicationRequested, RequestedApplication};
use runtime::{Context, Systems};
use serde::Deserialize;

use super::{About, Command};
use crate::call::Call;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::reads::receipt_of;

/// Invoices in one request.
const MOST: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Applications {
    applications: Vec<RequestedApplication>,
}

/// Asks that unapplied cash is applied. What can't be done as things stand is refused at once; what came in
/// between is found by the function that does it.
pub(super) async fn apply(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let payment: PaymentId = call.id("payment")?;
    let Applications { applications } = call.body()?;
    if applications.is_empty() || applications.len() > MOST {
        return Err(ApiError::new(Kind::Malformed, format!("applications: must be 1 to {MOST}")));
    }
    let (tenant, journal) = (caller.tenant.as_str(), &context.journal);
    let receipt = receipt_of(context, caller, &payment).await?;
    let mut known: Vec<(EngagementId, Invoice, String)> = Vec::new();
    for (i, one) in applications.iter().enumerate() {
        let missing = || {
            ApiError::new(Kind::NotAcceptable, format!("applications[{i}].invoice: there is no such invoice"))
        };
        let engagement = journal.owner_of(tenant, one.invoice.as_str()).await?.ok_or_else(missing)?;
        let invoice = journal.invoice(tenant, &engagement, &one.invoice).await?.body.ok_or_else(missing)?;
        let state = journal.engagement(tenant, engagement.as_str()).await?.body.ok_or_else(missing)?;
        let config = context.connect.tenant(tenant).await?;
        let books = Systems::assigned(context, &config, &state).await?.erp;
        known.push((engagement, invoice, books));
    }
    let named: Vec<Named<'_>> = known
        .iter()
        .map(|(engagement, invoice, books)| Named { engagement, invoice, books, amount: None })
        .collect();
    allocate(&receipt, &applications, &named, "request")
        .map_err(|refused| ApiError::new(Kind::StateConflict, refused.to_string()))?;
    let said: Vec<String> = applications.iter().map(|a| format!("{} to {}", a.amount, a.invoice)).collect();
    let summary = format!("asked to apply of payment {payment}: {}", said.join(", "));
    let requested = PaymentApplicationRequested {
        payment: payment.clone(),
        applications,
        requested_by: caller.name.clone(),
    };
    Ok(Command::of(context, About::Payment(payment, receipt.home), requested, summary))
}
