//! What is too little to be asked for: one an invoice, within the tolerance, and told to finance whatever it was.

use domain::Event;
use domain::cash::Receipt;
use domain::invoice::Invoice;
use domain::money::Money;
use journal::Item;

use super::must;
use crate::engine::open;
use crate::world::World;

pub(super) fn broken(world: &World, items: &[Item]) -> Vec<String> {
    let mut broken = Vec::new();
    let of = |kind: &'static str| items.iter().filter(move |i| i.text("kind") == Some(kind));
    let receipts: Vec<Receipt> = of("receipt").filter_map(|i| i.body().ok()).collect();
    let tolerances = &world.config().payment_tolerances;
    for invoice in of("invoice").filter_map(|i| i.body::<Invoice>().ok()) {
        let (id, none) = (&invoice.invoice, Money::zero(invoice.untaxed.currency()));
        let is = invoice.small_difference.as_ref().map_or(none, |small| small.amount);
        must(&mut broken, told(world, &invoice) == Some(is), || {
            format!(
                "{id} has a small difference of {is}, and finance was told of {:?}",
                told(world, &invoice)
            )
        });
        let sum = [invoice.applied, invoice.set_off(), invoice.written_off()];
        let sum = sum.into_iter().try_fold(invoice.open().unwrap_or(none), Money::plus).ok();
        must(&mut broken, !invoice.is_posted() || sum == invoice.total, || {
            format!("{id}: applied + credited + written off + open is {sum:?}: {invoice:?}")
        });
        let size = if is.is_positive() { is } else { none.minus(is).unwrap_or(none) };
        let covered = invoice.total.is_some_and(|total| tolerances.iter().any(|t| t.covers(size, total)));
        must(&mut broken, is.is_zero() || covered, || format!("{id}: {is} is more than is tolerated"));
        let kept = receipts.iter().filter(|r| {
            let last = r.applications.iter().rev().find(|a| a.applied.is_positive());
            r.kept.is_some() && last.is_some_and(|a| a.invoice == *id)
        });
        let kept = Money::total(none.currency(), kept.filter_map(|r| r.kept)).ok();
        let expected = if is.is_positive() { none } else { size };
        must(&mut broken, kept == Some(expected), || format!("{id}: {is}, and payments kept {kept:?}"));
    }
    broken
}

/// What finance knows of it, by adding up what it was told.
fn told(world: &World, invoice: &Invoice) -> Option<Money> {
    let taken = open(&world.taken);
    let changes = taken.values().filter_map(|event| match &event.event {
        Event::SmallDifferenceRecorded(told) if told.invoice == invoice.invoice => {
            told.amount.minus(told.was).ok()
        }
        _ => None,
    });
    Money::total(invoice.untaxed.currency(), changes).ok()
}
