//! Payments: where each stands, what it is applied to, and what those may be for that are applied to nothing.

use domain::cash::Receipt;
use domain::cash::matching::{Candidate, suggestions};
use domain::id::PaymentId;
use runtime::Context;
use serde_json::{Value, json};

use super::{MOST_LISTED, receipt_of};
use crate::caller::Caller;
use crate::error::ApiError;

/// Open invoices that suggestions are sought among.
const MOST_CANDIDATES: usize = 2_000;

/// A payment.
pub(super) async fn payment(context: &Context, caller: &Caller, id: &PaymentId) -> Result<Value, ApiError> {
    shown(&receipt_of(context, caller, id).await?)
}

/// Cash that is applied to nothing, oldest first, each payment with the invoices that it may be for.
pub(super) async fn unmatched(context: &Context, caller: &Caller) -> Result<Value, ApiError> {
    let (tenant, journal) = (caller.tenant.as_str(), &context.journal);
    let receipts = journal.unapplied_receipts(tenant, MOST_LISTED + 1).await?;
    let invoices = journal.open_invoices(tenant, MOST_CANDIDATES).await?;
    let candidates: Vec<Candidate> = invoices
        .into_iter()
        .filter_map(|(engagement, invoice)| {
            let open = invoice.open().ok()?;
            let number = invoice.number.clone()?;
            Some(Candidate { engagement, invoice: invoice.invoice, number, customer: invoice.customer, open })
        })
        .collect();
    let mut payments = Vec::new();
    for receipt in receipts.iter().take(MOST_LISTED) {
        let Some(unapplied) = receipt.unapplied else { continue };
        let (named, customer) = (receipt.named.as_deref(), receipt.customer.as_ref());
        let found = suggestions(unapplied, named, customer, receipt.home.is_some(), &candidates);
        let mut one = shown(receipt)?;
        one["suggestions"] = json!(found);
        payments.push(one);
    }
    Ok(json!({"payments": payments, "truncated": receipts.len() > MOST_LISTED}))
}

fn shown(receipt: &Receipt) -> Result<Value, ApiError> {
    let wrong = |e: domain::money::MoneyError| ApiError::inside(e.to_string());
    let applications: Vec<Value> = receipt
        .applications
        .iter()
        .map(|a| {
            let after =
                a.applied_at.zip(receipt.received_at).map(|(at, from)| at.duration_since(from).as_secs());
            json!({"engagement": a.engagement, "invoice": a.invoice, "applied": a.applied,
                   "applied_at": a.applied_at, "seconds_to_apply": after})
        })
        .collect();
    let applied = receipt.received.map(|r| receipt.applied(r)).transpose().map_err(wrong)?;
    let returned = receipt.received.map(|r| receipt.returned(r)).transpose().map_err(wrong)?;
    Ok(json!({
        "payment": receipt.payment,
        "connection": receipt.connection,
        "record": receipt.record,
        "status": receipt.status,
        "customer": receipt.customer,
        "named": receipt.named,
        "received": receipt.received,
        "received_at": receipt.received_at,
        "settled_at": receipt.settled_at,
        "applied": applied,
        "unapplied": receipt.unapplied,
        "kept": receipt.kept,
        "returned": returned,
        "applications": applications,
    }))
}
