//! Milestones: what their acceptance bills, and what it releases of others.

use jiff::civil::Date;

use super::{BillableLine, Evidence, billable, line_of};
use crate::contract::Milestone;
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::event::{BillingReady, InvoiceRequested};
use crate::id::InvoiceId;
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::work::MilestoneCompletion;

/// Decides on a completed, accepted milestone: bills it, but for what is kept back of it, and what was kept
/// back of others until it; and asks for an invoice of all that is ready.
#[must_use]
pub fn milestone_completed(
    state: Option<&Engagement>,
    completion: &MilestoneCompletion,
    business_day: Date,
) -> Decision {
    let engagement = match billable(state) {
        Ok(engagement) => engagement,
        Err(decision) => return decision,
    };
    let key = &completion.milestone;
    let Some(milestone) = engagement.contract.milestone(key) else {
        return Decision::Hold(Problem::new(
            ProblemCode::MilestoneUnknown,
            format!("contract version {} has no milestone `{key}`", engagement.contract.version),
        ));
    };
    if let Some(record) = engagement.completed_milestones.get(key) {
        return Decision::NoEffect(format!("milestone {key} was already billed by record {record}"));
    }
    let billed = match Billed::of(engagement, milestone, completion, business_day) {
        Ok(billed) => billed,
        Err(e) => {
            let what = format!("milestone {key}: {e}");
            return Decision::Hold(Problem::new(ProblemCode::IllegalEvent, what));
        }
    };
    let mut next = engagement.clone();
    next.completed_milestones.insert(key.clone(), completion.record.clone());
    let invoice = InvoiceId::derive(&[engagement.engagement.as_str(), "invoice", "milestone", key]);
    let reason = format!("milestone {key} {} completed", milestone.name);
    let ready = billed.lines.iter().map(|l| BillingReady { line: l.line.clone(), amount: l.amount }.into());
    let mut events: Vec<_> = ready.collect();
    let lines = billed.lines.iter().map(|l| l.line.clone()).collect();
    events.push(InvoiceRequested { invoice, lines, reason: reason.clone() }.into());
    Decision::apply(Effects {
        state: Some(next),
        summary: format!("{reason}: {}", billed.said),
        events,
        lines: billed.lines,
        ..Effects::default()
    })
}

/// What a completion bills.
struct Billed {
    lines: Vec<BillableLine>,
    said: String,
}

impl Billed {
    fn of(
        engagement: &Engagement,
        milestone: &Milestone,
        completion: &MilestoneCompletion,
        on: Date,
    ) -> Result<Self, MoneyError> {
        let completed = &engagement.completed_milestones;
        let waits = milestone.holdback.as_ref().filter(|h| !completed.contains_key(&h.until));
        let kept = waits.map_or(Ok(Money::zero(milestone.amount.currency())), |_| milestone.kept_back())?;
        let amount = milestone.amount.minus(kept)?;
        let line = |kind: &str, milestone: &Milestone, amount: Money, name: String| {
            BillableLine::sold(
                &engagement.contract,
                line_of(engagement.engagement.as_str(), kind, &milestone.key),
                (&milestone.quote_line, &milestone.service),
                (amount, on),
                Evidence::Milestone { completion: completion.clone(), name },
            )
        };
        let mut said = amount.to_string();
        if let Some(holdback) = waits.filter(|_| kept.is_positive()) {
            said = format!("{said}, {kept} is kept back until {}", holdback.until);
        }
        let mut lines = vec![line("milestone", milestone, amount, milestone.name.clone())];
        let released = |m: &&Milestone| {
            completed.contains_key(&m.key) && m.holdback.as_ref().is_some_and(|h| h.until == milestone.key)
        };
        for other in engagement.contract.milestones.iter().filter(released) {
            let kept = other.kept_back()?;
            if kept.is_positive() {
                said = format!("{said}, and {kept} that was kept back of {}", other.key);
                let name = format!("releases the holdback of {} {}", other.key, other.name);
                lines.push(line("holdback", other, kept, name));
            }
        }
        Ok(Self { lines, said })
    }
}
