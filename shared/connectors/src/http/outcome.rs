//! What may be concluded from a call: done, refused, transient, or unknown.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;

use crate::error::CallErrorKind;

/// What a call may have changed when no clear answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only reads: it may always be repeated.
    None,
    /// It writes by a key of ours: a repetition changes nothing more.
    Keyed,
    /// It may have an effect each time it arrives.
    Once,
}

/// What a product means by an answer whose status says something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exception {
    /// Nothing happened; later it may.
    Transient,
    /// The credentials don't reach that far.
    Unauthorised,
}

/// Longest wait that a product may ask of us; a queue can't hide a message for longer.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// Longest text kept of a product's own words.
const MAX_WORDS: usize = 300;

/// Concludes from an answer that isn't a success.
///
/// A server error after a mutating call without a key of ours is unknown: it may have failed
/// after its effect. That includes a bare 503, which a gateway in between also sends; with
/// `Retry-After` it is the product saying that it took nothing in.
pub(crate) fn classify(
    status: StatusCode,
    effect: Effect,
    retry_after: Option<Duration>,
    exception: Option<Exception>,
) -> CallErrorKind {
    match exception {
        Some(Exception::Transient) => return CallErrorKind::Transient { retry_after },
        Some(Exception::Unauthorised) => return CallErrorKind::Unauthorised,
        None => {}
    }
    match status.as_u16() {
        401 | 403 => CallErrorKind::Unauthorised,
        429 => CallErrorKind::Transient { retry_after },
        503 if retry_after.is_some() => CallErrorKind::Transient { retry_after },
        408 | 500..=599 if effect == Effect::Once => CallErrorKind::Unknown,
        408 | 500..=599 => CallErrorKind::Transient { retry_after },
        _ => CallErrorKind::Refused,
    }
}

/// Concludes from a call that got no whole answer.
pub(crate) fn unanswered(effect: Effect, error: &reqwest::Error) -> (CallErrorKind, &'static str) {
    if error.is_builder() {
        return (CallErrorKind::Unauthorised, "the request can't be built from what is configured");
    }
    if error.is_connect() {
        return (CallErrorKind::Transient { retry_after: None }, "no connection; nothing was sent");
    }
    let detail = if error.is_timeout() { "no answer in time" } else { "connection lost before the answer" };
    match effect {
        Effect::None => (CallErrorKind::Transient { retry_after: None }, detail),
        Effect::Keyed | Effect::Once => (CallErrorKind::Unknown, detail),
    }
}

/// Reads `Retry-After`: seconds, or an HTTP date.
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTimeParser::new().parse_timestamp(value).ok()?;
            Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// A product's own words, shortened, without what may be personal: e-mail addresses, and
/// numbers long enough to be a telephone, tax or account number.
pub(crate) fn scrubbed(words: &str) -> String {
    let plain: Vec<String> = words.split_whitespace().map(scrubbed_word).collect();
    let plain = plain.join(" ");
    match plain.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

fn scrubbed_word(word: &str) -> String {
    if word.contains('@') {
        return "<address>".to_owned();
    }
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let others = word.chars().filter(|c| c.is_alphabetic()).count();
    if digits >= 7 && others <= 2 { "<number>".to_owned() } else { word.to_owned() }
}

/// The outcome in one word, for logs.
pub(crate) const fn label(kind: CallErrorKind) -> &'static str {
    match kind {
        CallErrorKind::Transient { .. } => "transient",
        CallErrorKind::Unknown => "unknown",
        CallErrorKind::Refused => "refused",
        CallErrorKind::Unauthorised => "unauthorised",
        CallErrorKind::Mismatch => "mismatch",
    }
}
