//! Ready lines become an invoice: owned by it, made in the ERP, posted there.

mod collect;
mod deposits;
mod hold;
mod submit;
mod trouble;

use async_trait::async_trait;
use domain::Event;
use events::Envelope;
use runtime::{Context, Failure, Handler, Outcome, each};
use uuid::Uuid;

/// Handles `q2c.invoice.requested.v1`.
pub struct InvoiceRequested;

#[async_trait]
impl Handler for InvoiceRequested {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::InvoiceRequested(requested) => {
                    Box::pin(submit::submit(context, event, requested)).await
                }
                other => Err(Failure::new(format!("{} requests no invoice", other.type_name()))),
            }
        })
        .await
    }
}
