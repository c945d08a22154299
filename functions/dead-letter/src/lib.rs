//! What a queue gave up on becomes an exception: kept whole, with where it came from and an
//! owner, so that it can be corrected and sent again. Nothing is ever dropped here.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::event::{Event, ExceptionRaised};
use domain::problem::{Problem, ProblemCode};
use events::Envelope;
use journal::{Commit, Committed, Exception, JournalError, Write};
use runtime::Context;
use serde_json::Value;
use uuid::Uuid;

/// Tenant of messages that name none.
const NO_TENANT: &str = "unknown";

/// Keeps every message of a batch; one that can't be kept stays in its queue.
pub async fn keep_all(context: &Context, batch: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        if let Err(error) = keep(context, &message).await {
            tracing::error!(message_id = message.message_id, reason = %error, "dead letter not kept");
            response.add_failure(message.message_id.unwrap_or_default());
        }
    }
    response
}

async fn keep(context: &Context, message: &SqsMessage) -> Result<(), JournalError> {
    let now = context.clock.now();
    let body = message.body.clone().unwrap_or_default();
    let queue = queue_of(message);
    let letter = Letter::read(&body);
    let detail = format!("{} from queue {queue} was given up after its last attempt", letter.what);
    let problem = Problem::new(ProblemCode::DeliveryFailed, detail);
    let cause = [queue.as_str(), &letter.key];
    let exception = Exception::open(&cause, problem.clone(), context.function, &letter.subject, body, now);
    let item = exception.item(&letter.tenant, &letter.subject)?.with("queue", queue.clone());
    let announced = letter.event.as_ref().map(|event| {
        let raised: Event = ExceptionRaised { exception: exception.exception.clone(), problem }.into();
        event.concluded(context.function, &letter.subject, &exception.exception, raised)
    });
    let commit = Commit::default().write(Write::Insert { item, cause: Uuid::nil() }).emit(announced);
    match context.journal.commit(commit).await? {
        Committed::Done => {
            tracing::error!(
                function = context.function,
                queue,
                subject = letter.subject,
                exception = exception.exception.as_str(),
                outcome = "held",
                "dead letter"
            );
            Ok(())
        }
        // The same letter again: where it was settled in between, it waits for its owner once more.
        Committed::Rejected(_) => {
            let owner = ProblemCode::DeliveryFailed.owner();
            context.journal.reopen(&letter.tenant, &letter.subject, &exception.exception, owner, now).await
        }
        Committed::Contended => Err(JournalError::Contended(letter.subject)),
    }
}

/// The queue that gave up: SQS names it on a dead letter, else it is the one that was read.
fn queue_of(message: &SqsMessage) -> String {
    let source = message.attributes.get("DeadLetterQueueSourceArn").or(message.event_source_arn.as_ref());
    source.and_then(|arn| arn.rsplit(':').next()).unwrap_or("unknown").to_owned()
}

/// What can be told of a message that may have any form.
struct Letter {
    tenant: String,
    subject: String,
    key: String,
    what: String,
    event: Option<Envelope>,
}

impl Letter {
    /// An event in EventBridge's envelope, a message of the outbox's retry queue, or anything else.
    fn read(body: &str) -> Self {
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        let several = json.get("detail").is_none();
        let detail = json.get("detail").or_else(|| json.pointer("/events/0")).cloned().unwrap_or_default();
        match serde_json::from_value::<Envelope>(detail) {
            Ok(event) => Self {
                what: format!("event {} {}", event.event.type_name(), event.id),
                // A message of the outbox holds several events: all of it tells it from another.
                key: if several { domain::id::derive(&[body]).to_string() } else { event.id.to_string() },
                tenant: event.tenant.clone(),
                subject: event.subject.clone(),
                event: Some(event),
            },
            Err(_) => {
                let id = domain::id::derive(&[body]).to_string();
                let tenant =
                    json.pointer("/detail/tenant").and_then(Value::as_str).unwrap_or(NO_TENANT).to_owned();
                Self {
                    tenant,
                    subject: format!("message_{id}"),
                    what: "a message".into(),
                    key: id,
                    event: None,
                }
            }
        }
    }
}
