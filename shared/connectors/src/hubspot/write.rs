//! Writes to HubSpot: absolute values of the deal's own properties.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::json;

use super::Hubspot;
use super::wire::Object;
use crate::error::{CallError, CallErrorKind};
use crate::http::{Call, Effect};
use crate::operation::{Idempotency, Operation, Performs, Reference, Undone, WriteDealStatus};

/// The properties to be written; those of which nothing is known are left alone.
fn properties(status: &WriteDealStatus) -> BTreeMap<&'static str, String> {
    let amount = |m: domain::money::Money| m.amount().to_string();
    // The deal shows its latest invoice: what an earlier one was credited with is not left beside it.
    let nothing = status.paid.map(|paid| domain::money::Money::zero(paid.currency()));
    [
        ("q2c_engagement_id", Some(status.engagement.to_string())),
        ("q2c_customer_id", status.customer.as_ref().map(ToString::to_string)),
        ("q2c_engagement_status", status.engagement_status.map(|s| s.as_str().to_owned())),
        ("q2c_contract_version", status.contract_version.map(|v| v.to_string())),
        ("q2c_contract_value", status.contract_value.map(amount)),
        ("q2c_invoice_number", status.invoice_number.clone()),
        ("q2c_invoice_status", status.invoice_status.clone()),
        ("q2c_invoice_total", status.invoice_total.map(amount)),
        ("q2c_tax_amount", status.tax.map(amount)),
        ("q2c_paid_amount", status.paid.map(amount)),
        ("q2c_credited_amount", status.credited.or(nothing).map(amount)),
        ("q2c_collections_status", status.collections.map(|c| c.status.as_str().to_owned())),
        ("q2c_collections_age", status.collections.map(|c| c.oldest.as_str().to_owned())),
        ("q2c_collections_risk", status.collections.map(|c| c.risk.as_str().to_owned())),
        ("q2c_open_amount", status.collections.map(|c| amount(c.open))),
        ("q2c_overdue_amount", status.collections.map(|c| amount(c.overdue))),
        ("q2c_disputed_amount", status.collections.map(|c| amount(c.disputed))),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|v| (name, v)))
    .collect()
}

/// Whether HubSpot holds what was sent; it may write `1100.00` as `1100`.
fn same(sent: &str, held: &str) -> bool {
    match (sent.parse::<Decimal>(), held.parse::<Decimal>()) {
        (Ok(sent), Ok(held)) => sent == held,
        _ => sent == held,
    }
}

#[async_trait]
impl Performs<WriteDealStatus> for Hubspot {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: Duration::from_secs(self.settings.settles_within_seconds) }
    }

    /// Not asked: the values are absolute, so writing them again is the quickest way to be sure.
    async fn find(&self, _operation: &WriteDealStatus) -> Result<Option<Reference>, CallError> {
        Ok(None)
    }

    async fn perform(&self, operation: &WriteDealStatus, _key: &str) -> Result<Reference, CallError> {
        let sent = properties(operation);
        let path = format!("/crm/v3/objects/deals/{}", operation.deal);
        let call = Call {
            operation: WriteDealStatus::NAME,
            method: Method::PATCH,
            path: &path,
            query: &[],
            effect: Effect::Keyed,
        };
        let answer: Object = self.api.send(&call, Some(&json!({ "properties": sent }))).await?;
        let differs = sent.iter().find(|(name, value)| match answer.properties.get(**name) {
            Some(held) => !same(value, held.as_deref().unwrap_or_default()),
            None => false,
        });
        if let Some((name, value)) = differs {
            let detail = format!("{name} was written as `{value}` and is held otherwise");
            return Err(self.api.error(CallErrorKind::Mismatch, WriteDealStatus::NAME, detail));
        }
        Ok(Reference { record: answer.id })
    }

    async fn undo(&self, _operation: &WriteDealStatus, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("the deal shows where its engagement stands; the next write replaces it".into()))
    }
}
