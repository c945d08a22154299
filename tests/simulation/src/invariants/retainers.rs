//! Each entry on a retainer is drawn down once, or waits for a person; what is billed of a retainer is what is beyond
//! its balances, whatever the order in which entries came.

use std::collections::{BTreeMap, BTreeSet};

use domain::Event;
use domain::billing::Evidence;
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::quote::QuoteLine;
use domain::retainer::Drawdown;
use domain::work::TimeEntry;
use rust_decimal::Decimal;

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::world::World;

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let drawn: Vec<Drawdown> = ledger.kind("drawdown").filter_map(|item| item.body().ok()).collect();
    let entries: BTreeSet<&str> = drawn.iter().map(|d| d.entry.entry.as_str()).collect();
    must(&mut broken, entries.len() == drawn.len(), || "an entry is drawn down twice".into());
    for entry in told(world, deal) {
        has_one_fate(&mut broken, deal, ledger, &drawn, entry);
    }
    let mut worked: BTreeMap<u32, Decimal> = BTreeMap::new();
    for drawdown in &drawn {
        *worked.entry(drawdown.period).or_default() += drawdown.quantity;
        must(&mut broken, drawdown.quantity == drawdown.entry.minutes.into(), || {
            format!("{drawdown:?} is no entry's")
        });
    }
    let Some(engagement) = &ledger.engagement else { return broken };
    let kept = engagement.retainers.get("R2").cloned().unwrap_or_default();
    must(&mut broken, kept == worked, || format!("{kept:?} is kept as worked, and {worked:?} is drawn down"));
    let overage = |l: &&super::Line| matches!(l.line.evidence, Evidence::Overage { .. });
    let lines: Vec<Money> = ledger.lines.iter().filter(overage).map(|l| l.line.amount).collect();
    let billed = Money::total(engagement.contract.currency, lines.iter().copied()).ok();
    let due = due(ledger, deal, &worked).unwrap_or(Money::zero(engagement.contract.currency));
    must(&mut broken, billed == Some(due), || {
        format!("{billed:?} is billed beyond a retainer instead of {due}")
    });
    must(&mut broken, lines.iter().all(|amount| amount.is_positive()), || {
        "less than nothing is overage".into()
    });
    broken
}

/// Entries that the PSA told of.
fn told<'a>(world: &World, deal: &'a Deal) -> Vec<&'a TimeEntry> {
    let books = open(&world.books);
    let is_told = |entry: &&TimeEntry| {
        books.work.iter().any(|c| {
            let ours = c.change.subject.as_str() == deal.engagement.as_str();
            ours && matches!(&c.change.event, Event::TimeApproved(told) if told.entry == entry.entry)
        })
    };
    deal.retained.iter().filter(is_told).collect()
}

fn sold(deal: &Deal) -> Option<&QuoteLine> {
    deal.quote.lines.iter().find(|l| l.line == "72")
}

fn has_one_fate(
    broken: &mut Vec<String>,
    deal: &Deal,
    ledger: &Ledger,
    drawn: &[Drawdown],
    entry: &TimeEntry,
) {
    let named = format!("\"entry\":\"{}\"", entry.entry);
    let waits = |code: ProblemCode| {
        ledger.kind("exception").any(|e| {
            let is_open = e.text("status") == Some("open") && e.text("code") == Some(code.as_str());
            is_open && e.text("payload").is_some_and(|p| p.contains(&named))
        })
    };
    let known = drawn.iter().find(|d| d.entry.entry == entry.entry);
    let starts_on = sold(deal).and_then(|l| l.recurrence.as_ref()?.starts_on);
    let covered = starts_on.is_some_and(|day| day <= entry.worked_on);
    let may_wait = (deal.quote.time_ceiling.is_some() && waits(ProblemCode::CeilingExceeded))
        || waits(ProblemCode::NoRateInForce);
    match known {
        Some(drawdown) => must(broken, covered && drawdown.entry == *entry, || {
            format!("{drawdown:?} was drawn down of {entry:?}")
        }),
        None => must(broken, may_wait, || format!("{entry:?} is neither drawn down nor held")),
    }
}

/// What is beyond the balances and what it costs, worked out another way than the product does: minute by minute.
fn due(ledger: &Ledger, deal: &Deal, worked: &BTreeMap<u32, Decimal>) -> Option<Money> {
    let terms = sold(deal)?.recurrence.as_ref()?.retainer.as_ref()?;
    let contract = &ledger.engagement.as_ref()?.contract;
    let grants = contract.retainer("R2")?.grants(contract.recurring_charge("R2")?).ok()?;
    let stays = terms.rollover_periods.unwrap_or(0);
    let most = match (terms.rollover_periods, terms.rollover_most) {
        (None, _) => Some(0),
        (Some(_), most) => most.and_then(|hours| usize::try_from(hours * Decimal::from(60)).ok()),
    };
    // Each minute that is left, by the last period that may use it.
    let mut left: Vec<u32> = Vec::new();
    let mut beyond = 0_u32;
    for (period, granted) in (0_u32..).zip(grants) {
        left.extend(std::iter::repeat_n(period + stays, usize::try_from(granted).ok()?));
        let wanted = worked.get(&period).copied().unwrap_or_default();
        let wanted = usize::try_from(wanted).ok()?;
        beyond += u32::try_from(wanted.saturating_sub(left.len())).ok()?;
        left.drain(..wanted.min(left.len()));
        left.retain(|until| *until > period);
        if let Some(excess) = most.map(|most| left.len().saturating_sub(most)) {
            left.drain(..excess);
        }
    }
    let hourly = terms.overage_rate?;
    Some(Money::rounded(hourly.amount() * Decimal::from(beyond) / Decimal::from(60), hourly.currency()))
}
