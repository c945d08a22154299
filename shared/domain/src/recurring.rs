//! Recurring charges: which periods a charge has, from which day to which, what each costs, and when it is due.
//!
//! Days are those of the business's time zone, so a period has whole days whatever its clocks do. A period
//! that is not whole is charged by the day: fee × days ÷ days of the whole period, rounded once. All periods
//! together never cost more than fee × term, which is what the quote shows.

mod due;

pub use due::{ChargeCalendar, ChargeDue, charge_due, charge_line};

use jiff::Span;
use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{ChargeTiming, Period, RecurringCharge};
use crate::money::{Money, MoneyError};

/// One period of a recurring charge, as it is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargePeriod {
    /// Its number, from 0.
    pub index: u32,
    /// Its first day.
    pub from: Date,
    /// The first day after it.
    pub until: Date,
    /// The day on which it is billed: its first where it is charged in advance, the one after its last where
    /// it is charged in arrears.
    pub due_on: Date,
    /// What it costs, before tax.
    pub amount: Money,
    /// Its part of the whole period; none where it is whole.
    pub prorated: Option<Proration>,
}

/// The part of a period that is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proration {
    /// Days that are charged.
    pub days: u32,
    /// Days of the whole period.
    pub of: u32,
    /// The fee of the whole period, before tax.
    pub fee: Money,
}

impl ChargePeriod {
    /// Its last day.
    #[must_use]
    pub fn last_day(&self) -> Date {
        self.until.yesterday().unwrap_or(self.until)
    }
}

impl RecurringCharge {
    /// The last day that is charged: of its term, or earlier where it ends before; none where the term
    /// reaches beyond the calendar.
    #[must_use]
    pub fn last_day(&self) -> Option<Date> {
        let months = self.term.saturating_mul(self.period.months());
        let of_term = after(self.starts_on, months)?.yesterday().ok()?;
        Some(self.ends_on.map_or(of_term, |day| day.min(of_term)))
    }

    /// All its periods, in order.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn periods(&self) -> Result<Vec<ChargePeriod>, MoneyError> {
        let mut left = self.fee.times(self.term.into())?;
        let Some(end) = self.last_day().and_then(|day| day.tomorrow().ok()) else { return Ok(Vec::new()) };
        let mut periods = Vec::new();
        // One more than its term where calendar periods begin and end in parts.
        for index in 0..=self.term {
            let Some((first, next)) = self.whole(index) else { break };
            let (from, until) = (first.max(self.starts_on), next.min(end));
            if from >= until {
                break;
            }
            let (days, of) = (days(from, until), days(first, next));
            let amount = if days == of { self.fee } else { by_the_day(self.fee, days, of)? };
            // Two parts of a month may round up to more than a month, or be parts of months of other lengths.
            let amount = if amount.exceeds(left)? { left } else { amount };
            left = left.minus(amount)?;
            periods.push(ChargePeriod {
                index,
                from,
                until,
                due_on: match self.timing {
                    ChargeTiming::Advance => from,
                    ChargeTiming::Arrears => until,
                },
                amount,
                prorated: (days != of).then_some(Proration { days, of, fee: self.fee }),
            });
        }
        Ok(periods)
    }

    /// The period of a number, if it has that many.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn period_at(&self, index: u32) -> Result<Option<ChargePeriod>, MoneyError> {
        Ok(self.periods()?.into_iter().find(|period| period.index == index))
    }

    /// How many of its periods have begun on a day.
    #[must_use]
    pub fn begun_on(&self, on: Date) -> u32 {
        // Amounts of a contract were added up when it was cut.
        let periods = self.periods().unwrap_or_default();
        let begun = periods.iter().filter(|period| period.from <= on).count();
        u32::try_from(begun).unwrap_or(self.term)
    }

    /// What it comes to until it ends.
    ///
    /// # Errors
    /// When the amount overflows.
    pub fn value(&self) -> Result<Money, MoneyError> {
        Money::total(self.fee.currency(), self.periods()?.into_iter().map(|period| period.amount))
    }

    /// The whole period of a number, from its first day to the first day after it, whatever the term is.
    pub(crate) fn whole(&self, index: u32) -> Option<(Date, Date)> {
        let (first, months) = (self.first(), self.period.months());
        let from = after(first, index.checked_mul(months)?)?;
        Some((from, after(first, index.checked_add(1)?.checked_mul(months)?)?))
    }

    /// The first day of the first whole period.
    pub(crate) fn first(&self) -> Date {
        let day = self.starts_on;
        if !self.aligned {
            return day;
        }
        let month = match self.period {
            Period::Monthly => day.month(),
            Period::Quarterly => day.month() - (day.month() - 1) % 3,
            Period::Yearly => 1,
        };
        Date::new(day.year(), month, 1).unwrap_or(day)
    }
}

/// The day so many months after another, counted from that one: what starts on the 31st keeps to the
/// month's end.
pub(crate) fn after(day: Date, months: u32) -> Option<Date> {
    let span = Span::new().try_months(months).ok()?;
    day.checked_add(span).ok()
}

/// Days from one day to another, which is not counted.
pub(crate) fn days(from: Date, until: Date) -> u32 {
    from.until(until).ok().and_then(|span| u32::try_from(span.get_days()).ok()).unwrap_or(0)
}

/// A fee for some of a period's days, rounded once.
pub(crate) fn by_the_day(fee: Money, days: u32, of: u32) -> Result<Money, MoneyError> {
    // Divided last: cutting a 31st part first loses exact halves.
    let product = fee.amount().checked_mul(Decimal::from(days)).ok_or(MoneyError::Overflow)?;
    Ok(Money::rounded(product / Decimal::from(of.max(1)), fee.currency()))
}
