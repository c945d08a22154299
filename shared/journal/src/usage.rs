//! Items of records of usage: that each was counted, and what it came to.

use domain::decision::Effects;
use jiff::Timestamp;

use crate::JournalError;
use crate::key::Key;
use crate::store::Item;

/// The items of the records that a decision counts.
pub(crate) fn usage_items(
    tenant: &str,
    engagement: &str,
    effects: &Effects,
    now: Timestamp,
) -> Result<Vec<Item>, JournalError> {
    let item = |usage: &domain::usage::RatedUsage| {
        let key = Key::usage(tenant, engagement, usage.usage.as_str());
        Ok(Item::new(&key, "usage", tenant, usage)?.with("recorded_at", now.to_string()))
    };
    effects.usage.iter().map(item).collect()
}
