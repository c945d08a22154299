//! Every translation over any body. An input is a product's letter, then the body.

use connectors::inbound::{Delivery, Subject, translate};
use events::Envelope;

use super::products;

/// Splits an input into a product and a body.
pub fn product_of(data: &[u8]) -> Option<(&'static str, &[u8])> {
    let (first, body) = data.split_first()?;
    let product = products::ALL.into_iter().find(|product| product.as_bytes()[0] == *first)?;
    Some((product, body))
}

/// What a product's body becomes; none where it can't be translated. Asserts that what comes out is
/// sound, and the same each time.
pub fn translated(product: &str, body: &[u8]) -> Option<Vec<Envelope>> {
    let connection = products::connection(product, &["v3"], &[products::SECRET]);
    let delivery = Delivery { method: "POST", headers: &[], body };
    let once = translate(&connection, &delivery);
    assert_eq!(once, translate(&connection, &delivery), "the same delivery is the same facts");
    let once = once.ok()?;
    for one in &once {
        if let Subject::Other(subject) = &one.subject {
            assert!(!subject.starts_with("eng_"), "{subject} claims to be an engagement");
        }
    }
    let events: Vec<Envelope> = once.into_iter().map(|t| runtime::reported(&connection.config, t)).collect();
    events.iter().for_each(super::is_sound);
    Some(events)
}

/// What must hold of any body.
pub fn run(data: &[u8]) {
    if let Some((product, body)) = product_of(data) {
        let events = translated(product, body);
        assert!(product != "kantata" || events.is_none(), "Kantata has no webhook");
    }
}
