//! Items of what is counted and need not be a line: records of usage, and entries drawn from a retainer.

use domain::decision::Effects;
use jiff::Timestamp;

use crate::JournalError;
use crate::key::Key;
use crate::store::Item;

/// The items of the records and entries that a decision counts.
pub(crate) fn counted_items(
    tenant: &str,
    engagement: &str,
    effects: &Effects,
    now: Timestamp,
) -> Result<Vec<Item>, JournalError> {
    let item = |usage: &domain::usage::RatedUsage| {
        let key = Key::usage(tenant, engagement, usage.usage.as_str());
        Ok(Item::new(&key, "usage", tenant, usage)?.with("recorded_at", now.to_string()))
    };
    let drawn = |drawdown: &domain::retainer::Drawdown| {
        let key = Key::drawdown(tenant, engagement, drawdown.drawdown.as_str());
        Ok(Item::new(&key, "drawdown", tenant, drawdown)?.with("recorded_at", now.to_string()))
    };
    effects.usage.iter().map(item).chain(effects.drawdowns.iter().map(drawn)).collect()
}
