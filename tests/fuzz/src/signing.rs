//! Signs as the products do, written from their documentation and not from the verifiers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// A scheme of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// SHA-256 of secret and body.
    HubspotV1,
    /// SHA-256 of secret, method, URL and body.
    HubspotV2,
    /// HMAC of method, URL, body and timestamp.
    HubspotV3,
    /// Stripe's.
    Stripe,
    /// Standard Webhooks.
    Standard,
    /// DocuSign's: HMAC of the body alone.
    Docusign,
}

/// Every scheme.
pub const ALL: [Scheme; 6] = [
    Scheme::HubspotV1,
    Scheme::HubspotV2,
    Scheme::HubspotV3,
    Scheme::Stripe,
    Scheme::Standard,
    Scheme::Docusign,
];

impl Scheme {
    /// As `tests/fixtures/signatures.json` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HubspotV1 => "hubspot-v1",
            Self::HubspotV2 => "hubspot-v2",
            Self::HubspotV3 => "hubspot-v3",
            Self::Stripe => "stripe",
            Self::Standard => "standard-webhooks",
            Self::Docusign => "docusign",
        }
    }

    /// The scheme of a name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|scheme| scheme.name() == name)
    }
}

/// What is signed besides the body.
#[derive(Debug, Clone)]
pub struct Signed<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// URL as it is configured at the product.
    pub url: &'a str,
    /// Message ID, where the scheme has one.
    pub id: &'a str,
    /// The timestamp as it is sent: seconds, at HubSpot milliseconds.
    pub timestamp: &'a str,
    /// Body.
    pub body: &'a [u8],
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length of key will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn sha(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hex::encode(hash.finalize())
}

/// The signature as text; none where the secret is no key of the scheme.
pub fn signature(scheme: Scheme, secret: &str, signed: &Signed<'_>) -> Option<String> {
    let Signed { method, url, id, timestamp, body } = signed;
    let (key, dot, time) = (secret.as_bytes(), b".".as_slice(), timestamp.as_bytes());
    Some(match scheme {
        Scheme::HubspotV1 => sha(&[key, body]),
        Scheme::HubspotV2 => sha(&[key, method.as_bytes(), url.as_bytes(), body]),
        Scheme::HubspotV3 => STANDARD.encode(hmac(key, &[method.as_bytes(), url.as_bytes(), body, time])),
        Scheme::Stripe => hex::encode(hmac(key, &[time, dot, body])),
        Scheme::Docusign => STANDARD.encode(hmac(key, &[body])),
        Scheme::Standard => {
            let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
            if key.is_empty() {
                return None;
            }
            STANDARD.encode(hmac(&key, &[id.as_bytes(), dot, time, dot, body]))
        }
    })
}

/// The headers of a signed delivery.
pub fn headers(scheme: Scheme, secret: &str, signed: &Signed<'_>) -> Vec<(String, String)> {
    let signature = signature(scheme, secret, signed).expect("a key of the scheme");
    let (id, timestamp) = (signed.id.to_owned(), signed.timestamp.to_owned());
    let named: Vec<(&str, String)> = match scheme {
        Scheme::HubspotV1 => {
            vec![("X-HubSpot-Signature-Version", "v1".into()), ("X-HubSpot-Signature", signature)]
        }
        Scheme::HubspotV2 => {
            vec![("X-HubSpot-Signature-Version", "v2".into()), ("X-HubSpot-Signature", signature)]
        }
        Scheme::HubspotV3 => {
            vec![("X-HubSpot-Request-Timestamp", timestamp), ("X-HubSpot-Signature-v3", signature)]
        }
        Scheme::Stripe => vec![("Stripe-Signature", format!("t={timestamp},v1={signature}"))],
        Scheme::Docusign => vec![("X-DocuSign-Signature-1", signature)],
        Scheme::Standard => vec![
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", format!("v1,{signature}")),
        ],
    };
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
