//! An earned line is billed only where contract, customer and configuration agree.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use domain::billing::hold::HoldReason;
use domain::billing::readiness::{Facts, check, readied};
use domain::billing::{milestone_completed, time_approved};
use domain::customer::{GlobalCustomer, Learned, Parent};
use domain::decision::Effects;
use domain::id::CustomerId;
use domain::invoicing::{Ask, InvoicePolicy, Invoicing};
use domain::problem::Owner;
use domain::quote::Quote;
use domain::sample::{active, completion, config, entry, parent, quote, usd};
use domain::{Decision, Engagement, Event, TenantConfig};
use jiff::civil::{Date, date};
use proptest::prelude::*;

const DAY: Date = date(2026, 11, 16);

fn facts(config: &TenantConfig) -> Facts<'_> {
    Facts { config, customer: None }
}

/// An active engagement of a quote, booked as the catalog says.
fn booked(quote: &Quote) -> Engagement {
    let mut engagement = active(quote);
    let services = config().services;
    engagement.contract.accounting =
        services.into_iter().filter_map(|s| Some((s.code, s.accounting?))).collect();
    engagement
}

/// What comes of 450 minutes of a consultant on a day: 7.5 h at 180.00 are 1,350.00.
fn time(state: &Engagement, config: &TenantConfig) -> Effects {
    let worked = entry("1", "consultant", &DAY.to_string(), 450);
    applied(readied(time_approved(Some(state), &worked), Some(state), &facts(config)))
}

fn applied(decision: Decision) -> Effects {
    match decision {
        Decision::Apply(effects) => *effects,
        other => panic!("{other:?}"),
    }
}

fn ready(effects: &Effects) -> usize {
    effects.events.iter().filter(|e| matches!(e, Event::BillingReady(_))).count()
}

fn asked(effects: &Effects) -> usize {
    effects.events.iter().filter(|e| matches!(e, Event::InvoiceRequested(_))).count()
}

/// Proves WFC-04 in part and EVT-11 in part: a line carries rate, contract version, cost centre and entity's currency,
/// and is told as ready where all of it agrees.
#[test]
fn a_line_of_which_all_agrees_is_ready() {
    let effects = time(&booked(&quote()), &config());
    let line = &effects.lines[0];
    assert_eq!((line.amount, line.contract_version), (usd("1350.00"), 1));
    assert_eq!(line.accounting.as_ref().unwrap().cost_centre, "4200");
    assert_eq!((ready(&effects), effects.held.len()), (1, 0));
    assert_eq!(effects.state, None, "nothing shared is written");
}

/// Proves WFC-05 in part, SCN-17 in part and EVT-11 in part: work of a day on which its cost centre is closed is
/// kept as a line and held with cause, owner and amount, and not told as ready.
#[test]
fn time_of_a_closed_cost_centre_is_held_with_its_cause() {
    let mut config = config();
    let state = booked(&quote());
    let centre = config.cost_centres.iter_mut().find(|c| c.code == "4200").unwrap();
    centre.until = Some(DAY);
    assert_eq!(time(&state, &config).held, [], "the last day counts");
    let centre = config.cost_centres.iter_mut().find(|c| c.code == "4200").unwrap();
    centre.until = Some(DAY.yesterday().unwrap());
    let effects = time(&state, &config);
    assert_eq!((effects.lines.len(), ready(&effects)), (1, 0));
    let held = &effects.held[0];
    assert_eq!((held.reason, held.problem.owner), (HoldReason::CostCentre, Owner::FinanceOperations));
    assert_eq!(held.problem.at_stake, Some(usd("1350.00")));
    assert!(held.problem.detail.contains("`4200` is not in force on 2026-11-16"), "{}", held.problem);
    assert_eq!(effects.state.unwrap().held_lines, 1);
}

/// Proves WFC-05 in part and SCN-17 in part: so is what is taxed otherwise than it was signed.
#[test]
fn a_tax_code_that_is_another_now_holds() {
    let state = booked(&quote());
    let mut config = config();
    config.legal_entities[0].tax_codes = BTreeMap::from([("US".into(), "SALES-8".into())]);
    let effects = time(&state, &config);
    assert_eq!(effects.held[0].reason, HoldReason::TaxCode);
    assert!(effects.held[0].problem.detail.contains("`SALES-10`, the configuration `SALES-8`"));
    // Agreed by a change order that has the code of today.
    let mut amended = state;
    amended.contract.tax_code = "SALES-8".into();
    config.tax_codes[0].code = "SALES-8".into();
    assert_eq!(time(&amended, &config).held, []);
    config.tax_codes[0].from = Some(DAY.tomorrow().unwrap());
    assert_eq!(time(&amended, &config).held[0].reason, HoldReason::TaxCode, "not in force yet");
}

fn known(engagement: &Engagement, config: &TenantConfig) -> GlobalCustomer {
    let record = engagement.customer_record.clone();
    let learned = Learned {
        record: &record,
        entity: &config.legal_entities[0],
        payment_terms: "net-30",
        facts: None,
        parent: record.parent.as_ref().map(|p| Parent {
            customer: CustomerId::of_company("northwind", "hubspot-main", &p.company),
            company: p.company.clone(),
        }),
        records: BTreeMap::new(),
        at: "2026-11-02T15:00:00Z".parse().unwrap(),
    };
    GlobalCustomer::new(engagement.customer.clone(), &learned)
}

/// Proves WFC-05 in part and SCN-17 in part: a customer who belongs to another company than when he signed, or moved
/// to where we are not registered, is not billed before somebody has looked.
#[test]
fn a_customer_who_is_another_now_holds() {
    let mut sold = quote();
    sold.customer.parent = Some(Box::new(parent()));
    let (state, config) = (booked(&sold), config());
    let line = time(&state, &config).lines.remove(0);
    let mut customer = known(&state, &config);
    let found = |customer: &GlobalCustomer| {
        check(&line, &state, &Facts { config: &config, customer: Some(customer) }).map(|h| h.reason)
    };
    assert_eq!(found(&customer), None);
    customer.parent = None;
    assert_eq!(found(&customer), Some(HoldReason::CustomerHierarchy));
    let mut moved = known(&state, &config);
    moved.tax.jurisdiction = Some("DE".into());
    assert_eq!(found(&moved), Some(HoldReason::TaxCode));
    let mut unregistered = known(&state, &config);
    unregistered.tax.registration = None;
    assert_eq!(found(&unregistered), Some(HoldReason::TaxCode));
}

/// Proves WFC-05: nothing is found one after the other, and what is sold by nobody is held too.
#[test]
fn all_findings_are_told_together() {
    let state = booked(&quote());
    let mut config = config();
    config.legal_entities[0].currencies.clear();
    config.cost_centres.clear();
    config.tax_codes[0].code = "OTHER".into();
    let held = time(&state, &config).held.remove(0);
    assert_eq!(held.reason, HoldReason::LegalEntity);
    for words in ["does not sell in USD", "tax code `SALES-10`", "cost centre `4200`"] {
        assert!(held.problem.detail.contains(words), "{}", held.problem);
    }
    config.legal_entities.clear();
    assert_eq!(time(&state, &config).held[0].reason, HoldReason::LegalEntity);
}

/// A milestone that can't be billed yet asks for no invoice, and counts as completed.
#[test]
fn a_held_milestone_asks_for_nothing() {
    let state = booked(&quote());
    let mut config = config();
    let completed = |config: &TenantConfig| {
        let decision = milestone_completed(Some(&state), &completion("M1"), DAY);
        applied(readied(decision, Some(&state), &facts(config)))
    };
    let effects = completed(&config);
    assert_eq!((ready(&effects), asked(&effects)), (1, 1));
    config.cost_centres.clear();
    let effects = completed(&config);
    assert_eq!((ready(&effects), asked(&effects), effects.held.len()), (0, 0, 1));
    let next = effects.state.unwrap();
    assert_eq!((next.held_lines, next.completed_milestones.len()), (1, 1));
}

/// When work asks for an invoice by itself is the policy's to say.
#[test]
fn the_policy_says_what_asks_for_an_invoice() {
    let state = booked(&quote());
    let with = |ask| {
        let policies = vec![InvoicePolicy { ask, ..InvoicePolicy::default() }];
        TenantConfig { invoicing: Invoicing { policies, ..Invoicing::default() }, ..config() }
    };
    let milestone = |config: &TenantConfig| {
        let decision = milestone_completed(Some(&state), &completion("M1"), DAY);
        asked(&applied(readied(decision, Some(&state), &facts(config))))
    };
    for (ask, by_time, by_milestone) in [
        (Ask::AtOnce, 1, 1),
        (Ask::PerMilestone, 0, 1),
        (Ask::Monthly { on_day: 1 }, 0, 0),
        (Ask::Manual, 0, 0),
    ] {
        let config = with(ask);
        assert_eq!((asked(&time(&state, &config)), milestone(&config)), (by_time, by_milestone), "{ask:?}");
    }
}

proptest! {
    /// Whatever is wrong, a line is either told as ready or held with its whole amount at stake, and the ceiling
    /// counts it alike.
    #[test]
    fn a_line_is_ready_or_held(
        minutes in 1_u32..2_000,
        day in 1_i8..28,
        closed in proptest::option::of(1_i8..28),
        unlisted in any::<bool>(),
        other_tax in any::<bool>(),
        before in 0_u32..5,
    ) {
        let mut config = config();
        for centre in &mut config.cost_centres {
            centre.until = closed.map(|d| date(2026, 11, d));
        }
        if unlisted { config.cost_centres.clear(); }
        if other_tax { config.legal_entities[0].tax_code = "OTHER".into(); }
        let mut sold = quote();
        sold.time_ceiling = Some(usd("100000.00"));
        let state = Engagement { held_lines: before, ..booked(&sold) };
        let worked = entry("1", "consultant", &format!("2026-11-{day:02}"), minutes);
        let plain = applied(time_approved(Some(&state), &worked));
        let effects = applied(readied(time_approved(Some(&state), &worked), Some(&state), &facts(&config)));
        let wrong = unlisted || other_tax || closed.is_some_and(|c| c < day);
        prop_assert_eq!(effects.held.len(), usize::from(wrong));
        prop_assert_eq!(ready(&effects), usize::from(!wrong));
        prop_assert_eq!(&effects.lines, &plain.lines);
        let (next, plain) = (effects.state.unwrap(), plain.state.unwrap());
        prop_assert_eq!(next.time_billed, plain.time_billed);
        prop_assert_eq!(next.held_lines, before + u32::from(wrong));
        for held in &effects.held {
            prop_assert_eq!(held.problem.at_stake, Some(effects.lines[0].amount));
        }
    }
}
