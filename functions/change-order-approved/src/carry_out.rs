//! The change order from its approval to its coming into force, or to its having been taken back.

use domain::change_order::{ChangeOrder, Verdict};
use domain::engagement::{Engagement, EngagementStatus};
use domain::event::ChangeOrderApproved as Approved;
use domain::problem::{ProblemCode, merged};
use domain::{Condition, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, Failure, Outcome, Systems, begin, conclude, show_engagement, still_held};
use workflow::{LeaseError, Run, StepError, Workflow, WorkflowStatus};

use crate::change::change;
use crate::claim::{Claim, claim};
use crate::decide::verdict;
use crate::in_force::{InForce, come_into_force};
use crate::settle::{entry, settle};
use crate::take_back::take_back;

/// Writers that may meet at one engagement.
pub(crate) const MOST_ROUNDS: usize = 20;
/// The step that holds the order as it was decided.
pub(crate) const DECIDED: &str = "decide";
/// The step that says for what reason the order is to be taken back.
pub(crate) const REFUSED: &str = "refused";

/// How far an attempt got.
enum End {
    /// It is in force and shown, or has no effect.
    Done(Outcome),
    /// It can't be carried out, and no system was told of it.
    NotPossible(Vec<Problem>),
    /// It can't be carried out any more; what systems were told is to be taken back.
    TakeBack(Problem),
    /// Another one is being carried out; this one is tried again after it.
    Wait(String),
}

/// Carries out an approved change order, however often it is called.
pub(crate) async fn carry_out(
    context: &Context,
    event: &Envelope,
    approved: &Approved,
) -> Result<Outcome, Failure> {
    if let Some(outcome) = too_early_or_late(context, event).await? {
        return Ok(outcome);
    }
    let mut run = match begin(context, event, Workflow::ChangeOrder, &event.id.to_string()).await {
        Ok(run) => run,
        Err(LeaseError::Ended(WorkflowStatus::Compensated)) => return take_back(context, event).await,
        Err(LeaseError::Ended(_)) => {
            // An attempt may have died between its end and the settling.
            settle(context, event).await?;
            return Ok(Outcome::Duplicate);
        }
        Err(other) => return Err(other.into()),
    };
    match Box::pin(steps(context, &mut run, event, approved)).await {
        Ok(End::Done(outcome)) => {
            let outcome = conclude(context, run, event, Ok(outcome)).await?;
            settle(context, event).await?;
            Ok(outcome)
        }
        Ok(End::NotPossible(problems)) => {
            still_held(context, &run).await?;
            for problem in merged(problems) {
                context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
            }
            conclude(context, run, event, Ok(Outcome::Held)).await
        }
        Ok(End::TakeBack(problem)) => {
            // Recorded first: from here on nobody carries the order on, whoever takes it up.
            if run.recorded::<Problem>(REFUSED)?.is_none() {
                run.note(REFUSED, &problem, &problem.to_string()).await?;
            }
            run.pause().await?;
            take_back(context, event).await
        }
        Ok(End::Wait(why)) => {
            run.pause().await?;
            Err(Failure::new(why))
        }
        Err(error) => conclude(context, run, event, Err(error)).await,
    }
}

async fn steps(
    context: &Context,
    run: &mut Run,
    event: &Envelope,
    approved: &Approved,
) -> Result<End, StepError> {
    if let Some(problem) = run.recorded::<Problem>(REFUSED)? {
        return Ok(End::TakeBack(problem));
    }
    // Under the lease, so that nobody carries this order on meanwhile.
    let engagement = context.journal.engagement(&event.tenant, &event.subject).await?.body;
    let vanished = || JournalError::Decision(format!("{} vanished", event.subject));
    let engagement = engagement.ok_or_else(vanished)?;
    let recorded = run.recorded::<ChangeOrder>(DECIDED)?;
    if let Some(entry) = entry(context, event).await? {
        // An earlier attempt got this far.
        if entry.outcome == EntryOutcome::Applied && recorded.is_some() {
            show_engagement(context, run, event, &systems(context, event, &engagement).await?).await?;
        }
        return Ok(End::Done(entry.outcome.into()));
    }
    // Once it is claimed, the order stands as it was decided: a system may have been told.
    let ours = engagement.change_order.as_ref().is_some_and(|o| o.run == event.id.to_string());
    let order = match recorded.filter(|_| ours) {
        Some(order) => order,
        None => match verdict(context, event, approved, &engagement).await? {
            Verdict::Change(order) => {
                run.note(DECIDED, order.as_ref(), &format!("version {}", order.to.version)).await?;
                *order
            }
            Verdict::NoEffect(why) => return no_effect(context, event, &why).await,
            Verdict::Refused(problems) => return Ok(End::NotPossible(problems)),
        },
    };
    match claim(context, run, event, &order).await? {
        Claim::Ours => {}
        Claim::Another(other) => {
            return Ok(End::Wait(format!("the change order to version {} is under way", other.version)));
        }
        Claim::Overtaken(version) => {
            return Ok(End::Wait(format!("version {version} came into force meanwhile")));
        }
        Claim::Refused(problems) => return Ok(End::NotPossible(problems)),
    }
    let systems = systems(context, event, &engagement).await?;
    match change(run, &systems, &engagement, &order).await {
        Ok(()) => {}
        Err(error) => match error.problem() {
            Some(problem) => return Ok(End::TakeBack(refusal(&[problem]))),
            None => return Err(error),
        },
    }
    run.may_begin("come-into-force")?;
    if let InForce::Refused(problems) =
        come_into_force(context, run, event, &order, systems.psa.connection()).await?
    {
        return Ok(End::TakeBack(refusal(&problems)));
    }
    show_engagement(context, run, event, &systems).await?;
    Ok(End::Done(Outcome::Applied))
}

/// The systems that the engagement was set up in: a change order stays in them.
pub(crate) async fn systems(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
) -> Result<Systems, StepError> {
    let config = context.connect.tenant(&event.tenant).await?;
    Ok(Systems::open(context, &config, engagement).await?)
}

/// The problem that a person sees when an order was taken back.
fn refusal(problems: &[Problem]) -> Problem {
    let said: Vec<String> = problems.iter().map(|p| p.detail.clone()).collect();
    Problem::new(ProblemCode::ChangeOrderRefused, said.join("; "))
}

async fn no_effect(context: &Context, event: &Envelope, why: &str) -> Result<End, StepError> {
    let entry = JournalEntry::of(event, EntryOutcome::NoEffect, why, context.clock.now());
    match context.journal.commit(Commit::default().entry(&event.tenant, &entry)?).await? {
        Committed::Done => Ok(End::Done(Outcome::NoEffect)),
        Committed::Rejected(_) => Ok(End::Done(Outcome::Duplicate)),
        Committed::Contended => Err(JournalError::Contended(event.subject.clone()).into()),
    }
}

/// What becomes of an order whose engagement is not set up; none where it is.
async fn too_early_or_late(context: &Context, event: &Envelope) -> Result<Option<Outcome>, Failure> {
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.engagement(&event.tenant, &event.subject).await?;
        match known.body.map(|engagement| engagement.status) {
            Some(EngagementStatus::Active) => return Ok(None),
            Some(EngagementStatus::Withdrawn) => {
                let detail = format!("a change order of {}, which was withdrawn", event.subject);
                let problem = Problem::new(ProblemCode::IllegalEvent, detail);
                context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
                return Ok(Some(Outcome::Held));
            }
            // It waits for the activation of the version before it.
            Some(EngagementStatus::Held | EngagementStatus::Activating) | None => {
                let (condition, now) = (Condition::EngagementActive, context.clock.now());
                if context.journal.park(event, &condition, known.version, now).await? {
                    return Ok(Some(Outcome::Parked));
                }
            }
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}
