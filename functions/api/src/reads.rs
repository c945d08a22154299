//! Reads: where things stand, out of the journal, or out of a product where only that knows.

mod customer;
mod disputes;
mod exceptions;
mod figures;
mod invoices;
mod payments;
mod quote;
mod readiness;
mod revenue;
mod staffing;
mod standing;
mod timeline;

use domain::cash::Receipt;
use domain::engagement::Engagement;
use domain::id::{EngagementId, InvoiceId, PaymentId};
use domain::invoice::Invoice;
use domain::routing::Selects;
use journal::Item;
use runtime::Context;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::route::{Action, ROUTES};

/// Items of one kind that a list shows; where there are more, it says so.
pub(crate) const MOST_LISTED: usize = 500;

/// Answers a read.
pub(crate) async fn answer(context: &Context, caller: &Caller, call: &Call) -> Result<Value, ApiError> {
    match call.route.action {
        Action::Catalog => Ok(json!({"routes": ROUTES})),
        Action::Engagement => standing::engagement(context, caller, &call.id("engagement")?).await,
        Action::Deal => standing::deal(context, caller, call.connection()?, call.record("deal")?).await,
        Action::Timeline => timeline::of(context, caller, &call.id("engagement")?).await,
        Action::Staffing => staffing::of(context, caller, &call.id("engagement")?).await,
        Action::Figures => figures::of(context, caller, &call.id("engagement")?).await,
        Action::Revenue => revenue::of(context, caller, &call.id("engagement")?, call.query("period")).await,
        Action::RevenueOfPeriod => {
            revenue::of_period(context, caller, call.query("period"), call.query("after")).await
        }
        Action::Payments => invoices::payments(context, caller, &call.id("engagement")?).await,
        Action::Payment => payments::payment(context, caller, &call.id("payment")?).await,
        Action::Unmatched => payments::unmatched(context, caller).await,
        Action::Invoice => invoices::invoice(context, caller, &call.id("invoice")?).await,
        Action::Disputes => disputes::of(context, caller, &call.id("invoice")?).await,
        Action::Customer => customer::customer(context, caller, &call.id("customer")?).await,
        Action::Checks => quote::checks(context, caller, call.connection()?, call.record("deal")?).await,
        Action::BillingReadiness => readiness::of(context, caller, &call.id("engagement")?).await,
        Action::Exceptions => exceptions::open(context, caller, call.query("owner")).await,
        _ => Err(ApiError::new(Kind::NoSuchRoute, "there is no such read")),
    }
}

/// The state of a tenant's engagement.
pub(crate) async fn engagement(
    context: &Context,
    caller: &Caller,
    id: &EngagementId,
) -> Result<Engagement, ApiError> {
    let known = context.journal.engagement(&caller.tenant, id.as_str()).await?.body;
    known.ok_or_else(|| ApiError::new(Kind::NotFound, "there is no such engagement"))
}

/// An invoice of the caller's tenant, and the engagement that it is of.
pub(crate) async fn invoice_of(
    context: &Context,
    caller: &Caller,
    id: &InvoiceId,
) -> Result<(EngagementId, Invoice), ApiError> {
    let missing = || ApiError::new(Kind::NotFound, "there is no such invoice");
    let owner = context.journal.owner_of(&caller.tenant, id.as_str()).await?.ok_or_else(missing)?;
    let known = context.journal.invoice(&caller.tenant, &owner, id).await?.body;
    Ok((owner, known.ok_or_else(missing)?))
}

/// A payment that the caller's tenant received.
pub(crate) async fn receipt_of(
    context: &Context,
    caller: &Caller,
    id: &PaymentId,
) -> Result<Receipt, ApiError> {
    let known = context.journal.receipt(&caller.tenant, id).await?.body;
    known.ok_or_else(|| ApiError::new(Kind::NotFound, "there is no such payment"))
}

/// That a connection is the CRM of the caller's tenant: another tenant's is as unknown as none.
pub(crate) async fn own_crm(context: &Context, caller: &Caller, connection: &str) -> Result<(), ApiError> {
    let config = context.connect.tenant(&caller.tenant).await?;
    if config.routing.ever_given(Selects::Crm).contains(connection) {
        return Ok(());
    }
    Err(ApiError::new(Kind::NotFound, "there is no such CRM connection"))
}

/// These fields of an item, where it has them.
pub(crate) fn fields(item: &Item, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| item.0.get(*name).map(|v| ((*name).to_owned(), v.clone()))).collect()
}
