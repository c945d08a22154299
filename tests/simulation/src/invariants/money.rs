//! Every line is on exactly one live invoice, or was released by a credit memo of every invoice that it was on; every invoice is what its lines add up to, and the ERP's
//! books say the same to the cent.

use std::collections::BTreeMap;

use domain::billing::{BillableLine, LineStatus};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::Money;
use journal::LinePage;

use super::{Ledger, credits, must};
use crate::engine::open;
use crate::world::World;

pub(super) fn broken(world: &World, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut owned: BTreeMap<String, Vec<BillableLine>> = BTreeMap::new();
    for page in ledger.kind("invoice-page") {
        let sk = page.key().sk;
        let invoice = sk.split('#').nth(1).unwrap_or_default().to_owned();
        let Ok(lines) = page.body::<LinePage>() else {
            broken.push(format!("page {sk} can't be read"));
            continue;
        };
        for line in lines.lines {
            owners.entry(line.line.to_string()).or_default().push(invoice.clone());
            owned.entry(invoice.clone()).or_default().push(line);
        }
    }
    let memos = credits::memos(ledger);
    // An invoice that would bill nothing is withdrawn; what takes something back waits for one that bills more.
    let is_withdrawn = |id: &String| {
        ledger.invoices.iter().any(|i| i.invoice.as_str() == id && i.status == InvoiceStatus::Withdrawn)
    };
    let waits = !ledger.has_something_to_bill();
    for line in &ledger.lines {
        let id = line.line.line.to_string();
        let on = owners.remove(&id).unwrap_or_default();
        let released = credits::released(&memos, &id);
        let gone = |i: &String| is_withdrawn(i) || released.iter().any(|(by, _)| by == i);
        let live: Vec<&String> = on.iter().filter(|i| !gone(i)).collect();
        let never = |status: LineStatus| status == LineStatus::Credited;
        let fits = match line.status.as_deref() {
            Some("invoiced") => live.len() == 1 && live.first().copied() == line.invoice.as_ref(),
            Some("credited") => live.is_empty() && released.iter().filter(|(_, s)| never(*s)).count() == 1,
            Some("written-off" | "withdrawn") => live.is_empty(),
            Some("ready") => live.is_empty() && waits,
            _ => false,
        };
        must(&mut broken, fits, || {
            format!(
                "line {id} is {:?} by {:?}, on {on:?}, released by {released:?}",
                line.status, line.invoice
            )
        });
    }
    must(&mut broken, owners.is_empty(), || format!("invoices own lines that are not there: {owners:?}"));
    for invoice in &ledger.invoices {
        let lines = owned.remove(invoice.invoice.as_str()).unwrap_or_default();
        sums_up(&mut broken, world, invoice, &lines);
    }
    let ours: Vec<&str> = ledger.invoices.iter().map(|i| i.invoice.as_str()).collect();
    must(&mut broken, owned.is_empty(), || {
        format!("pages of invoices that are not there: {owned:?}, known {ours:?}")
    });
    broken
}

fn sums_up(broken: &mut Vec<String>, world: &World, invoice: &Invoice, lines: &[BillableLine]) {
    let id = &invoice.invoice;
    let sum = Money::total(invoice.untaxed.currency(), lines.iter().map(|l| l.amount)).ok();
    must(broken, sum == Some(invoice.untaxed), || {
        format!("{id} of {} owns lines of {sum:?}", invoice.untaxed)
    });
    must(broken, lines.len() == invoice.line_count as usize, || {
        format!("{id} counts {} lines", invoice.line_count)
    });
    let books = open(&world.books);
    let posted = books.invoices.get(id);
    if invoice.line_count == 0 {
        must(broken, posted.is_none(), || format!("{id} owns nothing and is in the ERP"));
        return;
    }
    if invoice.status == InvoiceStatus::Withdrawn {
        must(broken, posted.is_none() && !invoice.untaxed.is_positive(), || {
            format!("{id} of {} is withdrawn", invoice.untaxed)
        });
        return;
    }
    let Some(posted) = posted else {
        broken.push(format!("{id} is not in the ERP"));
        return;
    };
    let same = invoice.untaxed == posted.untaxed
        && invoice.tax == Some(posted.tax())
        && invoice.total == Some(posted.total())
        && invoice.number == posted.number
        && invoice.record.as_ref() == Some(&posted.record)
        && invoice.applied == posted.paid;
    must(broken, same, || format!("{invoice:?} differs from {posted:?}"));
    let printed = posted.lines.iter().flat_map(|l| l.lines.clone()).collect::<Vec<_>>();
    must(broken, lines.iter().all(|l| printed.contains(&l.line)) && printed.len() == lines.len(), || {
        format!("{id} prints {printed:?}")
    });
    let settled = matches!(invoice.status, InvoiceStatus::Paid | InvoiceStatus::Credited);
    // What was written off as too little is open in the ERP: a difference that is known.
    let written_off = invoice.written_off();
    must(broken, settled && posted.open() == written_off, || {
        format!("{id} is {}, and {} is open in the ERP", invoice.status.as_str(), posted.open())
    });
    let shown = books.shown.get(id).map(|s| (s.status.as_str(), s.paid, s.total, s.credited, s.written_off));
    let credited = invoice.credited.map(|credited| credited.set_off);
    let written_off = Some(written_off).filter(|short| short.is_positive());
    let expected =
        invoice.total.map(|total| (invoice.status.as_str(), invoice.applied, total, credited, written_off));
    must(broken, shown == expected, || {
        format!("the project shows {id} as {shown:?} instead of {expected:?}")
    });
    let deals =
        books.deals.values().filter(|d| d.get("invoice").map(String::as_str) == invoice.number.as_deref());
    for deal in deals {
        let shown = deal.get("invoice status").map(String::as_str);
        must(broken, shown == Some(invoice.status.as_str()), || format!("the deal shows {id} as {shown:?}"));
    }
}
