//! What each fuzz target does with its bytes, and what must hold whatever they are.
//!
//! A library and not the targets themselves, so that `functions/webhook/tests/replay.rs` plays every
//! input that once found something in an ordinary `cargo test`.

pub mod letters;
pub mod messages;
pub mod products;
pub mod signing;
pub mod translate;
pub mod verify;
pub mod webhook;

use events::Envelope;

/// The names of the targets, as `run` dispatches them.
pub const TARGETS: [&str; 5] = ["verify", "translate", "webhook", "messages", "letters"];

/// Plays one input of a target.
pub fn replay(target: &str, data: &[u8]) {
    match target {
        "verify" => verify::run(data),
        "translate" => translate::run(data),
        "webhook" => webhook::run(data),
        "messages" => messages::run(data),
        "letters" => letters::run(data),
        other => panic!("no target {other}"),
    }
}

/// An event that leaves us is written and read again as the same event, and fits on the bus and
/// into the keys of the table wherever it goes.
pub fn is_sound(event: &Envelope) {
    let text = serde_json::to_string(event).expect("an event is always written");
    let back: Envelope = serde_json::from_str(&text).expect("and always read again");
    assert_eq!(&back, event, "and is the same then");
    assert_eq!(back.body_hash(), event.body_hash());
    assert!(text.len() <= MOST_EVENT, "an event of {} bytes", text.len());
    assert!(event.subject.len() <= MOST_KEY, "a subject of {} bytes", event.subject.len());
}

/// No product's fact needs more. The bus takes 256 KiB.
const MOST_EVENT: usize = 8 * 1024;
/// A sort key holds 1,024 bytes, a subject is part of it.
const MOST_KEY: usize = 256;

/// Runs what a function does to its end.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(work)
}
