//! The queue of what the bus refused.

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use runtime::Context;
use serde_json::Value;

use crate::outbox::Pending;
use crate::release;

/// A message of SQS holds 1 MiB; an event is at most 256 KiB.
const EVENTS_A_MESSAGE: usize = 3;

/// Where what could not be sent is kept.
#[async_trait]
pub trait RetryQueue: Send + Sync {
    /// Keeps it; the error says why not.
    async fn keep(&self, pending: &Pending) -> Result<(), String>;
}

/// The function's own SQS queue.
pub struct SqsRetryQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl SqsRetryQueue {
    /// The queue of a URL.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    async fn send(&self, pending: &Pending) -> Result<(), String> {
        let body = serde_json::to_string(pending).map_err(|e| e.to_string())?;
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|e| aws_sdk_sqs::error::DisplayErrorContext(&e).to_string())
    }
}

#[async_trait]
impl RetryQueue for SqsRetryQueue {
    async fn keep(&self, pending: &Pending) -> Result<(), String> {
        for events in pending.events.chunks(EVENTS_A_MESSAGE) {
            self.send(&Pending { events: events.to_vec(), ..Pending::default() }).await?;
        }
        if !pending.release.is_empty() || pending.unreadable.is_some() {
            self.send(&Pending { events: vec![], ..pending.clone() }).await?;
        }
        Ok(())
    }
}

/// Sends again what the queue brings back; a message that still fails stays in the queue and
/// ends with its dead letters.
pub(crate) async fn again(context: &Context, batch: SqsEvent) -> Result<Value, String> {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        if let Err(reason) = send(context, message.body.as_deref().unwrap_or_default()).await {
            tracing::warn!(message_id = message.message_id, reason, "still not sent");
            response.add_failure(message.message_id.unwrap_or_default());
        }
    }
    serde_json::to_value(response).map_err(|e| e.to_string())
}

async fn send(context: &Context, body: &str) -> Result<(), String> {
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
