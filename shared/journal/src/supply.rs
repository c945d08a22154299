//! Items of what an approved entry means beside its line: charges between legal entities, and
//! what subcontractors cost.

use domain::decision::Effects;
use jiff::Timestamp;

use crate::JournalError;
use crate::key::Key;
use crate::store::Item;

/// The items of the charges and costs of a decision.
pub(crate) fn supply_items(
    tenant: &str,
    engagement: &str,
    effects: &Effects,
    now: Timestamp,
) -> Result<Vec<Item>, JournalError> {
    let mut items = Vec::new();
    for charge in &effects.charges {
        let key = Key::charge(tenant, engagement, charge.charge.as_str());
        items.push(Item::new(&key, "charge", tenant, charge)?);
    }
    for cost in &effects.costs {
        let key = Key::cost(tenant, engagement, cost.cost.as_str());
        items.push(Item::new(&key, "cost", tenant, cost)?);
    }
    Ok(items.into_iter().map(|item| item.with("recorded_at", now.to_string())).collect())
}
