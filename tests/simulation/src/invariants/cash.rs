//! Money received is applied, unapplied, or waits for a person: to the cent, and once.

use domain::cash::Payment;
use domain::id::PaymentId;
use domain::problem::ProblemCode;
use journal::Item;

use super::must;
use crate::engine::open;
use crate::world::{PAYMENTS, TENANT, World};

pub(super) fn broken(world: &World, items: &[Item]) -> Vec<String> {
    let mut broken = Vec::new();
    let kind = |kind: &'static str| items.iter().filter(move |i| i.text("kind") == Some(kind));
    let payments: Vec<Payment> = kind("payment").filter_map(|i| i.body().ok()).collect();
    let books = open(&world.books);
    for (intent, received) in &books.received {
        let id = PaymentId::derive(&[TENANT, PAYMENTS, intent]);
        let known: Vec<&Payment> = payments.iter().filter(|p| p.payment == id).collect();
        let waits = |code: ProblemCode| {
            kind("exception").any(|e| {
                e.text("code") == Some(code.as_str())
                    && e.text("status") == Some("open")
                    && e.text("payload").is_some_and(|p| p.contains(intent.as_str()))
            })
        };
        let unmatched = !received
            .number
            .as_ref()
            .is_some_and(|n| books.invoices.values().any(|i| i.number.as_ref() == Some(n)));
        match known.as_slice() {
            [] => must(&mut broken, unmatched && waits(ProblemCode::PaymentUnmatched), || {
                format!("{intent} of {} is neither applied nor held", received.amount)
            }),
            [payment] => {
                let adds_up = payment.applied.plus(payment.unapplied).ok() == Some(received.amount);
                must(&mut broken, !unmatched && payment.received == received.amount && adds_up, || {
                    format!("{intent} of {} is booked as {payment:?}", received.amount)
                });
                let booked = books.bookings.get(&id).map(|b| (b.applied, b.unapplied));
                must(&mut broken, booked == Some((payment.applied, payment.unapplied)), || {
                    format!("the ERP holds {intent} as {booked:?} instead of {payment:?}")
                });
                must(&mut broken, payment.unapplied.is_positive() == waits(ProblemCode::Overpayment), || {
                    format!(
                        "{} of {intent} stays unapplied, and an exception says otherwise",
                        payment.unapplied
                    )
                });
            }
            several => broken.push(format!("{intent} is {} payments", several.len())),
        }
    }
    must(&mut broken, books.bookings.len() == payments.len(), || {
        format!("{} bookings of {} payments", books.bookings.len(), payments.len())
    });
    broken
}
