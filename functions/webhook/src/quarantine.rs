//! An authentic delivery that can't be translated is kept whole, and the product is told that
//! it arrived: otherwise it would repeat for days, or switch the subscription off.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::Connection;
use domain::event::{Event, ExceptionRaised};
use domain::problem::{Problem, ProblemCode};
use events::{Envelope, Traceparent};
use journal::{Commit, Committed, Exception, JournalError, Write};
use runtime::Context;

use crate::answer::Answer;
use crate::delivery::Request;

/// Characters of the reason that are kept. A parser quotes what it could not read, which may be as
/// long as the body, and the body is kept beside it: together they would not fit into an item.
const LONGEST_REASON: usize = 500;
/// Begins a payload that is not kept as text.
const ENCODED: &str = "base64:";

/// Keeps a delivery as an exception, once however often it is repeated.
pub(crate) async fn keep(
    context: &Context,
    connection: &Connection,
    request: &Request,
    reason: &str,
) -> Answer {
    match raise(context, connection, request, reason).await {
        Ok(()) => Answer::Accepted,
        Err(error) => {
            tracing::error!(connection = request.connection, reason = %error, "not kept");
            Answer::TryAgain
        }
    }
}

/// The body as text where it is text, else encoded. Text that begins like what is encoded is encoded
/// too, so that the payload always says which bytes came.
fn payload_of(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if !text.starts_with(ENCODED) => text.to_owned(),
        _ => format!("{ENCODED}{}", STANDARD.encode(body)),
    }
}

async fn raise(
    context: &Context,
    connection: &Connection,
    request: &Request,
    reason: &str,
) -> Result<(), JournalError> {
    let now = context.clock.now();
    let config = &connection.config;
    let payload = payload_of(&request.body);
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    let problem = Problem::new(ProblemCode::Untranslatable, format!("{}: {reason}", config.connection));
    let subject = format!("connection_{}", config.connection);
    let cause = [config.tenant.as_str(), &config.connection, &payload];
    let exception =
        Exception::open(&cause, problem.clone(), context.function, &subject, payload.clone(), now);
    let raised: Event = ExceptionRaised { exception: exception.exception.clone(), problem }.into();
    let announced = Envelope::reported(
        &config.tenant,
        &config.connection,
        exception.exception.as_str(),
        &subject,
        now,
        raised,
        Traceparent::start(),
    );
    let item = exception.item(&config.tenant, &subject)?;
    let commit =
        Commit::default().write(Write::Insert { item, cause: announced.id }).emit([announced.clone()]);
    match context.journal.commit(commit).await? {
        Committed::Done => {
            runtime::count_event(context.function, &announced, "held", now);
            Ok(())
        }
        // Known: where it was settled in between, it waits for its owner once more.
        Committed::Rejected(_) => {
            let owner = ProblemCode::Untranslatable.owner();
            context.journal.reopen(&config.tenant, &subject, &exception.exception, owner, now).await
        }
        Committed::Contended => Err(JournalError::Contended(subject)),
    }
}
