//! Open exceptions, with what to do about each.

use domain::problem::{Owner, Problem};
use journal::Item;
use runtime::Context;
use serde_json::{Value, json};

use super::{MOST_LISTED, fields};
use crate::caller::Caller;
use crate::error::{ApiError, Kind, remedy_of};

/// Open exceptions of an owner, oldest first.
pub(super) async fn open(context: &Context, caller: &Caller, owner: Option<&str>) -> Result<Value, ApiError> {
    let known = || Owner::ALL.map(Owner::as_str).join(", ");
    let owner = Owner::ALL
        .into_iter()
        .find(|o| Some(o.as_str()) == owner)
        .ok_or_else(|| ApiError::new(Kind::Malformed, format!("owner: must be one of {}", known())))?;
    let items = context.journal.open_exceptions(&caller.tenant, owner, MOST_LISTED + 1).await?;
    let shown: Vec<Value> = items.iter().take(MOST_LISTED).map(shown).collect::<Result<_, _>>()?;
    Ok(json!({"owner": owner, "exceptions": shown, "truncated": items.len() > MOST_LISTED}))
}

/// An exception as callers see it: not the payload, which is a message as it came.
pub(super) fn shown(item: &Item) -> Result<Value, ApiError> {
    let problem: Problem = item.body()?;
    let names = ["exception", "status", "stage", "correlation_id", "recorded_at"];
    let mut shown = fields(item, &names);
    shown.insert("code".into(), problem.code.as_str().into());
    shown.insert("owner".into(), problem.owner.as_str().into());
    shown.insert("retryable".into(), problem.code.retryable().into());
    shown.insert("remedy".into(), remedy_of(problem.code).into());
    shown.insert("detail".into(), problem.detail.into());
    if let Some(stake) = problem.at_stake {
        shown.insert("at_stake".into(), json!(stake));
    }
    Ok(shown.into())
}
