//! A change order is in force in every system, or in none; what each holds is the contract in force.

use domain::problem::ProblemCode;
use domain::revenue::RevenueSchedule;
use domain::setup::compare;
use domain::statement_of_work::{StatementOfWork, StatementStatus};
use domain::{Contract, Money};
use jiff::tz::TimeZone;

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::world::World;

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(engagement) = &ledger.engagement else { return broken };
    let contract = &engagement.contract;
    // A further statement of work of the same version of the quote is the contract's next version.
    let expected = if deal.change_order.is_some() { 2 } else { 1 };
    let refused = |code: ProblemCode| {
        ledger.kind("exception").any(|e| {
            e.text("code") == Some(code.as_str())
                && e.text("status") == Some("open")
                && e.text("detail").is_some_and(|d| d.contains("was billed"))
        })
    };
    // What was billed before the order came into force stands against it; then a person knows.
    let stands = refused(ProblemCode::ChangeOrderInvalid) || refused(ProblemCode::ChangeOrderRefused);
    must(&mut broken, contract.version == expected || (contract.version == 1 && stands), || {
        format!("version {} is in force instead of {expected}, and nobody knows why", contract.version)
    });
    broken.extend(none_or_all(world, deal, ledger));
    let books = open(&world.books);
    // An engagement from before contract versions were kept has none until its first change order.
    if contract.work.is_empty() && ledger.kind("contract").next().is_none() {
        return broken;
    }
    let shown = books.deals.get(&deal.quote.deal).and_then(|d| d.get("contract version")).cloned();
    must(&mut broken, shown == Some(contract.version.to_string()), || {
        format!("the deal shows contract version {shown:?} instead of {}", contract.version)
    });
    kept(&mut broken, contract, ledger);
    stated(&mut broken, contract, ledger);
    broken
}

/// Every system holds the contract in force, and no order is left half-way.
pub(crate) fn none_or_all(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(engagement) = &ledger.engagement else { return vec!["there is no engagement".into()] };
    must(&mut broken, engagement.change_order.is_none(), || {
        format!("{:?} is still being carried out", engagement.change_order)
    });
    let books = open(&world.books);
    let today = world.sim.now().to_zoned(TimeZone::UTC).date();
    let (plan, project) = (books.held_plan(&deal.engagement), books.held_project(&deal.engagement, today));
    let differs = compare(&engagement.contract, &plan.into(), &project.into(), today);
    must(&mut broken, differs.is_none(), || format!("{differs:?}"));
    broken
}

/// The approved statements of work are the contract's, and add up to it. An engagement from before they were
/// kept has none until its first change order.
fn stated(broken: &mut Vec<String>, contract: &Contract, ledger: &Ledger) {
    let all: Vec<StatementOfWork> = ledger.kind("statement-of-work").filter_map(|i| i.body().ok()).collect();
    let approved: Vec<_> = all.iter().filter(|s| s.status == StatementStatus::Approved).collect();
    let value = Money::total(contract.currency, approved.iter().filter_map(|s| s.value().ok())).ok();
    must(broken, all.is_empty() || value == contract.value().ok(), || {
        format!("statements of work come to {value:?}")
    });
    let named: Vec<&String> = approved.iter().map(|s| &s.statement).collect();
    let missing: Vec<&String> = contract.statements.iter().filter(|s| !named.contains(s)).collect();
    must(broken, missing.is_empty(), || format!("statements of work {missing:?} are not kept as approved"));
}

/// Every version up to the one in force is kept, and the revenue schedule of each adds up to its value.
fn kept(broken: &mut Vec<String>, contract: &Contract, ledger: &Ledger) {
    let versions: Vec<Contract> = ledger.kind("contract").filter_map(|i| i.body().ok()).collect();
    let numbers: Vec<u32> = versions.iter().map(|c| c.version).collect();
    must(broken, numbers == (1..=contract.version).collect::<Vec<_>>(), || {
        format!("versions {numbers:?} are kept")
    });
    must(broken, versions.last() == Some(contract), || {
        "the version in force is not the one that is kept".into()
    });
    let schedules: Vec<RevenueSchedule> =
        ledger.kind("revenue-schedule").filter_map(|i| i.body().ok()).collect();
    for version in versions.iter().filter(|v| !v.revenue.is_empty()) {
        let schedule = schedules.iter().find(|s| s.contract_version == version.version);
        let planned =
            schedule.and_then(|s| Money::total(version.currency, s.entries.iter().map(|e| e.amount)).ok());
        must(broken, planned.is_some() && planned == version.value().ok(), || {
            format!("version {} is planned with {planned:?}", version.version)
        });
    }
}
