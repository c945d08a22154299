//! What of an engagement can be billed and by when, and what blocks the rest, most money first.

use std::collections::BTreeSet;

use domain::Engagement;
use domain::billing::BillableLine;
use domain::billing::hold::LineHold;
use domain::billing::model::billing_model;
use domain::billing::score::{Blocker, BlockerKind, by_reason, periods, ranked, score};
use domain::id::EngagementId;
use domain::invoice::Invoice;
use domain::invoicing::{InvoicePolicy, next_run};
use domain::money::{Money, MoneyError};
use domain::problem::Problem;
use jiff::civil::Date;
use journal::Item;
use runtime::Context;
use serde_json::{Value, json};

use super::MOST_LISTED;
use crate::caller::Caller;
use crate::error::ApiError;

/// What waits, as it was read.
struct Waiting {
    ready: Vec<BillableLine>,
    held: Vec<(BillableLine, LineHold)>,
    exceptions: Vec<Item>,
    invoices: Vec<Invoice>,
    parked: Vec<Item>,
    /// Whether there is more than is shown.
    truncated: bool,
}

/// The readiness of an engagement.
pub(super) async fn of(context: &Context, caller: &Caller, id: &EngagementId) -> Result<Value, ApiError> {
    let engagement = super::engagement(context, caller, id).await?;
    let config = context.connect.tenant(&caller.tenant).await?;
    let waiting = read(context, &caller.tenant, id).await?;
    let policy = config.invoicing.policy_of(&engagement, &config);
    let today = context.business_day(&config).map_err(ApiError::inside)?;
    shown(&engagement, &policy, today, waiting).map_err(|e| ApiError::inside(e.to_string()))
}

async fn read(context: &Context, tenant: &str, id: &EngagementId) -> Result<Waiting, ApiError> {
    let (journal, id) = (&context.journal, id.as_str());
    let most = MOST_LISTED + 1;
    let mut ready = journal.ready_lines(tenant, id, most).await?;
    let mut held = journal.held_lines(tenant, id, most).await?;
    let mut exceptions = journal.listed(tenant, id, "exception#", most).await?;
    let mut invoices = journal.listed(tenant, id, "invoice#", most).await?;
    let mut parked = journal.listed(tenant, id, "parked#engagement-active#", most).await?;
    let counts = [ready.len(), held.len(), exceptions.len(), invoices.len(), parked.len()];
    ready.truncate(MOST_LISTED);
    held.truncate(MOST_LISTED);
    exceptions.truncate(MOST_LISTED);
    invoices.truncate(MOST_LISTED);
    parked.truncate(MOST_LISTED);
    exceptions.retain(|item| item.text("status") == Some("open"));
    Ok(Waiting {
        ready,
        held: held.into_iter().filter_map(|r| Some((r.line, r.hold?))).collect(),
        exceptions,
        invoices: invoices.iter().map(Item::body).collect::<Result<_, _>>()?,
        parked,
        truncated: counts.iter().any(|n| *n > MOST_LISTED),
    })
}

fn shown(
    engagement: &Engagement,
    policy: &InvoicePolicy,
    today: Date,
    waiting: Waiting,
) -> Result<Value, MoneyError> {
    let currency = engagement.contract.currency;
    let ready = Money::total(currency, waiting.ready.iter().map(|l| l.amount))?;
    let blockers = ranked(blockers(engagement, &waiting)?);
    let next = next_run(policy.ask, today);
    let days = next.and_then(|run| today.until(run.day).ok()).map(|span| span.get_days());
    Ok(json!({
        "engagement": engagement.engagement,
        "billing_model": billing_model(&engagement.contract),
        "policy": policy,
        "next_run": next.map(|run| json!({"on": run.day, "cut_off": run.cut_off, "in_days": days})),
        "ready": {"lines": waiting.ready.len(), "amount": ready},
        "periods": periods(currency, &waiting.ready, &waiting.held)?,
        "held": waiting.held.iter().map(|(line, hold)| json!({
            "line": line.line, "earned_on": line.earned_on, "amount": line.amount, "hold": hold,
        })).collect::<Vec<_>>(),
        "blockers": blockers,
        "score": score(ready, &blockers)?,
        // Work that nobody approved yet is known to the PSA alone.
        "not_approved": null,
        "truncated": waiting.truncated,
    }))
}

fn blockers(engagement: &Engagement, waiting: &Waiting) -> Result<Vec<Blocker>, MoneyError> {
    let currency = engagement.contract.currency;
    let held: Vec<&(BillableLine, LineHold)> = waiting.held.iter().collect();
    let mut found: Vec<Blocker> = by_reason(currency, &held)?
        .into_iter()
        .map(|sum| Blocker {
            kind: BlockerKind::HeldLines,
            detail: format!("{} lines held for {}", sum.lines, sum.reason.code().as_str()),
            owner: Some(sum.owner),
            count: sum.lines,
            at_stake: Some(sum.at_stake),
        })
        .collect();
    found.extend(waiting.invoices.iter().filter(|i| i.is_held()).map(|invoice| Blocker {
        kind: BlockerKind::HeldInvoice,
        detail: format!(
            "{} is held: {}",
            invoice.invoice,
            invoice.hold.as_ref().map_or("", |hold| hold.reason.as_str())
        ),
        owner: invoice.hold.as_ref().map(|hold| hold.owner),
        count: 1,
        at_stake: Some(invoice.untaxed),
    }));
    // A held line's exception says the same as the line.
    let of_lines: BTreeSet<&str> = held.iter().map(|(_, hold)| hold.exception.as_str()).collect();
    let others = waiting.exceptions.iter().filter(|e| !of_lines.contains(e.text("exception").unwrap_or("")));
    found.extend(others.filter_map(|item| item.body::<Problem>().ok()).map(|problem| Blocker {
        kind: BlockerKind::Exception,
        detail: problem.to_string(),
        owner: Some(problem.owner),
        count: 1,
        at_stake: problem.at_stake,
    }));
    if !waiting.parked.is_empty() {
        found.push(Blocker {
            kind: BlockerKind::Parked,
            detail: "work waits for the engagement to be active".into(),
            owner: None,
            count: u32::try_from(waiting.parked.len()).unwrap_or(u32::MAX),
            at_stake: None,
        });
    }
    Ok(found)
}
