//! What makes something billable, under one name whatever product it comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, Evidence};
use crate::expense::Expense;
use crate::usage::UsageRecord;
use crate::write_off::WriteOff;

/// The kinds of billing events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BillingEventType {
    /// Approved time.
    TimeEntry,
    /// An approved expense that is passed on.
    ExpenseApproval,
    /// A milestone that the customer accepted.
    MilestoneCompletion,
    /// A period of a recurring charge has come.
    RecurringServiceCharge,
    /// Usage was recorded, or what was recorded is corrected.
    UsageAdjustment,
    /// A deposit fell due, or an invoice drew on it.
    Deposit,
    /// Work in progress that will not be billed.
    WriteOff,
}

impl From<&BillableLine> for BillingEventType {
    fn from(line: &BillableLine) -> Self {
        (&line.evidence).into()
    }
}

impl From<&Evidence> for BillingEventType {
    /// An adjustment is of the kind of what it adjusts.
    fn from(evidence: &Evidence) -> Self {
        match evidence {
            Evidence::Time { .. } | Evidence::Overage { .. } => Self::TimeEntry,
            Evidence::Milestone { .. } => Self::MilestoneCompletion,
            Evidence::Expense { .. } => Self::ExpenseApproval,
            Evidence::Adjustment { by, .. } => by.as_ref().into(),
            Evidence::Charge { .. } => Self::RecurringServiceCharge,
            Evidence::Usage { .. } => Self::UsageAdjustment,
            Evidence::Deposit { .. } | Evidence::Drawdown { .. } => Self::Deposit,
        }
    }
}

impl From<&WriteOff> for BillingEventType {
    fn from(_: &WriteOff) -> Self {
        Self::WriteOff
    }
}

impl From<&UsageRecord> for BillingEventType {
    fn from(_: &UsageRecord) -> Self {
        Self::UsageAdjustment
    }
}

impl From<&Expense> for BillingEventType {
    fn from(_: &Expense) -> Self {
        Self::ExpenseApproval
    }
}
