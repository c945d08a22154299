use connectors::{CallError, CallErrorKind};
use domain::problem::{Problem, ProblemCode};
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
            Self::Call { .. } | Self::Lease(_) => None,
        }
    }

    /// How long a product asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Call {
                error: CallError { kind: CallErrorKind::Transient { retry_after }, .. }, ..
            } => *retry_after,
            Self::Call { .. } | Self::Mismatch { .. } | Self::Lease(_) => None,
        }
    }
}
