//! Sending messages to a queue.

use async_trait::async_trait;

use crate::aws::OnDemand;

/// A queue that messages are sent to.
#[async_trait]
pub trait MessageQueue: Send + Sync {
    /// Sends a message; the error says why it was not taken.
    async fn send(&self, body: String) -> Result<(), String>;
}

/// An SQS queue.
pub struct SqsQueue {
    client: OnDemand<aws_sdk_sqs::Client>,
    url: String,
}

impl SqsQueue {
    /// The queue of a URL.
    #[must_use]
    pub fn new(client: OnDemand<aws_sdk_sqs::Client>, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }
}

#[async_trait]
impl MessageQueue for SqsQueue {
    async fn send(&self, body: String) -> Result<(), String> {
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|e| aws_sdk_sqs::error::DisplayErrorContext(&e).to_string())
    }
}
