//! An approved entry that is changed after it became a line: the difference is a line of its own, and what was
//! billed stays as it was billed.
//!
//! The latest version of the entry counts, by when it was approved, whatever the order in which versions
//! are told: the lines of an entry add up to its price.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BillableLine, Evidence, LineStatus};
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::event::BillingReady;
use crate::id::LineId;
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::transition::Status;

/// Where the corrections of an entry stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Correction {
    /// The line that the entry became first.
    pub line: LineId,
    /// When the version that counts was approved.
    pub as_of: Timestamp,
    /// Hash of its content.
    pub content: String,
    /// What the lines of the entry come to, before tax.
    pub amount: Money,
    /// Lines that stand beside the first one.
    pub adjustments: u32,
}

impl Correction {
    /// Of an entry that was never corrected, told with this content at this moment.
    #[must_use]
    pub fn none_yet(line: &BillableLine, as_of: Timestamp, content: &str) -> Self {
        Self {
            line: line.line.clone(),
            as_of,
            content: content.to_owned(),
            amount: line.amount,
            adjustments: 0,
        }
    }

    /// What a person must decide on a version that would count, where a part of the entry's lines was written off or
    /// credited for good: what that took off, the difference would take off again.
    #[must_use]
    pub fn taken_off(&self) -> Problem {
        let detail = format!(
            "{} was billed and its entry changed: a part of its lines was written off or credited",
            self.line
        );
        Problem::new(ProblemCode::EntryChanged, detail).with_stake(self.amount)
    }
}

/// What a further version of an entry comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Corrected {
    /// It is the version that counts, told once more.
    Same,
    /// An older one, told late; the reason is journalled.
    Late(String),
    /// It counts from now on.
    Counts(Box<Adjusted>),
    /// A person must decide.
    Held(Problem),
}

/// A version that counts from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjusted {
    /// Where the corrections stand.
    pub correction: Correction,
    /// What it does, with the line of the difference where there is one.
    pub effects: Effects,
}

/// The engagement as if so much of something had not been billed: what is decided on it finds the room below a
/// ceiling that was used.
pub(crate) fn without(
    engagement: &Engagement,
    evidence: &Evidence,
    amount: Money,
) -> Result<Engagement, MoneyError> {
    let less = |billed: Option<Money>| billed.map(|billed| billed.minus(amount)).transpose();
    let mut without = engagement.clone();
    match evidence.delivered() {
        Evidence::Time { .. } | Evidence::Overage { .. } => {
            without.time_billed = less(engagement.time_billed)?
        }
        Evidence::Expense { .. } => without.expenses_billed = less(engagement.expenses_billed)?,
        Evidence::Milestone { .. }
        | Evidence::Charge { .. }
        | Evidence::Usage { .. }
        | Evidence::Deposit { .. }
        | Evidence::Drawdown { .. }
        | Evidence::Adjustment { .. } => {}
    }
    Ok(without)
}

/// Decides on a further version of an entry whose first line is known, with where that line stands. `anew` says
/// what would be decided on it if the entry had never been billed.
#[must_use]
pub fn correct(
    engagement: &Engagement,
    (line, status): (&BillableLine, LineStatus),
    known: &Correction,
    (as_of, content): (Timestamp, &str),
    anew: impl FnOnce(&Engagement) -> Decision,
) -> Corrected {
    if content == known.content {
        return Corrected::Same;
    }
    if as_of < known.as_of {
        return Corrected::Late(format!("a version of {as_of}; the one that counts is of {}", known.as_of));
    }
    let changed = |why: &str| {
        let detail = format!("{} was billed and its entry changed: {why}", line.line);
        Corrected::Held(Problem::new(ProblemCode::EntryChanged, detail).with_stake(known.amount))
    };
    if as_of == known.as_of {
        return changed("two versions were approved at the same moment, and neither is the later one");
    }
    if matches!(status, LineStatus::WrittenOff | LineStatus::Credited) {
        return changed(&format!("it is {} and not billed any more", status.name()));
    }
    let unbilled = match without(engagement, &line.evidence, known.amount) {
        Ok(unbilled) => unbilled,
        Err(error) => return changed(&error.to_string()),
    };
    let (priced, state) = match anew(&unbilled) {
        Decision::Apply(effects) if !effects.costs.is_empty() || !effects.charges.is_empty() => {
            return changed(
                "it has a cost or an intercompany charge beside it, which are not corrected by themselves",
            );
        }
        Decision::Apply(effects) if !effects.drawdowns.is_empty() => {
            return changed("it is drawn from a retainer now");
        }
        Decision::Apply(effects) => match &effects.lines[..] {
            [only] if only.line == line.line => (Some(only.clone()), effects.state),
            _ => return changed("it is no line by itself now"),
        },
        Decision::NoEffect(_) => (None, (unbilled != *engagement).then_some(unbilled)),
        Decision::Park(_) => return changed("the engagement is not active"),
        Decision::Hold(problem) => return Corrected::Held(problem),
    };
    match adjusted(line, known, (as_of, content), priced, state) {
        Ok(adjusted) => Corrected::Counts(Box::new(adjusted)),
        Err(error) => changed(&error.to_string()),
    }
}

fn adjusted(
    line: &BillableLine,
    known: &Correction,
    (as_of, content): (Timestamp, &str),
    priced: Option<BillableLine>,
    state: Option<Engagement>,
) -> Result<Adjusted, MoneyError> {
    let before = known.amount;
    let after = priced.as_ref().map_or(Money::zero(before.currency()), |p| p.amount);
    let difference = after.minus(before)?;
    let summary = format!("{} corrected: {before} becomes {after}", line.line);
    let mut correction = Correction { as_of, content: content.to_owned(), amount: after, ..known.clone() };
    let mut effects = Effects { state, summary, ..Effects::default() };
    if !difference.is_zero() {
        correction.adjustments = correction.adjustments.saturating_add(1);
        // What is not billable any more has no terms of its own: it is taken back on those of its line.
        let terms = priced.unwrap_or_else(|| line.clone());
        let of = line.line.clone();
        let adjustment = BillableLine {
            line: LineId::derive(&[of.as_str(), "adjustment", &as_of.to_string(), content]),
            amount: difference,
            evidence: Evidence::Adjustment { of, by: Box::new(terms.evidence.clone()), before, after },
            ..terms
        };
        effects.events.push(BillingReady { line: adjustment.line.clone(), amount: difference }.into());
        effects.lines.push(adjustment);
    }
    Ok(Adjusted { correction, effects })
}
