//! Stripe: listened to only. A succeeded payment intent is a payment received; charges, refunds and disputes
//! tell what became of it.
//!
//! - Settled is a charge that succeeded and has a balance transaction: Stripe put it to our balance. When a payout
//!   takes it to a bank is told for the account as a whole (`payout.paid`) and not for a payment.
//! - Refunds are known by their own IDs (`refund.*`, `charge.refund.updated`). `charge.refunded` says only what was
//!   refunded in all; it counts where it says more than the refunds that were told.
//! - A dispute takes the money when it is opened, unless it is an inquiry (`warning_…`), which takes it only when
//!   `funds_withdrawn` says so. That Stripe withdraws on opening is not in the material this was built from, and not
//!   tried against Stripe.
//! - A bank debit that is returned after it succeeded is told as a dispute or as a failed payment; both are taken.

mod notices;
mod wire;

use domain::event::PaymentReceived;
use domain::id::{CustomerId, PaymentId};
use domain::money::{Currency, Money};
use domain::payment::RemittanceLine;
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::connection::{Connection, ConnectionConfig};
use crate::inbound::{Delivery, Subject, Translated, Untranslatable, Unverified};
use crate::signature;
use wire::{Envelope, Intent, IntentEvent};

const SUCCEEDED: &str = "payment_intent.succeeded";

/// Currencies whose minor unit at Stripe is not that of ISO 4217: two decimal places are sent
/// for the first two although they have none in use, none for the third although ISO gives it two.
const OTHER_EXPONENT: [(&str, u32); 3] = [("ISK", 2), ("UGX", 2), ("MGA", 0)];

/// Stripe's own limit of an ID; it becomes part of a key of the table.
const LONGEST_ID: usize = 255;
/// Stripe's own limit of a metadata value, in characters.
const LONGEST_NUMBER: usize = 500;

/// Verifies `Stripe-Signature`: any `v1` in it, over `{t}.{body}`. The key is the secret's whole
/// text, `whsec_` included. Other schemes are ignored; two timestamps are refused.
pub(crate) fn verify(
    connection: &Connection,
    delivery: &Delivery<'_>,
    now: Timestamp,
) -> Result<(), Unverified> {
    let header = signature::required(delivery, "stripe-signature")?;
    let (mut timestamps, mut given) = (Vec::new(), Vec::new());
    for (scheme, value) in header.split(',').filter_map(|item| item.split_once('=')) {
        match scheme {
            "t" => timestamps.push(value),
            "v1" => given.push(value),
            _ => {}
        }
    }
    let [timestamp] = timestamps.as_slice() else { return Err(Unverified::Malformed) };
    signature::fresh(signature::seconds(timestamp)?, now)?;
    let parts = [timestamp.as_bytes(), b".", delivery.body];
    signature::any_secret(&connection.credentials.signing_secrets, |secret| {
        signature::hmac_sha256(secret.as_bytes(), &parts).is_some_and(|mac| {
            let expected = hex::encode(mac);
            given.iter().any(|g| signature::equal(g.as_bytes(), expected.as_bytes()))
        })
    })
}

/// A payment received, what became of one, or nothing of interest.
///
/// The delivery is known by the business fact and not by the event's ID: an intent succeeds once,
/// while the fact can be reported under several IDs (two endpoints, two API versions).
pub(crate) fn translate(
    connection: &Connection,
    delivery: &Delivery<'_>,
) -> Result<Vec<Translated>, Untranslatable> {
    let envelope: Envelope =
        serde_json::from_slice(delivery.body).map_err(|e| Untranslatable(format!("not an event: {e}")))?;
    if envelope.object != "event" {
        return Err(Untranslatable(format!("`{}` is not an event with its data in it", envelope.object)));
    }
    if envelope.kind != SUCCEEDED {
        return notices::translate(&connection.config, &envelope.kind, delivery.body).map_err(Untranslatable);
    }
    let event: IntentEvent = serde_json::from_slice(delivery.body)
        .map_err(|e| Untranslatable(format!("not a payment intent: {e}")))?;
    received(&connection.config, event.created, event.data.object).map(|t| vec![t]).map_err(Untranslatable)
}

fn received(config: &ConnectionConfig, created: i64, intent: Intent) -> Result<Translated, String> {
    let currency = Currency::from_code(&intent.currency).map_err(|e| e.to_string())?;
    let received_at =
        Timestamp::from_second(created).map_err(|_| format!("created {created} is no moment"))?;
    if intent.id.is_empty() || intent.id.len() > LONGEST_ID {
        return Err(format!("the intent's ID has {} bytes", intent.id.len()));
    }
    let invoice_number = intent.metadata.get("q2c_invoice_number").filter(|n| !n.is_empty()).cloned();
    if invoice_number.as_ref().is_some_and(|n| n.chars().count() > LONGEST_NUMBER) {
        return Err(format!("the invoice's number has over {LONGEST_NUMBER} characters"));
    }
    // Nothing received is no payment, and less than nothing would take cash from an invoice.
    let amount = money(intent.amount_received.unwrap_or(intent.amount), currency)?;
    if !amount.is_positive() {
        return Err(format!("{amount} is not an amount received"));
    }
    let payment = PaymentId::derive(&[&config.tenant, &config.connection, &intent.id]);
    let remittance =
        intent.metadata.get("q2c_remittance").map(|text| remittance(text, currency)).transpose()?;
    let customer = intent.metadata.get("q2c_customer").and_then(|id| CustomerId::try_from(id.clone()).ok());
    Ok(Translated {
        delivery: format!("{SUCCEEDED}:{}", intent.id),
        subject: Subject::Other(payment.to_string()),
        occurred_at: received_at,
        event: PaymentReceived {
            payment,
            connection: config.connection.clone(),
            amount,
            invoice_number,
            remittance: remittance.unwrap_or_default(),
            customer,
            record: intent.id,
            received_at,
        }
        .into(),
    })
}

/// A remittance advice: `INV-1=700.00; INV-2=300.00`, amounts in the major unit, or numbers alone.
fn remittance(text: &str, currency: Currency) -> Result<Vec<RemittanceLine>, String> {
    let lines = text.split([';', ',', '\n']).map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (number, amount) = line.split_once('=').map_or((line, None), |(n, a)| (n.trim(), Some(a)));
            let amount = amount.map(|a| Money::parse(a, currency)).transpose().map_err(|e| e.to_string())?;
            if amount.is_some_and(|a| !a.is_positive()) {
                return Err(format!("{line} is no line of a remittance"));
            }
            Ok(RemittanceLine { invoice_number: number.to_owned(), amount })
        })
        .collect()
}

fn money(units: i64, currency: Currency) -> Result<Money, String> {
    let other = OTHER_EXPONENT.iter().find(|(code, _)| *code == currency.code());
    match other {
        Some((_, exponent)) => Decimal::try_from_i128_with_scale(i128::from(units), *exponent)
            .map_err(|e| e.to_string())
            .and_then(|amount| Money::exact(amount, currency).map_err(|e| e.to_string())),
        None => Money::from_minor_units(units, currency).map_err(|e| e.to_string()),
    }
}
