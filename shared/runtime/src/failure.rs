//! What a handler says of an event.

use std::time::Duration;

use connectors::CallError;
use journal::{Decided, JournalError, LeaseError};
use uuid::Uuid;
use workflow::StepError;

use crate::connect::ConnectError;

/// What came of an event that was dealt with.
pub type Outcome = Decided;

/// An event that was not dealt with: its message comes back after a pause, and ends in the
/// dead-letter queue when that never helps. A business refusal is no failure but a hold.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// For the log.
    pub reason: String,
    /// How long a product asked us to wait.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure for a reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retry_after: None }
    }

    /// The answer for events of which none could be dealt with, for this one reason.
    pub fn of_each(&self, events: impl IntoIterator<Item = Uuid>) -> Vec<(Uuid, Result<Outcome, Self>)> {
        let failure = || Self { reason: self.reason.clone(), retry_after: self.retry_after };
        events.into_iter().map(|id| (id, Err(failure()))).collect()
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<LeaseError> for Failure {
    fn from(error: LeaseError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        // A product's own words may quote a customer, or the token it was shown: a log takes their status alone.
        let reason = match &error {
            StepError::Call { step, error: CallError { connection, operation, detail, .. } } => {
                let status = detail.split_once(": ").map_or(detail.as_str(), |(status, _)| status);
                format!("step {step}: {connection}: {operation}: {status}")
            }
            StepError::Mismatch { step, connection, .. } => {
                format!("step {step}: {connection}: answered otherwise")
            }
            other => other.to_string(),
        };
        Self { retry_after: error.retry_after(), reason }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        StepError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use connectors::CallErrorKind;

    use super::*;

    const WAIT: Duration = Duration::from_secs(7);

    fn call(detail: &str) -> CallError {
        CallError {
            kind: CallErrorKind::Transient { retry_after: Some(WAIT) },
            connection: "kantata-main".into(),
            operation: "create project",
            detail: detail.to_owned(),
        }
    }

    fn failed(detail: &str) -> Failure {
        StepError::Call { step: "project".into(), error: call(detail) }.into()
    }

    /// Proves part of GOV-15: what is logged of a failed call is where it failed and with which status. What the
    /// product said of it, which may quote a customer, is for the exception alone.
    #[test]
    fn a_failed_call_is_logged_without_the_products_words() {
        for words in [
            "Ada Lovelace has no access",
            "field title: Ada Lovelace: is taken",
            "500: Ada Lovelace",
            ": Ada",
        ] {
            let failure = failed(&format!("503: {words}"));
            assert_eq!(failure.reason, "step project: kantata-main: create project: 503", "{words}");
            assert_eq!(failure.to_string(), failure.reason);
        }
    }

    #[test]
    fn a_call_that_got_no_words_is_logged_with_what_is_known() {
        for detail in ["503", "no answer in time"] {
            assert_eq!(
                failed(detail).reason,
                format!("step project: kantata-main: create project: {detail}")
            );
        }
    }

    #[test]
    fn a_failure_keeps_the_wait_that_the_product_asked_for() {
        assert_eq!(failed("429: slow down, Ada").retry_after, Some(WAIT));
        let outside_a_run = Failure::from(call("429: slow down, Ada"));
        assert_eq!(outside_a_run.retry_after, Some(WAIT));
        assert!(
            outside_a_run.reason.ends_with("kantata-main: create project: 429"),
            "{}",
            outside_a_run.reason
        );
    }
}
