//! The person in finance who applies cash that matched nothing, or was too much for what it matched.

use std::sync::Arc;

use domain::cash::Receipt;
use domain::invoice::Invoice;
use domain::payment::{PaymentApplicationRequested, RequestedApplication};
use events::{Envelope, Traceparent};

use crate::engine::open as open_books;
use crate::world::{TENANT, World};

/// Applies unapplied cash to an open invoice, of the payer's customer where he is known. Gives how many
/// payments it was asked for.
pub(crate) fn apply(world: &Arc<World>) -> usize {
    let of = |kind: &'static str| world.table.matching(move |i| i.text("kind") == Some(kind));
    let mut asked = 0;
    let mut invoices: Vec<Invoice> = of("invoice").iter().filter_map(|i| i.body().ok()).collect();
    for receipt in of("receipt").iter().filter_map(|i| i.body::<Receipt>().ok()) {
        let Some(unapplied) = receipt.unapplied.filter(|u| u.is_positive()) else { continue };
        let fits = |i: &&Invoice| {
            i.open().is_ok_and(|open| open.is_positive())
                && (receipt.home.is_none() || receipt.customer.as_ref() == Some(&i.customer))
        };
        let Some(at) = invoices.iter().position(|i| fits(&i)) else { continue };
        // One payment to an invoice at a time: whoever looks again sees what came of it.
        let invoice = invoices.remove(at);
        let Ok(open) = invoice.open() else { continue };
        let amount = if unapplied.exceeds(open).unwrap_or(true) { open } else { unapplied };
        let applications = vec![RequestedApplication { invoice: invoice.invoice.clone(), amount }];
        let event = PaymentApplicationRequested {
            payment: receipt.payment.clone(),
            applications,
            requested_by: "finance".into(),
        };
        let delivery = format!("apply:{}:{}:{unapplied}", receipt.payment, invoice.invoice);
        let (now, trace) = (world.sim.now(), Traceparent::start());
        let subject = receipt.payment.as_str();
        let event =
            Envelope::reported(TENANT, "callers/finance", &delivery, subject, now, event.into(), trace);
        let new = !open_books(&world.taken).contains_key(&event.id);
        world.take(event);
        asked += usize::from(new);
    }
    asked
}
