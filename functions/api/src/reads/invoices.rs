//! Invoices and the cash applied to them.

use domain::collections::Collections;
use domain::id::{EngagementId, InvoiceId};
use journal::Item;
use runtime::Context;
use serde_json::{Value, json};

use super::{MOST_LISTED, fields, invoice_of};
use crate::caller::Caller;
use crate::error::ApiError;

const PAYMENT: &[&str] = &[
    "payment",
    "connection",
    "status",
    "received_at",
    "received",
    "applied",
    "unapplied",
    "returned",
    "kept",
    "invoice",
    "applications",
];

const CREDIT_MEMO: &[&str] = &[
    "credit_memo",
    "status",
    "untaxed",
    "tax",
    "total",
    "set_off",
    "number",
    "credited_on",
    "parts",
    "rebill",
    "reason",
    "requested_by",
    "dispute",
];
const ADJUSTMENT: &[&str] =
    &["adjustment", "connection", "record", "number", "issued_on", "untaxed", "tax", "total", "invoices"];

/// An invoice with what is open and since when, the payments applied to it, its credit memos, and what somebody
/// changed of it in the ERP by hand.
pub(super) async fn invoice(context: &Context, caller: &Caller, id: &InvoiceId) -> Result<Value, ApiError> {
    let (tenant, journal) = (&caller.tenant, &context.journal);
    let (engagement, invoice) = invoice_of(context, caller, id).await?;
    let config = context.connect.tenant(tenant).await?;
    let days = config.payment_terms.iter().find(|t| t.code == invoice.payment_terms).map(|t| t.days);
    let today = context.business_day(&config).map_err(ApiError::inside)?;
    let collections = Collections::of(&invoice, days, today);
    let paid = journal.listed(tenant, engagement.as_str(), "payment#", MOST_LISTED + 1).await?;
    let payments: Vec<Value> =
        paid.iter().take(MOST_LISTED).filter(|item| is_for(item, id)).map(payment).collect();
    let memos = journal.listed(tenant, engagement.as_str(), "credit-memo#", MOST_LISTED + 1).await?;
    let by_hand = journal.listed(tenant, engagement.as_str(), "adjustment#", MOST_LISTED + 1).await?;
    let credit_memos: Vec<Value> = memos
        .iter()
        .take(MOST_LISTED)
        .filter(|item| item.text("invoice") == Some(id.as_str()))
        .map(|item| fields(item, CREDIT_MEMO).into())
        .collect();
    let adjustments: Vec<Value> = by_hand
        .iter()
        .take(MOST_LISTED)
        .filter(|item| names(item, id))
        .map(|item| fields(item, ADJUSTMENT).into())
        .collect();
    let truncated = [&paid, &memos, &by_hand].iter().any(|items| items.len() > MOST_LISTED);
    Ok(
        json!({"engagement": engagement, "invoice": invoice, "open": collections.open, "collections": collections,
              "payments": payments, "credit_memos": credit_memos, "manual_adjustments": adjustments,
              "truncated": truncated}),
    )
}

/// Whether an adjustment names an invoice.
fn names(item: &Item, invoice: &InvoiceId) -> bool {
    let named = item.0.get("invoices").and_then(Value::as_array);
    named.is_some_and(|named| named.iter().any(|id| id.as_str() == Some(invoice.as_str())))
}

/// Payments of an engagement.
pub(super) async fn payments(
    context: &Context,
    caller: &Caller,
    id: &EngagementId,
) -> Result<Value, ApiError> {
    super::engagement(context, caller, id).await?;
    let items = context.journal.listed(&caller.tenant, id.as_str(), "payment#", MOST_LISTED + 1).await?;
    let shown: Vec<Value> = items.iter().take(MOST_LISTED).map(payment).collect();
    Ok(json!({"engagement": id, "payments": shown, "truncated": items.len() > MOST_LISTED}))
}

fn payment(item: &Item) -> Value {
    fields(item, PAYMENT).into()
}

/// Whether a payment is for an invoice, the first or another that it is applied to.
fn is_for(item: &Item, invoice: &InvoiceId) -> bool {
    let others = item.0.get("applications").and_then(Value::as_array).into_iter().flatten();
    let mut named = others.filter_map(|a| a.get("invoice").and_then(Value::as_str));
    item.text("invoice") == Some(invoice.as_str()) || named.any(|one| one == invoice.as_str())
}
