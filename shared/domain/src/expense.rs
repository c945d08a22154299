//! Expenses as the PSA reports them: what was spent on an engagement, and whether the customer bears it.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::transition::Status;

/// Where an expense stands with whoever approves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpenseStatus {
    /// Handed in; nobody has decided.
    Submitted,
    /// May be charged.
    Approved,
    /// Goes back to whoever handed it in, who may correct it.
    Rejected,
    /// The approval was taken back.
    Withdrawn,
}

impl Status for ExpenseStatus {
    const OBJECT: &'static str = "an expense";
    const ALL: &'static [Self] = &[Self::Submitted, Self::Approved, Self::Rejected, Self::Withdrawn];

    fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Submitted => &[Self::Approved, Self::Rejected],
            Self::Approved => &[Self::Withdrawn],
            Self::Rejected | Self::Withdrawn => &[Self::Submitted],
        }
    }
}

/// What somebody spent on an engagement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expense {
    /// The PSA connection it comes from.
    pub connection: String,
    /// The PSA's ID of the expense.
    pub expense: String,
    /// The PSA's ID of the project.
    pub project: String,
    /// Who spent it.
    pub person: String,
    /// What it was for, as the PSA's categories name it.
    pub category: String,
    /// The day it was spent, in the business's time zone.
    pub incurred_on: Date,
    /// What it cost, in the currency that it was spent in.
    pub cost: Money,
    /// Whether the customer bears it at cost; otherwise the fee covers it.
    pub pass_through: bool,
    /// Where its approval stands.
    pub status: ExpenseStatus,
}

impl Expense {
    /// What the customer is charged for it: its cost, when it is passed through and approved.
    #[must_use]
    pub fn charged(&self) -> Option<Money> {
        (self.status == ExpenseStatus::Approved && self.pass_through).then_some(self.cost)
    }

    /// The expense in another status.
    ///
    /// # Errors
    /// [`crate::IllegalTransition`] when the status may not follow the present one.
    pub fn become_status(&self, next: ExpenseStatus) -> Result<Self, crate::IllegalTransition> {
        Ok(Self { status: self.status.to(next)?, ..self.clone() })
    }
}
