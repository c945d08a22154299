//! The command that writes lines off.

use domain::id::{EngagementId, LineId, WriteOffId};
use domain::write_off::{self, WriteOffRequested};
use runtime::Context;
use serde::Deserialize;
use serde_json::json;

use super::{About, Command, reason};
use crate::call::Call;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::reads::engagement;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteOff {
    /// The lines, each whole.
    lines: Vec<LineId>,
    /// Why, for the audit.
    reason: String,
}

/// Asks that lines are written off. Whether they can be is looked at now, so that whoever asks learns it at
/// once, and again when it is done: an invoice may take them in between.
pub(super) async fn write_off(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let id: EngagementId = call.id("engagement")?;
    let asked: WriteOff = call.body()?;
    reason(&asked.reason)?;
    if asked.lines.is_empty() || asked.lines.len() > write_off::MOST_LINES {
        let detail = format!("lines: must be 1 to {}", write_off::MOST_LINES);
        return Err(ApiError::new(Kind::Malformed, detail));
    }
    let state = engagement(context, caller, &id).await?;
    let write_off = WriteOffId::derive(&[id.as_str(), "write-off", &caller.name, &call.key]);
    let requested = WriteOffRequested {
        write_off: write_off.clone(),
        lines: asked.lines,
        requested_by: caller.name.clone(),
        reason: asked.reason,
    };
    let lines = context.journal.lines(&caller.tenant, id.as_str(), &requested.lines).await?;
    let corrected: Vec<_> =
        lines.iter().filter(|known| known.corrected).map(|known| &known.line.line).collect();
    if let Some(problem) = write_off::corrected(&corrected) {
        return Err(ApiError::new(Kind::StateConflict, problem.detail));
    }
    let lines: Vec<_> = lines.into_iter().map(|known| (known.line, known.status)).collect();
    let (decided, _) = write_off::decide(&state, &requested, &lines)
        .map_err(|problem| ApiError::new(Kind::StateConflict, problem.detail))?;
    let summary =
        format!("wrote off {} lines of {}: {}", decided.lines.len(), decided.amount, requested.reason);
    let answer = [("write_off", json!(write_off)), ("amount", json!(decided.amount))];
    Ok(Command::of(context, About::Engagement(id), requested, summary).answering(answer))
}
