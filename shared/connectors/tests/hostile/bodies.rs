//! Translations over any bytes and over broken payloads.

use connectors::inbound::{Delivery, Translated, Untranslatable, translate};
use events::{Envelope, Traceparent};
use proptest::prelude::*;

use crate::mutation::{arbitrary, mutated};
use crate::products::connection;

/// What a product's body becomes.
pub(crate) fn translated(product: &str, body: &[u8]) -> Result<Vec<Translated>, Untranslatable> {
    let connection = connection(product, &["v3"], &[]);
    translate(&connection, &Delivery { method: "POST", headers: &[], body })
}

/// The event as it goes on the bus.
fn envelope(t: Translated) -> Envelope {
    let (subject, trace) = (t.subject.as_str().to_owned(), Traceparent::start());
    Envelope::reported("northwind", "any-main", &t.delivery, &subject, t.occurred_at, t.event, trace)
}

/// That what a body becomes is the same each time, small, and the same after it was written and read.
fn is_sound(product: &str, body: &[u8]) -> Result<(), TestCaseError> {
    let once = translated(product, body);
    prop_assert_eq!(&once, &translated(product, body), "the same delivery is the same facts");
    for event in once.into_iter().flatten().map(envelope) {
        let text = serde_json::to_string(&event).expect("an event is always written");
        prop_assert!(text.len() < 8 * 1024, "an event of {} bytes", text.len());
        prop_assert!(event.subject.len() < 256, "a subject of {} bytes", event.subject.len());
        prop_assert_eq!(serde_json::from_str::<Envelope>(&text).expect("and always read again"), event);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// A broken payload never panics, and never becomes an event that can't be written and read again.
    #[test]
    fn a_broken_payload_is_translated_soundly_or_refused((product, body) in mutated()) {
        is_sound(product, &body)?;
    }

    #[test]
    fn any_bytes_are_translated_soundly_or_refused((product, body) in arbitrary()) {
        is_sound(product, &body)?;
    }
}

/// The payloads that are mutated are not all refused or passed over to begin with: else nothing
/// above would ever meet an event.
#[test]
fn the_payloads_become_events_before_they_are_broken() {
    for product in ["hubspot", "stripe", "tryton", "docusign"] {
        let payloads = crate::mutation::PAYLOADS.iter().filter(|(p, _)| *p == product);
        let events: usize = payloads
            .map(|(_, payload)| translated(product, payload.as_bytes()).map_or(0, |events| events.len()))
            .sum();
        assert!(events > 0, "{product}");
    }
}
