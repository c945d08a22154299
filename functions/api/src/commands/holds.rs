//! Commands that hold and release lines and invoices. Where it is too late, the caller is told at once; what
//! happens in between is told by the function that takes the event.

use domain::Status;
use domain::billing::LineStatus;
use domain::billing::hold::{HoldRequested, HoldTarget, ReleaseRequested};
use domain::id::{EngagementId, LineId};
use domain::problem::Owner;
use journal::LineRecord;
use runtime::Context;
use serde::Deserialize;
use serde_json::json;

use super::{About, Command, reason};
use crate::call::Call;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::reads::{engagement, invoice_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    /// Why.
    reason: String,
    /// Who is to settle it.
    #[serde(default = "finance")]
    owner: Owner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    /// Why it may go on.
    reason: String,
}

const fn finance() -> Owner {
    Owner::FinanceOperations
}

/// Asks that an invoice is held.
pub(super) async fn hold_invoice(
    context: &Context,
    caller: &Caller,
    call: &Call,
) -> Result<Command, ApiError> {
    let asked: Hold = call.body()?;
    reason(&asked.reason)?;
    let (id, invoice) = invoice_of(context, caller, &call.id("invoice")?).await?;
    if let Some(gone) = invoice.has_gone() {
        return Err(ApiError::new(Kind::StateConflict, format!("{gone}: it can't be held any more")));
    }
    Ok(held(context, caller, id, HoldTarget::Invoice(invoice.invoice), asked))
}

/// Asks that an invoice goes on.
pub(super) async fn release_invoice(
    context: &Context,
    caller: &Caller,
    call: &Call,
) -> Result<Command, ApiError> {
    let asked: Release = call.body()?;
    reason(&asked.reason)?;
    let (id, invoice) = invoice_of(context, caller, &call.id("invoice")?).await?;
    if !invoice.is_held() {
        return Err(ApiError::new(Kind::StateConflict, "nobody holds the invoice"));
    }
    Ok(released(context, caller, id, HoldTarget::Invoice(invoice.invoice), asked))
}

/// Asks that a line is held.
pub(super) async fn hold_line(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let asked: Hold = call.body()?;
    reason(&asked.reason)?;
    let (id, record) = line(context, caller, call).await?;
    if record.status != LineStatus::Ready {
        let detail = format!("the line is {}: only a ready one is held", record.status.name());
        return Err(ApiError::new(Kind::StateConflict, detail));
    }
    Ok(held(context, caller, id, HoldTarget::Line(record.line.line), asked))
}

/// Asks that a line is looked at again.
pub(super) async fn release_line(
    context: &Context,
    caller: &Caller,
    call: &Call,
) -> Result<Command, ApiError> {
    let asked: Release = call.body()?;
    reason(&asked.reason)?;
    let (id, record) = line(context, caller, call).await?;
    if record.status != LineStatus::Held {
        let detail = format!("the line is {}: only a held one is released", record.status.name());
        return Err(ApiError::new(Kind::StateConflict, detail));
    }
    Ok(released(context, caller, id, HoldTarget::Line(record.line.line), asked))
}

async fn line(
    context: &Context,
    caller: &Caller,
    call: &Call,
) -> Result<(EngagementId, LineRecord), ApiError> {
    let id: EngagementId = call.id("engagement")?;
    engagement(context, caller, &id).await?;
    let line: LineId = call.id("line")?;
    let known = context.journal.line(&caller.tenant, id.as_str(), line.as_str()).await?;
    Ok((id, known.ok_or_else(|| ApiError::new(Kind::NotFound, "there is no such line"))?))
}

fn held(context: &Context, caller: &Caller, id: EngagementId, target: HoldTarget, asked: Hold) -> Command {
    let summary = format!("asked that {target} is held: {}", asked.reason);
    let answer = [("target", json!(target))];
    let requested =
        HoldRequested { target, requested_by: caller.name.clone(), owner: asked.owner, reason: asked.reason };
    Command::of(context, About::Engagement(id), requested, summary).answering(answer)
}

fn released(
    context: &Context,
    caller: &Caller,
    id: EngagementId,
    target: HoldTarget,
    asked: Release,
) -> Command {
    let summary = format!("asked that {target} is released: {}", asked.reason);
    let answer = [("target", json!(target))];
    let requested = ReleaseRequested { target, requested_by: caller.name.clone(), reason: asked.reason };
    Command::of(context, About::Engagement(id), requested, summary).answering(answer)
}
