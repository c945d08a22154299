//! Approved expenses become billable lines, at cost or with the contract's markup, within its cap.

use async_trait::async_trait;
use domain::problem::ProblemCode;
use domain::{Decision, Engagement, Event, Problem, expense};
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, commit_billable};

/// Handles `q2c.expense.approved.v1`.
pub struct ExpenseApproved;

fn decide(state: Option<&Engagement>, event: &Envelope) -> Decision {
    match &event.event {
        Event::ExpenseApproved(told) => expense::expense_approved(state, told),
        other => Decision::Hold(Problem::new(
            ProblemCode::IllegalEvent,
            format!("{} is no approved expense", other.type_name()),
        )),
    }
}

#[async_trait]
impl Handler for ExpenseApproved {
    async fn handle(
        &self,
        context: &Context,
        group: Vec<Envelope>,
    ) -> Vec<(uuid::Uuid, Result<Outcome, Failure>)> {
        let Some(tenant) = group.first().map(|e| e.tenant.clone()) else { return vec![] };
        match context.connect.tenant(&tenant).await {
            Ok(config) => commit_billable(context, group, &config, &decide).await,
            Err(error) => Failure::from(error).of_each(group.iter().map(|e| e.id)),
        }
    }
}
