//! The commands that record a dispute of an invoice, and that end it.

use domain::dispute::{
    Dispute, DisputeError, DisputeKind, DisputeOutcome, DisputeRequested, DisputeResolutionRequested,
    MOST_LINES, ResolutionError,
};
use domain::id::{CreditMemoId, DisputeId, LineId};
use domain::money::Money;
use domain::transition::Status;
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
struct Contest {
    /// What is contested.
    kind: DisputeKind,
    /// The lines; none for the invoice as a whole, and for its balance.
    #[serde(default)]
    lines: Vec<LineId>,
    /// How much, with tax; none for all that can be contested.
    #[serde(default)]
    amount: Option<Money>,
    /// What the customer says.
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolve {
    /// What was decided.
    outcome: DisputeOutcome,
    /// Why, for the customer and the audit.
    reason: String,
    /// The credit memo that gives the customer what was decided.
    #[serde(default)]
    credit_memo: Option<CreditMemoId>,
}

/// Records that a customer contests a posted invoice. What can't be contested on what is billed, credited and contested
/// by now is refused at once; the function that takes the event decides again, on what is so then.
pub(super) async fn request(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let asked: Contest = call.body()?;
    reason(&asked.reason)?;
    if asked.lines.len() > MOST_LINES {
        return Err(ApiError::new(Kind::Malformed, format!("lines: must be {MOST_LINES} at most")));
    }
    let (owner, invoice) = invoice_of(context, caller, &call.id("invoice")?).await?;
    let (tenant, journal, id) = (caller.tenant.as_str(), &context.journal, invoice.invoice.clone());
    let state = engagement(context, caller, &owner).await?;
    let requested = DisputeRequested {
        dispute: DisputeId::derive(&[id.as_str(), "dispute", "caller", &caller.name, &call.key]),
        invoice: id.clone(),
        dispute_kind: asked.kind,
        lines: asked.lines,
        amount: asked.amount,
        reason: asked.reason,
        requested_by: caller.name.clone(),
    };
    let billed = journal.invoice_lines(tenant, &owner, &id).await?;
    let memos = journal.credit_memos_of(tenant, &owner, &id).await?;
    let disputes = journal.disputes_of(tenant, &owner, &id).await?;
    let decided = Dispute::request(&state, &invoice, &billed, &memos, &disputes, &requested);
    let contested = decided.map_err(refused)?.0.contested;
    let summary = format!(
        "recorded that {contested} of {id} is contested ({}): {}",
        asked.kind.as_str(),
        requested.reason
    );
    let answer = [("dispute", json!(requested.dispute)), ("contested", json!(contested))];
    Ok(Command::of(context, About::Engagement(owner), requested, summary).answering(answer))
}

/// Ends a dispute. A dispute that is upheld credits nothing by itself: the answer says what to ask for.
pub(super) async fn resolve(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let dispute: DisputeId = call.id("dispute")?;
    let asked: Resolve = call.body()?;
    reason(&asked.reason)?;
    let (owner, invoice) = invoice_of(context, caller, &call.id("invoice")?).await?;
    let (tenant, journal, id) = (caller.tenant.as_str(), &context.journal, invoice.invoice.clone());
    let missing = || ApiError::new(Kind::NotFound, "the invoice has no such dispute");
    let known = journal.dispute(tenant, &owner, &dispute).await?.body.ok_or_else(missing)?;
    if known.invoice != id {
        return Err(missing());
    }
    let requested = DisputeResolutionRequested {
        dispute: dispute.clone(),
        invoice: id.clone(),
        outcome: asked.outcome,
        reason: asked.reason,
        credit_memo: asked.credit_memo,
        resolved_by: caller.name.clone(),
    };
    let memos = journal.credit_memos_of(tenant, &owner, &id).await?;
    known.resolve(&invoice, &memos, &requested).map_err(not_so)?;
    let outcome = requested.outcome.status().name();
    let summary = format!("decided that dispute {dispute} of {id} is {outcome}: {}", requested.reason);
    let answer = [
        ("dispute", json!(dispute)),
        ("outcome", json!(requested.outcome)),
        ("contested", json!(known.contested)),
    ];
    let further = match &requested.credit_memo {
        Some(memo) => Some(("credit_memo", json!(memo))),
        None if requested.outcome == DisputeOutcome::Upheld => {
            let next = format!("POST /v1/invoices/{id}/credit-memos with \"dispute\": \"{dispute}\"");
            Some(("to_be_credited_by", json!(next)))
        }
        None => None,
    };
    let command = Command::of(context, About::Engagement(owner), requested, summary).answering(answer);
    Ok(match further {
        Some(further) => command.answering([further]),
        None => command,
    })
}

fn refused(why: DisputeError) -> ApiError {
    let kind = match why {
        DisputeError::NotPosted { .. } => Kind::StateConflict,
        DisputeError::BalanceOfLines | DisputeError::TooManyLines { .. } => Kind::Malformed,
        DisputeError::NotBilled { .. }
        | DisputeError::TakenOff { .. }
        | DisputeError::Contested { .. }
        | DisputeError::BalanceContested { .. }
        | DisputeError::NotPositive { .. }
        | DisputeError::TooMuch { .. }
        | DisputeError::Money(_) => Kind::NotAcceptable,
    };
    ApiError::new(kind, why.to_string())
}

fn not_so(why: ResolutionError) -> ApiError {
    let kind = match why {
        ResolutionError::Ended { .. } => Kind::StateConflict,
        ResolutionError::OfAnother { .. } => Kind::NotFound,
        ResolutionError::NothingToCredit { .. }
        | ResolutionError::NoCreditMemo { .. }
        | ResolutionError::Money(_) => Kind::NotAcceptable,
    };
    ApiError::new(kind, why.to_string())
}
