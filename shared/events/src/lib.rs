//! The envelope that canonical events travel in, and their schemas.
//!
//! CloudEvents 1.0 in structured form is the `detail` of every EventBridge entry. Extension
//! attributes are lower-case and alphanumeric, as the specification demands
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>).

mod envelope;
mod trace;

pub use envelope::{Envelope, body_hash};
pub use trace::Traceparent;

/// `source` of every EventBridge entry that we put.
pub const BUS_SOURCE: &str = "q2c";
