//! Sold, set up in the ERP and set up in the PSA, side by side.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::Contract;
use domain::activation::cut_contract;
use domain::problem::ProblemCode;
use domain::sample::{config, milestone_line, quote, support_line, usd};
use domain::setup::{Held, HeldPlan, HeldProject, compare, compare_sold, merged, not_in_force, positions};
use jiff::civil::{Date, date};

const DAY: Date = date(2026, 11, 20);

fn contract() -> Contract {
    let mut quote = quote();
    quote.lines.push(support_line("5", "S1", "1500.00", "2027-04-01", 12));
    cut_contract(&quote, &config()).expect("a contract")
}

fn plan() -> HeldPlan {
    HeldPlan { positions: positions(&contract()) }
}

fn project() -> HeldProject {
    HeldProject {
        budget: Some(usd("68000.00")),
        milestones: [("M1".into(), usd("20000.00")), ("M2".into(), usd("30000.00"))].into(),
        rates: [("consultant".into(), usd("180.00")), ("principal".into(), usd("260.00"))].into(),
    }
}

fn found(plan: Option<&HeldPlan>, project: Option<&HeldProject>) -> String {
    compare(&contract(), &plan.cloned().into(), &project.cloned().into(), DAY)
        .map(|p| p.detail)
        .unwrap_or_default()
}

/// Proves EXC-26 in part: fee, recurring charge, budget, milestones and rates agree.
#[test]
fn what_agrees_is_no_difference() {
    assert_eq!(found(Some(&plan()), Some(&project())), "");
}

/// Proves EXC-26 in part, CHG-09 in part: each difference is named with its system, record and both amounts.
#[test]
fn every_difference_is_named() {
    let mut changed = (plan(), project());
    changed.0.positions.insert("M2".into(), usd("36000.00"));
    changed.0.positions.remove("S1");
    changed.0.positions.insert("M9".into(), usd("1.00"));
    changed.1.budget = Some(usd("50000.00"));
    changed.1.milestones.insert("M1".into(), usd("2000.00"));
    changed.1.rates.insert("consultant".into(), usd("175.00"));
    let said = found(Some(&changed.0), Some(&changed.1));
    for difference in [
        "billing plan: position M2 holds 36000.00 USD instead of 30000.00 USD",
        "billing plan: position S1 holds nothing instead of 1500.00 USD",
        "billing plan: position M9 holds 1.00 USD and was not sold",
        "project: milestone M1 holds 2000.00 USD instead of 20000.00 USD",
        "project: rate of consultant holds 175.00 USD instead of 180.00 USD",
        "project: budget 50000.00 USD instead of 68000.00 USD",
    ] {
        assert!(said.contains(difference), "{difference} is not in {said}");
    }
    assert_eq!(said.matches("; ").count(), 5);
}

#[test]
fn a_record_that_is_gone_is_a_difference() {
    assert!(found(None, Some(&project())).contains("the ERP has no billing plan"));
    assert!(found(Some(&plan()), None).contains("the PSA has no project"));
    let odd = Held::Odd("position M1 holds no price".into());
    let said =
        compare(&contract(), &odd, &Held::Record(project()), DAY).map(|p| p.detail).unwrap_or_default();
    assert!(said.ends_with("billing plan: position M1 holds no price"), "{said}");
}

/// Proves SCN-16 in part: a value that was edited in the CRM without a new version is found.
#[test]
fn a_quote_edited_after_it_was_signed_is_found() {
    let contract = cut_contract(&quote(), &config()).unwrap();
    assert_eq!(compare_sold(&contract, &quote()), None);
    let mut edited = quote();
    edited.lines[1] = milestone_line("2", "M2", "Go-live", "36000.00");
    let problem = compare_sold(&contract, &edited).expect("a difference");
    assert_eq!(problem.code, ProblemCode::ContractDiffers);
    assert!(problem.detail.contains("M2 holds 36000.00 USD instead of 30000.00 USD"), "{problem}");
    edited.approved = false;
    assert!(compare_sold(&contract, &edited).is_some_and(|p| p.detail.contains("not approved")));
    let both =
        merged(compare_sold(&contract, &edited), compare(&contract, &Held::Nothing, &Held::Nothing, DAY))
            .expect("both");
    assert!(both.detail.contains("not approved") && both.detail.contains("no billing plan"), "{both}");
}

/// Proves CHG-09 in part: rates, ceiling and the way a charge recurs are terms too.
#[test]
fn terms_edited_without_a_new_version_are_found() {
    let mut signed = quote();
    signed.lines.push(support_line("5", "S1", "1500.00", "2027-04-01", 12));
    let contract = cut_contract(&signed, &config()).unwrap();
    assert_eq!(compare_sold(&contract, &signed), None);
    let mut edited = signed.clone();
    edited.time_ceiling = Some(usd("9000.00"));
    let line = |role: &str| signed.lines.iter().position(|l| l.role.as_deref() == Some(role)).unwrap();
    edited.lines[line("consultant")].unit_price = usd("175.00");
    edited.lines.last_mut().unwrap().quantity = 24.into();
    let said = compare_sold(&contract, &edited).expect("differences").detail;
    for difference in [
        "quote: rate of consultant holds 175.00 USD instead of 180.00 USD",
        "quote: line S1 recurs in another way",
        "quote: ceiling on time 9000.00 USD instead of",
    ] {
        assert!(said.contains(difference), "{difference} is not in {said}");
    }
}

/// A later version is a change order, for whoever carries it out.
#[test]
fn a_later_version_is_no_difference() {
    let contract = cut_contract(&quote(), &config()).unwrap();
    let mut later = quote();
    later.version = 2;
    later.lines.remove(0);
    assert_eq!(compare_sold(&contract, &later), None);
    let problem = not_in_force(&contract, &later);
    assert!(problem.detail.contains("holds version 2 as approved"), "{problem}");
}
