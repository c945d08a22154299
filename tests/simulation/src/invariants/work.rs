//! Each approved entry and completed milestone is one line or waits for a person; each line is
//! priced as it was sold and traceable to the quote; no ceiling is exceeded.

use std::collections::BTreeSet;

use domain::Event;
use domain::billing::{Evidence, line_of, price};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::work::TimeEntry;

use super::{Ledger, Line, must};
use crate::deal::{Deal, UNSOLD_ROLE};
use crate::engine::open;
use crate::world::{PSA, World};

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let told = told(world, deal);
    for entry in deal.time.iter().filter(|e| told.contains(&e.entry)) {
        entry_has_one_fate(&mut broken, deal, ledger, entry);
    }
    let completed = if deal.withdrawn { &[][..] } else { &deal.completed[..] };
    for key in completed {
        let lines = ledger.lines.iter().filter(|l| match &l.line.evidence {
            Evidence::Milestone { completion, .. } => completion.milestone == *key,
            Evidence::Time { .. }
            | Evidence::Expense { .. }
            | Evidence::Charge { .. }
            | Evidence::Overage { .. }
            | Evidence::Usage { .. }
            | Evidence::Deposit { .. }
            | Evidence::Drawdown { .. }
            | Evidence::Adjustment { .. } => false,
        });
        let lines: Vec<_> = lines.collect();
        let amounts: Vec<Money> = lines.iter().map(|l| l.line.amount).collect();
        // A line is billed by the version that it names, whatever came into force after it.
        let version = lines.first().map_or(1, |l| l.line.contract_version);
        let sold = |version: u32| {
            let line = deal.version(version).lines.iter().find(|l| l.milestone.as_ref() == Some(key));
            line.map(|l| l.unit_price)
        };
        let (due, dropped) = (sold(version), sold(2).is_none());
        let right = amounts.len() == 1 && amounts.first() == due.as_ref();
        // Dropped before it was completed: a person is told of the completion.
        must(&mut broken, right || (dropped && amounts.is_empty() && is_unknown(ledger, key)), || {
            format!("milestone {key} sold at {due:?} is billed {amounts:?}")
        });
    }
    let known = deal.time.len() + deal.completed.len() + deal.expenses.len();
    let worked = ledger
        .lines
        .iter()
        .filter(|l| {
            !matches!(
                l.line.evidence,
                Evidence::Charge { .. }
                    | Evidence::Overage { .. }
                    | Evidence::Usage { .. }
                    | Evidence::Deposit { .. }
                    | Evidence::Drawdown { .. }
                    | Evidence::Adjustment { .. }
            )
        })
        .count();
    must(&mut broken, worked <= known, || format!("{worked} lines of {known} records"));
    for line in &ledger.lines {
        let sold =
            deal.version(line.line.contract_version).lines.iter().any(|l| l.line == line.line.quote_line);
        must(&mut broken, sold, || format!("line {} names no quote line", line.line.line));
    }
    ceiling(&mut broken, deal, ledger);
    broken
}

/// Whether a completion waits for a person because its milestone is not sold any more.
fn is_unknown(ledger: &Ledger, key: &str) -> bool {
    ledger.kind("exception").any(|e| {
        e.text("code") == Some(ProblemCode::MilestoneUnknown.as_str())
            && e.text("detail").is_some_and(|d| d.contains(&format!("`{key}`")))
    })
}

/// Entries that the PSA told of: all, but for a deal that somebody tried to withdraw.
fn told(world: &World, deal: &Deal) -> BTreeSet<String> {
    let books = open(&world.books);
    let entries = books.work.iter().filter(|c| c.change.subject.as_str() == deal.engagement.as_str());
    entries
        .filter_map(|c| match &c.change.event {
            Event::TimeApproved(entry) => Some(entry.entry.clone()),
            _ => None,
        })
        .collect()
}

fn entry_has_one_fate(broken: &mut Vec<String>, deal: &Deal, ledger: &Ledger, entry: &TimeEntry) {
    let id = line_of(PSA, "time", &entry.entry);
    let line = ledger.lines.iter().find(|l| l.line.line == id);
    let waits = |code: ProblemCode| {
        ledger.kind("exception").any(|e| {
            e.text("code") == Some(code.as_str())
                && e.text("status") == Some("open")
                && e.text("payload").is_some_and(|p| p.contains(&format!("\"entry\":\"{}\"", entry.entry)))
        })
    };
    // A line is priced by the version that it names, whatever came into force after it.
    let sold = line.map_or(&deal.quote, |l| deal.version(l.line.contract_version));
    let rate = sold.lines.iter().find(|l| l.role.as_deref() == Some(&entry.role)).map(|l| l.unit_price);
    match (line, rate) {
        (Some(line), Some(rate)) => {
            let due = price(rate, entry.minutes).ok();
            must(broken, entry.billable && due == Some(line.line.amount), || {
                format!("entry {} is billed {} instead of {due:?}", entry.entry, line.line.amount)
            });
        }
        (Some(_), None) => broken.push(format!("entry {} is billed without a rate", entry.entry)),
        (None, _) if !entry.billable => {}
        (None, None) => must(broken, entry.role == UNSOLD_ROLE && waits(ProblemCode::NoRateInForce), || {
            format!("entry {} of a role not sold waits for nobody", entry.entry)
        }),
        (None, Some(_)) => {
            must(broken, deal.quote.time_ceiling.is_some() && waits(ProblemCode::CeilingExceeded), || {
                format!("entry {} is neither billed nor held", entry.entry)
            })
        }
    }
}

fn ceiling(broken: &mut Vec<String>, deal: &Deal, ledger: &Ledger) {
    let Some(ceiling) = deal.quote.time_ceiling else { return };
    let is_time = |l: &&Line| {
        matches!(l.line.evidence, Evidence::Time { .. } | Evidence::Overage { .. }) && !l.is_written_off()
    };
    let by_time = ledger.lines.iter().filter(is_time);
    let Ok(billed) = Money::total(ceiling.currency(), by_time.map(|l| l.line.amount)) else { return };
    must(broken, !billed.exceeds(ceiling).unwrap_or(true), || {
        format!("{billed} of time over the ceiling {ceiling}")
    });
    let counted = ledger.engagement.as_ref().and_then(|e| e.time_billed);
    must(broken, counted == Some(billed), || {
        format!("time billed is counted as {counted:?} and is {billed}")
    });
}
