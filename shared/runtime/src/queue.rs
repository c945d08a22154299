//! Functions driven by a queue: a batch in, grouped by what its events are about, and for
//! each message that was not dealt with its ID back, so that only it returns.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use events::Envelope;
use futures::future::join_all;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use uuid::Uuid;

use crate::aws::Clients;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use crate::telemetry;

/// SQS keeps a message hidden for 12 hours at most, counted from when it was received; a product
/// that asks for longer is asked again then.
const LONGEST_DELAY: Duration = Duration::from_secs(11 * 60 * 60 + 50 * 60);
/// First pause, doubled with each attempt.
const FIRST_DELAY: Duration = Duration::from_secs(2);
/// Longest pause that is ours and not the product's.
const LONGEST_OWN_DELAY: Duration = Duration::from_secs(15 * 60);

/// What a function does with the events of one subject.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Deals with the events of one subject, in order. An event that is missing in the answer
    /// counts as failed.
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)>;
}

/// A message that holds an event.
#[derive(Debug)]
pub struct Received {
    message_id: String,
    receipt_handle: String,
    attempts: u32,
    event: Envelope,
}

/// What EventBridge delivers to a queue; only the detail is of interest.
#[derive(Deserialize)]
struct Delivered {
    detail: Envelope,
}

/// Runs a function that a queue drives.
///
/// # Errors
/// When it can't start, or the Lambda service ends it.
pub async fn serve_queue(function: &'static str, handler: impl Handler + 'static) -> Result<(), Error> {
    let settings = Settings::from_env(function)?;
    telemetry::init(&settings);
    let clients = Clients::new(&settings)?;
    let context = Context::connected(&settings, &clients).await?;
    let shared = Arc::new((context, handler, clients.sqs, settings.queue_url));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let shared = Arc::clone(&shared);
        async move {
            let (context, handler, sqs, queue) = shared.as_ref();
            let (response, delays) = handle_batch(context, handler, event.payload).await;
            if let Some(queue) = queue {
                join_all(delays.into_iter().map(|(receipt, delay)| hide(sqs, queue, receipt, delay))).await;
            }
            telemetry::flush();
            Ok::<_, Error>(response)
        }
    }))
    .await
}

/// Handles a batch. Gives the partial batch response, and for each failed message how long it
/// is to stay hidden.
pub async fn handle_batch(
    context: &Context,
    handler: &dyn Handler,
    batch: SqsEvent,
) -> (SqsBatchResponse, Vec<(String, Duration)>) {
    let mut response = SqsBatchResponse::default();
    let mut groups: BTreeMap<(String, String), Vec<Received>> = BTreeMap::new();
    for message in batch.records {
        match parse_record(&message) {
            Ok(received) => {
                let key = (received.event.tenant.clone(), received.event.subject.clone());
                groups.entry(key).or_default().push(received);
            }
            Err(reason) => {
                // It can't be read by this version: the queue gives up on it and dead-letter keeps it whole.
                tracing::error!(
                    function = context.function,
                    message_id = message.message_id,
                    reason,
                    "unreadable message"
                );
                response.add_failure(message.message_id.unwrap_or_default());
            }
        }
    }
    let mut delays = Vec::new();
    for failed in join_all(groups.into_values().map(|group| handle_group(context, handler, group))).await {
        for (received, failure) in failed {
            delays
                .push((received.receipt_handle, retry_delay(received.attempts, received.event.id, &failure)));
            response.add_failure(received.message_id);
        }
    }
    (response, delays)
}

async fn handle_group(
    context: &Context,
    handler: &dyn Handler,
    group: Vec<Received>,
) -> Vec<(Received, Failure)> {
    let events = group.iter().map(|r| r.event.clone()).collect();
    let mut answers: HashMap<Uuid, Result<Outcome, Failure>> =
        handler.handle(context, events).await.into_iter().collect();
    let mut failed = Vec::new();
    for received in group {
        let now = context.clock.now();
        let id = received.event.id;
        match answers.remove(&id) {
            Some(Ok(outcome)) => {
                telemetry::count_event(context.function, &received.event, outcome.as_str(), now);
                // The same event twice in one batch: the second is a duplicate of the first.
                answers.insert(id, Ok(Outcome::Duplicate));
            }
            Some(Err(failure)) => {
                telemetry::count_event(context.function, &received.event, "failed", now);
                tracing::warn!(function = context.function, event_id = %id, reason = failure.reason, "failed, will be repeated");
                answers.insert(
                    id,
                    Err(Failure { reason: failure.reason.clone(), retry_after: failure.retry_after }),
                );
                failed.push((received, failure));
            }
            None => failed.push((received, Failure::new("the handler gave no answer"))),
        }
    }
    failed
}

/// The event in a message.
///
/// # Errors
/// Why it can't be read, without its content.
pub fn parse_record(message: &SqsMessage) -> Result<Received, String> {
    let body = message.body.as_deref().unwrap_or_default();
    let delivered: Delivered =
        serde_json::from_str(body).map_err(|e| format!("line {} column {}", e.line(), e.column()))?;
    Ok(Received {
        message_id: message.message_id.clone().unwrap_or_default(),
        receipt_handle: message.receipt_handle.clone().unwrap_or_default(),
        attempts: message.attributes.get("ApproximateReceiveCount").and_then(|n| n.parse().ok()).unwrap_or(1),
        event: delivered.detail,
    })
}

/// How long a failed message waits: what the product asked for, else twice as long with each
/// attempt, spread by the event's ID so that failures don't return in step.
#[must_use]
pub fn retry_delay(attempts: u32, event: Uuid, failure: &Failure) -> Duration {
    if let Some(asked) = failure.retry_after {
        return asked.min(LONGEST_DELAY);
    }
    let doubled =
        FIRST_DELAY.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let longest = doubled.min(LONGEST_OWN_DELAY);
    let spread = u32::from(event.as_bytes()[15]);
    longest / 2 + (longest / 2) * spread / 255
}

/// Hides a message until its next attempt. When that fails, the queue's own time-out applies.
async fn hide(sqs: &aws_sdk_sqs::Client, queue: &str, receipt: String, delay: Duration) {
    let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
    let hidden = sqs
        .change_message_visibility()
        .queue_url(queue)
        .receipt_handle(receipt)
        .visibility_timeout(seconds)
        .send()
        .await;
    if let Err(error) = hidden {
        let reason = aws_sdk_sqs::error::DisplayErrorContext(&error).to_string();
        tracing::warn!(reason, "visibility not changed; the queue's own time-out applies");
    }
}
