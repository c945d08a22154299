//! Each line tells its revenue once, by what its treatment says; what a schedule told is what it plans; and of
//! what came late for a closed month finance was told, with the sum.

use std::collections::{BTreeMap, BTreeSet};

use domain::contract::{Contract, RevenueTreatment};
use domain::credit_memo::CreditMemo;
use domain::id::{InvoiceId, LineId};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::revenue::{Element, RevenueEarned, RevenueEvidence, RevenueSchedule, Source, source};
use journal::LinePage;

use super::credits::memos;
use super::{Ledger, Line, must};

pub(super) fn broken(ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(engagement) = &ledger.engagement else { return broken };
    let mut versions: BTreeMap<u32, Contract> =
        ledger.kind("contract").filter_map(|i| i.body().ok()).map(|c: Contract| (c.version, c)).collect();
    versions.insert(engagement.contract.version, engagement.contract.clone());
    let told: Vec<RevenueEarned> = ledger.kind("revenue").filter_map(|i| i.body().ok()).collect();
    let mut of_lines = 0;
    for line in &ledger.lines {
        let treatment =
            versions.get(&line.line.contract_version).and_then(|c| c.revenue.get(&line.line.service));
        of_lines += of_line(&mut broken, ledger, line, treatment.copied(), &told);
    }
    let named = told.iter().filter(|e| e.line.is_some() && !e.is_undoing()).count();
    must(&mut broken, named == of_lines, || {
        format!("{named} revenue events name lines, and {of_lines} should")
    });
    let memos = memos(ledger);
    for line in &ledger.lines {
        let treatment =
            versions.get(&line.line.contract_version).and_then(|c| c.revenue.get(&line.line.service));
        let by = treatment.map(|t| source(*t, &Element::of(&line.line)));
        taken_back(&mut broken, ledger, (line, by), (&memos, &told));
        borne(&mut broken, (line, by), (&memos, &told));
    }
    shared(&mut broken, ledger, &memos);
    let changed = engagement.contract.version > 1;
    scheduled(&mut broken, ledger, (&engagement.contract, changed), (&memos, &told));
    late(&mut broken, ledger, &told);
    broken
}

/// Posted invoices that carry a line: the one that owns it, and those that were credited with it.
fn carried_by(ledger: &Ledger, line: &LineId) -> BTreeSet<InvoiceId> {
    let pages = ledger.kind("invoice-page").filter_map(|i| Some((i, i.body::<LinePage>().ok()?)));
    let carry = pages.filter(|(_, page)| page.lines.iter().any(|l| l.line == *line));
    let owners = carry.filter_map(|(item, _)| item.text("sk")?.split('#').nth(1).map(str::to_owned));
    let posted = |id: &InvoiceId| ledger.invoices.iter().any(|i| i.invoice == *id && i.is_posted());
    owners.filter_map(|id| InvoiceId::try_from(id).ok()).filter(posted).collect()
}

/// A line is told by nobody, by itself, or by each posted invoice that carried it. Gives how often it should be.
fn of_line(
    broken: &mut Vec<String>,
    ledger: &Ledger,
    standing: &Line,
    treatment: Option<RevenueTreatment>,
    told: &[RevenueEarned],
) -> usize {
    let line = &standing.line;
    let of_it: Vec<&RevenueEarned> =
        told.iter().filter(|e| e.line.as_ref() == Some(&line.line) && !e.is_undoing()).collect();
    let told_right =
        |e: &RevenueEarned| (e.amount, e.contract_version) == (line.amount, line.contract_version);
    let by = treatment.filter(|_| !line.amount.is_zero()).map(|t| source(t, &Element::of(line)));
    let (count, right) = match by {
        None | Some(Source::Schedule | Source::Never) => (0, true),
        Some(Source::Invoice) => {
            let carried = carried_by(ledger, &line.line);
            let invoices: BTreeSet<InvoiceId> = of_it.iter().filter_map(|e| invoice_of(e)).collect();
            (carried.len(), of_it.iter().all(|e| told_right(e)) && invoices == carried)
        }
        Some(Source::Line) => (1, of_it.iter().all(|e| told_right(e) && e.earned_on == line.earned_on)),
    };
    must(broken, of_it.len() == count && right, || {
        format!("line {} of {}, {treatment:?}, is told as {of_it:?}", line.line, line.amount)
    });
    count
}

/// What posted credit memos take off a line, of one invoice.
fn off(memos: &[CreditMemo], line: &LineId, invoice: &InvoiceId) -> Money {
    let of = memos.iter().filter(|m| m.status.is_posted() && m.invoice == *invoice);
    let parts = of.flat_map(|m| &m.parts).filter(|p| p.line.as_ref() == Some(line));
    parts
        .fold(None, |sum: Option<Money>, p| {
            Some(sum.map_or(p.amount, |s| s.plus(p.amount).expect("one currency")))
        })
        .unwrap_or_else(|| Money::zero(memos.first().expect("a memo, or nobody asks").untaxed.currency()))
}

/// What of a line was taken off or written off and does not come again.
fn gone(ledger: &Ledger, standing: &Line, memos: &[CreditMemo]) -> Money {
    let line = &standing.line;
    let nothing = Money::zero(line.amount.currency());
    let invoice = match standing.status.as_deref() {
        Some("written-off") => return line.amount,
        Some("invoiced") => standing.invoice.clone().and_then(|id| InvoiceId::try_from(id).ok()),
        Some("credited") => {
            let by = memos
                .iter()
                .find(|m| !m.rebill && m.status.is_posted() && m.released().any(|l| *l == line.line));
            by.map(|memo| memo.invoice.clone())
        }
        _ => None,
    };
    let posted = |id: &InvoiceId| ledger.invoices.iter().any(|i| i.invoice == *id && i.is_posted());
    invoice.filter(posted).filter(|_| !memos.is_empty()).map_or(nothing, |id| off(memos, &line.line, &id))
}

/// What is earned of a line is what is billed of it, or is still to be billed: no more, and never less than nothing.
fn taken_back(
    broken: &mut Vec<String>,
    ledger: &Ledger,
    (standing, by): (&Line, Option<Source>),
    (memos, told): (&[CreditMemo], &[RevenueEarned]),
) {
    let line = &standing.line;
    let nothing = Money::zero(line.amount.currency());
    let of_it = told.iter().filter(|e| e.line.as_ref() == Some(&line.line));
    let net = Money::total(nothing.currency(), of_it.map(|e| e.amount)).expect("one currency");
    let expected = match by {
        None | Some(Source::Schedule | Source::Never) => nothing,
        Some(Source::Line) => line.amount.minus(gone(ledger, standing, memos)).expect("one currency"),
        Some(Source::Invoice) => carried_by(ledger, &line.line).iter().fold(nothing, |sum, invoice| {
            let off = if memos.is_empty() { nothing } else { off(memos, &line.line, invoice) };
            sum.plus(line.amount).and_then(|sum| sum.minus(off)).expect("one currency")
        }),
    };
    must(broken, net == expected, || {
        format!("line {}, {:?}: {net} is earned, not {expected}", line.line, standing.status)
    });
}

/// Each share that has the terms of a line is told once, unless the schedule plans it.
fn borne(
    broken: &mut Vec<String>,
    (standing, by): (&Line, Option<Source>),
    (memos, told): (&[CreditMemo], &[RevenueEarned]),
) {
    for memo in memos.iter().filter(|m| m.status.is_posted()) {
        for share in memo.shares.iter().filter(|share| share.line == standing.line.line) {
            let of = |e: &&RevenueEarned| match &e.evidence {
                RevenueEvidence::CreditMemo { credit_memo, .. } => {
                    *credit_memo == memo.credit_memo && e.line.is_none() && e.element == share.element
                }
                _ => false,
            };
            let told: Vec<Money> = told.iter().filter(of).map(|e| e.amount).collect();
            let back = Money::zero(share.amount.currency()).minus(share.amount).expect("one currency");
            let expected =
                if matches!(by, None | Some(Source::Schedule | Source::Never)) { vec![] } else { vec![back] };
            must(broken, told == expected, || {
                format!("{share:?} of {} is told as {told:?}", memo.credit_memo)
            });
        }
    }
}

/// What was taken off an invoice as a whole is borne by its elements, to the cent.
fn shared(broken: &mut Vec<String>, ledger: &Ledger, memos: &[CreditMemo]) {
    for invoice in &ledger.invoices {
        let of = || memos.iter().filter(|m| m.invoice == invoice.invoice && m.status.is_posted());
        let whole = of().flat_map(|m| &m.parts).filter(|p| p.line.is_none()).map(|p| p.amount);
        let shares = of().flat_map(|m| &m.shares).map(|share| share.amount);
        let total =
            |amounts: Vec<Money>| Money::total(invoice.untaxed.currency(), amounts).expect("one currency");
        let (whole, shares) = (total(whole.collect()), total(shares.collect()));
        must(broken, whole == shares, || format!("{}: {shares} is borne of {whole}", invoice.invoice));
    }
}

fn invoice_of(told: &RevenueEarned) -> Option<InvoiceId> {
    match &told.evidence {
        RevenueEvidence::Invoice { invoice } => Some(invoice.clone()),
        _ => None,
    }
}

/// The schedule in force was told to its end: each element with what it plans, less what was taken off it, to the cent.
/// (A change order may have dropped already what was credited then.)
fn scheduled(
    broken: &mut Vec<String>,
    ledger: &Ledger,
    (contract, changed): (&Contract, bool),
    (memos, told): (&[CreditMemo], &[RevenueEarned]),
) {
    let schedules: Vec<RevenueSchedule> =
        ledger.kind("revenue-schedule").filter_map(|i| i.body().ok()).collect();
    let in_force = schedules.iter().find(|s| s.contract_version == contract.version);
    let completed =
        |key: &str| ledger.lines.iter().any(|l| Element::of(&l.line) == Element::Milestone(key.into()));
    let mut planned: BTreeMap<String, Money> = BTreeMap::new();
    for entry in in_force.map(|s| s.entries.as_slice()).unwrap_or_default() {
        let charge = contract.recurring_charge(&entry.element).is_some();
        let tells = match entry.treatment {
            RevenueTreatment::AsBilled => false,
            RevenueTreatment::StraightLine => true,
            RevenueTreatment::AsDelivered | RevenueTreatment::Milestone => charge,
        };
        if tells && (entry.planned_on.is_some() || completed(&entry.element)) {
            let sum = planned.entry(entry.element.clone()).or_insert(Money::zero(contract.currency));
            *sum = sum.plus(entry.amount).expect("one currency");
        }
    }
    let mut by_schedule: BTreeMap<String, Money> = BTreeMap::new();
    for event in told.iter().filter(|e| e.line.is_none() && !e.is_undoing()) {
        let sum = by_schedule.entry(event.element.key().into()).or_insert(Money::zero(contract.currency));
        *sum = sum.plus(event.amount).expect("one currency");
    }
    planned.retain(|_, sum| !sum.is_zero());
    by_schedule.retain(|_, sum| !sum.is_zero());
    let nothing = Money::zero(contract.currency);
    let keys: BTreeSet<String> = planned.keys().chain(by_schedule.keys()).cloned().collect();
    for key in keys {
        let of = |sums: &BTreeMap<String, Money>| sums.get(&key).copied().unwrap_or(nothing);
        let of_key = |element: &Element| element.is_planned() && element.key() == key;
        let lines = ledger.lines.iter().filter(|l| of_key(&Element::of(&l.line)));
        let shares = memos.iter().filter(|m| m.status.is_posted()).flat_map(|m| &m.shares);
        let shares = shares.filter(|s| of_key(&s.element)).map(|s| s.amount);
        let off = lines.map(|l| gone(ledger, l, memos)).chain(shares);
        let off = Money::total(contract.currency, off).expect("one currency");
        let (planned, told) = (of(&planned), of(&by_schedule));
        let least = planned.minus(off).expect("one currency");
        let right = told == least
            || (changed && !least.exceeds(told).unwrap_or(true) && !told.exceeds(planned).unwrap_or(true));
        must(broken, right, || {
            format!("of {key} {planned} are planned, {off} taken off, and {told} were told")
        });
    }
}

/// What came late is one exception for each month, with the sum.
fn late(broken: &mut Vec<String>, ledger: &Ledger, told: &[RevenueEarned]) {
    let mut late: BTreeMap<String, Money> = BTreeMap::new();
    for event in told.iter().filter(|e| e.late.is_some()) {
        must(broken, event.post_in() > event.period, || {
            format!("{event:?} is to be posted before it was late")
        });
        let sum = late.entry(event.period.to_string()).or_insert(Money::zero(event.amount.currency()));
        *sum = sum.plus(event.amount).expect("one currency");
    }
    let raised: Vec<_> = ledger
        .kind("exception")
        .filter(|e| e.text("code") == Some(ProblemCode::RevenueLate.as_str()))
        .collect();
    must(broken, raised.len() == late.len(), || {
        format!("{} exceptions of late revenue of {late:?}", raised.len())
    });
    for (period, sum) in late {
        let stakes =
            raised.iter().filter(|e| e.text("detail").is_some_and(|d| d.contains(&format!("for {period} "))));
        let stakes: Vec<Option<Money>> = stakes
            .map(|e| e.0.get("at_stake").and_then(|stake| serde_json::from_value(stake.clone()).ok()))
            .collect();
        must(broken, stakes == [Some(sum)], || {
            format!("late in {period} are {sum}, and finance is told {stakes:?}")
        });
    }
}
