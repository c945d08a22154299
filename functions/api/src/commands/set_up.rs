//! Commands about an engagement as a whole: activation, withdrawal, invoice.

use domain::engagement::EngagementStatus;
use domain::event::{InvoiceRequested, QuoteApproved, WithdrawalRequested};
use domain::id::{EngagementId, InvoiceId};
use runtime::Context;
use serde::Deserialize;
use serde_json::json;

use super::{About, Command, reason};
use crate::call::{Call, is_record};
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::reads::{engagement, own_crm};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Activation {
    /// The CRM connection.
    connection: String,
    /// The CRM's ID of the deal.
    deal: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Because {
    /// Why, for the audit.
    reason: String,
}

/// Asks for the activation of a deal. Whether its quote is approved is not believed of the caller:
/// the function that takes the event reads the quote.
pub(super) async fn activate(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let Activation { connection, deal } = call.body()?;
    own_crm(context, caller, &connection).await?;
    if !is_record(&deal) {
        return Err(ApiError::new(Kind::Malformed, "deal: is no ID of a deal"));
    }
    let about = About::Engagement(EngagementId::of_deal(&caller.tenant, &connection, &deal));
    let summary = format!("asked for the activation of deal {deal} in {connection}");
    Ok(Command::of(context, about, QuoteApproved { connection, deal }, summary))
}

/// Asks that an activation is taken back.
pub(super) async fn withdraw(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let id: EngagementId = call.id("engagement")?;
    let because: Because = call.body()?;
    reason(&because.reason)?;
    let state = engagement(context, caller, &id).await?;
    if matches!(state.status, EngagementStatus::Active | EngagementStatus::Withdrawn) {
        let detail =
            format!("the engagement is {}: only what is being set up is withdrawn", state.status.as_str());
        return Err(ApiError::new(Kind::StateConflict, detail));
    }
    let summary = format!("asked for the withdrawal: {}", because.reason);
    let requested = WithdrawalRequested {
        engagement: id.clone(),
        requested_by: caller.name.clone(),
        reason: because.reason,
    };
    Ok(Command::of(context, About::Engagement(id), requested, summary))
}

/// Asks for an invoice of everything that is ready.
pub(super) async fn request_invoice(
    context: &Context,
    caller: &Caller,
    call: &Call,
) -> Result<Command, ApiError> {
    let id: EngagementId = call.id("engagement")?;
    let because: Because = call.body()?;
    reason(&because.reason)?;
    let state = engagement(context, caller, &id).await?;
    if state.status != EngagementStatus::Active {
        let detail = format!("the engagement is {}: only an active one is invoiced", state.status.as_str());
        return Err(ApiError::new(Kind::StateConflict, detail));
    }
    let invoice = InvoiceId::derive(&[id.as_str(), "invoice", "caller", &caller.name, &call.key]);
    let requested = InvoiceRequested::of(invoice.clone(), vec![], because.reason.clone());
    let summary = format!("asked for invoice {invoice}: {}", because.reason);
    let command = Command::of(context, About::Engagement(id), requested, summary);
    Ok(command.answering([("invoice", json!(invoice))]))
}
