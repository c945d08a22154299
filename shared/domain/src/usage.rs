//! Usage of what is metered: on which terms it was sold, and what a month of it costs.
//!
//! A month is rated as a whole: what its quantity costs, less what was rated of it before, is the line of the
//! record that came last. So the lines of a month add up to the price of its quantity in whatever order its
//! records come. Days are those of the business's time zone.

mod record;

pub use record::{RatedMonth, RatedUsage, USAGE, UsageRecord, usage_of, usage_recorded};

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::money::{Currency, Money, MoneyError};
use crate::recurring::after;

/// Decimal places of quantities and unit prices: a thousandth of a cent is a price here.
pub const DECIMALS: u32 = 6;
/// Longest term: ten years of months.
pub const LONGEST_TERM: u32 = 120;
/// Months of all terms of one contract: what was rated of each is kept in the engagement's state.
pub const MOST_MONTHS: u32 = 1_200;

/// A part of a month's quantity that has a price of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageTier {
    /// Where it ends, counted from the first unit beyond the allowance, this one included; none of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub up_to: Option<Decimal>,
    /// Price of a unit before tax, in the contract's currency; finer than its minor unit where need be.
    #[schemars(with = "String")]
    pub unit_price: Decimal,
}

/// On which terms the usage of a meter is billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageTerms {
    /// Key, unique in the contract and the same in each of its versions.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What is counted, as the records name it.
    pub meter: String,
    /// Service it is billed as.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// Prices, from the first unit beyond the allowance on; each tier's part of the quantity at its own price.
    pub tiers: Vec<UsageTier>,
    /// What of each month is free; nothing of it goes over into another month.
    #[schemars(with = "String")]
    pub allowance: Decimal,
    /// First day of the first month; the others begin so many months after it.
    pub starts_on: Date,
    /// Months.
    pub term: u32,
}

/// A month of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageMonth {
    /// Its number, from 0.
    pub index: u32,
    /// Its first day.
    pub from: Date,
    /// The first day after it.
    pub until: Date,
}

impl UsageTerms {
    /// What so much of a month costs: tier by tier beyond the allowance, rounded to the minor unit once.
    ///
    /// # Errors
    /// When the amount overflows, or a number is finer than [`DECIMALS`] places.
    pub fn price(&self, quantity: Decimal, currency: Currency) -> Result<Money, MoneyError> {
        // In whole millionths, whose products are exact; nothing is cut before the one rounding.
        let beyond = micros(quantity)?.checked_sub(micros(self.allowance)?).ok_or(MoneyError::Overflow)?;
        let (mut rated, mut total) = (0_i128, 0_i128);
        for tier in &self.tiers {
            let until = tier.up_to.map(micros).transpose()?.map_or(beyond, |end| end.min(beyond));
            if until <= rated {
                continue;
            }
            let part = (until - rated).checked_mul(micros(tier.unit_price)?).ok_or(MoneyError::Overflow)?;
            total = total.checked_add(part).ok_or(MoneyError::Overflow)?;
            rated = until;
        }
        let exact = Decimal::try_from_i128_with_scale(total, 2 * DECIMALS);
        Ok(Money::rounded(exact.map_err(|_| MoneyError::Overflow)?, currency))
    }

    /// The month of a number, if it has that many. What starts on the 31st keeps to the month's end.
    #[must_use]
    pub fn month_at(&self, index: u32) -> Option<UsageMonth> {
        let begins = |index| after(self.starts_on, index);
        let is_sold = index < self.term;
        is_sold.then_some(UsageMonth { index, from: begins(index)?, until: begins(index.checked_add(1)?)? })
    }

    /// The month that a day belongs to; none where the day is outside the term.
    #[must_use]
    pub fn month_of(&self, day: Date) -> Option<UsageMonth> {
        let months = (0..self.term).map_while(|index| self.month_at(index));
        months.take_while(|month| month.from <= day).find(|month| day < month.until)
    }

    /// The first day after its term; none where that is beyond the calendar.
    #[must_use]
    pub fn ends_before(&self) -> Option<Date> {
        after(self.starts_on, self.term)
    }

    /// How many of its months have begun on a day.
    #[must_use]
    pub fn begun_on(&self, on: Date) -> u32 {
        let months = (0..self.term).map_while(|index| self.month_at(index));
        u32::try_from(months.take_while(|month| month.from <= on).count()).unwrap_or(self.term)
    }

    /// What is wrong with terms by themselves, in words that follow the name of their line.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let fine = |n: Decimal| n.normalize().scale() <= DECIMALS && n >= Decimal::ZERO;
        if !(1..=LONGEST_TERM).contains(&self.term) {
            return Some(format!("has a term of {} months", self.term));
        }
        if self.ends_before().is_none() {
            return Some("reaches beyond the calendar".to_owned());
        }
        if !fine(self.allowance) {
            return Some(format!("has an allowance of {}", self.allowance));
        }
        if let Some(odd) = self.tiers.iter().find(|tier| !fine(tier.unit_price)) {
            return Some(format!("has a unit price of {}", odd.unit_price));
        }
        let ends: Vec<Option<Decimal>> = self.tiers.iter().map(|tier| tier.up_to).collect();
        let rises = |pair: &[Option<Decimal>]| match pair {
            [Some(end), Some(next)] => end < next,
            [Some(_), None] => true,
            _ => false,
        };
        let sound = match ends.as_slice() {
            [None] => true,
            [Some(first), .., None] => *first > Decimal::ZERO && ends.windows(2).all(rises),
            _ => false,
        };
        let sound = sound && ends.iter().flatten().all(|end| fine(*end));
        (!sound).then(|| "has tiers that do not rise to one without an end".to_owned())
    }

    /// Whether both count the same meter on some day.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_after = |one: &Self, day: Date| one.ends_before().is_none_or(|end| day < end);
        self.meter == other.meter && ends_after(self, other.starts_on) && ends_after(other, self.starts_on)
    }
}

impl fmt::Display for UsageTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} months of {} from {}", self.term, self.meter, self.starts_on)?;
        if !self.allowance.is_zero() {
            write!(f, ", {} free", self.allowance.normalize())?;
        }
        for tier in &self.tiers {
            match tier.up_to {
                Some(end) => write!(f, ", {} up to {}", tier.unit_price.normalize(), end.normalize())?,
                None => write!(f, ", {} each", tier.unit_price.normalize())?,
            }
        }
        Ok(())
    }
}

impl Contract {
    /// The terms of usage of a key.
    #[must_use]
    pub fn usage_terms(&self, key: &str) -> Option<&UsageTerms> {
        self.usage.iter().find(|terms| terms.key == key)
    }
}

/// A number in millionths.
fn micros(number: Decimal) -> Result<i128, MoneyError> {
    let number = number.normalize();
    let places = DECIMALS.checked_sub(number.scale()).ok_or(MoneyError::Overflow)?;
    number.mantissa().checked_mul(10_i128.pow(places)).ok_or(MoneyError::Overflow)
}
