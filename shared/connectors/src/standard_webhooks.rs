//! Standard Webhooks, the scheme that we ask of products that have none of their own.
//!
//! The published crate isn't used: it reads the clock itself, so a delivery can't be verified
//! as of a given moment; it takes bodies that are UTF-8 only; it lets a message ID contain the
//! separator; and of a header that came twice it silently takes the first.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::connection::Connection;
use crate::inbound::{Delivery, Unverified};
use crate::signature;

/// Verifies `webhook-signature` over `{id}.{timestamp}.{body}`; any of several signatures will
/// do, so that senders can rotate secrets.
pub(crate) fn verify(
    connection: &Connection,
    delivery: &Delivery<'_>,
    now: Timestamp,
) -> Result<(), Unverified> {
    let id = signature::required(delivery, "webhook-id")?;
    let timestamp = signature::required(delivery, "webhook-timestamp")?;
    let signatures = signature::required(delivery, "webhook-signature")?;
    // A dot in the ID would make two messages out of one signed text.
    if id.is_empty() || id.contains('.') {
        return Err(Unverified::Malformed);
    }
    signature::fresh(signature::seconds(timestamp)?, now)?;
    let given: Vec<Vec<u8>> = signatures
        .split(' ')
        .filter_map(|entry| entry.strip_prefix("v1,"))
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .collect();
    if given.is_empty() {
        return Err(Unverified::WrongSignature);
    }
    signature::any_secret(&connection.credentials.signing_secrets, |secret| {
        let Ok(key) = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)) else { return false };
        // `whsec_` with nothing behind it is a key that everyone knows.
        if key.is_empty() {
            return false;
        }
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", delivery.body];
        signature::hmac_sha256(&key, &parts)
            .is_some_and(|mac| given.iter().any(|g| signature::equal(g, &mac)))
    })
}
