//! Commands: checked, then kept together with the events that they put on their way.

mod cash;
mod credit;
mod dispute;
mod holds;
mod keep;
mod set_up;
mod usage;
mod work;
mod write_off;

use domain::Event;
use domain::id::{EngagementId, PaymentId};
use jiff::Timestamp;
use runtime::Context;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::reply::Reply;
use crate::route::Action;

/// What a sound command comes to.
pub(crate) struct Command {
    about: About,
    /// What is put on its way, each with the moment at which it happened.
    events: Vec<(Timestamp, Event)>,
    /// What was asked for, for people.
    summary: String,
    /// What the answer says besides engagement and events.
    answer: Map<String, Value>,
}

impl Command {
    /// A command that is one event, which happens now.
    fn of(context: &Context, about: About, event: impl Into<Event>, summary: String) -> Self {
        Self { about, events: vec![(context.clock.now(), event.into())], summary, answer: Map::new() }
    }

    /// The same, with what the answer says besides.
    fn answering<const N: usize>(mut self, answer: [(&str, Value); N]) -> Self {
        self.answer.extend(answer.map(|(name, value)| (name.to_owned(), value)));
        self
    }
}

/// What a command is about: its audit's entry stands there.
pub(crate) enum About {
    /// An engagement.
    Engagement(EngagementId),
    /// A payment, and the engagement whose books it is in, where there is one yet.
    Payment(PaymentId, Option<EngagementId>),
}

impl About {
    /// Where the audit's entry stands.
    fn subject(&self) -> &str {
        match self {
            Self::Engagement(id) | Self::Payment(_, Some(id)) => id.as_str(),
            Self::Payment(payment, None) => payment.as_str(),
        }
    }

    /// How the answer names it.
    const fn named(&self) -> &'static str {
        match self {
            Self::Engagement(_) => "engagement",
            Self::Payment(..) => "payment",
        }
    }

    /// Its ID.
    fn id(&self) -> &str {
        match self {
            Self::Engagement(id) => id.as_str(),
            Self::Payment(id, _) => id.as_str(),
        }
    }
}

/// Takes a command, once, however often it is sent. A repetition is answered before anything is checked:
/// by then the first one may have changed what the checks look at.
pub(crate) async fn take(context: &Context, caller: &Caller, call: &Call) -> Result<Reply, ApiError> {
    let hash = call.hash()?;
    if let Some(reply) = keep::known(context, caller, call, &hash).await? {
        return Ok(reply);
    }
    let command = match call.route.action {
        Action::Activate => set_up::activate(context, caller, call).await?,
        Action::Withdraw => set_up::withdraw(context, caller, call).await?,
        Action::RequestInvoice => set_up::request_invoice(context, caller, call).await?,
        Action::HoldInvoice => holds::hold_invoice(context, caller, call).await?,
        Action::ReleaseInvoice => holds::release_invoice(context, caller, call).await?,
        Action::HoldLine => holds::hold_line(context, caller, call).await?,
        Action::ReleaseLine => holds::release_line(context, caller, call).await?,
        Action::WriteOff => write_off::write_off(context, caller, call).await?,
        Action::RequestCreditMemo => credit::request(context, caller, call).await?,
        Action::RequestDispute => dispute::request(context, caller, call).await?,
        Action::ResolveDispute => dispute::resolve(context, caller, call).await?,
        Action::ReportTime => work::time(context, caller, call).await?,
        Action::ReportExpenses => work::expenses(context, caller, call).await?,
        Action::ReportUsage => usage::usage(context, caller, call).await?,
        Action::ReportMilestones => work::milestones(context, caller, call).await?,
        Action::ApplyCash => cash::apply(context, caller, call).await?,
        _ => return Err(ApiError::new(Kind::NoSuchRoute, "there is no such command")),
    };
    keep::keep(context, caller, call, hash, command).await
}

/// A sentence that a person gives as the reason.
fn reason(text: &str) -> Result<(), ApiError> {
    let sound = (1..=500).contains(&text.chars().count()) && !text.trim().is_empty();
    if sound { Ok(()) } else { Err(ApiError::new(Kind::Malformed, "reason: must be 1 to 500 characters")) }
}
