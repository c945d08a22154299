//! The milestones of a billing schedule, and what of one is kept back.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Money, MoneyError};

/// A milestone of the billing schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Milestone {
    /// Key, unique in the contract (`M1`).
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Service it belongs to.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// What its completion bills, what is kept back of it included.
    pub amount: Money,
    /// When it is planned.
    pub planned_on: Option<Date>,
    /// What the customer keeps back of it until a later milestone is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdback: Option<Holdback>,
}

/// A part of a milestone's amount that is billed with another milestone: a retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holdback {
    /// How much of the amount, in percent, above 0 and below 100.
    #[schemars(with = "String")]
    pub percent: Decimal,
    /// Key of the milestone whose acceptance releases it.
    pub until: String,
}

impl Milestone {
    /// What is kept back of its amount, rounded to the minor unit; nothing where nothing was agreed.
    ///
    /// # Errors
    /// When the amount overflows.
    pub fn kept_back(&self) -> Result<Money, MoneyError> {
        let nothing = Money::zero(self.amount.currency());
        self.holdback.as_ref().map_or(Ok(nothing), |holdback| self.amount.percent(holdback.percent))
    }
}
