//! Disputes: each is recorded and ended once, with evidence that leads back to the quote; a line waits for one answer at
//! a time; what open ones contest is what their invoice says, and never more than its total.

use std::collections::BTreeMap;

use domain::Event;
use domain::dispute::{Dispute, DisputeKind, TracedLine};
use domain::id::DisputeId;
use domain::invoice::Invoice;
use domain::money::Money;
use domain::problem::ProblemCode;
use journal::{EvidencePage, LinePage};

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::world::World;

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let disputes: Vec<Dispute> = ledger.kind("dispute").filter_map(|item| item.body().ok()).collect();
    let told = Told::of(world);
    for dispute in &disputes {
        let id = &dispute.dispute;
        let (recorded, resolved) = told.times(id);
        let ended = usize::from(!dispute.is_open());
        must(&mut broken, (recorded, resolved) == (1, ended), || {
            format!("{id} is {:?}; told {recorded} times as recorded, {resolved} as resolved", dispute.status)
        });
        must(&mut broken, dispute.is_open() == dispute.resolution.is_none(), || format!("{dispute:?}"));
        let invoice = ledger.invoices.iter().find(|i| i.invoice == dispute.invoice);
        must(&mut broken, invoice.is_some_and(Invoice::is_posted), || format!("{id} contests {invoice:?}"));
        leads_back(&mut broken, deal, ledger, dispute);
    }
    for invoice in &ledger.invoices {
        adds_up(&mut broken, invoice, &disputes);
    }
    for asked in told.asked.iter().filter(|(_, (engagement, _))| *engagement == deal.engagement.as_str()) {
        let (id, (_, kind)) = asked;
        let is_recorded = disputes.iter().any(|d| d.dispute == *id);
        let refused = ledger.kind("exception").any(|e| {
            e.text("code") == Some(ProblemCode::DisputeRefused.as_str())
                && e.text("detail").is_some_and(|detail| detail.starts_with(id.as_str()))
        });
        must(&mut broken, is_recorded != refused, || {
            format!("{id} ({kind:?}) recorded: {is_recorded}, refused: {refused}")
        });
    }
    broken
}

/// What the bus took of disputes.
struct Told {
    asked: BTreeMap<DisputeId, (String, DisputeKind)>,
    recorded: Vec<DisputeId>,
    resolved: Vec<DisputeId>,
}

impl Told {
    fn of(world: &World) -> Self {
        let mut told = Self { asked: BTreeMap::new(), recorded: vec![], resolved: vec![] };
        for event in open(&world.taken).values() {
            match &event.event {
                Event::DisputeRequested(asked) => {
                    told.asked.insert(asked.dispute.clone(), (event.subject.clone(), asked.dispute_kind));
                }
                Event::DisputeRecorded(dispute) => told.recorded.push(dispute.dispute.clone()),
                Event::DisputeResolved(end) => told.resolved.push(end.dispute.clone()),
                _ => {}
            }
        }
        told
    }

    fn times(&self, id: &DisputeId) -> (usize, usize) {
        let count = |ids: &[DisputeId]| ids.iter().filter(|known| *known == id).count();
        (count(&self.recorded), count(&self.resolved))
    }
}

fn adds_up(broken: &mut Vec<String>, invoice: &Invoice, disputes: &[Dispute]) {
    let of: Vec<&Dispute> = disputes.iter().filter(|d| d.invoice == invoice.invoice && d.is_open()).collect();
    let (id, zero) = (&invoice.invoice, Money::zero(invoice.untaxed.currency()));
    let sum = Money::total(zero.currency(), of.iter().map(|d| d.contested)).ok();
    must(broken, sum == Some(invoice.contested.unwrap_or(zero)), || {
        format!("{id} says {:?} is contested, not {sum:?}", invoice.contested)
    });
    let most = invoice.total.unwrap_or(zero);
    must(broken, sum.is_some_and(|sum| !sum.exceeds(most).unwrap_or(true)), || {
        format!("{sum:?} of {most} is contested")
    });
    for (n, dispute) in of.iter().enumerate() {
        for other in &of[n + 1..] {
            let twice = match (dispute.dispute_kind, other.dispute_kind) {
                (DisputeKind::Balance, DisputeKind::Balance) => true,
                (DisputeKind::Balance, _) | (_, DisputeKind::Balance) => false,
                _ if dispute.lines.is_empty() => true,
                _ => other.lines.is_empty() || dispute.lines.iter().any(|line| other.contests(line)),
            };
            must(broken, !twice, || {
                format!("{} and {} contest the same of {id}", dispute.dispute, other.dispute)
            });
        }
    }
}

/// The evidence is of the invoice's own lines as it billed them, and of the quote that was signed.
fn leads_back(broken: &mut Vec<String>, deal: &Deal, ledger: &Ledger, dispute: &Dispute) {
    let id = &dispute.dispute;
    let pages = ledger.kind("dispute-evidence").filter(|i| i.text("dispute") == Some(id.as_str()));
    let traced: Vec<TracedLine> =
        pages.filter_map(|i| i.body::<EvidencePage>().ok()).flat_map(|page| page.lines).collect();
    must(broken, traced.len() == dispute.traced as usize, || {
        format!("{id} has evidence of {} lines, not {}", traced.len(), dispute.traced)
    });
    let prefix = format!("invoice-page#{}#", dispute.invoice);
    let pages = ledger.kind("invoice-page").filter(|i| i.key().sk.starts_with(&prefix));
    let billed: Vec<_> =
        pages.filter_map(|i| i.body::<LinePage>().ok()).flat_map(|page| page.lines).collect();
    for line in &traced {
        let same = billed.iter().any(|b| {
            b.line == line.line && b.amount == line.amount && b.contract_version == line.contract_version
        });
        must(broken, same, || format!("{id} traces {} that is billed otherwise", line.line));
        let quote = line.quote.as_ref().map(|quote| quote.quote.as_str());
        let signed = [Some(&deal.quote), deal.change_order.as_ref()];
        let is_signed = signed.into_iter().flatten().any(|q| Some(q.quote.as_str()) == quote);
        must(broken, is_signed, || format!("{id}: {} leads to {quote:?}", line.line));
    }
    for named in &dispute.lines {
        must(broken, traced.iter().any(|line| line.line == *named), || {
            format!("{id} does not trace {named}")
        });
    }
}
