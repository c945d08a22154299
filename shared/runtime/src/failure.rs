//! What a handler says of an event.

use std::time::Duration;

use connectors::CallError;
use journal::{Decided, JournalError, LeaseError};
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
