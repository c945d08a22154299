//! Revenue events, for whoever recognises: an engagement's, or those of a month of all engagements.

use domain::id::EngagementId;
use domain::revenue::{AccountingPeriod, RevenueEarned};
use journal::Item;
use runtime::Context;
use serde_json::{Value, json};

use super::MOST_LISTED;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};

/// Revenue events of an engagement that are read; of more the list is cut.
const MOST_READ: usize = 5_000;
/// Longest text that a page ends with: a moment and an ID.
const LONGEST_CURSOR: usize = 100;
/// A text before every moment: an index takes no empty one.
const FIRST: &str = "0";

fn period(text: &str) -> Result<AccountingPeriod, ApiError> {
    text.parse().map_err(|e| ApiError::new(Kind::Malformed, format!("period: {e}")))
}

/// Revenue events of an engagement, by the month in which they were earned.
pub(super) async fn of(
    context: &Context,
    caller: &Caller,
    id: &EngagementId,
    of_period: Option<&str>,
) -> Result<Value, ApiError> {
    let wanted = of_period.map(period).transpose()?;
    super::engagement(context, caller, id).await?;
    let items = context.journal.listed(&caller.tenant, id.as_str(), "revenue#", MOST_READ + 1).await?;
    let all: Vec<RevenueEarned> = items.iter().map(Item::body).collect::<Result<_, _>>()?;
    let mut all: Vec<RevenueEarned> =
        all.into_iter().filter(|e| wanted.is_none_or(|wanted| e.period == wanted)).collect();
    all.sort_by_key(|e| (e.period, e.earned_on, e.revenue.clone()));
    let truncated = all.len() > MOST_LISTED || items.len() > MOST_READ;
    all.truncate(MOST_LISTED);
    Ok(json!({"engagement": id, "events": all, "truncated": truncated}))
}

/// Revenue events that are to be posted in a month, in the order in which they were recorded. `next` is what
/// the following page, or a later call, begins after.
pub(super) async fn of_period(
    context: &Context,
    caller: &Caller,
    of_period: Option<&str>,
    after: Option<&str>,
) -> Result<Value, ApiError> {
    let missing = || ApiError::new(Kind::Malformed, "period: is missing");
    let (wanted, after) = (period(of_period.ok_or_else(missing)?)?, after.unwrap_or_default());
    if after.len() > LONGEST_CURSOR {
        return Err(ApiError::new(Kind::Malformed, "after: is none that a page ended with"));
    }
    let after = if after.is_empty() { FIRST } else { after };
    let items = context.journal.revenue_of_period(&caller.tenant, wanted, after, MOST_LISTED + 1).await?;
    let more = items.len() > MOST_LISTED;
    let shown = &items[..items.len().min(MOST_LISTED)];
    let events: Vec<RevenueEarned> = shown.iter().map(Item::body).collect::<Result<_, _>>()?;
    // Where nothing is new, the next call begins where this one did.
    let last = shown.last().and_then(|item| item.text("status_at"));
    let next = last.or(Some(after).filter(|after| *after != FIRST));
    Ok(json!({"period": wanted, "events": events, "next": next, "truncated": more}))
}
