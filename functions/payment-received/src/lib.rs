//! What is told of a payment: money that arrived finds its invoices and is applied; what settles, fails, is
//! refunded or disputed changes that; a person applies what found none. In the journal, in the ERP, and for
//! everyone who looks at CRM or PSA.

mod book;
mod commit;
mod decide;
mod find;

use async_trait::async_trait;
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Handles what is told of payments (`q2c.payment.*.v1`).
pub struct PaymentReceived;

#[async_trait]
impl Handler for PaymentReceived {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move { Box::pin(take(context, event)).await }).await
    }
}

async fn take(context: &Context, event: &Envelope) -> Result<Outcome, Failure> {
    let Some(payment) = decide::payment_of(&event.event) else {
        return Err(Failure::new(format!("{} is nothing about a payment", event.event.type_name())));
    };
    let outcome = commit::keep(context, event, &payment).await?;
    match outcome {
        Outcome::Parked => Ok(outcome),
        // What an earlier event left to be booked is booked by whichever comes next.
        Outcome::Applied | Outcome::Duplicate | Outcome::NoEffect | Outcome::Held => {
            let booked = book::carry_out(context, event, &payment).await?;
            Ok(if booked == Outcome::Held { booked } else { outcome })
        }
    }
}
