//! A contract's rates as versions of a rate card: each version holds every role's rate from its day on.

use std::collections::{BTreeMap, BTreeSet};

use domain::contract::RateCard;
use domain::money::Money;
use jiff::civil::{Date, date};

/// A rate of no date is in force from the start: before any work of any engagement.
pub(super) const START: Date = date(2000, 1, 1);

/// The rates by first day and role. A rate that started earlier is in the later versions too,
/// because a version replaces the one before it; one that ended is not, which is why a rate's end
/// begins a version as well.
pub(super) fn versions(card: &RateCard) -> BTreeMap<Date, BTreeMap<&str, Money>> {
    let from = card.rates.iter().map(|r| r.effective_from.unwrap_or(START));
    let until = card.rates.iter().filter_map(|r| r.effective_until);
    from.chain(until).collect::<BTreeSet<_>>().into_iter().map(|day| (day, on(card, day))).collect()
}

/// The rates in force on a day by role.
pub(super) fn on(card: &RateCard, day: Date) -> BTreeMap<&str, Money> {
    let roles = card.rates.iter().map(|r| r.role.as_str());
    roles.filter_map(|role| card.in_force(role, day).map(|rate| (role, rate.hourly))).collect()
}
