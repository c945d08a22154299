//! Writing off work in progress: delivered work that will not be billed, by somebody's decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, LineStatus, without};
use crate::engagement::Engagement;
use crate::id::{EngagementId, LineId, WriteOffId};
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::transition::Status;

/// Lines of one write-off at most: all of them are written off in one commit.
pub const MOST_LINES: usize = 80;

/// Somebody decided that lines which nobody was billed for are not to be billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteOffRequested {
    /// The write-off.
    pub write_off: WriteOffId,
    /// The lines, each whole.
    pub lines: Vec<LineId>,
    /// Who decided it: a user or role of the firm, not a person's name.
    pub requested_by: String,
    /// Why, for the audit.
    pub reason: String,
}

/// Work in progress that will not be billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteOff {
    /// Our ID.
    pub write_off: WriteOffId,
    /// The engagement.
    pub engagement: EngagementId,
    /// The lines that were written off.
    pub lines: Vec<LineId>,
    /// What they would have billed, before tax: by so much is the work in progress less.
    pub amount: Money,
    /// Who decided it: a user or role of the firm, not a person's name.
    pub requested_by: String,
    /// Why, for the audit.
    pub reason: String,
}

/// Why lines of corrected entries can't be written off: what was corrected is a line of its own, and would be
/// billed, or given back, without the first. Such an entry is made not billable where it was approved.
#[must_use]
pub fn corrected(lines: &[&LineId]) -> Option<Problem> {
    let named: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
    let what = format!("{}: the entry was corrected; make it not billable in the PSA", named.join(", "));
    (!named.is_empty()).then(|| Problem::new(ProblemCode::WriteOffRefused, what))
}

/// Decides on a write-off, whole or not at all, of lines as they stand. Gives it with the state after it,
/// where what is billed counts against a ceiling or a cap: what is written off leaves room for other work.
///
/// # Errors
/// [`ProblemCode::WriteOffRefused`] naming each line that can't be written off; one that an invoice owns is
/// credited instead.
pub fn decide(
    engagement: &Engagement,
    requested: &WriteOffRequested,
    lines: &[(BillableLine, LineStatus)],
) -> Result<(WriteOff, Option<Engagement>), Problem> {
    let refused = |what: String| Problem::new(ProblemCode::WriteOffRefused, what);
    if requested.lines.is_empty() || requested.lines.len() > MOST_LINES {
        return Err(refused(format!("{} lines at once; 1 to {MOST_LINES} can be", requested.lines.len())));
    }
    let is_held = |status: LineStatus| status == LineStatus::Held;
    let held =
        lines.iter().filter(|(l, status)| requested.lines.contains(&l.line) && is_held(*status)).count();
    // Of a held line the exception is settled in the same commit.
    if requested.lines.len() + held > MOST_LINES {
        let all = requested.lines.len();
        return Err(refused(format!(
            "{all} lines, {held} of them held, at once; {MOST_LINES} can be, and a held one counts twice"
        )));
    }
    let mut against: Vec<String> = Vec::new();
    for id in &requested.lines {
        match lines.iter().find(|(line, _)| line.line == *id) {
            None => against.push(format!("{id} is no line of the engagement")),
            // One that is written off already is another write-off's.
            Some((_, status)) if !status.followed_by().contains(&LineStatus::WrittenOff) => {
                against.push(format!("{id} is {}", status.name()));
            }
            Some(_) => {}
        }
    }
    if !against.is_empty() {
        return Err(refused(against.join("; ")));
    }
    let written_off = || lines.iter().map(|(line, _)| line).filter(|l| requested.lines.contains(&l.line));
    let broken = |e: MoneyError| refused(e.to_string());
    let currency = engagement.contract.currency;
    let amount = Money::total(currency, written_off().map(|l| l.amount)).map_err(broken)?;
    let mut after = written_off()
        .try_fold(engagement.clone(), |state, line| without(&state, &line.evidence, line.amount))
        .map_err(broken)?;
    after.held_lines = after.held_lines.saturating_sub(u32::try_from(held).unwrap_or(u32::MAX));
    let state = (after != *engagement).then_some(after);
    let write_off = WriteOff {
        write_off: requested.write_off.clone(),
        engagement: engagement.engagement.clone(),
        lines: written_off().map(|line| line.line.clone()).collect(),
        amount,
        requested_by: requested.requested_by.clone(),
        reason: requested.reason.clone(),
    };
    Ok((write_off, state))
}
