//! Delivered work as the PSA reports it: only what was approved there.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An approved time entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeEntry {
    /// The PSA connection it comes from.
    pub connection: String,
    /// The PSA's ID of the entry.
    pub entry: String,
    /// The PSA's ID of the project.
    pub project: String,
    /// The PSA's ID of the task, where it names one.
    pub task: Option<String>,
    /// Who worked.
    pub person: String,
    /// In which role: selects the rate.
    pub role: String,
    /// The day worked, in the business's time zone: selects the version of the rate card.
    pub worked_on: Date,
    /// Minutes worked.
    pub minutes: u32,
    /// Whether the PSA marks it billable.
    pub billable: bool,
    /// What was done.
    pub notes: Option<String>,
}

/// A completed milestone that the customer accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneCompletion {
    /// The PSA connection it comes from.
    pub connection: String,
    /// The PSA's ID of the milestone's record.
    pub record: String,
    /// Key of the milestone in the contract.
    pub milestone: String,
    /// When the PSA recorded it as complete and accepted.
    pub completed_at: Timestamp,
}
