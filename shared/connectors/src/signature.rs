//! What every signature scheme needs: HMAC-SHA256, comparison in constant time, and a
//! tolerance that holds in both directions.
//!
//! Everything works on the bytes as they arrived. Nothing is parsed before it is verified.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::inbound::{Delivery, Unverified};

/// How far a delivery's timestamp may be from now, past or future. Vendors' libraries let
/// future timestamps pass; a clock that runs ahead would extend a recorded delivery's life.
pub(crate) const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Secrets of a connection that are tried, the newest first: each costs a hash over the whole body,
/// which whoever knows the address can ask for. A rotation needs two.
pub(crate) const MOST_SECRETS: usize = 10;

/// HMAC-SHA256 of the parts, one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A header that must have come exactly once.
pub(crate) fn required<'a>(delivery: &'a Delivery<'_>, name: &str) -> Result<&'a str, Unverified> {
    delivery.header(name).ok_or(Unverified::Malformed)
}

/// Whether a header came at all, even more than once.
pub(crate) fn present(delivery: &Delivery<'_>, name: &str) -> bool {
    delivery.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
}

/// Refuses a timestamp that is further from now than the tolerance.
pub(crate) fn fresh(signed_at: Timestamp, now: Timestamp) -> Result<(), Unverified> {
    if signed_at.duration_since(now).abs() <= TOLERANCE { Ok(()) } else { Err(Unverified::Stale) }
}

/// Parses a timestamp in whole seconds.
pub(crate) fn seconds(text: &str) -> Result<Timestamp, Unverified> {
    digits(text).and_then(|s| Timestamp::from_second(s).map_err(|_| Unverified::Malformed))
}

/// Parses a timestamp in milliseconds.
pub(crate) fn milliseconds(text: &str) -> Result<Timestamp, Unverified> {
    digits(text).and_then(|ms| Timestamp::from_millisecond(ms).map_err(|_| Unverified::Malformed))
}

/// Digits only, and none of them a leading zero: a sign, a space or a zero would let two texts stand
/// for one signed moment. HubSpot signs the timestamp right behind the body, so a zero at the end
/// of one body could be moved into the timestamp of another.
fn digits(text: &str) -> Result<i64, Unverified> {
    if text.is_empty() || text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Unverified::Malformed);
    }
    text.parse().map_err(|_| Unverified::Malformed)
}

/// Whether any secret of the connection makes the signature: the current one, or one being retired.
/// An empty secret is none: everyone knows it.
pub(crate) fn any_secret(secrets: &[SecretString], matches: impl Fn(&str) -> bool) -> Result<(), Unverified> {
    let known = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.trim().is_empty());
    let mut tried = known.take(MOST_SECRETS).peekable();
    if tried.peek().is_none() {
        return Err(Unverified::NotAccepted);
    }
    if tried.any(matches) { Ok(()) } else { Err(Unverified::WrongSignature) }
}
