//! An approved change order becomes the next version of the contract: in every system, or in none.
//!
//! Until the last system has taken its part, the version before is in force. What a system refuses
//! for good is taken back everywhere, so that value, budget, billing plan and rates never disagree.

mod carry_out;
mod change;
mod charges;
mod claim;
mod decide;
mod in_force;
mod settle;
mod take_back;

use async_trait::async_trait;
use domain::Event;
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Handles `q2c.change-order.approved.v1`.
pub struct ChangeOrderApproved;

#[async_trait]
impl Handler for ChangeOrderApproved {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::ChangeOrderApproved(approved) => {
                    Box::pin(carry_out::carry_out(context, event, approved)).await
                }
                other => Err(Failure::new(format!("{} is no change order", other.type_name()))),
            }
        })
        .await
    }
}
