//! Stripe's JSON: the envelope of any event, and the one event that is of interest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What every event has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Envelope {
    /// `event`; a thin event of the second API generation says `v2.core.event`.
    pub(super) object: String,
    /// Type of event.
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// An event about a payment intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IntentEvent {
    /// When it happened, in seconds.
    pub(super) created: i64,
    /// What it is about.
    pub(super) data: Data,
}

/// An event's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Data {
    /// The intent.
    pub(super) object: Intent,
}

/// A payment intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// Its ID.
    pub(super) id: String,
    /// What was asked for, in minor units.
    pub(super) amount: i64,
    /// What was received, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) amount_received: Option<i64>,
    /// Currency, in lower case.
    pub(super) currency: String,
    /// What we wrote when it was created.
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{round_trip, vendor};

    #[test]
    fn every_payload_is_parsed_written_and_parsed_again() {
        round_trip::<IntentEvent>(vendor!("stripe/payment_intent_succeeded.json"));
        round_trip::<IntentEvent>(vendor!("stripe/payment_intent_without_amount_received.json"));
        round_trip::<Envelope>(vendor!("stripe/charge_refunded.json"));
        round_trip::<Envelope>(vendor!("stripe/thin_event.json"));
    }
}
