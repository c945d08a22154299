//! Stripe's JSON: the envelope of any event, and the objects of those that are of interest.

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

/// An event about any object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About<T> {
    /// When it happened, in seconds.
    pub(super) created: i64,
    /// What it is about.
    pub(super) data: Object<T>,
}

/// An event's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object<T> {
    /// The object.
    pub(super) object: T,
}

/// A payment intent that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FailedIntent {
    /// Its ID.
    pub(super) id: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_payment_error: Option<Failure>,
}

/// Why a payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// Stripe's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
}

/// A charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Charge {
    /// Its ID.
    pub(super) id: String,
    /// Currency, in lower case.
    pub(super) currency: String,
    /// What was refunded of it in all, in minor units.
    #[serde(default)]
    pub(super) amount_refunded: i64,
    /// The intent that it carries out; none for one that was made by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payment_intent: Option<String>,
    /// `succeeded`, `pending` or `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    /// Whether it was taken and not only authorised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) captured: Option<bool>,
    /// Its entry in our balance at Stripe, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) balance_transaction: Option<String>,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refund {
    /// Its ID.
    pub(super) id: String,
    /// Its amount, in minor units.
    pub(super) amount: i64,
    /// Currency, in lower case.
    pub(super) currency: String,
    /// When it was made, in seconds.
    pub(super) created: i64,
    /// The intent whose money is given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payment_intent: Option<String>,
    /// `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
}

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dispute {
    /// Its ID.
    pub(super) id: String,
    /// What is disputed, in minor units.
    pub(super) amount: i64,
    /// Currency, in lower case.
    pub(super) currency: String,
    /// When it was opened, in seconds.
    pub(super) created: i64,
    /// The intent that is disputed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payment_intent: Option<String>,
    /// `needs_response`, `under_review`, `won`, `lost`, or one that begins with `warning_`: an inquiry.
    pub(super) status: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{round_trip, vendor};

    #[test]
    fn every_payload_is_parsed_written_and_parsed_again() {
        round_trip::<IntentEvent>(vendor!("stripe/payment_intent_succeeded.json"));
        round_trip::<IntentEvent>(vendor!("stripe/payment_intent_without_amount_received.json"));
        round_trip::<About<Charge>>(vendor!("stripe/charge_refunded.json"));
        round_trip::<About<Charge>>(vendor!("stripe/charge_updated.json"));
        round_trip::<About<Refund>>(vendor!("stripe/refund_created.json"));
        round_trip::<About<Dispute>>(vendor!("stripe/dispute_created.json"));
        round_trip::<About<FailedIntent>>(vendor!("stripe/payment_intent_failed.json"));
        round_trip::<Envelope>(vendor!("stripe/thin_event.json"));
    }
}
