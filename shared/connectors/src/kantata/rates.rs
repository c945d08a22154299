//! A contract's rates as versions of a rate card: each version holds every role's rate from its day on.

use std::collections::BTreeMap;

use domain::contract::RateCard;
use domain::money::Money;
use jiff::civil::{Date, date};

/// A rate of no date is in force from the start: before any work of any engagement.
const START: Date = date(2000, 1, 1);

/// The rates by first day and role. A rate that started earlier is in the later versions too,
/// because a version replaces the one before it.
pub(super) fn versions(card: &RateCard) -> BTreeMap<Date, BTreeMap<&str, Money>> {
    let days: Vec<Date> = card.rates.iter().map(|r| r.effective_from.unwrap_or(START)).collect();
    days.into_iter()
        .map(|day| {
            let in_force = card
                .rates
                .iter()
                .filter_map(|r| card.in_force(&r.role, day).map(|f| (r.role.as_str(), f.hourly)));
            (day, in_force.collect())
        })
        .collect()
}
