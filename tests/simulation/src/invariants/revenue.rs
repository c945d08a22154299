//! Each line tells its revenue once, by what its treatment says; what a schedule told is what it plans; and of
//! what came late for a closed month finance was told, with the sum.

use std::collections::{BTreeMap, BTreeSet};

use domain::contract::{Contract, RevenueTreatment};
use domain::id::{InvoiceId, LineId};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::revenue::{Element, RevenueEarned, RevenueEvidence, RevenueSchedule, Source, source};
use journal::LinePage;

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
    let named = told.iter().filter(|e| e.line.is_some()).count();
    must(&mut broken, named == of_lines, || {
        format!("{named} revenue events name lines, and {of_lines} should")
    });
    scheduled(&mut broken, ledger, &engagement.contract, &told);
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
    let of_it: Vec<&RevenueEarned> = told.iter().filter(|e| e.line.as_ref() == Some(&line.line)).collect();
    let told_right =
        |e: &RevenueEarned| (e.amount, e.contract_version) == (line.amount, line.contract_version);
    let by = treatment.filter(|_| !line.amount.is_zero()).map(|t| source(t, &Element::of(line)));
    let (count, right) = match by {
        None | Some(Source::Schedule) => (0, true),
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

fn invoice_of(told: &RevenueEarned) -> Option<InvoiceId> {
    match &told.evidence {
        RevenueEvidence::Invoice { invoice } => Some(invoice.clone()),
        _ => None,
    }
}

/// The schedule in force was told to its end: each element with what it plans, to the cent.
fn scheduled(broken: &mut Vec<String>, ledger: &Ledger, contract: &Contract, told: &[RevenueEarned]) {
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
    for event in told.iter().filter(|e| e.line.is_none()) {
        let sum = by_schedule.entry(event.element.key().into()).or_insert(Money::zero(contract.currency));
        *sum = sum.plus(event.amount).expect("one currency");
    }
    planned.retain(|_, sum| !sum.is_zero());
    by_schedule.retain(|_, sum| !sum.is_zero());
    must(broken, planned == by_schedule, || {
        format!("planned are {planned:?}, and {by_schedule:?} were told")
    });
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
