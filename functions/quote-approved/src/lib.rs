//! A deal that was sold becomes an active engagement: checked whole, then set up everywhere. What
//! announces it is the tenant's choice: an approved quote, a deal won, a contract, a signature.
//!
//! Not one write leaves this function before every check has passed. After that each record
//! is a durable step, so that a crash, a time-out or a refusal goes on where it stopped.

mod accept;
mod activate;
mod again;
mod approve;
mod customer;
mod gate;
mod readiness;
mod set_up;
mod staffed;
mod withdraw;

use async_trait::async_trait;
use domain::activation::Trigger;
use domain::{Contract, Event};
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Handles every event that may begin an activation ([`domain::activation::Signal`]), and
/// `q2c.withdrawal.requested.v1`.
pub struct QuoteApproved;

#[async_trait]
impl Handler for QuoteApproved {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            if let Event::WithdrawalRequested(request) = &event.event {
                return Box::pin(withdraw::withdraw(context, event, request)).await;
            }
            let Some(trigger) = Trigger::of(&event.event) else {
                return Err(Failure::new(format!("{} begins no activation", event.event.type_name())));
            };
            match gate::pass(context, event, trigger.signal).await? {
                Some(outcome) => Ok(outcome),
                None => Box::pin(activate::activate(context, event, trigger)).await,
            }
        })
        .await
    }
}

/// What the activation goes on from once every check has passed; journalled, so that a
/// repetition uses the same terms even when the quote was edited in the meantime.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Accepted {
    event: Uuid,
    deal: String,
    customer: domain::id::CustomerId,
    record: domain::quote::Customer,
    contract: Contract,
    /// The approval in spite of a finding, where one was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<domain::id::ApprovalId>,
    /// What was found of the customer; missing where it was accepted before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<customer::Found>,
    /// None of what was accepted before systems were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    systems: Option<domain::routing::AssignedSystems>,
    /// When it was announced; none of what was accepted before that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    announced_at: Option<jiff::Timestamp>,
    /// The statements of work that the quote has beside the contract and nobody has approved yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drafted: Vec<domain::statement_of_work::Draft>,
}

impl Accepted {
    /// One line for the timeline.
    fn summary(&self) -> String {
        let Contract { quote_number, version, .. } = &self.contract;
        match &self.approval {
            None => format!("quote {quote_number} version {version} passed every check"),
            Some(given) => {
                format!("quote {quote_number} version {version} passed every check but what {given} allows")
            }
        }
    }
}
