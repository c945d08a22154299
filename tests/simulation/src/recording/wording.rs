//! Leases and traces are drawn at random, and nothing is derived from them: in a recording each is
//! replaced by one that its place gives, so that a recording made anew differs in what changed.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A lease's token, and the trace of a `traceparent`, in hex digits.
const TOKEN: usize = 32;
/// The span of a `traceparent`.
const SPAN: usize = 16;

/// The same text with settled tokens.
pub(super) fn settled(text: String) -> String {
    let mut drawn: BTreeMap<String, String> = BTreeMap::new();
    let mut settle = |token: &str, length: usize| {
        let number = drawn.len().to_string();
        drawn.entry(token.to_owned()).or_insert_with(|| {
            let mut hex = Uuid::new_v5(&Uuid::NAMESPACE_OID, number.as_bytes()).simple().to_string();
            hex.truncate(length);
            hex
        });
    };
    for after in text.split("\"lease\": \"").skip(1) {
        if let Some(token) = hex(after, TOKEN) {
            settle(token, TOKEN);
        }
    }
    // Also inside of text that is JSON itself, where quotes are escaped.
    for (at, _) in text.match_indices("traceparent") {
        let Some((_, after)) = text.get(at..at + 80).and_then(|near| near.split_once("00-")) else {
            continue;
        };
        if let Some(trace) = hex(after, TOKEN) {
            settle(trace, TOKEN);
            if let Some(span) = after.get(TOKEN + 1..).and_then(|rest| hex(rest, SPAN)) {
                settle(span, SPAN);
            }
        }
    }
    drawn.into_iter().fold(text, |text, (drawn, settled)| text.replace(&drawn, &settled))
}

/// So many hex digits at the beginning, and no more.
fn hex(text: &str, digits: usize) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    (end == digits).then(|| &text[..digits])
}
