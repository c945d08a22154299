//! What of a payment is too little to be given back.

use std::collections::BTreeMap;

use super::receipt::Receipt;
use crate::id::InvoiceId;
use crate::invoice::{Invoice, PaymentTolerance, SmallDifference};
use crate::money::{Money, MoneyError};

/// Decides anew what of the invoices and of the payment is a small difference. `changed` are the invoices of which
/// another amount stands applied, `left` is what of the payment is applied to nothing. Gives what of it is kept: all
/// that is left, or none.
///
/// A payment must have paid its invoices in full to leave something that is too much, which is put down on the last one
/// that it pays; once it is kept it stays so, though another payment of that invoice goes back.
pub(super) fn decide(
    receipt: &Receipt,
    left: Money,
    standing: &mut BTreeMap<InvoiceId, Invoice>,
    changed: &[InvoiceId],
    tolerance: Option<&PaymentTolerance>,
) -> Result<Option<Money>, MoneyError> {
    let (payment, none) = (receipt.payment.as_str(), Money::zero(left.currency()));
    // What was kept of this payment is decided anew; it must not stand in the way of what is short by now.
    let mut was = None;
    for (id, invoice) in standing.iter_mut() {
        if invoice.keeps_of(payment).is_some() {
            was = Some(id.clone());
            invoice.small_difference = None;
        }
    }
    for id in changed {
        if let Some(invoice) = standing.get_mut(id) {
            *invoice = invoice.within(tolerance, payment)?;
        }
    }
    let mut is_too_much = true;
    for application in &receipt.applications {
        let Some(invoice) = standing.get(&application.invoice) else { continue };
        is_too_much &= invoice.unpaid()?.is_zero();
    }
    let last = receipt.applications.iter().rev().find(|a| a.applied.is_positive()).map(|a| &a.invoice);
    let Some(invoice) = last.and_then(|last| standing.get_mut(last)) else { return Ok(None) };
    let stays = was.as_ref() == Some(&invoice.invoice);
    let covered = invoice.total.is_some_and(|total| tolerance.is_some_and(|t| t.covers(left, total)));
    if !covered || !(is_too_much || stays) || invoice.small_difference.is_some() {
        return Ok(None);
    }
    let amount = none.minus(left)?;
    invoice.small_difference = Some(SmallDifference { amount, left_by: payment.to_owned() });
    Ok(Some(left))
}
