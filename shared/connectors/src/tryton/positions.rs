//! The positions of a billing plan: what a contract asks for, what Tryton holds, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use domain::contract::Contract;
use domain::id::EngagementId;
use domain::money::Money;
use serde_json::{Value, json};

use super::Tryton;
use super::wire::{Plan, Position};

/// Key of the position for time; nothing else of a contract is called so.
pub(super) const TIME: &str = "time";

/// A position as a contract asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Name for people.
    pub(super) name: String,
    /// A milestone's amount, a period's fee, an hour's price.
    pub(super) price: Money,
}

/// The positions of a contract by key, in its order: one a milestone, one a recurring charge, and one
/// for time.
pub(super) fn wanted(contract: &Contract) -> Vec<(String, Wanted)> {
    let named =
        |key: &str, name: &str, price| (key.to_owned(), Wanted { name: format!("{key} {name}"), price });
    let milestones = contract.milestones.iter().map(|m| named(&m.key, &m.name, m.amount));
    let recurring = contract.recurring.iter().map(|c| named(&c.key, &c.name, c.fee));
    let mut all: Vec<(String, Wanted)> = milestones.chain(recurring).collect();
    // The plan holds one price for time; invoices carry their own. One that has ended would mislead.
    let card = contract.rate_card.of_roles();
    let rates = if card.rates.is_empty() { &contract.rate_card.rates } else { &card.rates };
    if let Some(rate) = rates.iter().find(|r| r.effective_until.is_none()).or(rates.first()) {
        all.push((TIME.into(), Wanted { name: "Time and materials".into(), price: rate.hourly }));
    }
    all
}

/// The plan's name.
pub(super) fn title(contract: &Contract) -> String {
    format!("{} ({})", contract.title, contract.quote_number)
}

impl Plan {
    /// The positions that carry our ID, by the contract's key. Others were added by people.
    pub(super) fn positions(&self, engagement: &EngagementId) -> BTreeMap<&str, &Position> {
        let ours = self.children.iter().filter_map(|position| {
            let (whose, key) = position.external_id.as_deref()?.split_once('/')?;
            (whose == engagement.as_str()).then_some((key, position))
        });
        ours.collect()
    }
}

impl Tryton {
    /// A position that is to be made.
    pub(super) fn position(&self, engagement: &EngagementId, key: &str, wanted: &Wanted) -> Value {
        let timed = key == TIME;
        let product = if timed { self.settings.hour_product } else { self.settings.fixed_product };
        json!({
            "external_id": format!("{engagement}/{key}"), "company": self.settings.company, "type": "task",
            "name": wanted.name, "product": product, "list_price": wanted.price.amount().to_string(),
            "timesheet_available": timed, "status": self.settings.project_status_open,
        })
    }

    /// What must be written so that a plan holds a contract; nothing where it does.
    pub(super) fn difference(
        &self,
        engagement: &EngagementId,
        held: &Plan,
        contract: &Contract,
    ) -> Option<Value> {
        let (positions, wanted) = (held.positions(engagement), wanted(contract));
        let (mut made, mut written) = (Vec::new(), Vec::new());
        for (key, wanted) in &wanted {
            match positions.get(key.as_str()) {
                None => made.push(self.position(engagement, key, wanted)),
                Some(held) if held.holds(wanted) => {}
                Some(held) => {
                    let price = wanted.price.amount().to_string();
                    written.extend([json!([held.id]), json!({ "name": wanted.name, "list_price": price })]);
                }
            }
        }
        let kept: BTreeSet<&str> = wanted.iter().map(|(key, _)| key.as_str()).collect();
        let dropped = positions.iter().filter(|(key, _)| !kept.contains(*key));
        let dropped: Vec<i64> = dropped.map(|(_, position)| position.id).collect();
        let mut commands = Vec::new();
        if !made.is_empty() {
            commands.push(json!(["create", made]));
        }
        if !written.is_empty() {
            commands.push(Value::Array([vec![json!("write")], written].concat()));
        }
        if !dropped.is_empty() {
            commands.push(json!(["delete", dropped]));
        }
        let mut fields = serde_json::Map::new();
        if held.name != title(contract) {
            fields.insert("name".into(), title(contract).into());
        }
        if !commands.is_empty() {
            fields.insert("children".into(), Value::Array(commands));
        }
        (!fields.is_empty()).then_some(Value::Object(fields))
    }
}

impl Position {
    fn holds(&self, wanted: &Wanted) -> bool {
        let price = self.list_price.as_ref().map(|price| price.decimal);
        self.name == wanted.name && price == Some(wanted.price.amount())
    }
}
