//! What a decision may be. `decide(state, event) -> Decision` is the shape of every flow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::BillableLine;
use crate::billing::hold::HeldLine;
use crate::engagement::Engagement;
use crate::event::Event;
use crate::id::{ApprovalId, InvoiceId};
use crate::problem::Problem;
use crate::retainer::Drawdown;
use crate::staffing::{IntercompanyCharge, SubcontractorCost};
use crate::usage::RatedUsage;

/// What an early event waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The engagement is active.
    EngagementActive,
    /// The invoice was read back as posted.
    InvoicePosted(InvoiceId),
    /// The approval has its answer, or is not needed any more.
    ApprovalSettled(ApprovalId),
    /// The invoice's hold of this number was released.
    InvoiceReleased(InvoiceId, u32),
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EngagementActive => f.write_str("engagement-active"),
            Self::InvoicePosted(invoice) => write!(f, "invoice-posted:{invoice}"),
            Self::ApprovalSettled(approval) => write!(f, "approval-settled:{approval}"),
            Self::InvoiceReleased(invoice, hold) => write!(f, "invoice-released:{invoice}:{hold}"),
        }
    }
}

/// What an event does, to be committed whole or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// The new state, where shared state changes.
    pub state: Option<Engagement>,
    /// Lines that become billable.
    pub lines: Vec<BillableLine>,
    /// Those of them that can't be billed yet, and why.
    pub held: Vec<HeldLine>,
    /// What legal entities owe each other for them.
    pub charges: Vec<IntercompanyCharge>,
    /// What subcontractors' work costs.
    pub costs: Vec<SubcontractorCost>,
    /// Entries that are drawn from a retainer.
    pub drawdowns: Vec<Drawdown>,
    /// Records of usage that are counted.
    pub usage: Vec<RatedUsage>,
    /// What is told to others.
    pub events: Vec<Event>,
    /// Conditions that hold from now on; what waited for them is released.
    pub release: Vec<Condition>,
    /// One line for the timeline.
    pub summary: String,
}

/// The outcome of deciding on one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The event has these effects.
    Apply(Box<Effects>),
    /// The event came too early and waits.
    Park(Condition),
    /// A person must decide; nothing but the exception is written.
    Hold(Problem),
    /// The event is legal and changes nothing (late, stale, not billable); the reason is journalled.
    NoEffect(String),
}

impl Decision {
    /// Applies effects.
    #[must_use]
    pub fn apply(effects: Effects) -> Self {
        Self::Apply(Box::new(effects))
    }
}
