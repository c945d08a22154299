//! Money received is applied, unapplied, gone again, or waits for a person: to the cent, and once.

use domain::cash::{Payment, Receipt};
use domain::id::PaymentId;
use domain::invoice::Invoice;
use domain::money::Money;
use domain::problem::ProblemCode;
use journal::Item;

use super::must;
use crate::engine::open;
use crate::products::{Books, Fate, Received};
use crate::world::{PAYMENTS, TENANT, World};

pub(super) fn broken(world: &World, items: &[Item]) -> Vec<String> {
    let mut broken = Vec::new();
    let receipts: Vec<Receipt> = of(items, "receipt").filter_map(|i| i.body().ok()).collect();
    let books = open(&world.books);
    for (intent, received) in &books.received {
        let id = PaymentId::derive(&[TENANT, PAYMENTS, intent]);
        match receipts.iter().find(|r| r.payment == id) {
            None => must(&mut broken, was_recorded(items, &books, &id, received), || {
                format!("{intent} of {} is not known", received.amount)
            }),
            Some(receipt) => {
                adds_up(&mut broken, received, receipt);
                is_seen(&mut broken, items, receipt);
                is_booked(&mut broken, &books, receipt);
                waits(&mut broken, items, received, receipt);
            }
        }
    }
    must(&mut broken, receipts.len() <= books.received.len(), || {
        format!("{} receipts of {} payments", receipts.len(), books.received.len())
    });
    for invoice in of(items, "invoice").filter_map(|i| i.body::<Invoice>().ok()) {
        let to_it = receipts.iter().flat_map(|r| &r.applications).filter(|a| a.invoice == invoice.invoice);
        let before = before_receipts(items).filter(|p| p.invoice == invoice.invoice);
        let before = before.filter(|p| !receipts.iter().any(|r| r.payment == p.payment)).map(|p| p.applied);
        let sum = Money::total(invoice.untaxed.currency(), to_it.map(|a| a.applied).chain(before)).ok();
        must(&mut broken, sum == Some(invoice.applied), || {
            format!("{} has {} applied, and payments say {sum:?}", invoice.invoice, invoice.applied)
        });
    }
    broken
}

/// Payments that were recorded before receipts were.
fn before_receipts(items: &[Item]) -> impl Iterator<Item = Payment> {
    of(items, "payment").filter_map(|i| i.body::<Payment>().ok()).filter(|p| p.status.is_none())
}

/// Whether a payment without a receipt is one of those, and is booked.
fn was_recorded(items: &[Item], books: &Books, id: &PaymentId, received: &Received) -> bool {
    let Some(payment) = before_receipts(items).find(|p| p.payment == *id) else { return false };
    let booked = books.bookings.get(id.as_str()).map(|b| (b.applied, b.unapplied));
    let adds_up = payment.applied.plus(payment.unapplied).ok() == Some(received.amount);
    adds_up && booked == Some((payment.applied, payment.unapplied))
}

fn of<'a>(items: &'a [Item], kind: &'static str) -> impl Iterator<Item = &'a Item> {
    items.iter().filter(move |i| i.text("kind") == Some(kind))
}

/// Applied + unapplied + kept + returned = received, and what the product says is gone, is.
fn adds_up(broken: &mut Vec<String>, received: &Received, receipt: &Receipt) {
    let amount = received.amount;
    let none = Money::zero(amount.currency());
    let returned = received.fate.returned(amount);
    let applied = receipt.applied(amount).unwrap_or(none);
    let sum = on_account(receipt).and_then(|u| u.plus(applied).ok()?.plus(returned).ok());
    let holds = receipt.received == Some(amount) && receipt.returned(amount).ok() == Some(returned);
    must(broken, holds && sum == Some(amount), || format!("{received:?} is kept as {receipt:?}"));
}

/// What is applied to no invoice. What is kept as a small difference is on the customer's account in the ERP.
fn on_account(receipt: &Receipt) -> Option<Money> {
    let unapplied = receipt.unapplied?;
    receipt.kept.map_or(Some(unapplied), |kept| unapplied.plus(kept).ok())
}

/// What the engagements see of it adds up to it.
fn is_seen(broken: &mut Vec<String>, items: &[Item], receipt: &Receipt) {
    let seen = of(items, "payment").filter_map(|i| i.body::<Payment>().ok());
    let seen: Vec<Payment> = seen.filter(|p| p.payment == receipt.payment).collect();
    let Some(received) = receipt.received.filter(|_| receipt.home.is_some()) else {
        must(broken, seen.is_empty(), || format!("{} is matched with nothing and seen", receipt.record));
        return;
    };
    let sum = |of: fn(&Payment) -> Money| Money::total(received.currency(), seen.iter().map(of)).ok();
    let same = sum(|p| p.received) == Some(received)
        && sum(|p| p.applied) == receipt.applied(received).ok()
        && sum(|p| p.unapplied) == receipt.unapplied
        && seen.iter().find_map(|p| p.kept) == receipt.kept
        && seen.iter().all(|p| p.status == Some(receipt.status));
    must(broken, same, || format!("{receipt:?} is seen as {seen:?}"));
}

/// The ERP's bookings of it come to what stands.
fn is_booked(broken: &mut Vec<String>, books: &Books, receipt: &Receipt) {
    let Some(received) = receipt.received else { return };
    let none = Money::zero(received.currency());
    let further = format!("{}.", receipt.payment);
    let bookings = books
        .bookings
        .iter()
        .filter(|(id, _)| **id == receipt.payment.to_string() || id.starts_with(&further));
    let bookings: Vec<_> = bookings.map(|(_, booking)| booking).collect();
    let applied = Money::total(received.currency(), bookings.iter().map(|b| b.applied)).ok();
    let unapplied = Money::total(received.currency(), bookings.iter().map(|b| b.unapplied)).ok();
    let expected = match receipt.home {
        Some(_) => (receipt.applied(received).ok(), on_account(receipt)),
        None => (Some(none), Some(none)),
    };
    // Movements that waited for the ERP are booked together.
    let no_more = bookings.len() <= receipt.movements as usize;
    must(broken, no_more && (applied, unapplied) == expected, || {
        format!("the ERP booked {applied:?} and {unapplied:?} in {} of {receipt:?}", bookings.len())
    });
}

/// A person is told of it exactly while he has something to do about it.
fn waits(broken: &mut Vec<String>, items: &[Item], received: &Received, receipt: &Receipt) {
    let open = |codes: &[ProblemCode]| {
        of(items, "exception").any(|e| {
            codes.iter().any(|c| e.text("code") == Some(c.as_str()))
                && e.text("status") == Some("open")
                && e.text("payload").is_some_and(|p| p.contains(receipt.payment.as_str()))
        })
    };
    let left = receipt.unapplied.is_some_and(Money::is_positive);
    let matched = receipt.home.is_some();
    let unmatched = open(&[ProblemCode::PaymentUnmatched, ProblemCode::PaymentAcrossAccounts]);
    must(broken, unmatched == (left && !matched), || format!("unmatched is {unmatched} of {receipt:?}"));
    let too_much = open(&[ProblemCode::Overpayment]);
    must(broken, too_much == (left && matched), || format!("overpaid is {too_much} of {receipt:?}"));
    let disputed = open(&[ProblemCode::PaymentDisputed]);
    must(broken, disputed == (received.fate == Fate::Disputed(None)), || {
        format!("disputed is {disputed} of {receipt:?}")
    });
    must(broken, !open(&[ProblemCode::PaymentUnknown]), || {
        format!("{} is said to be unknown", receipt.record)
    });
}
