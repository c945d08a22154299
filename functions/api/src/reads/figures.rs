//! Where an engagement stands in money, worked out of what is kept.

use domain::billing::{BillableLine, LineStatus};
use domain::credit_memo::CreditMemo;
use domain::figures::{Books, StandingLine, figures};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::Invoice;
use domain::revenue::RevenueEarned;
use journal::Item;
use runtime::Context;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::{ApiError, Kind};

/// Lines, or revenue events, of which figures are worked out by one call. Of more a part would be shown, and a
/// part of a figure is a wrong figure.
const MOST_FIGURED: usize = 5_000;

/// The figures of an engagement.
pub(super) async fn of(context: &Context, caller: &Caller, id: &EngagementId) -> Result<Value, ApiError> {
    let (tenant, journal) = (&caller.tenant, &context.journal);
    let state = super::engagement(context, caller, id).await?;
    let (lines, invoices, earned, credit_memos) = futures::try_join!(
        journal.listed(tenant, id.as_str(), "line#", MOST_FIGURED + 1),
        journal.listed(tenant, id.as_str(), "invoice#", usize::MAX),
        journal.listed(tenant, id.as_str(), "revenue#", MOST_FIGURED + 1),
        journal.listed(tenant, id.as_str(), "credit-memo#", usize::MAX),
    )?;
    if lines.len() > MOST_FIGURED || earned.len() > MOST_FIGURED {
        let detail =
            format!("the engagement has more than {MOST_FIGURED} lines or revenue events: add up the events");
        return Err(ApiError::new(Kind::StateConflict, detail));
    }
    let schedule = journal.revenue_schedule(tenant, id, state.contract.version).await?;
    let recognition = journal.recognition(tenant, id).await?.body;
    let lines: Vec<StandingLine> = lines.iter().map(standing).collect::<Result<_, _>>()?;
    let invoices: Vec<Invoice> = invoices.iter().map(Item::body).collect::<Result<_, _>>()?;
    let earned: Vec<RevenueEarned> = earned.iter().map(Item::body).collect::<Result<_, _>>()?;
    let credit_memos: Vec<CreditMemo> = credit_memos.iter().map(Item::body).collect::<Result<_, _>>()?;
    let books = Books {
        contract: &state.contract,
        lines: &lines,
        invoices: &invoices,
        credit_memos: &credit_memos,
        earned: &earned,
        schedule: schedule.as_ref(),
        recognition: recognition.as_ref(),
    };
    let figures = figures(books).map_err(ApiError::inside)?;
    Ok(json!({
        "engagement": id,
        "legal_entity": state.contract.legal_entity,
        "currency": state.contract.currency,
        "contract_version": state.contract.version,
        "figures": figures,
    }))
}

fn standing(item: &Item) -> Result<StandingLine, ApiError> {
    let line: BillableLine = item.body()?;
    let status = item.0.get("status").cloned().unwrap_or_default();
    let status: LineStatus = serde_json::from_value(status).map_err(ApiError::inside)?;
    let owner = item.text("invoice").map(|owner| InvoiceId::try_from(owner.to_owned()));
    Ok(StandingLine { line, status, invoice: owner.transpose().map_err(ApiError::inside)? })
}
