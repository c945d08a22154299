//! The queue of what the bus refused.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use runtime::{Context, MessageQueue};
use serde_json::Value;

use crate::outbox::Pending;
use crate::release;

/// Keeps what could not be sent; the error says why not.
pub(crate) async fn keep(queue: &dyn MessageQueue, pending: &Pending) -> Result<(), String> {
    // One to a message: a message that is given up is kept as one item, which holds one event of
    // 256 KiB and not two.
    for event in &pending.events {
        send(queue, &Pending { events: vec![event.clone()], ..Pending::default() }).await?;
    }
    if !pending.release.is_empty() || pending.unreadable.is_some() {
        send(queue, &Pending { events: vec![], ..pending.clone() }).await?;
    }
    Ok(())
}

async fn send(queue: &dyn MessageQueue, pending: &Pending) -> Result<(), String> {
    queue.send(serde_json::to_string(pending).map_err(|e| e.to_string())?).await
}

/// Sends again what the queue brings back; a message that still fails stays in the queue and
/// ends with its dead letters.
pub(crate) async fn again(context: &Context, batch: SqsEvent) -> Result<Value, String> {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        if let Err(reason) = resend(context, message.body.as_deref().unwrap_or_default()).await {
            tracing::warn!(message_id = message.message_id, reason, "still not sent");
            response.add_failure(message.message_id.unwrap_or_default());
        }
    }
    serde_json::to_value(response).map_err(|e| e.to_string())
}

async fn resend(context: &Context, body: &str) -> Result<(), String> {
    let pending: Pending = serde_json::from_str(body).map_err(|e| e.to_string())?;
    if pending.unreadable.is_some() {
        return Err("the outbox can't be read by this version".into());
    }
    context.bus.publish(pending.events).await.map_err(|e| e.to_string())?;
    for released in &pending.release {
        release::release(context, released).await?;
    }
    Ok(())
}
