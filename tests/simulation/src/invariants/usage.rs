//! Each record of usage is counted once, under what was sold of its meter on its day, or waits for a person; the
//! lines of a month add up to what its records come to together, and the state says the same.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::{BillableLine, Evidence};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::usage::{RatedUsage, UsageRecord, UsageTerms};
use domain::{Contract, Event};
use jiff::Span;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::world::World;

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let counted: Vec<RatedUsage> = ledger.kind("usage").filter_map(|item| item.body().ok()).collect();
    let records: BTreeSet<&str> = counted.iter().map(|c| c.record.record.as_str()).collect();
    must(&mut broken, records.len() == counted.len(), || "a record of usage is counted twice".into());
    for record in told(world, deal) {
        has_one_fate(&mut broken, ledger, &counted, &record);
    }
    months(&mut broken, deal, ledger, &counted);
    broken
}

/// What was put on the bus, each version of a record by itself.
fn told(world: &World, deal: &Deal) -> Vec<UsageRecord> {
    let taken = open(&world.taken);
    let ours = taken.values().filter(|e| e.subject == deal.engagement.as_str());
    let records = ours.filter_map(|e| match &e.event {
        Event::UsageRecorded(record) => Some(record.clone()),
        _ => None,
    });
    records.collect()
}

fn has_one_fate(broken: &mut Vec<String>, ledger: &Ledger, counted: &[RatedUsage], record: &UsageRecord) {
    let named = format!("\"record\":\"{}\"", record.record);
    let waits = |code: ProblemCode| {
        ledger.kind("exception").any(|e| {
            let is_open = e.text("status") == Some("open") && e.text("code") == Some(code.as_str());
            is_open && e.text("payload").is_some_and(|p| p.contains(&named))
        })
    };
    match counted.iter().find(|c| c.record.record == record.record) {
        Some(known) if known.record == *record => {}
        Some(known) => must(broken, waits(ProblemCode::UsageChanged), || {
            format!("{record:?} differs from {:?}, and nobody knows", known.record)
        }),
        None => {
            let may = [ProblemCode::UsageNotSold, ProblemCode::UsageOutsideTerm, ProblemCode::UsageChanged];
            must(broken, may.into_iter().any(waits), || format!("{record:?} is neither counted nor held"));
        }
    }
}

/// A month of terms, with what was counted and billed of it.
#[derive(Default)]
struct Month {
    quantity: Decimal,
    billed: Vec<Money>,
}

fn months(broken: &mut Vec<String>, deal: &Deal, ledger: &Ledger, counted: &[RatedUsage]) {
    let Some(engagement) = &ledger.engagement else {
        return must(broken, counted.is_empty(), || "usage is counted of nothing".into());
    };
    let versions: Vec<Contract> = ledger.kind("contract").filter_map(|i| i.body().ok()).collect();
    let mut months: BTreeMap<(String, u32), Month> = BTreeMap::new();
    for known in counted {
        let name = format!("usage {} of deal {}", known.record.record, deal.quote.deal);
        let version = versions.iter().find(|v| v.version == known.contract_version);
        let Some(terms) = version.and_then(|v| v.usage_terms(&known.terms)) else {
            broken.push(format!("{name} is counted and was not sold in version {}", known.contract_version));
            continue;
        };
        must(broken, terms.meter == known.record.meter, || format!("{name} is counted as {}", terms.meter));
        let month = month_of(terms, known.record.used_on);
        must(broken, month == Some(known.month.index), || format!("{name} is counted in {:?}", known.month));
        let month = months.entry((known.terms.clone(), known.month.index)).or_default();
        month.quantity += known.record.quantity;
        let line = ledger.lines.iter().find(|l| Some(&l.line.line) == known.line.as_ref());
        must(broken, known.line.is_some() == line.is_some(), || {
            format!("{name} has another line than it says")
        });
        month.billed.extend(line.map(|l| l.line.amount));
    }
    let lines = ledger.lines.iter().filter(|l| is_usage(&l.line)).count();
    let billed: usize = months.values().map(|m| m.billed.len()).sum();
    must(broken, lines == billed, || format!("{lines} lines of usage, {billed} of them of its records"));
    for ((key, index), month) in &months {
        let Some(terms) = engagement.contract.usage_terms(key) else {
            broken.push(format!("usage {key} is counted and not sold any more"));
            continue;
        };
        let sum = Money::total(engagement.contract.currency, month.billed.iter().copied()).ok();
        let due = price(terms, month.quantity, deal);
        must(broken, sum == Some(due), || {
            format!("month {index} of usage {key}: {} are billed {sum:?} instead of {due}", month.quantity)
        });
        let known = engagement.usage.get(key).and_then(|months| months.get(index));
        let right = known.is_some_and(|k| k.quantity == month.quantity && k.rated == due);
        must(broken, right, || format!("month {index} of usage {key} is kept as {known:?}"));
    }
    let kept: usize = engagement.usage.values().map(BTreeMap::len).sum();
    must(broken, kept == months.len(), || format!("{kept} months are kept of {} counted", months.len()));
}

fn is_usage(line: &BillableLine) -> bool {
    matches!(line.evidence, Evidence::Usage { .. })
}

/// Worked out another way than the product does: by counting back from the day.
fn month_of(terms: &UsageTerms, day: Date) -> Option<u32> {
    let begins = |n: u32| terms.starts_on.saturating_add(Span::new().months(i64::from(n)));
    (0..terms.term).rev().find(|n| begins(*n) <= day).filter(|n| day < begins(n + 1))
}

/// Worked out another way: each tier's whole part, taken off the top.
fn price(terms: &UsageTerms, quantity: Decimal, deal: &Deal) -> Money {
    let mut left = (quantity - terms.allowance).max(Decimal::ZERO);
    let mut sum = Decimal::ZERO;
    let starts = std::iter::once(Decimal::ZERO).chain(terms.tiers.iter().filter_map(|t| t.up_to));
    let from: Vec<Decimal> = starts.collect();
    for (tier, from) in terms.tiers.iter().zip(from).rev() {
        if left > from {
            sum += (left - from) * tier.unit_price;
            left = from;
        }
    }
    Money::rounded(sum, deal.quote.currency)
}
