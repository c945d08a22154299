//! Retainers: a fee each period, of which approved time is drawn down before any of it is billed.
//!
//! The fee is a recurring charge; here is what it buys. What is beyond it is worked out of all that was worked at
//! once, and an entry is billed what that comes to more by it. So the lines of a retainer add up to the same in
//! whatever order entries come: a late one is drawn from the period in which it was worked, and what later periods
//! had of what it takes is beyond theirs.

mod balance;
mod draw;

pub use balance::{Balance, balances};
pub use draw::{Drawdown, drawdown_of, drawn};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::price;
use crate::contract::{Contract, RecurringCharge};
use crate::money::{Money, MoneyError};
use crate::recurring::by_the_day;

/// What the fee of a period buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Grant {
    /// So much time; what is beyond it is billed at a rate of its own.
    Time {
        /// Minutes of a whole period.
        minutes: u32,
        /// Price of an hour beyond them, before tax.
        overage_rate: Money,
    },
    /// Time worth so much at the rates of the rate card; what is beyond it is billed at them.
    Amount {
        /// Amount of a whole period, before tax.
        amount: Money,
    },
}

/// What becomes of what is left at the end of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rollover {
    /// For how many further periods it stays.
    pub periods: u32,
    /// Most that goes over from one period into the next: minutes, or an amount in the contract's currency; none
    /// means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub most: Option<Decimal>,
}

/// On which terms time is drawn down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetainerTerms {
    /// Key of the recurring charge that is its fee.
    pub charge: String,
    /// What the fee of a period buys.
    pub grant: Grant,
    /// Roles whose time is drawn down; empty means all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// What becomes of what is left; none means that it is forfeited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollover: Option<Rollover>,
}

impl RetainerTerms {
    /// What each period of its charge buys, in minutes or as an amount. One that is not whole buys its share by
    /// the day, rounded once to a minute or to the minor unit.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn grants(&self, charge: &RecurringCharge) -> Result<Vec<Decimal>, MoneyError> {
        let share = |days: u32, of: u32| match self.grant {
            Grant::Time { minutes, .. } => {
                let product = Decimal::from(minutes) * Decimal::from(days);
                let part = product / Decimal::from(of.max(1));
                Ok(part.round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero))
            }
            Grant::Amount { amount } => Ok(by_the_day(amount, days, of)?.amount()),
        };
        charge
            .periods()?
            .iter()
            .map(|period| period.prorated.map_or_else(|| share(1, 1), |p| share(p.days, p.of)))
            .collect()
    }

    /// What so much beyond the balance costs, rounded once.
    ///
    /// # Errors
    /// When the amount overflows.
    pub fn overage(&self, beyond: Decimal) -> Result<Money, MoneyError> {
        match self.grant {
            Grant::Time { overage_rate, .. } => {
                let minutes = u32::try_from(beyond).map_err(|_| MoneyError::Overflow)?;
                price(overage_rate, minutes)
            }
            Grant::Amount { amount } => Money::exact(beyond, amount.currency()),
        }
    }

    /// What was worked, by period, beyond the balances of all periods of its charge, and what that costs: rounded once
    /// a period.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn beyond(
        &self,
        charge: &RecurringCharge,
        worked: &BTreeMap<u32, Decimal>,
    ) -> Result<(Decimal, Money), MoneyError> {
        let all = balances(&self.grants(charge)?, worked, self.rollover);
        let beyond = all.iter().map(|balance| balance.overage).sum();
        let due: Vec<Money> = all.iter().map(|b| self.overage(b.overage)).collect::<Result<_, _>>()?;
        Ok((beyond, Money::total(charge.fee.currency(), due)?))
    }

    /// Whether the time of a role is drawn down.
    #[must_use]
    pub fn covers(&self, role: &str) -> bool {
        self.roles.is_empty() || self.roles.contains(role)
    }

    /// Whether both are drawn on by some role.
    #[must_use]
    pub fn shares_a_role(&self, other: &Self) -> bool {
        self.roles.is_empty() || other.roles.is_empty() || !self.roles.is_disjoint(&other.roles)
    }
}

impl fmt::Display for RetainerTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grant {
            Grant::Time { minutes, overage_rate } => {
                write!(f, "{minutes} min a period, {overage_rate} an hour beyond them")?;
            }
            Grant::Amount { amount } => write!(f, "time worth {amount} a period")?,
        }
        if !self.roles.is_empty() {
            let named: Vec<&str> = self.roles.iter().map(String::as_str).collect();
            write!(f, ", of {}", named.join(", "))?;
        }
        match self.rollover {
            Some(Rollover { periods, most: Some(most) }) => {
                write!(f, ", {} of the rest for {periods} periods", most.normalize())
            }
            Some(Rollover { periods, most: None }) => write!(f, ", the rest for {periods} periods"),
            None => Ok(()),
        }
    }
}

impl Contract {
    /// The retainer of a charge.
    #[must_use]
    pub fn retainer(&self, charge: &str) -> Option<&RetainerTerms> {
        self.retainers.iter().find(|terms| terms.charge == charge)
    }

    /// The retainer that a role's time of a day is drawn from: its terms, its charge, and the number of the period.
    #[must_use]
    pub fn retainer_of(&self, role: &str, day: Date) -> Option<(&RetainerTerms, &RecurringCharge, u32)> {
        self.retainers.iter().filter(|terms| terms.covers(role)).find_map(|terms| {
            let charge = self.recurring_charge(&terms.charge)?;
            // Amounts of a contract were added up when it was cut.
            let periods = charge.periods().unwrap_or_default();
            let period = periods.iter().find(|p| p.from <= day && day < p.until)?;
            Some((terms, charge, period.index))
        })
    }
}
