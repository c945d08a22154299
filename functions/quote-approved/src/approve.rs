//! A quote whose only findings are such that a person may overrule them.

use domain::Problem;
use domain::approval::{Approval, ApprovalRule, Request};
use domain::id::ApprovalId;
use events::Envelope;
use runtime::{Context, settle_all_but};
use workflow::{Answer, Asking, Run, StepError};

/// Asks for the approval that a quote needs. Gives it where it was given, and what still stands in the
/// way where it was not: the findings, each with what was decided.
pub(crate) async fn approve(
    context: &Context,
    run: &Run,
    event: &Envelope,
    (request, rule): (&Request, &ApprovalRule),
    findings: Vec<Problem>,
) -> Result<(Option<ApprovalId>, Vec<Problem>), StepError> {
    let asking = Asking { function: context.function, event, request, rule };
    match run.approval(asking).await {
        Ok(Answer::Granted(given)) => Ok((Some(given.approval), vec![])),
        Ok(Answer::Denied(approval)) => Ok((None, denied(findings, &approval))),
        Err(waits @ StepError::AwaitsApproval { .. }) => {
            // What an earlier approval of the quote was held for is corrected, or this would not be asked.
            settle_all_but(context, event, |_| false).await?;
            Err(waits)
        }
        Err(other) => Err(other),
    }
}

fn denied(findings: Vec<Problem>, approval: &Approval) -> Vec<Problem> {
    let said = approval.summary();
    let add = |mut finding: Problem| {
        finding.detail = format!("{}; {said}", finding.detail);
        finding.at_stake = finding.at_stake.or(approval.at_stake);
        finding
    };
    findings.into_iter().map(add).collect()
}
