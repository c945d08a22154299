//! Work that another legal entity or a subcontractor supplied: worked examples, and what always holds.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::billing::Evidence;
use domain::decision::{Decision, Effects};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::sample::{active, config, entry, quote, usd};
use domain::staffing::{TransferBasis, UnknownResources, time_approved};
use domain::work::TimeEntry;
use domain::{Engagement, TenantConfig};
use proptest::prelude::*;
use serde_json::json;

/// The sample tenant with a second entity, people and prices between the entities.
fn staffed() -> TenantConfig {
    let mut whole = serde_json::to_value(config()).expect("JSON");
    whole["resources"] = json!([
        {"name": "Ada Lovelace", "legal_entity": "NW-US", "employment": "employee"},
        {"name": "Grace Hopper", "legal_entity": "NW-EU", "employment": "employee"},
        {"name": "Joan Clarke", "legal_entity": "NW-UK", "employment": "employee"},
        {"name": "Mary Shaw", "legal_entity": "NW-US", "employment": "subcontractor",
         "cost_rate": {"amount": "95.50", "currency": "USD"}},
        {"name": "Edith Clarke", "legal_entity": "NW-EU", "employment": "subcontractor",
         "cost_rate": {"amount": "80.00", "currency": "EUR"}},
        {"name": "Moved Person", "legal_entity": "NW-EU", "employment": "employee"},
        {"name": "Moved Person", "legal_entity": "NW-US", "employment": "employee", "effective_from": "2026-11-17"},
    ]);
    whole["transfer_prices"] = json!([
        {"from": "NW-EU", "to": "NW-US", "basis": {"percent": "72.5"}},
        {"from": "NW-UK", "to": "NW-US", "basis": {"hourly": {"amount": "110.00", "currency": "GBP"}}},
    ]);
    serde_json::from_value(whole).expect("a configuration")
}

fn engagement() -> Engagement {
    active(&quote())
}

fn worked(person: &str, minutes: u32) -> TimeEntry {
    TimeEntry { person: person.into(), ..entry("1", "consultant", "2026-11-16", minutes) }
}

fn effects(entry: &TimeEntry, config: &TenantConfig) -> Effects {
    match time_approved(Some(&engagement()), entry, config) {
        Decision::Apply(effects) => *effects,
        other => panic!("{other:?}"),
    }
}

fn types(effects: &Effects) -> Vec<&'static str> {
    effects.events.iter().map(domain::Event::type_name).collect()
}

/// An employee of the entity that sold: exactly what was decided before there were resources.
#[test]
fn own_people_are_billed_as_ever() {
    let own = worked("Ada Lovelace", 450);
    let without = domain::billing::time_approved(Some(&engagement()), &own);
    assert_eq!(time_approved(Some(&engagement()), &own, &staffed()), without);
    let stranger = worked("Nobody Known", 450);
    let without = domain::billing::time_approved(Some(&engagement()), &stranger);
    assert_eq!(time_approved(Some(&engagement()), &stranger, &staffed()), without);
}

/// Proves MEC-06 and CAN-13 in part: 50 min at 180.00 are 150.00; 72.5 % of it are 108.75, owed by
/// the entity that sold to the one that supplied, with person, project, role and rate as evidence.
#[test]
fn a_person_of_another_entity_is_charged_between_the_two() {
    let effects = effects(&worked("Grace Hopper", 50), &staffed());
    let (line, charge) = (&effects.lines[0], &effects.charges[0]);
    assert_eq!((line.amount, line.subcontracted), (usd("150.00"), false));
    assert_eq!((charge.from.as_str(), charge.to.as_str()), ("NW-EU", "NW-US"));
    assert_eq!(charge.amount, usd("108.75"));
    assert_eq!(charge.basis, TransferBasis::Percent("72.5".parse().unwrap()));
    assert_eq!((&charge.line, charge.unbilled), (&line.line, false));
    assert!(charge.charge.as_str().starts_with("ich_"));
    let Evidence::Time { entry, hourly } = &charge.evidence else { panic!("time") };
    assert_eq!(
        (entry.person.as_str(), entry.project.as_str(), entry.role.as_str()),
        ("Grace Hopper", "6", "consultant")
    );
    assert_eq!(*hourly, usd("180.00"));
    assert!(effects.costs.is_empty());
    assert_eq!(types(&effects), ["q2c.billing.ready.v1", "q2c.intercompany.charged.v1"]);
}

/// 100 min at 110.00 GBP are 183.33 GBP: a price of its own has its own currency.
#[test]
fn an_hourly_transfer_price_has_its_own_currency() {
    let effects = effects(&worked("Joan Clarke", 100), &staffed());
    assert_eq!(effects.charges[0].amount.to_string(), "183.33 GBP");
    assert_eq!(effects.lines[0].amount, usd("300.00"));
}

/// Proves MEC-07 in part and CAN-29 in part: 100 min at 95.50 cost 159.17, beside the 300.00 that are billed.
#[test]
fn a_subcontractor_s_time_is_billed_and_its_cost_recorded() {
    let effects = effects(&worked("Mary Shaw", 100), &staffed());
    let (line, cost) = (&effects.lines[0], &effects.costs[0]);
    assert_eq!((line.amount, line.subcontracted), (usd("300.00"), true));
    assert_eq!((cost.amount, cost.hourly), (usd("159.17"), usd("95.50")));
    assert_eq!((cost.legal_entity.as_str(), cost.line.as_ref()), ("NW-US", Some(&line.line)));
    assert!(cost.cost.as_str().starts_with("sub_"));
    assert!(effects.charges.is_empty(), "hired by the entity that sold");
    assert_eq!(types(&effects), ["q2c.billing.ready.v1", "q2c.subcontractor-cost.recorded.v1"]);
}

/// Proves SCN-25 in part: a subcontractor whom another entity hired costs that one, which charges the seller.
#[test]
fn another_entity_s_subcontractor_is_both() {
    let effects = effects(&worked("Edith Clarke", 60), &staffed());
    assert_eq!(effects.costs[0].amount.to_string(), "80.00 EUR");
    assert_eq!(effects.costs[0].legal_entity, "NW-EU");
    assert_eq!(effects.charges[0].amount, usd("130.50"));
}

/// A subcontractor is paid for the hour, whether the customer is billed for it or not.
#[test]
fn time_that_is_not_billable_costs_all_the_same() {
    let unbilled = |person: &str| TimeEntry { billable: false, ..worked(person, 60) };
    let effects = effects(&unbilled("Mary Shaw"), &staffed());
    assert_eq!((effects.lines.len(), effects.costs[0].amount), (0, usd("95.50")));
    assert_eq!(effects.costs[0].line, None);
    for person in ["Grace Hopper", "Ada Lovelace", "Nobody Known"] {
        let decision = time_approved(Some(&engagement()), &unbilled(person), &staffed());
        assert!(matches!(decision, Decision::NoEffect(_)), "{person}");
    }
    let strict = TenantConfig { unknown_resources: UnknownResources::Hold, ..staffed() };
    let stranger = time_approved(Some(&engagement()), &unbilled("Nobody Known"), &strict);
    assert!(matches!(stranger, Decision::Hold(_)), "who may be a subcontractor: {stranger:?}");
}

/// Proves MEC-06 in part: under a fixed fee no hour is billed, and an entity that is paid by the hour is
/// paid for each; a share of nothing is nothing.
#[test]
fn an_hourly_transfer_price_counts_where_the_customer_is_not_billed() {
    let unbilled = |person: &str| TimeEntry { billable: false, ..worked(person, 60) };
    let effects = effects(&unbilled("Joan Clarke"), &staffed());
    let [charge] = effects.charges.as_slice() else { panic!("{effects:?}") };
    assert_eq!((charge.amount.to_string().as_str(), charge.unbilled), ("110.00 GBP", true));
    assert_eq!(types(&effects), ["q2c.intercompany.charged.v1"]);
    let Evidence::Time { entry, hourly } = &charge.evidence else { panic!("time") };
    assert_eq!((entry.person.as_str(), *hourly), ("Joan Clarke", usd("0.00")));
}

/// A transfer price counts from its day on, by the day worked and not by the day of approval.
#[test]
fn the_transfer_price_of_the_day_worked_counts() {
    let mut whole = serde_json::to_value(staffed()).expect("JSON");
    let cheaper =
        json!({"from": "NW-EU", "to": "NW-US", "basis": {"percent": "50"}, "effective_from": "2026-11-17"});
    whole["transfer_prices"].as_array_mut().expect("a list").push(cheaper);
    let config = serde_json::from_value(whole).expect("a configuration");
    let charged = |day: &str| {
        let entry = TimeEntry { worked_on: day.parse().unwrap(), ..worked("Grace Hopper", 60) };
        effects(&entry, &config).charges[0].amount
    };
    assert_eq!((charged("2026-11-16"), charged("2026-11-17")), (usd("130.50"), usd("90.00")));
}

/// Whose employee somebody was counts on the day worked.
#[test]
fn the_employment_on_the_day_worked_counts() {
    let on = |day: &str| TimeEntry { worked_on: day.parse().unwrap(), ..worked("Moved Person", 60) };
    assert_eq!(effects(&on("2026-11-16"), &staffed()).charges.len(), 1);
    assert_eq!(effects(&on("2026-11-17"), &staffed()).charges.len(), 0);
}

/// What is not configured is not guessed.
#[test]
fn a_missing_resource_or_price_waits_for_a_person() {
    let held =
        |entry: &TimeEntry, config: &TenantConfig| match time_approved(Some(&engagement()), entry, config) {
            Decision::Hold(problem) => Some((problem.code, problem.at_stake)),
            _ => None,
        };
    let strict = TenantConfig { unknown_resources: UnknownResources::Hold, ..staffed() };
    let code = ProblemCode::NoResource;
    assert_eq!(held(&worked("Nobody Known", 60), &strict), Some((code, None)));
    assert_eq!(held(&worked("Ada Lovelace", 60), &strict), None);
    let unpriced = TenantConfig { transfer_prices: vec![], ..staffed() };
    assert_eq!(held(&worked("Grace Hopper", 60), &unpriced), Some((code, Some(usd("180.00")))));
    let mut free = staffed();
    free.resources.iter_mut().for_each(|r| r.cost_rate = None);
    assert_eq!(held(&worked("Mary Shaw", 60), &free), Some((code, None)));
}

proptest! {
    /// Whoever worked however long: at most one charge and one cost an entry, each a share of that
    /// entry alone; charges never exceed what is billed at a percentage below a hundred; and the
    /// same entry decides the same again.
    #[test]
    fn charges_follow_their_lines(work in prop::collection::vec((0_usize..5, 0_u32..1_000, any::<bool>()), 1..40)) {
        let (state, config) = (engagement(), staffed());
        let people = ["Ada Lovelace", "Grace Hopper", "Mary Shaw", "Edith Clarke", "Nobody Known"];
        let (mut billed, mut charged, mut expected) = (usd("0.00"), usd("0.00"), usd("0.00"));
        let mut ids = std::collections::BTreeSet::new();
        let mut records = 0;
        for (i, (person, minutes, billable)) in work.iter().enumerate() {
            let entry = TimeEntry {
                person: people[*person].into(),
                billable: *billable,
                ..entry(&i.to_string(), "principal", "2026-11-16", *minutes)
            };
            let decision = time_approved(Some(&state), &entry, &config);
            prop_assert_eq!(&decision, &time_approved(Some(&state), &entry, &config));
            let Decision::Apply(effects) = decision else { continue };
            prop_assert!(effects.charges.len() <= 1 && effects.costs.len() <= 1);
            for line in &effects.lines {
                billed = billed.plus(line.amount).unwrap();
                prop_assert_eq!(line.subcontracted, !effects.costs.is_empty());
            }
            for charge in &effects.charges {
                prop_assert_eq!((!charge.unbilled).then_some(&charge.line), effects.lines.first().map(|l| &l.line));
                charged = charged.plus(charge.amount).unwrap();
                let share = effects.lines[0].amount.amount() * rust_decimal::Decimal::new(725, 3);
                expected = expected.plus(Money::rounded(share, charge.amount.currency())).unwrap();
            }
            records += effects.charges.len() + effects.costs.len();
            ids.extend(effects.charges.iter().map(|c| c.charge.to_string()));
            ids.extend(effects.costs.iter().map(|c| c.cost.to_string()));
        }
        prop_assert_eq!(charged, expected);
        prop_assert!(!charged.exceeds(billed).unwrap());
        prop_assert_eq!(ids.len(), records, "each record has an ID of its own");
    }
}
