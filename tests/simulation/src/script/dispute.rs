//! Customers contest what they are billed, and finance decides: some of it before it is posted, twice, or one way and the
//! other at once.

use std::sync::Arc;

use domain::Event;
use domain::billing::BillableLine;
use domain::credit_memo::CreditMemo;
use domain::dispute::{Dispute, DisputeKind, DisputeOutcome, DisputeRequested, DisputeResolutionRequested};
use domain::id::{DisputeId, EngagementId, LineId};
use domain::invoice::Invoice;
use domain::money::Money;
use events::{Envelope, Traceparent};
use journal::{Key, LinePage, Store};
use rust_decimal::Decimal;

use crate::deal::Deal;
use crate::engine::open;
use crate::world::{TENANT, World};

const KINDS: [DisputeKind; 4] =
    [DisputeKind::Scope, DisputeKind::Pricing, DisputeKind::Rate, DisputeKind::Balance];
const OUTCOMES: [DisputeOutcome; 3] =
    [DisputeOutcome::Upheld, DisputeOutcome::Rejected, DisputeOutcome::Settled];

/// A customer contests some invoice of his: all of it, some lines, or what is open.
pub(crate) async fn contest(world: &Arc<World>, deals: &[Deal]) {
    let sim = &world.sim;
    for deal in deals.iter().filter(|_| sim.one_in(2)) {
        let Some((invoice, lines)) = billed(world, &deal.engagement).await else { continue };
        let dispute_kind = *sim.any(&KINDS);
        let named: Vec<LineId> = match dispute_kind {
            DisputeKind::Balance => vec![],
            _ => lines.iter().filter(|_| sim.one_in(2)).map(|line| line.line.clone()).collect(),
        };
        let part = Decimal::from(1 + sim.below(4));
        let amount = Money::rounded(invoice.untaxed.amount() / part, invoice.untaxed.currency());
        let asked = DisputeRequested {
            dispute: DisputeId::derive(&[
                invoice.invoice.as_str(),
                "dispute",
                &sim.below(1_000_000).to_string(),
            ]),
            invoice: invoice.invoice.clone(),
            dispute_kind,
            lines: named,
            amount: sim.one_in(2).then_some(amount),
            reason: "not what was agreed".into(),
            requested_by: "finance".into(),
        };
        report(world, &deal.engagement, &asked);
        if sim.one_in(4) {
            // Somebody else took the call too.
            let dispute = DisputeId::derive(&[asked.dispute.as_str(), "again"]);
            report(world, &deal.engagement, &DisputeRequested { dispute, ..asked });
        }
    }
}

/// The deal of a recording: its first posted invoice is contested, whole and once.
pub(crate) async fn contest_once(world: &Arc<World>, deal: &Deal) {
    let asked = open(&world.taken).values().any(|e| matches!(e.event, Event::DisputeRequested(_)));
    if !deal.contested || asked {
        return;
    }
    let Some((invoice, _)) = billed(world, &deal.engagement).await.filter(|(i, _)| i.is_posted()) else {
        return;
    };
    let asked = DisputeRequested {
        dispute: DisputeId::derive(&[invoice.invoice.as_str(), "dispute"]),
        invoice: invoice.invoice.clone(),
        dispute_kind: DisputeKind::Scope,
        lines: vec![],
        amount: None,
        reason: "not what was agreed".into(),
        requested_by: "finance".into(),
    };
    report(world, &deal.engagement, &asked);
}

/// Finance decides on what is open, now and then twice at once and not alike, and some of it with a credit memo.
pub(crate) async fn decide(world: &Arc<World>, deals: &[Deal]) {
    let sim = &world.sim;
    for deal in deals {
        let partition = Key::partition(TENANT, deal.engagement.as_str());
        let items = world.table.query(&partition, "dispute#", usize::MAX).await.expect("a table in memory");
        let memos =
            world.table.query(&partition, "credit-memo#", usize::MAX).await.expect("a table in memory");
        let memos: Vec<CreditMemo> = memos.iter().filter_map(|item| item.body().ok()).collect();
        let disputes: Vec<Dispute> = items.iter().filter_map(|item| item.body().ok()).collect();
        for dispute in disputes.iter().filter(|dispute| dispute.is_open() && sim.one_in(2)) {
            let of = |memo: &&CreditMemo| memo.invoice == dispute.invoice;
            let credit_memo = memos.iter().find(of).filter(|_| sim.one_in(2));
            let asked = DisputeResolutionRequested {
                dispute: dispute.dispute.clone(),
                invoice: dispute.invoice.clone(),
                outcome: *sim.any(&OUTCOMES),
                reason: "looked at".into(),
                credit_memo: credit_memo.map(|memo| memo.credit_memo.clone()),
                resolved_by: "finance".into(),
            };
            end(world, &deal.engagement, &asked);
            if sim.one_in(4) {
                end(
                    world,
                    &deal.engagement,
                    &DisputeResolutionRequested { outcome: *sim.any(&OUTCOMES), ..asked },
                );
            }
        }
    }
}

async fn billed(world: &World, engagement: &EngagementId) -> Option<(Invoice, Vec<BillableLine>)> {
    let partition = Key::partition(TENANT, engagement.as_str());
    let items = world.table.query(&partition, "invoice#", usize::MAX).await.expect("a table in memory");
    let invoices: Vec<Invoice> = items.iter().filter_map(|item| item.body().ok()).collect();
    // Mostly what is posted: nobody knows of the others.
    let fits = |i: &&Invoice| i.line_count > 0 && (i.is_posted() || world.sim.one_in(10));
    let fitting: Vec<&Invoice> = invoices.iter().filter(fits).collect();
    if fitting.is_empty() {
        return None;
    }
    let invoice = (*world.sim.any(&fitting)).clone();
    let prefix = format!("invoice-page#{}#", invoice.invoice);
    let pages = world.table.query(&partition, &prefix, usize::MAX).await.expect("a table in memory");
    let lines = pages.iter().filter_map(|page| page.body::<LinePage>().ok()).flat_map(|page| page.lines);
    Some((invoice, lines.collect()))
}

fn report(world: &Arc<World>, engagement: &EngagementId, asked: &DisputeRequested) {
    let delivery = format!("dispute:{}", asked.dispute);
    let (now, trace, subject) = (world.sim.now(), Traceparent::start(), engagement.as_str());
    world.sim.note(|| format!("{} is contested: {:?} {:?}", asked.invoice, asked.dispute_kind, asked.amount));
    let event = Envelope::reported(TENANT, "console", &delivery, subject, now, asked.clone().into(), trace);
    if world.sim.one_in(4) {
        world.take(event.clone());
    }
    world.take(event);
}

fn end(world: &Arc<World>, engagement: &EngagementId, asked: &DisputeResolutionRequested) {
    let delivery = format!("resolution:{}:{:?}:{:?}", asked.dispute, asked.outcome, asked.credit_memo);
    let (now, trace, subject) = (world.sim.now(), Traceparent::start(), engagement.as_str());
    world.sim.note(|| format!("{} is {:?}", asked.dispute, asked.outcome));
    let event = Envelope::reported(TENANT, "console", &delivery, subject, now, asked.clone().into(), trace);
    if world.sim.one_in(4) {
        world.take(event.clone());
    }
    world.take(event);
}
