//! HubSpot's notifications: three versions of signature, one of which is an HMAC.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::customer::OBJECT;
use domain::event::RecordChanged;
use domain::id::{CustomerId, EngagementId};
use domain::ownership::Role;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::quote::PARENT;
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
/// What the customer's own data are changed by.
const COMPANY_CHANGE: &str = "company.propertyChange";
/// A company's properties that a customer of ours has too, with our name for each.
const COMPANY: [(&str, &str); 8] = [
    ("name", "name"),
    ("address", "street"),
    ("city", "city"),
    ("zip", "postal_code"),
    ("country", "country"),
    ("q2c_tax_id", "tax_registration"),
    ("q2c_billing_email", "billing_email"),
    (PARENT, "parent"),
];
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
    let read = |t: &str| t == PROPERTY_CHANGE || t == COMPANY_CHANGE;
    let of_interest = all.into_iter().filter(|n| n["subscriptionType"].as_str().is_none_or(read));
    let notifications: Vec<Notification> = of_interest
        .map(serde_json::from_value)
        .collect::<Result<_, _>>()
        .map_err(|e| Untranslatable(format!("not a notification: {e}")))?;
    if notifications.iter().any(|n| n.property_name.is_none()) {
        return Err(Untranslatable("a property changed that is not named".into()));
    }
    let meets = |n: &Notification, trigger: &Trigger| {
        n.property_name.as_deref() == Some(trigger.property.as_str())
            && n.property_value.as_deref().is_some_and(|value| trigger.is_met_by(value))
    };
    notifications
        .iter()
        .filter(|n| settings.portal_id.is_none_or(|portal| portal == n.portal_id))
        .flat_map(|n| match ours(n) {
            Some(field) => vec![changed(&connection.config, n, field)],
            None if n.subscription_type == COMPANY_CHANGE => vec![],
            None => {
                let met = settings.triggers.iter().filter(|trigger| meets(n, trigger));
                met.map(|trigger| announced(&connection.config, n, trigger)).collect()
            }
        })
        .collect()
}

/// Our name of a company's property that changed, if a customer of ours has it.
fn ours(n: &Notification) -> Option<&'static str> {
    let of_company = n.subscription_type == COMPANY_CHANGE;
    let found = COMPANY.iter().find(|(theirs, _)| of_company && n.property_name.as_deref() == Some(*theirs));
    found.map(|(_, ours)| *ours)
}

/// What the CRM says of one of its companies; whether it may say so is decided elsewhere.
fn changed(config: &ConnectionConfig, n: &Notification, field: &str) -> Result<Translated, Untranslatable> {
    let company = n.object_id.to_string();
    let changed_at = moment(n)?;
    let customer = CustomerId::of_company(&config.tenant, &config.connection, &company);
    Ok(Translated {
        delivery: delivery(n),
        subject: Subject::Other(customer.to_string()),
        occurred_at: changed_at,
        event: RecordChanged {
            connection: config.connection.clone(),
            role: Role::Crm,
            object: OBJECT.into(),
            record: company,
            fields: BTreeMap::from([(field.to_owned(), n.property_value.clone().unwrap_or_default())]),
            changed_at,
        }
        .into(),
    })
}

/// When it happened.
fn moment(n: &Notification) -> Result<Timestamp, Untranslatable> {
    Timestamp::from_millisecond(n.occurred_at)
        .map_err(|_| Untranslatable(format!("occurredAt {} is no moment", n.occurred_at)))
}

/// `eventId` isn't unique by itself, so a notification is known by all that a retry repeats.
/// `attemptNumber` differs from retry to retry and is left out.
fn delivery(n: &Notification) -> String {
    let property = n.property_name.as_deref().unwrap_or_default();
    format!(
        "{}:{}:{}:{}:{}:{property}",
        n.portal_id, n.subscription_id, n.event_id, n.object_id, n.occurred_at
    )
}

fn announced(
    config: &ConnectionConfig,
    n: &Notification,
    trigger: &Trigger,
) -> Result<Translated, Untranslatable> {
    let deal = n.object_id.to_string();
    let occurred_at = moment(n)?;
    Ok(Translated {
        delivery: delivery(n),
        subject: Subject::Engagement(EngagementId::of_deal(&config.tenant, &config.connection, &deal)),
        occurred_at,
        event: trigger.means.event(config.connection.clone(), deal),
    })
}
