//! What the schedule still plans of revenue.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{Books, Forecast};
use crate::money::{Money, MoneyError};
use crate::revenue::{AccountingPeriod, Element, RevenueEarned, Source, source};

/// Amounts by month; what has no day sorts behind all months.
struct ByMonth {
    planned: BTreeMap<(bool, Option<AccountingPeriod>), Money>,
    nothing: Money,
}

impl ByMonth {
    fn add(&mut self, period: Option<AccountingPeriod>, amount: Money) -> Result<(), MoneyError> {
        let sum = self.planned.entry((period.is_none(), period)).or_insert(self.nothing);
        *sum = sum.plus(amount)?;
        Ok(())
    }
}

/// What the schedule still plans: of each element its entries, less what was earned. What the schedule tells is
/// over up to the month that was told last; of all else what was earned, and what is `gone` for good, comes off the
/// earliest entries.
pub(super) fn forecast(books: &Books<'_>, gone: &BTreeMap<&str, Money>) -> Result<Vec<Forecast>, MoneyError> {
    let Some(schedule) = books.schedule else { return Ok(Vec::new()) };
    let nothing = Money::zero(books.contract.currency);
    let mut months = ByMonth { planned: BTreeMap::new(), nothing };
    let keys: BTreeSet<&str> = schedule.entries.iter().map(|e| e.element.as_str()).collect();
    let told = |e: &&RevenueEarned| e.element.is_planned();
    let keys = keys.into_iter().chain(books.earned.iter().filter(told).map(|e| e.element.key()));
    for key in keys.collect::<BTreeSet<_>>() {
        let of_key = books.earned.iter().filter(told).filter(|e| e.element.key() == key);
        let earned = Money::total(books.contract.currency, of_key.map(|e| e.amount))?;
        let scheduled = is_scheduled(books, key);
        let through = books.recognition.and_then(|r| r.told_through).filter(|_| scheduled);
        let away = if scheduled {
            falling_away(books, key, through, &mut months)?
        } else {
            gone.get(key).copied().unwrap_or(nothing)
        };
        of_key_left(books, key, (earned.plus(away)?, through), &mut months)?;
    }
    let shown = months.planned.into_iter().filter(|(_, amount)| !amount.is_zero());
    Ok(shown.map(|((_, period), amount)| Forecast { period, amount }).collect())
}

/// The entries of an element that are still to come, where so much of them is earned or gone.
fn of_key_left(
    books: &Books<'_>,
    key: &str,
    (mut left, through): (Money, Option<AccountingPeriod>),
    months: &mut ByMonth,
) -> Result<(), MoneyError> {
    let nothing = months.nothing;
    let entries = books.schedule.map(|schedule| schedule.entries.as_slice()).unwrap_or_default();
    let mut entries: Vec<_> = entries.iter().filter(|e| e.element == key).collect();
    entries.sort_by_key(|e| (e.planned_on.is_none(), e.planned_on));
    for entry in entries {
        let period = entry.planned_on.map(AccountingPeriod::of);
        let over = period.is_some_and(|p| through.is_some_and(|through| p <= through));
        let covers = left.is_positive() && (through.is_none() || period.is_none());
        if over || (covers && !entry.amount.exceeds(left)?) {
            left = left.minus(entry.amount)?;
        } else if covers {
            months.add(period, entry.amount.minus(left)?)?;
            left = nothing;
        } else {
            months.add(period, entry.amount)?;
        }
    }
    // What a change order moved in months that were told is told with the next month.
    if !left.is_zero() {
        months.add(through.map(AccountingPeriod::next), nothing.minus(left)?)?;
    }
    Ok(())
}

/// What of an element's schedule falls away of the months that were told; that of each month to come is taken off it.
fn falling_away(
    books: &Books<'_>,
    key: &str,
    through: Option<AccountingPeriod>,
    months: &mut ByMonth,
) -> Result<Money, MoneyError> {
    let told = match through {
        Some(_) => planned_less(books, key, through)?,
        None => months.nothing,
    };
    let undated = AccountingPeriod::of(Date::MIN);
    let entries = books.schedule.map(|schedule| schedule.entries.as_slice()).unwrap_or_default();
    let of_key = entries.iter().filter(|e| e.element == key);
    let all: BTreeSet<_> = of_key.map(|e| AccountingPeriod::of(e.planned_on.unwrap_or(Date::MIN))).collect();
    let mut before = told;
    for month in all.into_iter().filter(|month| through.is_none_or(|through| *month > through)) {
        let until_then = planned_less(books, key, Some(month))?;
        months.add(Some(month).filter(|month| *month != undated), before.minus(until_then)?)?;
        before = until_then;
    }
    Ok(told)
}

/// What the schedule plans less of an element, up to a month or in all. What nobody planned a day for comes first.
pub(super) fn planned_less(
    books: &Books<'_>,
    key: &str,
    through: Option<AccountingPeriod>,
) -> Result<Money, MoneyError> {
    let nothing = Money::zero(books.contract.currency);
    let (Some(schedule), Some(recognition)) = (books.schedule, books.recognition) else { return Ok(nothing) };
    let entries = schedule.entries.iter().filter(|e| e.element == key);
    let entries: Vec<(Date, Money)> =
        entries.map(|e| (e.planned_on.unwrap_or(Date::MIN), e.amount)).collect();
    recognition.falls_away(key, &entries, through, nothing)
}

/// Whether the schedule tells an element's revenue, as far as the contract or an event says.
pub(super) fn is_scheduled(books: &Books<'_>, key: &str) -> bool {
    let sold = Element::of_key(books.contract, key).and_then(|element| {
        let milestone = books.contract.milestone(key).map(|m| &m.service);
        let service = milestone.or_else(|| books.contract.recurring_charge(key).map(|c| &c.service))?;
        Some((*books.contract.revenue.get(service)?, element))
    });
    let told = || {
        let event = books.earned.iter().find(|e| e.element.key() == key && e.element.is_planned());
        event.map(|e| (e.treatment, e.element.clone()))
    };
    let known = sold.or_else(told);
    // Of what was dropped before anything was told, the schedule alone knows.
    known.is_none_or(|(treatment, element)| source(treatment, &element) == Source::Schedule)
}
