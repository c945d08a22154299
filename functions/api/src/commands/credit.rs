//! The command that asks for a credit memo.

use domain::credit_memo::{CreditError, CreditMemo, CreditMemoRequested, Reduction};
use domain::id::{CreditMemoId, DisputeId, InvoiceId, LineId};
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
struct Credit {
    /// Lines that are taken off whole.
    #[serde(default)]
    lines: Vec<LineId>,
    /// A part of the price, off one line or off the invoice.
    #[serde(default)]
    reduction: Option<Reduction>,
    /// Why, for the customer and the audit.
    reason: String,
    /// Whether the lines are billed anew; no default.
    rebill: bool,
    /// The dispute of the invoice that it settles.
    #[serde(default)]
    dispute: Option<DisputeId>,
}

/// Asks for a credit memo of a posted invoice. What can't be granted on what is billed and credited by now is
/// refused at once; the function that takes the event decides again, on what is so then.
pub(super) async fn request(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let id: InvoiceId = call.id("invoice")?;
    let asked: Credit = call.body()?;
    reason(&asked.reason)?;
    let (tenant, journal) = (caller.tenant.as_str(), &context.journal);
    let (owner, invoice) = invoice_of(context, caller, &id).await?;
    let state = engagement(context, caller, &owner).await?;
    let dispute = match &asked.dispute {
        Some(dispute) => journal.dispute(tenant, &owner, dispute).await?.body,
        None => None,
    };
    let requested = CreditMemoRequested {
        credit_memo: CreditMemoId::derive(&[id.as_str(), "credit-memo", "caller", &caller.name, &call.key]),
        invoice: id.clone(),
        lines: asked.lines,
        reduction: asked.reduction,
        reason: asked.reason,
        rebill: asked.rebill,
        requested_by: caller.name.clone(),
        dispute: asked.dispute,
    };
    let billed = journal.invoice_lines(tenant, &owner, &id).await?;
    let earlier = journal.credit_memos_of(tenant, &owner, &id).await?;
    requested.settles(dispute.as_ref()).map_err(refused)?;
    let memo = CreditMemo::request(&state, &invoice, &billed, &earlier, &requested).map_err(refused)?;
    let untaxed = memo.untaxed;
    let summary = format!("asked for a credit memo of {untaxed} off {id}: {}", requested.reason);
    let answer = [("credit_memo", json!(requested.credit_memo)), ("untaxed", json!(untaxed))];
    Ok(Command::of(context, About::Engagement(owner), requested, summary).answering(answer))
}

fn refused(why: CreditError) -> ApiError {
    let kind = match why {
        CreditError::NotPosted { .. } | CreditError::Undecided { .. } => Kind::StateConflict,
        CreditError::TooManyLines { .. } | CreditError::NothingToRebill => Kind::Malformed,
        CreditError::NotContested { .. }
        | CreditError::NotPositive { .. }
        | CreditError::TooMuch { .. }
        | CreditError::TooMuchOfLine { .. }
        | CreditError::NotBilled { .. }
        | CreditError::TakenOff { .. }
        | CreditError::DrawnOn { .. }
        | CreditError::NamesNoLine { .. }
        | CreditError::Money(_) => Kind::NotAcceptable,
    };
    ApiError::new(kind, why.to_string())
}
