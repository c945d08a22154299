//! HubSpot's notifications: three versions of signature, one of which is an HMAC.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::EngagementId;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::wire::Notification;
use super::{Settings, Trigger};
use crate::connection::{Connection, ConnectionConfig};
use crate::http::settings;
use crate::inbound::{Delivery, Subject, Translated, Untranslatable, Unverified};
use crate::signature;

const V3: &str = "x-hubspot-signature-v3";
const V3_TIMESTAMP: &str = "x-hubspot-request-timestamp";
const OLDER: &str = "x-hubspot-signature";
const OLDER_VERSION: &str = "x-hubspot-signature-version";
/// What triggers are looked for in.
const PROPERTY_CHANGE: &str = "deal.propertyChange";
/// HubSpot puts a hundred notifications into one request at most. Ten times as many still go on the
/// bus well within the function's time; more are kept for a person.
const MOST_NOTIFICATIONS: usize = 1_000;

/// Verifies the strongest signature that came, if the connection accepts its version.
///
/// HubSpot sends v1 beside v3. Where v3 came, v3 decides alone: otherwise whoever can forge the
/// weakest accepted signature would forge them all.
pub(crate) fn verify(
    connection: &Connection,
    delivery: &Delivery<'_>,
    now: Timestamp,
) -> Result<(), Unverified> {
    let settings: Settings = settings(connection).map_err(|_| Unverified::NotAccepted)?;
    let accepts = |version: &str| settings.signature_versions.iter().any(|v| v == version);
    if accepts("v3") && signature::present(delivery, V3) {
        return v3(connection, delivery, now);
    }
    if !accepts("v1") && !accepts("v2") {
        return Err(if accepts("v3") { Unverified::Malformed } else { Unverified::NotAccepted });
    }
    let version = signature::required(delivery, OLDER_VERSION)?;
    if !accepts(version) {
        return Err(Unverified::NotAccepted);
    }
    let given = signature::required(delivery, OLDER)?;
    let (method, url) = (delivery.method.as_bytes(), connection.config.webhook_url.as_bytes());
    let prefix: &[&[u8]] = match version {
        "v1" => &[],
        "v2" => &[method, url],
        _ => return Err(Unverified::NotAccepted),
    };
    // Not an HMAC: HubSpot's older versions hash the secret in front of the text.
    signature::any_secret(&connection.credentials.signing_secrets, |secret| {
        let mut hash = Sha256::new();
        hash.update(secret.as_bytes());
        for part in prefix {
            hash.update(part);
        }
        hash.update(delivery.body);
        signature::equal(given.as_bytes(), hex::encode(hash.finalize()).as_bytes())
    })
}

/// The URL is the configured one, not one rebuilt from `Host`, which the caller chooses.
fn v3(connection: &Connection, delivery: &Delivery<'_>, now: Timestamp) -> Result<(), Unverified> {
    let timestamp = signature::required(delivery, V3_TIMESTAMP)?;
    let given = signature::required(delivery, V3)?;
    signature::fresh(signature::milliseconds(timestamp)?, now)?;
    let given = STANDARD.decode(given).map_err(|_| Unverified::Malformed)?;
    let url = connection.config.webhook_url.as_bytes();
    let parts = [delivery.method.as_bytes(), url, delivery.body, timestamp.as_bytes()];
    signature::any_secret(&connection.credentials.signing_secrets, |secret| {
        signature::hmac_sha256(secret.as_bytes(), &parts).is_some_and(|mac| signature::equal(&given, &mac))
    })
}

/// One event for each trigger that a notification meets; the others are of no interest.
pub(crate) fn translate(
    connection: &Connection,
    delivery: &Delivery<'_>,
) -> Result<Vec<Translated>, Untranslatable> {
    let settings: Settings = settings(connection).map_err(|e| Untranslatable(e.detail))?;
    let all: Vec<serde_json::Value> = serde_json::from_slice(delivery.body)
        .map_err(|e| Untranslatable(format!("not an array of notifications: {e}")))?;
    if all.len() > MOST_NOTIFICATIONS {
        return Err(Untranslatable(format!("{} notifications in one delivery", all.len())));
    }
    // Other subscriptions have other fields; one of them must not keep an announcement beside it from being
    // read. What names no subscription in words is not passed over: it may be an approval.
    let of_deals =
        all.into_iter().filter(|n| n["subscriptionType"].as_str().is_none_or(|t| t == PROPERTY_CHANGE));
    let notifications: Vec<Notification> = of_deals
        .map(serde_json::from_value)
        .collect::<Result<_, _>>()
        .map_err(|e| Untranslatable(format!("not a notification: {e}")))?;
    if notifications.iter().any(|n| n.property_name.is_none()) {
        return Err(Untranslatable("a property changed that is not named".into()));
    }
    let meets = |n: &Notification, trigger: &Trigger| {
        n.property_name.as_deref() == Some(trigger.property.as_str())
            && n.property_value.as_deref() == Some(trigger.value.as_str())
    };
    notifications
        .iter()
        .filter(|n| settings.portal_id.is_none_or(|portal| portal == n.portal_id))
        .flat_map(|n| settings.triggers.iter().filter(move |t| meets(n, t)).map(move |t| (n, t)))
        .map(|(n, trigger)| announced(&connection.config, n, trigger))
        .collect()
}

/// `eventId` isn't unique by itself, so a notification is known by all that a retry repeats.
/// `attemptNumber` differs from retry to retry and is left out.
fn announced(
    config: &ConnectionConfig,
    n: &Notification,
    trigger: &Trigger,
) -> Result<Translated, Untranslatable> {
    let deal = n.object_id.to_string();
    let occurred_at = Timestamp::from_millisecond(n.occurred_at)
        .map_err(|_| Untranslatable(format!("occurredAt {} is no moment", n.occurred_at)))?;
    let property = n.property_name.as_deref().unwrap_or_default();
    Ok(Translated {
        delivery: format!(
            "{}:{}:{}:{}:{}:{property}",
            n.portal_id, n.subscription_id, n.event_id, n.object_id, n.occurred_at
        ),
        subject: Subject::Engagement(EngagementId::of_deal(&config.tenant, &config.connection, &deal)),
        occurred_at,
        event: trigger.means.event(config.connection.clone(), deal),
    })
}
