use domain::event::Event;
use domain::id::derive;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::trace::Traceparent;

/// A canonical event in its CloudEvents envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique with `source`; derived, so that the same fact always has the same ID.
    pub id: Uuid,
    /// Where it came from: `/<tenant>/connections/<id>` or `/<tenant>/functions/<name>`.
    pub source: String,
    /// `type` and `data`.
    #[serde(flatten)]
    pub event: Event,
    /// What it is about: an engagement, or what leads to one.
    pub subject: String,
    /// When it happened in the business, not when it was seen.
    pub time: Timestamp,
    /// The schema of `data`.
    pub dataschema: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The tenant.
    pub tenant: String,
    /// Links everything that belongs to one deal.
    pub correlationid: String,
    /// The event that caused this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<Uuid>,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
}

impl Envelope {
    /// The envelope of what a connection reported. `delivery` is what the product's own
    /// delivery or record version is known by; the same one always gives the same ID.
    #[must_use]
    pub fn reported(
        tenant: &str,
        connection: &str,
        delivery: &str,
        subject: &str,
        time: Timestamp,
        event: Event,
        trace: Traceparent,
    ) -> Self {
        Self {
            specversion: "1.0".into(),
            id: derive(&[tenant, connection, event.type_name(), delivery]),
            source: format!("/{tenant}/connections/{connection}"),
            dataschema: dataschema(&event),
            event,
            subject: subject.into(),
            time,
            datacontenttype: "application/json".into(),
            tenant: tenant.into(),
            correlationid: subject.into(),
            causationid: None,
            traceparent: Some(trace),
        }
    }

    /// The envelope of what a function concluded from the time alone. `which` names the occasion; the
    /// same one always gives the same ID.
    #[must_use]
    pub fn scheduled(
        tenant: &str,
        function: &str,
        which: &str,
        subject: &str,
        time: Timestamp,
        event: Event,
        trace: Traceparent,
    ) -> Self {
        let id = derive(&[tenant, function, event.type_name(), which]);
        let source = format!("/{tenant}/functions/{function}");
        Self { id, source, ..Self::reported(tenant, function, which, subject, time, event, trace) }
    }

    /// The envelope of what a function concluded from this event. `which` tells apart several
    /// conclusions of one event and type, and is the same whenever the same is concluded.
    #[must_use]
    pub fn concluded(
        &self,
        function: &str,
        subject: &str,
        which: impl std::fmt::Display,
        event: Event,
    ) -> Self {
        let id = derive(&[&self.id.to_string(), function, event.type_name(), &which.to_string()]);
        Self {
            specversion: "1.0".into(),
            id,
            source: format!("/{}/functions/{function}", self.tenant),
            dataschema: dataschema(&event),
            event,
            subject: subject.into(),
            time: self.time,
            datacontenttype: "application/json".into(),
            tenant: self.tenant.clone(),
            correlationid: subject.into(),
            causationid: Some(self.id),
            traceparent: self.traceparent.as_ref().map(Traceparent::child),
        }
    }

    /// Hash of the event's content, to tell a redelivery from another content under the same ID.
    #[must_use]
    pub fn body_hash(&self) -> String {
        body_hash(&self.event)
    }
}

/// SHA-256 of an event's canonical JSON, in hex. Field order is the type's own, so the same
/// content hashes the same wherever it was parsed.
#[must_use]
pub fn body_hash(event: &Event) -> String {
    let json = serde_json::to_vec(event).unwrap_or_default();
    hex::encode(Sha256::digest(json))
}

fn dataschema(event: &Event) -> String {
    format!("urn:quote-to-cash:schema:{}", event.type_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::event::QuoteApproved;

    fn reported(delivery: &str) -> Envelope {
        let event = QuoteApproved { connection: "hubspot-main".into(), deal: "123".into() };
        let time = "2026-11-21T10:00:00Z".parse().expect("timestamp");
        Envelope::reported(
            "northwind",
            "hubspot-main",
            delivery,
            "eng_1",
            time,
            event.into(),
            Traceparent::start(),
        )
    }

    /// Proves EVT-27 and EVT-26 in part: the attributes of CloudEvents and ours are on every event.
    #[test]
    fn the_wire_form_is_cloudevents() {
        let json = serde_json::to_value(reported("a")).expect("serialises");
        for attribute in [
            "specversion",
            "id",
            "source",
            "type",
            "subject",
            "time",
            "dataschema",
            "datacontenttype",
            "tenant",
            "correlationid",
            "traceparent",
            "data",
        ] {
            assert!(json.get(attribute).is_some(), "{attribute}");
        }
        assert_eq!(json["type"], "q2c.quote.approved.v1");
        assert_eq!(json["data"]["deal"], "123");
        let back: Envelope = serde_json::from_value(json).expect("parses");
        assert_eq!(back.event, reported("a").event);
    }

    /// Proves EVT-29 in part: a redelivery is the same event, another delivery is another.
    #[test]
    fn the_id_follows_the_products_delivery() {
        assert_eq!(reported("a").id, reported("a").id);
        assert_ne!(reported("a").id, reported("b").id);
    }

    #[test]
    fn a_conclusion_names_its_cause_and_is_the_same_each_time() {
        let cause = reported("a");
        let one = cause.concluded("quote-approved", "eng_1", 0, cause.event.clone());
        assert_eq!(one.causationid, Some(cause.id));
        assert_eq!(one.id, cause.concluded("quote-approved", "eng_1", 0, cause.event.clone()).id);
        assert_ne!(one.id, cause.concluded("quote-approved", "eng_1", 1, cause.event.clone()).id);
    }
}
