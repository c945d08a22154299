//! Kantata's JSON: `results` gives the order, the records are in maps by ID, one a collection.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Records by ID.
pub(super) type Map<T> = BTreeMap<String, T>;

/// Which records an answer holds, and how many pages there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// The records of this page, in order.
    #[serde(default)]
    pub(super) results: Vec<Key>,
    /// Where the page stands among the others.
    #[serde(default)]
    pub(super) meta: Meta,
}

/// One entry of `results`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    /// The collection.
    pub(super) key: String,
    /// The record.
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
}

/// Position of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// How many pages there are.
    #[serde(default)]
    pub(super) page_count: u32,
}

/// Body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Errors {
    /// Every reason.
    pub(super) errors: Vec<Reason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reason {
    /// Kantata's own words.
    pub(super) message: String,
}

/// A link from a record to one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExternalReference {
    pub(super) service_name: String,
    pub(super) service_model: String,
    pub(super) service_model_ref: String,
    /// `Workspace`, `Story` and so on.
    pub(super) subject_type: String,
    #[serde(deserialize_with = "id")]
    pub(super) subject_id: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Workspace {
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) rate_card_id: Option<String>,
    /// Whether it has a budget at all.
    #[serde(default)]
    pub(super) budgeted: bool,
    /// Budget in minor units; shown only to whoever has financial access.
    #[serde(default)]
    pub(super) price_in_cents: Option<i64>,
    /// ISO code; likewise.
    #[serde(default)]
    pub(super) currency: Option<String>,
    /// Where it stands: key and message.
    #[serde(default)]
    pub(super) status: Option<Status>,
    #[serde(default)]
    pub(super) stage: Option<String>,
    #[serde(default)]
    pub(super) updated_at: Option<Timestamp>,
}

/// Status of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) key: Option<String>,
    /// What people read.
    #[serde(default)]
    pub(super) message: Option<String>,
}

/// A role on a project, with or without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WorkspaceResource {
    #[serde(deserialize_with = "id")]
    pub(super) workspace_id: String,
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) role_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) user_id: Option<String>,
    pub(super) updated_at: Timestamp,
}

/// A task or a milestone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Story {
    pub(super) story_type: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) archived: bool,
    pub(super) updated_at: Timestamp,
}

/// Value of a custom field on some record. A field of choices has several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CustomFieldValue {
    pub(super) custom_field_name: String,
    pub(super) value: Value,
    pub(super) subject_type: String,
    #[serde(deserialize_with = "id")]
    pub(super) subject_id: String,
}

/// A billing milestone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BillingMilestone {
    pub(super) amount_in_cents: i64,
}

/// A time entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimeEntry {
    #[serde(deserialize_with = "id")]
    pub(super) workspace_id: String,
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) story_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) user_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) role_id: Option<String>,
    pub(super) date_performed: Date,
    pub(super) time_in_minutes: u32,
    pub(super) billable: bool,
    pub(super) approved: bool,
    #[serde(default)]
    pub(super) notes: Option<String>,
    pub(super) updated_at: Timestamp,
}

/// An expense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Expense {
    #[serde(deserialize_with = "id")]
    pub(super) workspace_id: String,
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) user_id: Option<String>,
    pub(super) date: Date,
    pub(super) category: String,
    pub(super) amount_in_cents: i64,
    /// ISO code.
    pub(super) currency: String,
    /// How many of the units that the amount is in make one of the currency's major units.
    #[serde(default)]
    pub(super) currency_base_unit: Option<u32>,
    pub(super) is_billable: bool,
    /// The report that it is in and that was not turned down or taken back.
    #[serde(default, deserialize_with = "optional_id")]
    pub(super) active_submission_id: Option<String>,
    pub(super) updated_at: Timestamp,
}

/// A report of expenses, which is what is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExpenseReport {
    pub(super) status: String,
    #[serde(default, deserialize_with = "ids")]
    pub(super) expense_ids: Vec<String>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) full_name: String,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
}

/// A named set of rate cards, one a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RateCardSet {
    pub(super) title: String,
}

/// A rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RateCard {
    pub(super) currency: String,
}

/// A rate card's rates from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RateCardVersion {
    #[serde(default)]
    pub(super) effective_date: Option<Date>,
}

/// A role's rate in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RateCardRole {
    #[serde(deserialize_with = "id")]
    pub(super) role_id: String,
    pub(super) rate: i64,
}

/// An entry of the log. What it is about is read afterwards and says what is so; the payload columns
/// tell which project a record that is gone was on, and which changes are of no interest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubscribedEvent {
    #[serde(deserialize_with = "id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) event_type: String,
    pub(super) subject_type: String,
    #[serde(deserialize_with = "id")]
    pub(super) subject_id: String,
    #[serde(default)]
    pub(super) subject_changed_at: Option<Timestamp>,
    /// An object, or one as JSON in a string.
    #[serde(default)]
    pub(super) previous_payload: Value,
    /// Likewise: old and new value by field.
    #[serde(default)]
    pub(super) payload_changes: Value,
}

impl SubscribedEvent {
    /// Whether one of these fields may have changed: what can't be read counts as a yes.
    pub(super) fn may_touch(&self, fields: &[&str]) -> bool {
        match object(&self.payload_changes) {
            Some(changes) if !changes.is_empty() => fields.iter().any(|field| changes.contains_key(*field)),
            _ => true,
        }
    }

    /// The project that the record was on before it changed, where the log says so.
    pub(super) fn workspace_before(&self) -> Option<String> {
        match object(&self.previous_payload)?.get("workspace_id")? {
            Value::String(id) if id.len() <= LONGEST_ID => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        }
    }
}

/// A payload column, whichever of its two forms it has.
fn object(column: &Value) -> Option<serde_json::Map<String, Value>> {
    match column {
        Value::Object(object) => Some(object.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// Longest ID; Kantata's are numbers. IDs go into addresses and keys.
const LONGEST_ID: usize = 64;

/// An ID, which Kantata writes as text in some places and as a number in others.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(Either::deserialize(deserializer)?.into())
}

fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<Either>::deserialize(deserializer)?.map(|given| short(given.into())).transpose()
}

fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Vec::<Either>::deserialize(deserializer)?.into_iter().map(|given| short(given.into())).collect()
}

fn short<E: serde::de::Error>(id: String) -> Result<String, E> {
    if id.len() > LONGEST_ID { Err(E::invalid_length(id.len(), &"an ID")) } else { Ok(id) }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Text(String),
    Number(i64),
}

impl From<Either> for String {
    fn from(given: Either) -> Self {
        match given {
            Either::Text(text) => text,
            Either::Number(number) => number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::testing::{round_trip, vendor};

    /// Parses a page, and the records of one of its collections, written and parsed again.
    fn page<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
        payload: &str,
        collection: &str,
    ) -> Map<T> {
        round_trip::<Page>(payload);
        let whole: Value = serde_json::from_str(payload).expect("parses");
        round_trip(&whole[collection].to_string())
    }

    #[test]
    fn every_payload_is_parsed_written_and_parsed_again() {
        let workspaces = page::<Workspace>(vendor!("kantata/workspaces.json"), "workspaces");
        assert_eq!(workspaces["42"].rate_card_id.as_deref(), Some("56"), "a number is an ID like text");
        assert_eq!((workspaces["42"].budgeted, workspaces["42"].price_in_cents), (true, Some(5_000_000)));
        assert_eq!(workspaces["43"].price_in_cents, None);
        let references =
            page::<ExternalReference>(vendor!("kantata/external_references.json"), "external_references");
        assert_eq!(references["343"].subject_id, "42");
        let status = workspaces["42"].status.as_ref().expect("a status");
        assert_eq!((status.key.as_deref(), status.message.as_deref()), (Some("300"), Some("In Progress")));
        let resources =
            page::<WorkspaceResource>(vendor!("kantata/workspace_resources.json"), "workspace_resources");
        assert_eq!((resources["88"].user_id.as_deref(), &resources["89"].user_id), (Some("77"), &None));
        page::<ExternalReference>(vendor!("kantata/workspace_resources.json"), "external_references");
        page::<Story>(vendor!("kantata/stories.json"), "stories");
        page::<CustomFieldValue>(vendor!("kantata/stories.json"), "custom_field_values");
        page::<TimeEntry>(vendor!("kantata/time_entries.json"), "time_entries");
        let expenses = page::<Expense>(vendor!("kantata/expenses.json"), "expenses");
        assert_eq!(
            (expenses["301"].amount_in_cents, expenses["301"].currency_base_unit),
            (24_000, Some(100))
        );
        let reports = page::<ExpenseReport>(
            vendor!("kantata/expense_report_submissions.json"),
            "expense_report_submissions",
        );
        assert_eq!(reports["310"].expense_ids, ["301", "304"], "numbers are IDs like text");
        page::<User>(vendor!("kantata/time_entries.json"), "users");
        page::<Role>(vendor!("kantata/time_entries.json"), "roles");
        page::<SubscribedEvent>(vendor!("kantata/subscribed_events.json"), "subscribed_events");
        page::<BillingMilestone>(vendor!("kantata/billing_milestone.json"), "billing_milestones");
        page::<BillingMilestone>(vendor!("kantata/billing_milestones.json"), "billing_milestones");
        page::<ExternalReference>(vendor!("kantata/billing_milestones.json"), "external_references");
        page::<RateCardRole>(vendor!("kantata/rate_card_roles.json"), "rate_card_roles");
        round_trip::<Errors>(vendor!("kantata/error.json"));
    }
}
