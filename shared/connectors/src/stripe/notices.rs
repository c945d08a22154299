//! What became of a payment: settled, failed, refunded, disputed.

use domain::event::Event;
use domain::id::PaymentId;
use domain::money::{Currency, Money};
use domain::payment::{
    PaymentDisputeClosed, PaymentDisputed, PaymentFailed, PaymentRefunded, PaymentSettled,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::wire::{About, Charge, Dispute, FailedIntent, Refund};
use super::{LONGEST_ID, money};
use crate::connection::ConnectionConfig;
use crate::inbound::{Subject, Translated};

/// Longest code of a reason that is kept.
const LONGEST_REASON: usize = 100;

/// A notice about a payment, or nothing of interest.
pub(super) fn translate(
    config: &ConnectionConfig,
    kind: &str,
    body: &[u8],
) -> Result<Vec<Translated>, String> {
    let told = match kind {
        "payment_intent.payment_failed" => Some(failed(config, parsed(body)?)?),
        "charge.succeeded" | "charge.updated" | "charge.captured" => settled(config, parsed(body)?)?,
        "charge.refunded" => refunded_in_all(config, parsed(body)?)?,
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            refunded(config, parsed(body)?)?
        }
        "charge.dispute.created" => disputed(config, parsed(body)?, false)?,
        "charge.dispute.funds_withdrawn" => disputed(config, parsed(body)?, true)?,
        "charge.dispute.closed" => closed(config, parsed(body)?, false)?,
        "charge.dispute.funds_reinstated" => closed(config, parsed(body)?, true)?,
        _ => None,
    };
    Ok(told.into_iter().collect())
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| format!("not of its type's form: {e}"))
}

fn moment(seconds: i64) -> Result<Timestamp, String> {
    Timestamp::from_second(seconds).map_err(|_| format!("{seconds} is no moment"))
}

/// An amount that moves: more than nothing.
fn amount(units: i64, currency: &str) -> Result<Money, String> {
    let amount = money(units, Currency::from_code(currency).map_err(|e| e.to_string())?)?;
    if amount.is_positive() { Ok(amount) } else { Err(format!("{amount} is no amount that moves")) }
}

/// The payment of an intent, where there is one: what was charged by itself is no payment that we know.
struct Of<'a> {
    payment: PaymentId,
    connection: &'a str,
    record: String,
}

fn of_intent(config: &ConnectionConfig, intent: Option<String>) -> Result<Option<Of<'_>>, String> {
    let Some(record) = intent else { return Ok(None) };
    if record.is_empty() || record.len() > LONGEST_ID {
        return Err(format!("the intent's ID has {} bytes", record.len()));
    }
    let payment = PaymentId::derive(&[&config.tenant, &config.connection, &record]);
    Ok(Some(Of { payment, connection: &config.connection, record }))
}

fn told(of: &PaymentId, delivery: String, occurred_at: Timestamp, event: Event) -> Translated {
    Translated { delivery, subject: Subject::Other(of.to_string()), occurred_at, event }
}

fn sound(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > LONGEST_ID { Err(format!("an ID has {} bytes", id.len())) } else { Ok(()) }
}

fn failed(config: &ConnectionConfig, event: About<FailedIntent>) -> Result<Translated, String> {
    let failed_at = moment(event.created)?;
    let intent = event.data.object;
    let Some(Of { payment, connection, record }) = of_intent(config, Some(intent.id))? else {
        return Err("the intent has no ID".into());
    };
    let code = intent.last_payment_error.and_then(|e| e.code);
    let reason = code.map(|c| c.chars().take(LONGEST_REASON).collect());
    let delivery = format!("payment_intent.payment_failed:{record}:{}", event.created);
    let connection = connection.to_owned();
    let failed = PaymentFailed { payment: payment.clone(), connection, record, reason, failed_at };
    Ok(told(&payment, delivery, failed_at, failed.into()))
}

fn settled(config: &ConnectionConfig, event: About<Charge>) -> Result<Option<Translated>, String> {
    let charge = event.data.object;
    let booked = charge.balance_transaction.is_some()
        && charge.status.as_deref() == Some("succeeded")
        && charge.captured != Some(false);
    if !booked {
        return Ok(None);
    }
    sound(&charge.id)?;
    let settled_at = moment(event.created)?;
    let Some(Of { payment, connection, record }) = of_intent(config, charge.payment_intent)? else {
        return Ok(None);
    };
    let delivery = format!("charge.settled:{}:{}", charge.id, event.created);
    let connection = connection.to_owned();
    let settled = PaymentSettled { payment: payment.clone(), connection, record, settled_at };
    Ok(Some(told(&payment, delivery, settled_at, settled.into())))
}

fn refunded_in_all(config: &ConnectionConfig, event: About<Charge>) -> Result<Option<Translated>, String> {
    let charge = event.data.object;
    sound(&charge.id)?;
    let refunded_at = moment(event.created)?;
    let Some(Of { payment, connection, record }) = of_intent(config, charge.payment_intent)? else {
        return Ok(None);
    };
    let amount = amount(charge.amount_refunded, &charge.currency)?;
    let delivery = format!("charge.refunded:{}:{}:{}", charge.id, charge.amount_refunded, event.created);
    let refunded = PaymentRefunded {
        payment: payment.clone(),
        connection: connection.to_owned(),
        record,
        refund: None,
        amount,
        failed: false,
        refunded_at,
    };
    Ok(Some(told(&payment, delivery, refunded_at, refunded.into())))
}

fn refunded(config: &ConnectionConfig, event: About<Refund>) -> Result<Option<Translated>, String> {
    let refund = event.data.object;
    sound(&refund.id)?;
    let failed = match refund.status.as_deref() {
        Some("failed" | "canceled") => true,
        // The payer must do something first: nothing is on its way yet.
        Some("requires_action") => return Ok(None),
        _ => false,
    };
    let refunded_at = moment(refund.created)?;
    let Some(Of { payment, connection, record }) = of_intent(config, refund.payment_intent)? else {
        return Ok(None);
    };
    let how = if failed { "failed" } else { "made" };
    let delivery = format!("refund:{}:{how}", refund.id);
    let refunded = PaymentRefunded {
        payment: payment.clone(),
        connection: connection.to_owned(),
        record,
        refund: Some(refund.id),
        amount: amount(refund.amount, &refund.currency)?,
        failed,
        refunded_at,
    };
    Ok(Some(told(&payment, delivery, refunded_at, refunded.into())))
}

fn disputed(
    config: &ConnectionConfig,
    event: About<Dispute>,
    withdrawn: bool,
) -> Result<Option<Translated>, String> {
    let dispute = event.data.object;
    sound(&dispute.id)?;
    if dispute.status.starts_with("warning_") && !withdrawn {
        return Ok(None);
    }
    let disputed_at = moment(dispute.created)?;
    let Some(Of { payment, connection, record }) = of_intent(config, dispute.payment_intent)? else {
        return Ok(None);
    };
    let delivery = format!("dispute:{}:opened", dispute.id);
    let disputed = PaymentDisputed {
        payment: payment.clone(),
        connection: connection.to_owned(),
        record,
        dispute: dispute.id,
        amount: amount(dispute.amount, &dispute.currency)?,
        disputed_at,
    };
    Ok(Some(told(&payment, delivery, disputed_at, disputed.into())))
}

fn closed(
    config: &ConnectionConfig,
    event: About<Dispute>,
    reinstated: bool,
) -> Result<Option<Translated>, String> {
    let dispute = event.data.object;
    sound(&dispute.id)?;
    let won = match dispute.status.as_str() {
        _ if reinstated => true,
        "won" => true,
        "lost" => false,
        // An inquiry that came to nothing took nothing.
        _ => return Ok(None),
    };
    let closed_at = moment(event.created)?;
    let Some(Of { payment, connection, record }) = of_intent(config, dispute.payment_intent)? else {
        return Ok(None);
    };
    let how = if won { "won" } else { "lost" };
    let delivery = format!("dispute:{}:{how}:{}", dispute.id, event.created);
    let closed = PaymentDisputeClosed {
        payment: payment.clone(),
        connection: connection.to_owned(),
        record,
        dispute: dispute.id,
        amount: amount(dispute.amount, &dispute.currency)?,
        won,
        closed_at,
    };
    Ok(Some(told(&payment, delivery, closed_at, closed.into())))
}
