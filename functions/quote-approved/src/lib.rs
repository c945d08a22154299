//! An approved quote becomes an active engagement: checked whole, then set up everywhere.
//!
//! Not one write leaves this function before every check has passed. After that each record
//! is a durable step, so that a crash, a time-out or a refusal goes on where it stopped.

mod accept;
mod activate;
mod again;
mod readiness;
mod set_up;
mod withdraw;

use async_trait::async_trait;
use domain::Event;
use domain::event::QuoteApproved as Approved;
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Handles `q2c.quote.approved.v1` and `q2c.withdrawal.requested.v1`.
pub struct QuoteApproved;

#[async_trait]
impl Handler for QuoteApproved {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::QuoteApproved(approved) => {
                    Box::pin(activate::activate(context, event, approved)).await
                }
                Event::WithdrawalRequested(request) => {
                    Box::pin(withdraw::withdraw(context, event, request)).await
                }
                other => Err(Failure::new(format!("{} is no approved quote", other.type_name()))),
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
    contract: domain::Contract,
}

/// Our ID of a CRM's company: every deal of the company has the same customer.
fn customer_of(event: &Envelope, approved: &Approved, company: &str) -> domain::id::CustomerId {
    domain::id::CustomerId::derive(&[&event.tenant, &approved.connection, "company", company])
}
