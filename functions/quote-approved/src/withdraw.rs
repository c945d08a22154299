//! Withdrawing an engagement that is still being set up: what was made of it is taken back.

use domain::engagement::EngagementStatus;
use domain::event::WithdrawalRequested;
use domain::problem::ProblemCode;
use domain::{Condition, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, Failure, Outcome, Systems, begin, conclude};
use workflow::{LeaseError, Purpose, Run, StepError, Workflow, WorkflowStatus};

use crate::Accepted;
use crate::activate::RUN;
use crate::set_up::set_up;

/// Writers that may meet at one engagement while it is being withdrawn (events being parked).
const MOST_ROUNDS: usize = 20;

/// Takes back an activation that has not ended, however often it is called.
pub(crate) async fn withdraw(
    context: &Context,
    event: &Envelope,
    request: &WithdrawalRequested,
) -> Result<Outcome, Failure> {
    if request.engagement.as_str() != event.subject {
        let detail = format!("a withdrawal of {} came as one of {}", request.engagement, event.subject);
        return held(context, event, detail).await;
    }
    let why = format!("asked for by {}: {}", request.requested_by, request.reason);
    let context = &Context { purpose: Purpose::Undo(why), ..context.clone() };
    let mut run = match begin(context, event, Workflow::Activation, RUN).await {
        Ok(run) => run,
        Err(LeaseError::Ended(WorkflowStatus::Compensated)) => return record(context, event).await,
        Err(LeaseError::Ended(_)) => return too_late(context, event).await,
        Err(other) => return Err(other.into()),
    };
    // Under the lease, so that it can't become active after this look.
    let known = context.journal.engagement(&event.tenant, &event.subject).await?.body;
    if known.is_some_and(|e| e.status == EngagementStatus::Active) {
        run.hold().await?;
        return too_late(context, event).await;
    }
    let followed = Box::pin(follow(context, &mut run, event)).await;
    match conclude(context, run, event, followed).await? {
        Outcome::Held => Ok(Outcome::Held),
        _ => record(context, event).await,
    }
}

/// What is active is ended by a change order: work may have been billed.
async fn too_late(context: &Context, event: &Envelope) -> Result<Outcome, Failure> {
    held(context, event, format!("{} is active: it is ended by a change order, not withdrawn", event.subject))
        .await
}

async fn held(context: &Context, event: &Envelope, detail: String) -> Result<Outcome, Failure> {
    let problem = Problem::new(ProblemCode::IllegalEvent, detail);
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(Outcome::Held)
}

/// The activation as far as it got.
async fn follow(context: &Context, run: &mut Run, event: &Envelope) -> Result<Outcome, StepError> {
    let never = || StepError::NotBegun { step: "accept".into() };
    let accepted = run.recorded::<Accepted>("accept")?.ok_or_else(never)?;
    let engagement = context.journal.engagement(&event.tenant, &event.subject).await?.body;
    let engagement = engagement.ok_or_else(never)?;
    let config = context.connect.tenant(&event.tenant).await?;
    let systems = Systems::open(context, &config, &engagement).await?;
    set_up(run, &config, &systems, &engagement, accepted.found.as_ref()).await?;
    Ok(Outcome::Applied)
}

/// Journals the withdrawal; nothing waits for a person any more.
async fn record(context: &Context, event: &Envelope) -> Result<Outcome, Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    for _ in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let known = journal.engagement(tenant, &event.subject).await?;
        let summary = match &known.body {
            Some(_) => "withdrawn; what was set up was taken back",
            None => "withdrawn before anything was set up",
        };
        let entry = JournalEntry::of(event, EntryOutcome::Applied, summary, now);
        let mut commit = Commit::default().entry(tenant, &entry)?;
        if let Some(engagement) = known.body {
            let withdrawn = engagement
                .become_status(EngagementStatus::Withdrawn)
                .map_err(|e| JournalError::Decision(e.to_string()))?;
            commit = commit.write(journal.write_state(tenant, &withdrawn, known.version, now)?);
        }
        for write in journal.settle_exceptions(tenant, &event.subject, context.function, &[], now).await? {
            commit = commit.write(write);
        }
        // An approval is not needed any more; whoever waited for it has his answer here.
        let unneeded = "the engagement was withdrawn";
        let given_up = journal.supersede_approvals(tenant, &event.subject, None, unneeded, now).await?;
        for condition in &given_up.release {
            for waiting in journal.parked_for(tenant, &event.subject, condition).await? {
                let entry = JournalEntry::of(&waiting, EntryOutcome::NoEffect, unneeded, now);
                commit = commit.entry(tenant, &entry)?;
            }
        }
        commit.writes.extend(given_up.writes);
        commit.release.extend(given_up.release);
        // Work that came too early is decided on again: it now waits for a person.
        commit.release.push(Condition::EngagementActive);
        match journal.commit(commit).await? {
            Committed::Done => return Ok(Outcome::Applied),
            Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(Outcome::Duplicate),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}
