//! Finance takes something off an invoice: lines that are billed anew or never again, or a part of the price. Now and
//! then before the invoice is posted, twice at once, or in the ERP by hand.

use std::sync::Arc;

use domain::billing::{BillableLine, Evidence};
use domain::credit_memo::{CreditMemoRequested, Reduction};
use domain::id::{CreditMemoId, EngagementId, LineId};
use domain::invoice::Invoice;
use domain::money::Money;
use events::{Envelope, Traceparent};
use journal::{Item, Key, LinePage, Store};
use rust_decimal::Decimal;

use super::LOOKS;
use crate::deal::Deal;
use crate::products::issue_by_hand;
use crate::world::{TENANT, World};

/// What is asked for at most in one go.
const MOST_LINES: usize = 80;

/// Asks for as many credit memos as the deal is drawn with.
pub(super) async fn ask(world: &Arc<World>, deal: &Deal) {
    for number in 0..deal.credits {
        let Some((invoice, lines)) = billed(world, &deal.engagement, false).await else { return };
        let asked = draw(world, &invoice, &lines, number);
        request(world, &deal.engagement, &asked);
        if world.sim.one_in(4) {
            // Somebody else asks for the same.
            let credit_memo = CreditMemoId::derive(&[asked.credit_memo.as_str(), "again"]);
            request(world, &deal.engagement, &CreditMemoRequested { credit_memo, ..asked });
        }
        if world.sim.one_in(12) && invoice.is_posted() {
            issue_by_hand(world, &invoice.invoice, Money::rounded(1.into(), invoice.untaxed.currency()));
        }
        world.sim.wait(0, 7_200).await;
    }
}

/// The same each time: the first line of the first posted invoice is taken off, and billed anew. Gives whether there is
/// one yet.
pub(crate) async fn ask_for_the_first(world: &Arc<World>, engagement: &EngagementId) -> bool {
    let Some((invoice, lines)) = find(world, engagement, true).await else { return false };
    // What takes something back is no credit by itself, and one that bills more than its invoice is none without that.
    // Nor is a deposit that was drawn on.
    let bears = |line: &&BillableLine| {
        line.amount.is_positive()
            && line.amount.exceeds(invoice.untaxed).is_ok_and(|more| !more)
            && !matches!(line.evidence, Evidence::Deposit { .. })
    };
    let first = lines.iter().find(bears).map_or(&lines[..], std::slice::from_ref);
    let lines = first.iter().map(|line| line.line.clone()).collect();
    request(world, engagement, &asked(&invoice, 0, lines, None, true));
    true
}

/// The same, where one is asked for, and waits until it is in the books; then accounts issue one by hand, and that is
/// waited for too.
pub(super) async fn ask_and_wait(world: &Arc<World>, deal: &Deal) {
    let Some((invoice, _)) = billed(world, &deal.engagement, true).await else {
        world.complain(format!("{} has no posted invoice", deal.engagement));
        return;
    };
    if deal.credits == 1 {
        ask_for_the_first(world, &deal.engagement).await;
        let is_posted = |memo: &Item| matches!(memo.text("status"), Some("posted" | "applied"));
        comes(world, deal, "credit-memo#", is_posted).await;
    }
    issue_by_hand(world, &invoice.invoice, Money::rounded(1.into(), invoice.untaxed.currency()));
    comes(world, deal, "adjustment#", |_| true).await;
}

/// Waits for an item of an engagement.
async fn comes(world: &World, deal: &Deal, prefix: &str, is: impl Fn(&Item) -> bool) {
    let partition = Key::partition(TENANT, deal.engagement.as_str());
    for _ in 0..LOOKS {
        let items = world.table.query(&partition, prefix, 10).await.expect("a table in memory");
        if items.iter().any(&is) {
            return;
        }
        world.sim.wait(1, 300).await;
    }
    world.complain(format!("{} has no such {prefix}", deal.engagement));
}

/// Some invoice of an engagement that has lines, as soon as there is one.
async fn billed(
    world: &World,
    engagement: &EngagementId,
    posted: bool,
) -> Option<(Invoice, Vec<BillableLine>)> {
    for _ in 0..LOOKS {
        if let Some(found) = find(world, engagement, posted).await {
            return Some(found);
        }
        world.sim.wait(60, 600).await;
        if world.sim.one_in(40) {
            // Nothing of the deal is ever billed.
            return None;
        }
    }
    None
}

async fn find(
    world: &World,
    engagement: &EngagementId,
    posted: bool,
) -> Option<(Invoice, Vec<BillableLine>)> {
    let partition = Key::partition(TENANT, engagement.as_str());
    let items = world.table.query(&partition, "invoice#", usize::MAX).await.expect("a table in memory");
    let invoices: Vec<Invoice> = items.iter().filter_map(|item| item.body().ok()).collect();
    // Of a posted one work is to be credited: one that bills a deposit alone, or that a deposit covers, has none.
    let works = |i: &Invoice| match &i.deposits {
        Some(own) => i.untaxed.exceeds(own.billed).unwrap_or(false),
        None => true,
    };
    let fits = |i: &&Invoice| i.line_count > 0 && (!posted || (i.is_posted() && works(i)));
    let fitting: Vec<&Invoice> = invoices.iter().filter(fits).collect();
    if fitting.is_empty() {
        return None;
    }
    let invoice = if posted { fitting[0] } else { world.sim.any(&fitting) };
    let prefix = format!("invoice-page#{}#", invoice.invoice);
    let pages = world.table.query(&partition, &prefix, usize::MAX).await.expect("a table in memory");
    let lines = pages.iter().filter_map(|page| page.body::<LinePage>().ok()).flat_map(|page| page.lines);
    Some((invoice.clone(), lines.collect()))
}

fn draw(world: &World, invoice: &Invoice, lines: &[BillableLine], number: u64) -> CreditMemoRequested {
    let sim = &world.sim;
    let some: Vec<LineId> =
        lines.iter().filter(|_| sim.one_in(2)).take(MOST_LINES).map(|l| l.line.clone()).collect();
    let one = sim.any(lines);
    let part = |of: Money| Money::rounded(of.amount() / Decimal::from(2 + sim.below(3)), of.currency());
    match sim.below(6) {
        0 => asked(invoice, number, some, None, true),
        1 => asked(invoice, number, some, None, false),
        2 => {
            let all = lines.iter().take(MOST_LINES).map(|l| l.line.clone()).collect();
            asked(invoice, number, all, None, sim.one_in(2))
        }
        3 => {
            let off = Reduction { line: Some(one.line.clone()), amount: part(one.amount) };
            asked(invoice, number, vec![], Some(off), false)
        }
        4 => {
            let off = Reduction { line: None, amount: part(invoice.untaxed) };
            asked(invoice, number, vec![], Some(off), false)
        }
        _ => asked(invoice, number, vec![one.line.clone()], None, true),
    }
}

fn asked(
    invoice: &Invoice,
    number: u64,
    lines: Vec<LineId>,
    reduction: Option<Reduction>,
    rebill: bool,
) -> CreditMemoRequested {
    let credit_memo = CreditMemoId::derive(&[invoice.invoice.as_str(), "credit-memo", &number.to_string()]);
    CreditMemoRequested {
        credit_memo,
        invoice: invoice.invoice.clone(),
        lines,
        reduction,
        reason: "billed too early".into(),
        rebill,
        requested_by: "finance".into(),
        dispute: None,
    }
}

fn request(world: &Arc<World>, engagement: &EngagementId, asked: &CreditMemoRequested) {
    let (now, trace) = (world.sim.now(), Traceparent::start());
    let delivery = format!("credit:{}", asked.credit_memo);
    let (subject, event) = (engagement.as_str(), asked.clone().into());
    world.take(Envelope::reported(TENANT, "console", &delivery, subject, now, event, trace));
}
