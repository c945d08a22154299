//! The commit of a command: its key, the audit's entry and the outgoing events, or none of them.

use domain::id::derive;
use events::{Envelope, Traceparent};
use journal::{Commit, Committed, EntryOutcome, JournalEntry, Request};
use runtime::Context;
use serde_json::{Value, json};

use super::Command;
use crate::call::Call;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::reply::Reply;

/// Repetitions that may meet at one key.
const MOST_ROUNDS: usize = 5;
/// Type of the audit's entry: no event of the bus has it.
const ENTRY: &str = "q2c.api.request.v1";

/// The answer to a repetition, or none where the key is new.
pub(super) async fn known(
    context: &Context,
    caller: &Caller,
    call: &Call,
    hash: &str,
) -> Result<Option<Reply>, ApiError> {
    match context.journal.request(&caller.tenant, &caller.name, &call.key).await? {
        None => Ok(None),
        Some(request) if request.body_hash == hash => Ok(Some(Reply::accepted(request.answer))),
        Some(_) => Err(ApiError::new(Kind::KeyConflict, "the key was used for another request")),
    }
}

/// Keeps a command. Of two that arrive at once under one key, one is kept and both are answered alike.
pub(super) async fn keep(
    context: &Context,
    caller: &Caller,
    call: &Call,
    hash: String,
    command: Command,
) -> Result<Reply, ApiError> {
    let Command { about, events, summary, answer } = command;
    let now = context.clock.now();
    let trace = Traceparent::start();
    let envelopes: Vec<Envelope> = events
        .into_iter()
        .enumerate()
        .map(|(n, (time, event))| Envelope {
            source: format!("/{}/callers/{}", caller.tenant, caller.name),
            // No connection has a slash in its name, so no product's delivery has this ID.
            ..Envelope::reported(
                &caller.tenant,
                &format!("callers/{}", caller.name),
                &format!("{}:{n}", call.key),
                about.id(),
                time,
                event,
                trace.child(),
            )
        })
        .collect();
    let ids: Vec<Value> =
        envelopes.iter().map(|e| json!({"id": e.id, "type": e.event.type_name()})).collect();
    let mut answer = answer;
    answer.insert("status".into(), "accepted".into());
    answer.insert(about.named().into(), about.id().into());
    answer.insert("events".into(), ids.into());
    let text = Value::Object(answer).to_string();
    let id = derive(&[&caller.tenant, "request", &caller.name, &call.key]);
    let entry = JournalEntry {
        event_id: id,
        event_type: ENTRY.into(),
        body_hash: hash.clone(),
        subject: about.subject().to_owned(),
        occurred_at: now,
        recorded_at: now,
        correlation_id: about.subject().to_owned(),
        causation_id: None,
        outcome: EntryOutcome::Applied,
        summary: format!("{} {summary} (key {})", caller.described(), call.key),
    };
    let request = Request {
        caller: caller.name.clone(),
        key: call.key.clone(),
        body_hash: hash.clone(),
        answer: text.clone(),
        recorded_at: now,
    };
    let commit = Commit::default()
        .entry(&caller.tenant, &entry)?
        .write(context.journal.write_request(&caller.tenant, &request, id)?)
        .emit(envelopes);
    for _ in 0..MOST_ROUNDS {
        match context.journal.commit(commit.clone()).await? {
            Committed::Done => return Ok(Reply::accepted(text)),
            // Another of the same key was faster, or this one's own answer was lost.
            Committed::Rejected(_) => {
                if let Some(reply) = known(context, caller, call, &hash).await? {
                    return Ok(reply);
                }
            }
            Committed::Contended => {}
        }
    }
    Err(ApiError::inside(format!("{} stayed contended", about.id())))
}
