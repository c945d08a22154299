//! W3C Trace Context, so that one trace spans every hop of a deal
//! (<https://www.w3.org/TR/trace-context/#traceparent-header>).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `00-<trace>-<span>-01`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Traceparent(String);

impl Traceparent {
    /// Begins a trace.
    #[must_use]
    pub fn start() -> Self {
        Self::of(&Uuid::new_v4().simple().to_string())
    }

    /// The same trace, another span.
    #[must_use]
    pub fn child(&self) -> Self {
        self.0.split('-').nth(1).map_or_else(Self::start, Self::of)
    }

    fn of(trace: &str) -> Self {
        let span = Uuid::new_v4().simple().to_string();
        Self(format!("00-{trace}-{}-01", span.get(..16).unwrap_or(&span)))
    }

    /// The trace's ID, the same on every hop.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.0.split('-').nth(1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_keeps_the_trace_and_takes_another_span() {
        let parent = Traceparent::start();
        let child = parent.child();
        assert_eq!(parent.trace_id(), child.trace_id());
        assert_ne!(parent, child);
        assert_eq!(parent.0.len(), 55);
    }
}
