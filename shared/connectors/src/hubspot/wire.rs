//! HubSpot's JSON. Property values are strings or null, whatever their type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Properties by name.
pub(super) type Properties = BTreeMap<String, Option<String>>;

/// One record of any object type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    /// Its ID.
    pub(super) id: String,
    /// The properties that were asked for.
    #[serde(default)]
    pub(super) properties: Properties,
    /// The associations that were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) associations: BTreeMap<String, Associated>,
}

/// Records associated with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Associated {
    /// Their IDs, one a label: the same record may come more than once.
    pub(super) results: Vec<Association>,
}

/// One association.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Association {
    /// The other record's ID.
    pub(super) id: String,
    /// Its label.
    #[serde(rename = "type")]
    pub(super) label: String,
}

/// Answer to a batch read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Batch {
    /// The records found, in no particular order.
    pub(super) results: Vec<Object>,
}

/// Body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Error {
    /// HubSpot's own words.
    pub(super) message: String,
    /// Kind of error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) category: Option<String>,
}

/// One notification of a webhook delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification {
    /// Not unique by itself.
    pub(super) event_id: i64,
    /// The subscription that asked for it.
    pub(super) subscription_id: i64,
    /// The portal.
    pub(super) portal_id: i64,
    /// When it happened, in milliseconds.
    pub(super) occurred_at: i64,
    /// `deal.propertyChange` and others.
    pub(super) subscription_type: String,
    /// The record.
    pub(super) object_id: i64,
    /// The property that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) property_name: Option<String>,
    /// Its value now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) property_value: Option<String>,
}

impl Object {
    /// A property that is set to something.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.properties.get(name).cloned().flatten().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// IDs of the associated records of a type, each once. HubSpot prints `line_items` as `line items`.
    pub(super) fn associated(&self, kind: &str) -> Vec<&str> {
        let spaced = kind.replace('_', " ");
        let mut ids: Vec<&str> = self
            .associations
            .iter()
            .filter(|(name, _)| name.as_str() == kind || **name == spaced)
            .flat_map(|(_, found)| found.results.iter().map(|a| a.id.as_str()))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The company that buys: the one that HubSpot labels as the deal's primary company (the
    /// unlabelled association type `deal_to_company`; partners and others carry a longer one),
    /// else the only one there is. The error says how many there are.
    pub(super) fn primary_company(&self) -> Result<Option<&str>, usize> {
        let labelled = self.associations.get("companies").into_iter().flat_map(|found| &found.results);
        let mut primary: Vec<&str> =
            labelled.filter(|a| a.label == "deal_to_company").map(|a| a.id.as_str()).collect();
        primary.dedup();
        match (primary.as_slice(), self.associated("companies").as_slice()) {
            ([only], _) | ([], [only]) => Ok(Some(only)),
            ([], []) => Ok(None),
            (_, all) => Err(all.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{round_trip, vendor};

    #[test]
    fn the_primary_company_buys_whatever_its_number() {
        let deal = |companies: serde_json::Value| -> Object {
            let json = serde_json::json!({"id": "1", "associations": {"companies": {"results": companies}}});
            serde_json::from_value(json).expect("a deal")
        };
        let partner = serde_json::json!({"id": "12", "type": "deal_to_company_unlabeled"});
        let buyer = serde_json::json!({"id": "55", "type": "deal_to_company"});
        assert_eq!(deal(serde_json::json!([partner, buyer])).primary_company(), Ok(Some("55")));
        assert_eq!(deal(serde_json::json!([partner])).primary_company(), Ok(Some("12")));
        assert_eq!(deal(serde_json::json!([])).primary_company(), Ok(None));
        let other = serde_json::json!({"id": "13", "type": "deal_to_company_unlabeled"});
        assert_eq!(deal(serde_json::json!([partner, other])).primary_company(), Err(2));
    }

    #[test]
    fn every_payload_is_parsed_written_and_parsed_again() {
        round_trip::<Vec<Notification>>(vendor!("hubspot/notifications.json"));
        round_trip::<Batch>(vendor!("hubspot/line_items.json"));
        round_trip::<Batch>(vendor!("hubspot/line_items_recurring.json"));
        round_trip::<Object>(vendor!("hubspot/company.json"));
        round_trip::<Error>(vendor!("hubspot/error.json"));
        round_trip::<Error>(vendor!("hubspot/rate_limited.json"));
        let deal = round_trip::<Object>(vendor!("hubspot/deal.json"));
        assert_eq!(deal.associated("companies"), ["55"], "one company under two labels is one company");
        let quote = round_trip::<Object>(vendor!("hubspot/quote.json"));
        assert_eq!(quote.associated("line_items"), ["1", "2"], "printed with a space");
        assert_eq!(quote.text("q2c_tm_ceiling"), None);
    }
}
