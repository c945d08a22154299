use std::time::Duration;

use connectors::{CallError, CallErrorKind};
use domain::id::ApprovalId;
use domain::problem::{Owner, Problem, ProblemCode};
use journal::{JournalError, LeaseError};

/// Why a step did not end well.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The call failed; its kind says what may be concluded.
    #[error("step {step}: {error}")]
    Call {
        /// The step.
        step: String,
        /// The call's error.
        error: CallError,
    },
    /// The product holds something other than what was asked for.
    #[error("step {step}: {connection} answered {difference}")]
    Mismatch {
        /// The step.
        step: String,
        /// The connection.
        connection: String,
        /// What differs.
        difference: String,
    },
    /// An earlier attempt may still take effect, or not be found yet: it is too early to ask, and
    /// much too early to send again.
    #[error("step {step}: an earlier attempt at {connection} settles in {} s", wait.as_secs())]
    Settling {
        /// The step.
        step: String,
        /// The connection.
        connection: String,
        /// How long until the product's answer can be believed.
        wait: Duration,
    },
    /// The function was held up between recording that the step is sent and sending it; nothing was sent.
    #[error("step {step} was held up and not sent")]
    Delayed {
        /// The step.
        step: String,
    },
    /// A person was asked and has not answered yet. The event is kept with the question and comes
    /// again with the answer.
    #[error("{approval} waits for {}", asked_of.as_str())]
    AwaitsApproval {
        /// The approval.
        approval: ApprovalId,
        /// Who decides.
        asked_of: Owner,
    },
    /// The run is being taken back and never got to this step.
    #[error("step {step} was never begun")]
    NotBegun {
        /// The step.
        step: String,
    },
    /// The lease was lost, or the journal could not be written.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

impl From<JournalError> for StepError {
    fn from(error: JournalError) -> Self {
        Self::Lease(error.into())
    }
}

impl StepError {
    /// The problem that a person must settle before the run can go on; none when repeating
    /// the run later is enough.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Self::Call { step, error } if !error.retryable() => {
                Some(Problem::new(error.code(), format!("step {step}: {error}")))
            }
            Self::Mismatch { .. } => Some(Problem::new(ProblemCode::ProductMismatch, self.to_string())),
            Self::Call { .. }
            | Self::Settling { .. }
            | Self::Delayed { .. }
            | Self::AwaitsApproval { .. }
            | Self::NotBegun { .. }
            | Self::Lease(_) => None,
        }
    }

    /// How long a product asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call {
                error: CallError { kind: CallErrorKind::Transient { retry_after }, .. }, ..
            } => *retry_after,
            Self::Settling { wait, .. } => Some(*wait),
            Self::Call { .. }
            | Self::Mismatch { .. }
            | Self::Delayed { .. }
            | Self::AwaitsApproval { .. }
            | Self::NotBegun { .. }
            | Self::Lease(_) => None,
        }
    }
}
