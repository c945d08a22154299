//! What a caller is told when a call did not succeed: one form for all of it, and nothing of our insides.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use connectors::{CallError, CallErrorKind};
use domain::problem::{Owner, ProblemCode};
use journal::JournalError;
use runtime::ConnectError;
use serde_json::{Value, json};
use workflow::StepError;

use crate::reply;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $retryable:literal, $remedy:literal;)*) => {
        /// Why a call did not succeed, where no business problem is the reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number that callers, logs and documentation cite.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code,)* } }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> i64 { match self { $(Self::$variant => $status,)* } }

            /// Whether the same call can succeed later without anyone changing anything.
            #[must_use]
            pub const fn retryable(self) -> bool { match self { $(Self::$variant => $retryable,)* } }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str { match self { $(Self::$variant => $remedy,)* } }
        }
    };
}

kinds! {
    /// No token, or none that is known. Which, is not told.
    Unauthenticated = "Q2C-1001", 401, false, "Send a valid token in the header Authorization, after the word Bearer.";
    /// The caller's roles do not admit it to the route.
    Forbidden = "Q2C-1002", 403, false, "Use a token with a role that this route admits, or ask for the role.";
    /// There is no such route.
    NoSuchRoute = "Q2C-1003", 404, false, "Call one of the routes that GET /v1/catalog lists.";
    /// The route exists for another method.
    MethodNotAllowed = "Q2C-1004", 405, false, "Use the method that the header Allow names.";
    /// There is no such record, or it is another tenant's.
    NotFound = "Q2C-1005", 404, false, "Correct the identifier; a deal is known once its activation was asked for.";
    /// The request does not have the documented form.
    Malformed = "Q2C-1006", 400, false, "Correct what the detail names and send the call again.";
    /// The body is larger than any command.
    TooLarge = "Q2C-1007", 413, false, "Send several smaller calls, each under a key of its own.";
    /// The body is not announced as JSON.
    UnsupportedMedia = "Q2C-1008", 415, false, "Send JSON, with the content type application/json.";
    /// A command without a usable idempotency key.
    KeyMissing = "Q2C-1009", 400, false, "Send the header Idempotency-Key, once: 1 to 128 letters, digits and _ - . :";
    /// The idempotency key was used for something else.
    KeyConflict = "Q2C-1010", 409, false, "Use a new key for a new request, the old one only to repeat the old request.";
    /// The record's state does not allow the command.
    StateConflict = "Q2C-1011", 409, false, "Read the engagement's state; the detail says what the command needs.";
    /// Something in it is not approved, or not its owner's word.
    NotAcceptable = "Q2C-1012", 422, false, "Have it approved in the system that owns it, then send the whole call again.";
    /// It can't be answered now; nothing happened.
    TryAgain = "Q2C-1013", 503, true, "Send the same call again, a command under the same key.";
}

/// A call that did not succeed.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: i64,
    code: &'static str,
    owner: Owner,
    retryable: bool,
    remedy: String,
    detail: String,
    /// Value of the header `Allow`, where the method is what is wrong.
    allow: Option<&'static str>,
    /// What went wrong inside: for the log alone.
    inside: Option<String>,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            status: kind.status(),
            code: kind.code(),
            owner: Owner::Integration,
            retryable: kind.retryable(),
            remedy: kind.remedy().into(),
            detail: detail.into(),
            allow: None,
            inside: None,
        }
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(Kind::MethodNotAllowed, "the route does not take this method")
        }
    }

    /// Something of ours failed. The caller learns that it may send the call again and nothing else.
    pub(crate) fn inside(reason: impl ToString) -> Self {
        Self {
            inside: Some(reason.to_string()),
            ..Self::new(Kind::TryAgain, "the call could not be answered now")
        }
    }

    /// A business problem, with the words of its page.
    fn problem(status: i64, code: ProblemCode, detail: String) -> Self {
        Self {
            status,
            code: code.as_str(),
            owner: code.owner(),
            retryable: code.retryable(),
            remedy: remedy_of(code).to_owned(),
            detail,
            allow: None,
            inside: None,
        }
    }

    pub(crate) const fn status(&self) -> i64 {
        self.status
    }

    pub(crate) fn logged(&self) -> &str {
        self.inside.as_deref().unwrap_or(&self.detail)
    }

    fn body(&self) -> Value {
        json!({"code": self.code, "owner": self.owner.as_str(), "retryable": self.retryable,
               "remedy": self.remedy, "detail": self.detail})
    }

    pub(crate) fn response(&self) -> ApiGatewayProxyResponse {
        let mut extra = vec![];
        if let Some(allow) = self.allow {
            extra.push(("allow", allow));
        }
        if self.status == 503 {
            extra.push(("retry-after", "10"));
        }
        if self.status == 401 {
            extra.push(("www-authenticate", "Bearer"));
        }
        reply::response(self.status, &self.body().to_string(), &extra)
    }
}

/// What a problem's page tells people to do.
pub(crate) fn remedy_of(code: ProblemCode) -> &'static str {
    let (_, below) = code.page().split_once("\n## Remedy\n").unwrap_or_default();
    below.split("\n## ").next().unwrap_or_default().trim()
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        Self::inside(error)
    }
}

impl From<StepError> for ApiError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Call { error, .. } => error.into(),
            other => Self::inside(other),
        }
    }
}

/// What is not configured or can't be read is ours; what a product said is the product's.
impl From<ConnectError> for ApiError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Connector(call) => call.into(),
            other => Self::inside(other),
        }
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        let asked = format!("{} was asked to {}", error.connection, error.operation);
        match error.kind {
            CallErrorKind::Transient { .. } | CallErrorKind::Unknown => {
                let detail = format!("{asked} and did not answer");
                Self { inside: Some(error.to_string()), ..Self::new(Kind::TryAgain, detail) }
            }
            // What a product says may quote a record; its own words stay in the log.
            kind => {
                let code = match kind {
                    CallErrorKind::Refused => ProblemCode::ProductRefused,
                    CallErrorKind::Unauthorised => ProblemCode::ConnectionInvalid,
                    _ => ProblemCode::ProductMismatch,
                };
                let detail = format!("{asked} and refused or answered something else");
                Self { inside: Some(error.to_string()), ..Self::problem(502, code, detail) }
            }
        }
    }
}
