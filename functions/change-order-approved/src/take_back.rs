//! Taking back a change order that a system refused: every system is as it was before.

use domain::Problem;
use domain::change_order::ChangeOrder;
use domain::problem::ProblemCode;
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Key, StepRecord};
use runtime::{Context, Failure, Outcome, begin, conclude};
use workflow::{LeaseError, Purpose, Run, StepError, Workflow, WorkflowStatus};

use crate::carry_out::{DECIDED, MOST_ROUNDS, REFUSED, systems};
use crate::change::change;
use crate::settle::entry;

/// Takes the order back, however often it is called; then the engagement is free for another one.
pub(crate) async fn take_back(context: &Context, event: &Envelope) -> Result<Outcome, Failure> {
    let problem = reason(context, event).await?;
    let undoing = &Context { purpose: Purpose::Undo(problem.to_string()), ..context.clone() };
    match begin(undoing, event, Workflow::ChangeOrder, &event.id.to_string()).await {
        Ok(mut run) => {
            let followed = Box::pin(follow(undoing, &mut run, event)).await;
            if conclude(undoing, run, event, followed).await? == Outcome::Held {
                return Ok(Outcome::Held);
            }
        }
        Err(LeaseError::Ended(WorkflowStatus::Compensated)) => {}
        Err(LeaseError::Ended(_)) => return Ok(Outcome::Duplicate),
        Err(other) => return Err(other.into()),
    }
    end(context, event, problem).await
}

/// Why it is taken back, as recorded before anything was.
async fn reason(context: &Context, event: &Envelope) -> Result<Problem, JournalError> {
    let run = event.id.to_string();
    let key = Key::step(&event.tenant, &event.subject, Workflow::ChangeOrder.as_str(), &run, REFUSED);
    let recorded: Option<StepRecord> =
        context.journal.store().get(&key).await?.map(|i| i.body()).transpose()?;
    let problem = recorded.and_then(|r| r.result).and_then(|p| serde_json::from_value(p).ok());
    Ok(problem.unwrap_or_else(|| Problem::new(ProblemCode::ChangeOrderRefused, "it was taken back")))
}

/// The order as far as it got.
async fn follow(context: &Context, run: &mut Run, event: &Envelope) -> Result<Outcome, StepError> {
    let never = || StepError::NotBegun { step: DECIDED.into() };
    let order = run.recorded::<ChangeOrder>(DECIDED)?.ok_or_else(never)?;
    let engagement = context.journal.engagement(&event.tenant, &event.subject).await?.body;
    let engagement = engagement.ok_or_else(never)?;
    let systems = systems(context, event, &engagement).await?;
    change(run, &systems, &engagement, &order).await?;
    Ok(Outcome::Applied)
}

/// Tells a person, once, and frees the engagement for another change order.
async fn end(context: &Context, event: &Envelope, problem: Problem) -> Result<Outcome, Failure> {
    let (journal, run) = (&context.journal, event.id.to_string());
    if entry(context, event).await?.is_some() {
        return Ok(Outcome::Duplicate);
    }
    let summary = format!("taken back: {}", problem.detail);
    journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    for _ in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let known = journal.engagement(&event.tenant, &event.subject).await?;
        let entry = JournalEntry::of(event, EntryOutcome::Held, summary.clone(), now);
        let mut commit = Commit::default().entry(&event.tenant, &entry)?;
        let ours = known.body.filter(|e| e.change_order.as_ref().is_some_and(|o| o.run == run));
        if let Some(mut engagement) = ours {
            engagement.change_order = None;
            commit = commit.write(journal.write_state(&event.tenant, &engagement, known.version, now)?);
        }
        match journal.commit(commit).await? {
            Committed::Done => return Ok(Outcome::Held),
            Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(Outcome::Duplicate),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}
