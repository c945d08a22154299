//! DocuSign Connect: listened to only. A completed envelope is a signature completed.

mod wire;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::event::SignatureCompleted;
use domain::id::EngagementId;
use jiff::Timestamp;
use serde::Deserialize;

use crate::connection::{Connection, ConnectionConfig};
use crate::http::settings;
use crate::inbound::{Delivery, Subject, Translated, Untranslatable, Unverified};
use crate::signature;
use wire::{Completion, Notification};

/// In front of the number of the key that made a signature.
const SIGNATURE: &str = "x-docusign-signature-";
/// Keys that an account may have at a time.
const MOST_KEYS: u8 = 100;
const COMPLETED: &str = "envelope-completed";
/// The status of an envelope that everybody has signed.
const SIGNED: &str = "completed";
/// Longest ID that is taken, of an envelope and of a deal; no product's are longer.
const LONGEST_ID: usize = 64;

/// What only DocuSign needs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The CRM connection whose deals are signed. No default.
    crm_connection: String,
    /// Name of the envelope's custom field that holds the CRM's ID of the deal. No default.
    deal_field: String,
    /// The account; envelopes of others that report here are not this connection's.
    account_id: Option<String>,
}

/// Verifies `X-DocuSign-Signature-1` to `-100`, one for each active key: any of them, by any of our
/// secrets, over the body alone.
///
/// DocuSign signs no moment, so a delivery that was recorded can be played again at any time. It then
/// is the same fact under the same name, and has no second effect.
pub(crate) fn verify(connection: &Connection, delivery: &Delivery<'_>) -> Result<(), Unverified> {
    let mut keys = Vec::new();
    let mut given = Vec::new();
    for (name, value) in delivery.headers {
        let Some(key) = key_number(name) else { continue };
        // The same number twice decides nothing: somebody on the way added one of them.
        if keys.contains(&key) {
            return Err(Unverified::Malformed);
        }
        keys.push(key);
        given.extend(STANDARD.decode(value).ok());
    }
    if given.is_empty() {
        return Err(Unverified::Malformed);
    }
    signature::any_secret(&connection.credentials.signing_secrets, |secret| {
        signature::hmac_sha256(secret.as_bytes(), &[delivery.body])
            .is_some_and(|mac| given.iter().any(|g| signature::equal(g, &mac)))
    })
}

/// The number of the key in a signature header's name.
fn key_number(header: &str) -> Option<u8> {
    let name = header.to_ascii_lowercase();
    let number = name.strip_prefix(SIGNATURE)?;
    if number.starts_with('0') || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse().ok().filter(|n| *n <= MOST_KEYS)
}

/// A signature completed, or nothing of interest.
///
/// The delivery is known by the envelope alone: it is completed once, however often and by how many
/// configurations of Connect that is told.
pub(crate) fn translate(
    connection: &Connection,
    delivery: &Delivery<'_>,
) -> Result<Vec<Translated>, Untranslatable> {
    let settings: Settings = settings(connection).map_err(|e| Untranslatable(e.detail))?;
    let notification: Notification = serde_json::from_slice(delivery.body)
        .map_err(|e| Untranslatable(format!("not a notification of Connect: {e}")))?;
    if notification.event != COMPLETED {
        return Ok(Vec::new());
    }
    let completion: Completion = serde_json::from_slice(delivery.body)
        .map_err(|e| Untranslatable(format!("not a completed envelope with its data in it: {e}")))?;
    if settings.account_id.as_ref().is_some_and(|account| *account != completion.data.account_id) {
        return Ok(Vec::new());
    }
    completed(&connection.config, settings, &completion).map(|t| vec![t]).map_err(Untranslatable)
}

fn completed(
    config: &ConnectionConfig,
    settings: Settings,
    completion: &Completion,
) -> Result<Translated, String> {
    let data = &completion.data;
    let envelope = identifier("envelope's ID", &data.envelope_id)?;
    let summary = &data.envelope_summary;
    if summary.status != SIGNED {
        return Err(format!("envelope {envelope} is `{}` and not {SIGNED}", summary.status));
    }
    let fields: Vec<&str> = summary.custom_fields.values(&settings.deal_field).collect();
    let [deal] = fields.as_slice() else {
        let count = fields.len();
        return Err(format!("envelope {envelope} has {count} custom fields `{}`", settings.deal_field));
    };
    let deal = identifier("deal", deal.trim())?;
    let at = summary.completed_date_time.as_ref().unwrap_or(&completion.generated_date_time);
    let occurred_at: Timestamp =
        at.parse().map_err(|_| format!("envelope {envelope} was completed at no moment"))?;
    Ok(Translated {
        delivery: format!("envelope:{envelope}:{SIGNED}"),
        subject: Subject::Engagement(EngagementId::of_deal(&config.tenant, &settings.crm_connection, &deal)),
        occurred_at,
        event: SignatureCompleted {
            connection: settings.crm_connection,
            deal,
            signature_connection: config.connection.clone(),
            envelope,
        }
        .into(),
    })
}

/// An ID that was typed into a field: it becomes part of an address that the CRM is asked at, so
/// nothing but letters, digits and hyphens.
fn identifier(what: &str, text: &str) -> Result<String, String> {
    let sound = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    match text.len() {
        1..=LONGEST_ID if text.bytes().all(sound) => Ok(text.to_owned()),
        length => Err(format!("the {what} of {length} bytes is not of letters, digits and hyphens")),
    }
}
