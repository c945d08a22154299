//! Webhooks: verified over the raw bytes, then translated into canonical events.

use domain::event::Event;
use domain::id::EngagementId;
use jiff::Timestamp;

use crate::connection::{Connection, Product};

/// A request as it arrived: the bytes that were signed, untouched.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Headers; look-ups ignore case. A header that came twice is listed twice.
    pub headers: &'a [(String, String)],
    /// Raw body.
    pub body: &'a [u8],
}

impl Delivery<'_> {
    /// The value of a header that came exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }
}

/// Why a delivery is not believed. The text is for our log; the caller is told nothing but 401.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A header is missing, repeated or not of its form.
    #[error("signature header missing or malformed")]
    Malformed,
    /// The timestamp is further from now than the product's tolerance, past or future.
    #[error("timestamp outside the tolerance")]
    Stale,
    /// No secret of the connection makes this signature.
    #[error("signature does not match")]
    WrongSignature,
    /// The connection has no signing secret, or does not accept this version of signature.
    #[error("no acceptable signature version or secret")]
    NotAccepted,
}

/// An authentic delivery that does not have the expected form; kept whole as an exception.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Untranslatable(pub String);

/// What an event is about: it groups, orders and keys everything that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An engagement.
    Engagement(EngagementId),
    /// Not known yet: the payment, for one, names an invoice that must be looked up.
    Other(String),
}

impl Subject {
    /// The subject as the envelope carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Engagement(id) => id.as_str(),
            Self::Other(id) => id,
        }
    }
}

/// A canonical event translated from a product's notification or log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// What the product's own delivery or record version is known by. With the connection it
    /// makes the event's ID, so that a redelivery gives the same ID.
    pub delivery: String,
    /// What it is about.
    pub subject: Subject,
    /// When it happened there.
    pub occurred_at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Verifies a delivery against the connection's product, secrets and settings.
///
/// # Errors
/// [`Unverified`]; the caller answers 401 whatever the reason.
pub fn verify(connection: &Connection, delivery: &Delivery<'_>, now: Timestamp) -> Result<(), Unverified> {
    match connection.config.product {
        Product::Hubspot => crate::hubspot::verify(connection, delivery, now),
        Product::Stripe => crate::stripe::verify(connection, delivery, now),
        Product::Docusign => crate::docusign::verify(connection, delivery),
        // Neither signs anything of its own: our module in Tryton, and whatever calls for
        // Kantata, use Standard Webhooks.
        Product::Tryton | Product::Kantata => crate::standard_webhooks::verify(connection, delivery, now),
    }
}

/// Translates a verified delivery. An empty list means authentic and of no interest.
///
/// # Errors
/// [`Untranslatable`] when the body does not have the product's form.
pub fn translate(
    connection: &Connection,
    delivery: &Delivery<'_>,
) -> Result<Vec<Translated>, Untranslatable> {
    match connection.config.product {
        Product::Hubspot => crate::hubspot::translate(connection, delivery),
        Product::Stripe => crate::stripe::translate(connection, delivery),
        Product::Tryton => crate::tryton::translate(connection, delivery),
        Product::Docusign => crate::docusign::translate(connection, delivery),
        Product::Kantata => Err(Untranslatable("Kantata is polled; it has no webhook".into())),
    }
}
