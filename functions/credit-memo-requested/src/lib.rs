//! Something is taken off a posted invoice: checked, granted, made in the ERP, and its lines released.

mod carry_out;
mod register;

use async_trait::async_trait;
use domain::Event;
use domain::credit_memo::CreditMemoRequested as Requested;
use domain::id::EngagementId;
use events::Envelope;
use journal::{JournalError, WorkflowStatus};
use runtime::{Context, Failure, Handler, Outcome, begin, conclude, each};
use uuid::Uuid;
use workflow::{LeaseError, Purpose, Workflow};

use carry_out::CarryOut;
use register::Registered;

/// Handles `q2c.credit-memo.requested.v1`.
pub struct CreditMemoRequested;

#[async_trait]
impl Handler for CreditMemoRequested {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::CreditMemoRequested(asked) => Box::pin(take(context, event, asked)).await,
                other => Err(Failure::new(format!("{} asks for no credit memo", other.type_name()))),
            }
        })
        .await
    }
}

/// Takes a credit memo from its request to the ERP's books, however often it is called.
async fn take(context: &Context, event: &Envelope, asked: &Requested) -> Result<Outcome, Failure> {
    let owner = EngagementId::try_from(event.subject.clone())
        .map_err(|e| JournalError::Decision(format!("only an engagement is credited: {e}")))?;
    match register::register(context, event, &owner, asked).await? {
        Registered::Stands => {}
        Registered::Waits => return Ok(Outcome::Parked),
        Registered::Refused => return Ok(Outcome::Held),
        Registered::Known => return Ok(Outcome::Duplicate),
    }
    let mut run = match begin(context, event, Workflow::CreditMemo, asked.credit_memo.as_str()).await {
        Ok(run) => run,
        Err(LeaseError::Ended(status)) => {
            if status == WorkflowStatus::Compensated {
                register::give_up(context, event, &owner, asked).await?;
            }
            return Ok(Outcome::Duplicate);
        }
        Err(other) => return Err(other.into()),
    };
    let carry_out = CarryOut { context, event, owner: &owner, asked };
    let result = Box::pin(carry_out.to_the_end(&mut run)).await;
    let outcome = conclude(context, run, event, result).await?;
    // What was taken back to the last step holds nothing any more.
    if let (Purpose::Undo(_), Outcome::Applied) = (&context.purpose, outcome) {
        register::give_up(context, event, &owner, asked).await?;
    }
    Ok(outcome)
}
