//! Outcome of a call to a product that did not end well.

use std::time::Duration;

use domain::problem::ProblemCode;

/// What may be concluded from a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// Nothing happened there and the same call may succeed later.
    Transient {
        /// How long the product asks us to wait.
        retry_after: Option<Duration>,
    },
    /// It was sent and no answer came: it may have happened. Ask before sending again.
    Unknown,
    /// The product said no for a reason that a repetition does not change.
    Refused,
    /// The credentials were refused, or the connection is not configured.
    Unauthorised,
    /// The product answered something other than what was sent or documented.
    Mismatch,
}

/// A failed call: what was tried, where, and what may be concluded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{connection}: {operation}: {detail}")]
pub struct CallError {
    /// What may be concluded.
    pub kind: CallErrorKind,
    /// The connection.
    pub connection: String,
    /// What was tried, for people (`create invoice`).
    pub operation: &'static str,
    /// The product's own words, without personal data or secrets.
    pub detail: String,
}

impl CallError {
    /// Whether repeating the work, asking first, can succeed without a person.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match self.kind {
            CallErrorKind::Transient { .. } | CallErrorKind::Unknown | CallErrorKind::Unauthorised => true,
            CallErrorKind::Refused | CallErrorKind::Mismatch => false,
        }
    }

    /// The same failure of a call that came after another one had its effect: nothing can be said to
    /// have not happened any more.
    #[must_use]
    pub fn after_an_effect(mut self) -> Self {
        if let CallErrorKind::Transient { .. } | CallErrorKind::Unauthorised = self.kind {
            self.kind = CallErrorKind::Unknown;
        }
        self
    }

    /// The problem that a person sees.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        match self.kind {
            CallErrorKind::Unauthorised => ProblemCode::ConnectionInvalid,
            CallErrorKind::Mismatch => ProblemCode::ProductMismatch,
            CallErrorKind::Transient { .. } | CallErrorKind::Unknown | CallErrorKind::Refused => {
                ProblemCode::ProductRefused
            }
        }
    }
}
