//! Where an engagement, or the deal that it came from, now sits.

use domain::billing::model::billing_model;
use domain::deposit::{DepositBalance, DepositTerms, deposit_line};
use domain::id::EngagementId;
use domain::retainer::balances;
use domain::{Engagement, Status};
use journal::Item;
use runtime::Context;
use serde_json::{Map, Value, json};

use super::{MOST_LISTED, exceptions, fields};
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::route::SEES_MONEY;

/// Status, where the project stands, contract in force, statements of work, what was rated of usage, what is left of
/// retainers and deposits, records in
/// each system, open exceptions.
pub(super) async fn engagement(
    context: &Context,
    caller: &Caller,
    id: &EngagementId,
) -> Result<Value, ApiError> {
    let (tenant, journal) = (&caller.tenant, &context.journal);
    let state = journal.engagement(tenant, id.as_str()).await?.body;
    let raised = journal.listed(tenant, id.as_str(), "exception#", MOST_LISTED).await?;
    let open: Vec<Value> = raised
        .iter()
        .filter(|item| item.text("status") == Some("open"))
        .map(exceptions::shown)
        .collect::<Result<_, _>>()?;
    let Some(state) = state else {
        // Its activation was asked for and is not written yet, or a check failed before anything was.
        let asked = journal.listed(tenant, id.as_str(), "journal#", 1).await?;
        if asked.is_empty() && raised.is_empty() {
            return Err(ApiError::new(Kind::NotFound, "there is no such engagement"));
        }
        let status = if open.is_empty() { "requested" } else { "held" };
        return Ok(json!({"engagement": id, "status": status, "exceptions": open}));
    };
    let records = journal.crosswalk_of(tenant, id.as_str()).await?;
    let records: Vec<Value> = records
        .iter()
        .map(|r| json!({"connection": r.connection, "kind": r.record_kind, "id": r.local_id}))
        .collect();
    let statements = journal.listed(tenant, id.as_str(), "statement-of-work#", MOST_LISTED).await?;
    let delivery = journal.delivery(tenant, id.as_str()).await?.body;
    Ok(json!({
        "engagement": id,
        "status": state.status,
        "project": delivery.and_then(|d| d.status),
        "deal": state.deal,
        "customer": state.customer,
        "billing_model": billing_model(&state.contract),
        "contract": state.contract,
        "statements_of_work": statements.iter().map(statement).collect::<Vec<_>>(),
        "completed_milestones": state.completed_milestones.keys().collect::<Vec<_>>(),
        "usage": state.usage,
        "retainers": retainers(&state),
        "deposits": deposits(context, caller, &state).await?,
        "records": records,
        "exceptions": open,
    }))
}

/// What of each retainer is left, period by period: minutes, or an amount.
fn retainers(state: &Engagement) -> Value {
    let mut shown = Map::new();
    for terms in &state.contract.retainers {
        let Some(charge) = state.contract.recurring_charge(&terms.charge) else { continue };
        let worked = state.retainers.get(&terms.charge).cloned().unwrap_or_default();
        // Amounts of a contract were added up when it was cut.
        let grants = terms.grants(charge).unwrap_or_default();
        shown.insert(terms.charge.clone(), json!(balances(&grants, &worked, terms.rollover)));
    }
    shown.into()
}

/// What of each deposit was drawn and returned, and what is left; none of these before an invoice bills it.
async fn deposits(context: &Context, caller: &Caller, state: &Engagement) -> Result<Vec<Value>, ApiError> {
    if state.contract.deposits.is_empty() {
        return Ok(Vec::new());
    }
    let (journal, tenant, id) = (&context.journal, caller.tenant.as_str(), &state.engagement);
    let (billed, _) = journal.billed_deposits(tenant, state).await?;
    let wanted: Vec<_> = state.contract.deposits.iter().map(|terms| deposit_line(id, &terms.key)).collect();
    let lines = journal.lines(tenant, id.as_str(), &wanted).await?;
    let shown = |terms: &DepositTerms| {
        let mut shown = json!({
            "deposit": terms.key,
            "name": terms.name,
            "amount": terms.amount,
            "due_on": terms.due_on,
            "drawn_when": terms.drawn_when,
            "share_percent": terms.share_percent,
        });
        let its = deposit_line(id, &terms.key);
        if let Some(record) = lines.iter().find(|record| record.line.line == its) {
            shown["status"] = record.status.name().into();
        }
        if let Some(known) = billed.iter().find(|known| known.terms.key == terms.key) {
            let DepositBalance { drawn, returned, left, .. } = known.balance().map_err(ApiError::inside)?;
            shown["line"] = json!(known.line.line);
            shown["invoice"] = json!(known.invoice.invoice);
            shown["may_be_drawn"] = known.may_be_drawn().into();
            (shown["drawn"], shown["returned"], shown["left"]) = (json!(drawn), json!(returned), json!(left));
        }
        Ok(shown)
    };
    state.contract.deposits.iter().map(shown).collect()
}

/// Where a deal sits: its engagement, and its invoices for those who may see them.
pub(super) async fn deal(
    context: &Context,
    caller: &Caller,
    connection: &str,
    deal: &str,
) -> Result<Value, ApiError> {
    super::own_crm(context, caller, connection).await?;
    let id = EngagementId::of_deal(&caller.tenant, connection, deal);
    let mut found = engagement(context, caller, &id).await?;
    found["deal"] = deal.into();
    found["connection"] = connection.into();
    if caller.is_one_of(SEES_MONEY) {
        let invoices = context.journal.listed(&caller.tenant, id.as_str(), "invoice#", MOST_LISTED).await?;
        found["invoices"] = invoices.iter().map(brief).collect();
    }
    Ok(found)
}

fn statement(item: &Item) -> Value {
    const SHOWN: &[&str] = &[
        "statement",
        "status",
        "approval",
        "contract_version",
        "terms",
        "milestones",
        "recurring",
        "rates",
        "expenses",
        "usage",
        "deposits",
    ];
    fields(item, SHOWN).into()
}

fn brief(item: &Item) -> Value {
    fields(
        item,
        &[
            "invoice",
            "status",
            "number",
            "untaxed",
            "tax",
            "total",
            "applied",
            "credited",
            "contested",
            "invoiced_on",
        ],
    )
    .into()
}
