//! Connect's JSON ("JSON SIM", one envelope a message): what every notification has, and the one that
//! is of interest.

use serde::{Deserialize, Serialize};

/// What every notification has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notification {
    /// What happened, `envelope-completed` for one.
    pub(super) event: String,
}

/// A notification that an envelope is completed, with the envelope's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Completion {
    /// When the notification was made.
    pub(super) generated_date_time: String,
    /// What it is about.
    pub(super) data: Data,
}

/// What a notification is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    /// The account.
    pub(super) account_id: String,
    /// The envelope's ID.
    pub(super) envelope_id: String,
    /// The envelope; there only where Connect is told to include data.
    pub(super) envelope_summary: Summary,
}

/// An envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// Its status.
    pub(super) status: String,
    /// When everybody had signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) completed_date_time: Option<String>,
    /// What the sender wrote on it; there only where Connect is told to include custom fields.
    #[serde(default)]
    pub(super) custom_fields: CustomFields,
}

/// Custom fields of an envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomFields {
    /// Those that are typed.
    #[serde(default)]
    pub(super) text_custom_fields: Vec<CustomField>,
    /// Those that are chosen from a list.
    #[serde(default)]
    pub(super) list_custom_fields: Vec<CustomField>,
}

impl CustomFields {
    /// The values of the fields of a name that have one.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.text_custom_fields.iter().chain(&self.list_custom_fields);
        let named = all.filter(move |field| field.name == name).filter_map(|field| field.value.as_deref());
        named.filter(|value| !value.trim().is_empty())
    }
}

/// One custom field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CustomField {
    /// Its name.
    pub(super) name: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{round_trip, vendor};

    #[test]
    fn every_payload_is_parsed_written_and_parsed_again() {
        round_trip::<Completion>(vendor!("docusign/envelope_completed.json"));
        round_trip::<Notification>(vendor!("docusign/envelope_completed.json"));
        round_trip::<Notification>(vendor!("docusign/recipient_completed.json"));
        round_trip::<Notification>(vendor!("docusign/envelope_without_data.json"));
    }
}
