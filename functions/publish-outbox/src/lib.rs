//! Outgoing events leave the table for the bus, after the commit that made them.
//!
//! The table's stream brings each new item that carries an outbox; the function's own queue
//! brings back what the bus refused before. Publishing twice is harmless, because every
//! consumer takes an event once; losing one is not, so whatever is not on the bus goes to the
//! retry queue, and only when even that fails does the stream's batch fail.

mod outbox;
mod release;
mod retry;

use aws_lambda_events::sqs::SqsEvent;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use runtime::{Context, MessageQueue, PublishError};
use serde_json::Value;

pub use outbox::{Outbox, Pending};

/// Publishes what a stream batch or a batch of the retry queue holds.
///
/// # Errors
/// When neither the bus nor the retry queue takes an event: the batch comes back.
pub async fn publish(context: &Context, retry: &dyn MessageQueue, event: Value) -> Result<Value, String> {
    let source = event.pointer("/Records/0/eventSource").and_then(Value::as_str).unwrap_or_default();
    if source == "aws:sqs" {
        let batch: SqsEvent = serde_json::from_value(event).map_err(|e| e.to_string())?;
        return retry::again(context, batch).await;
    }
    from_stream(context, retry, &event).await
}

/// The stream's records, in order. A record that can't be kept anywhere fails the batch from
/// there on: the stream repeats it.
async fn from_stream(context: &Context, retry: &dyn MessageQueue, event: &Value) -> Result<Value, String> {
    let records = event.get("Records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut pending: Vec<(String, Pending)> = Vec::new();
    for record in records {
        let sequence = record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default();
        match Outbox::read(record) {
            Ok(Some(outbox)) => pending.push((sequence.to_owned(), outbox.into_pending())),
            Ok(None) => {}
            // Written by us and unreadable by us: a person must look, the stream must go on.
            Err(reason) => {
                tracing::error!(sequence, reason, "unreadable outbox");
                retry::keep(retry, &Pending::unreadable(record)).await?;
            }
        }
    }
    let mut failures = Vec::new();
    let events = pending.iter().flat_map(|(_, p)| p.events.clone()).collect();
    if let Err(PublishError { refused, reason }) = context.bus.publish(events).await {
        tracing::warn!(refused = refused.len(), reason, "the bus refused events; they go to the retry queue");
        if let Err(reason) = retry::keep(retry, &Pending { events: refused, ..Pending::default() }).await {
            return Err(format!("neither bus nor retry queue takes events: {reason}"));
        }
    }
    for (sequence, outbox) in &pending {
        for released in &outbox.release {
            if let Err(reason) = release::release(context, released).await {
                tracing::warn!(reason, "release not finished; it goes to the retry queue");
                let again = Pending { release: vec![released.clone()], ..Pending::default() };
                if retry::keep(retry, &again).await.is_err() {
                    let mut failure = DynamoDbBatchItemFailure::default();
                    failure.item_identifier = Some(sequence.clone());
                    failures.push(failure);
                }
            }
        }
    }
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failures;
    serde_json::to_value(response).map_err(|e| e.to_string())
}
