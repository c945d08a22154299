//! Money that arrived finds its invoice and is applied: in the journal, in the ERP, and for
//! everyone who looks at CRM or PSA.

mod apply;
mod find;

use async_trait::async_trait;
use connectors::operation::ApplyPayment;
use domain::Event;
use domain::cash::Payment;
use domain::event::PaymentReceived as Received;
use domain::id::EngagementId;
use domain::problem::{Problem, ProblemCode};
use events::Envelope;
use journal::JournalError;
use runtime::{Context, Failure, Handler, Outcome, Systems, each, follow_through};
use uuid::Uuid;
use workflow::Workflow;

/// Handles `q2c.payment.received.v1`.
pub struct PaymentReceived;

#[async_trait]
impl Handler for PaymentReceived {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::PaymentReceived(received) => Box::pin(take(context, event, received)).await,
                other => Err(Failure::new(format!("{} is no payment", other.type_name()))),
            }
        })
        .await
    }
}

async fn take(context: &Context, event: &Envelope, received: &Received) -> Result<Outcome, Failure> {
    let Some((owner, invoice)) = find::invoice_of(context, event, received).await? else {
        let named = received.invoice_number.as_deref().unwrap_or("none");
        let detail = format!("payment {} of {} names invoice {named}", received.record, received.amount);
        let problem = Problem::new(ProblemCode::PaymentUnmatched, detail).with_stake(received.amount);
        context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
        return Ok(Outcome::Held);
    };
    // From here on the event is about the engagement, and its entry stands in that timeline.
    let event = Envelope { subject: owner.to_string(), correlationid: owner.to_string(), ..event.clone() };
    match apply::apply(context, &event, &owner, &invoice, received).await? {
        outcome @ (Outcome::Parked | Outcome::Held | Outcome::NoEffect) => Ok(outcome),
        outcome @ (Outcome::Applied | Outcome::Duplicate) => {
            let zone = context.business_time_zone(&event.tenant).await?;
            let received_on = received.received_at.to_zoned(zone).date();
            let run = (Workflow::Payment, received.payment.as_str());
            follow_through(
                context,
                &event,
                run,
                &invoice,
                outcome,
                async |run, systems, engagement, known| {
                    let payment = recorded(context, &event, &owner, received).await?;
                    let decision = |what: String| JournalError::Decision(what);
                    let booking = ApplyPayment {
                        payment: payment.payment,
                        reference: payment.record,
                        customer: Systems::customer_account(&engagement.records)
                            .map_err(|p| decision(p.to_string()))?,
                        invoice_record: known
                            .record
                            .clone()
                            .ok_or_else(|| decision(format!("{invoice} has no record")))?,
                        applied: payment.applied,
                        unapplied: payment.unapplied,
                        received_on,
                    };
                    run.perform("apply", systems.erp.connection(), &systems.erp, &booking).await?;
                    Ok(())
                },
            )
            .await
        }
    }
}

/// The payment as it was applied: what a repetition goes on from.
async fn recorded(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    received: &Received,
) -> Result<Payment, JournalError> {
    let payment = context.journal.payment(&event.tenant, owner, &received.payment).await?;
    payment.ok_or_else(|| JournalError::Decision(format!("{} was not applied", received.payment)))
}
