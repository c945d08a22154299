//! Revenue schedules, with figures computed by hand.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::Contract;
use domain::activation::cut_contract;
use domain::contract::{ChargeTiming, Period, RevenueTreatment};
use domain::money::{Currency, Money};
use domain::revenue::{reschedule, schedule};
use domain::sample::{config, milestone_line, quote, support_line, usd};
use jiff::civil::{Date, date};
use proptest::prelude::*;

const START: Date = date(2026, 11, 20);

fn contract(treatment: RevenueTreatment) -> Contract {
    let mut quote = quote();
    quote.lines = vec![
        milestone_line("1", "M1", "Design", "1000.00"),
        support_line("2", "S1", "100.00", "2027-01-31", 2),
    ];
    quote.lines[0].planned_on = Some(date(2027, 1, 29));
    let mut contract = cut_contract(&quote, &config()).expect("a contract");
    contract.revenue = [("IMPL".into(), treatment), ("SUPPORT".into(), treatment)].into();
    contract
}

fn planned(contract: &Contract) -> Vec<(String, Option<String>, String)> {
    let entries = schedule(contract, START).expect("a schedule").entries;
    entries
        .into_iter()
        .map(|e| (e.element, e.planned_on.map(|d| d.to_string()), e.amount.to_string()))
        .collect()
}

fn entry(element: &str, day: &str, amount: &str) -> (String, Option<String>, String) {
    (element.into(), Some(day.into()), format!("{amount} USD"))
}

/// Proves WFA-24 in part, CAN-22 in part: 1,000.00 over November, December and January is 333.33 + 333.33 + 333.34; a
/// monthly fee from the 31st of January runs to the 27th of February and on to the 30th of March.
#[test]
fn a_straight_line_runs_to_the_milestone_and_over_each_period() {
    assert_eq!(
        planned(&contract(RevenueTreatment::StraightLine)),
        [
            entry("M1", "2026-11-30", "333.33"),
            entry("M1", "2026-12-31", "333.33"),
            entry("M1", "2027-01-31", "333.34"),
            entry("S1", "2027-02-27", "100.00"),
            entry("S1", "2027-03-30", "100.00"),
        ]
    );
}

/// Proves CHG-04 in part: 1,000.00 over November to January becomes 1,500.00 on the 15th of December. November's 333.33
/// stays; 1,500.00 − 333.33 = 1,166.67 is spread over December and January, 583.33 + 583.34.
#[test]
fn months_that_are_over_keep_what_was_planned_for_them() {
    let first = contract(RevenueTreatment::StraightLine);
    let before = schedule(&first, START).expect("a schedule");
    let mut dearer = first.clone();
    dearer.version = 2;
    dearer.milestones[0].amount = usd("1500.00");
    let shown = |contract: &Contract, on| {
        let entries = reschedule(contract, on, &before).expect("a schedule").entries;
        let of = entries.into_iter().filter(|e| e.element == "M1");
        of.map(|e| (e.planned_on.unwrap().to_string(), e.amount.amount().to_string())).collect::<Vec<_>>()
    };
    let expected = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(day, amount)| ((*day).into(), (*amount).into())).collect()
    };
    let day = date(2026, 12, 15);
    let spread = [("2026-11-30", "333.33"), ("2026-12-31", "583.33"), ("2027-01-31", "583.34")];
    assert_eq!(shown(&dearer, day), expected(&spread));
    // What does not change is planned as it was.
    let as_it_was = [("2026-11-30", "333.33"), ("2026-12-31", "333.33"), ("2027-01-31", "333.34")];
    assert_eq!(shown(&first, day), expected(&as_it_was));
    // After its last month, what was added belongs to the month of the change.
    let late = [
        ("2026-11-30", "333.33"),
        ("2026-12-31", "333.33"),
        ("2027-01-31", "333.34"),
        ("2027-02-28", "500.00"),
    ];
    assert_eq!(shown(&dearer, date(2027, 2, 3)), expected(&late));
    assert_eq!(shown(&first, date(2027, 2, 3)).len(), 3);
}

/// Proves CHG-04 in part: a milestone that is dropped in December gives back November's 333.33 in December; the
/// months of a charge stay as they were.
#[test]
fn what_is_dropped_gives_back_what_was_planned() {
    let first = contract(RevenueTreatment::StraightLine);
    let before = schedule(&first, START).expect("a schedule");
    let mut without = first.clone();
    without.version = 2;
    without.milestones.clear();
    let second = reschedule(&without, date(2026, 12, 15), &before).expect("a schedule");
    let shown: Vec<_> = second
        .entries
        .iter()
        .map(|e| (e.element.clone(), e.planned_on.map(|d| d.to_string()), e.amount.to_string()))
        .collect();
    assert_eq!(
        shown,
        [
            entry("S1", "2027-02-27", "100.00"),
            entry("S1", "2027-03-30", "100.00"),
            entry("M1", "2026-11-30", "333.33"),
            entry("M1", "2026-12-31", "-333.33"),
        ]
    );
    // Given back once.
    let third =
        reschedule(&Contract { version: 3, ..without }, date(2027, 1, 15), &second).expect("a schedule");
    assert_eq!(third.entries, second.entries);
}

/// A milestone that loses its day keeps the months that are over; the rest has no day either.
#[test]
fn a_milestone_that_loses_its_day_keeps_its_past() {
    let first = contract(RevenueTreatment::StraightLine);
    let before = schedule(&first, START).expect("a schedule");
    let mut undated = first;
    undated.milestones[0].planned_on = None;
    let entries = reschedule(&undated, date(2026, 12, 15), &before).expect("a schedule").entries;
    let of: Vec<_> = entries.iter().filter(|e| e.element == "M1").map(|e| (e.planned_on, e.amount)).collect();
    assert_eq!(of, [(Some(date(2026, 11, 30)), usd("333.33")), (None, usd("666.67"))]);
}

/// Proves WFA-24 in part: as billed, a fee is planned for the day it is charged, at the beginning or after the end.
#[test]
fn as_billed_follows_the_charge() {
    let mut contract = contract(RevenueTreatment::AsBilled);
    let arrears = [
        entry("M1", "2027-01-29", "1000.00"),
        entry("S1", "2027-02-28", "100.00"),
        entry("S1", "2027-03-31", "100.00"),
    ];
    assert_eq!(planned(&contract), arrears);
    contract.recurring[0].timing = ChargeTiming::Advance;
    assert_eq!(
        planned(&contract)[1..],
        [entry("S1", "2027-01-31", "100.00"), entry("S1", "2027-02-28", "100.00")]
    );
}

#[test]
fn a_milestone_without_a_day_is_planned_without_one() {
    let mut contract = contract(RevenueTreatment::Milestone);
    contract.milestones[0].planned_on = None;
    assert_eq!(planned(&contract)[0], ("M1".into(), None, "1000.00 USD".into()));
}

#[test]
fn a_service_without_a_treatment_has_no_schedule() {
    let mut contract = contract(RevenueTreatment::Milestone);
    contract.revenue.clear();
    assert_eq!(planned(&contract), []);
}

#[test]
fn a_quarter_of_yen_is_split_into_whole_yen() {
    let yen = Currency::from_code("JPY").unwrap();
    let mut contract = contract(RevenueTreatment::StraightLine);
    contract.milestones.clear();
    contract.recurring[0].period = Period::Quarterly;
    contract.recurring[0].term = 1;
    contract.recurring[0].starts_on = date(2027, 1, 1);
    contract.recurring[0].fee = Money::parse("1000", yen).unwrap();
    let said: Vec<String> = planned(&contract).into_iter().map(|(_, _, amount)| amount).collect();
    assert_eq!(said, ["333 JPY", "333 JPY", "334 JPY"]);
}

/// Two aligned quarters of 900.00 from the 15th of February: 45 of 90 days are 450.00, of which February has
/// 14 ÷ 45 = 140.00 and March 31 ÷ 45 = 310.00; then 300.00 a month; then 45 of 92 days until the 14th of August, 440.22,
/// of which July has 31 ÷ 45 = 303.26 and August the rest.
#[test]
fn parts_of_a_quarter_are_recognised_by_the_day() {
    let mut contract = contract(RevenueTreatment::StraightLine);
    contract.milestones.clear();
    let charge = &mut contract.recurring[0];
    (charge.fee, charge.period, charge.aligned) = (usd("900.00"), Period::Quarterly, true);
    charge.starts_on = date(2027, 2, 15);
    let of = [
        entry("S1", "2027-02-28", "140.00"),
        entry("S1", "2027-03-31", "310.00"),
        entry("S1", "2027-04-30", "300.00"),
        entry("S1", "2027-05-31", "300.00"),
        entry("S1", "2027-06-30", "300.00"),
        entry("S1", "2027-07-31", "303.26"),
        entry("S1", "2027-08-14", "136.96"),
    ];
    assert_eq!(planned(&contract), of);
}

/// Proves CHG-04 in part: a year of 1,200.00 is 100.00 a month. On the 10th of March it is ended for the 30th of June:
/// 181 of 365 days are 595.07. January and February keep their 100.00; April to June are by the day, 595.07 × 30 ÷ 181 = 98.63,
/// 101.92 and 98.63; March has the rest, 595.07 − 200.00 − 299.18 = 95.89.
#[test]
fn a_charge_that_ends_early_keeps_the_months_that_are_over() {
    let mut contract = contract(RevenueTreatment::StraightLine);
    contract.milestones.clear();
    let charge = &mut contract.recurring[0];
    (charge.fee, charge.period, charge.term) = (usd("1200.00"), Period::Yearly, 1);
    charge.starts_on = date(2027, 1, 1);
    let before = schedule(&contract, START).expect("a schedule");
    contract.recurring[0].ends_on = Some(date(2027, 6, 30));
    let entries = reschedule(&contract, date(2027, 3, 10), &before).expect("a schedule").entries;
    let said: Vec<String> = entries.iter().map(|e| e.amount.amount().to_string()).collect();
    assert_eq!(said, ["100.00", "100.00", "95.89", "98.63", "101.92", "98.63"]);
    let total = Money::total(usd("0").currency(), entries.iter().map(|e| e.amount)).unwrap();
    assert_eq!((total, contract.value().unwrap()), (usd("595.07"), usd("595.07")));
    // One that is not changed is planned as it was.
    contract.recurring[0].ends_on = None;
    assert_eq!(
        reschedule(&contract, date(2027, 3, 10), &before).expect("a schedule").entries,
        before.entries
    );
}

proptest! {
    /// Proves REV-02 in part: whatever the treatment, period, term and start: the schedule adds up to the contract's value,
    /// to the cent, and nothing is planned before the element begins.
    #[test]
    fn a_schedule_adds_up_to_the_value(
        fee in 1i64..10_000_000, monthly in 1i64..1_000_000, term in 1u32..60, day in 0i64..800,
        aligned: bool, cut in prop::option::of(0i64..1_200),
        period in prop::sample::select(vec![Period::Monthly, Period::Quarterly, Period::Yearly]),
        timing in prop::sample::select(vec![ChargeTiming::Advance, ChargeTiming::Arrears]),
        treatment in prop::sample::select(vec![
            RevenueTreatment::AsDelivered, RevenueTreatment::Milestone, RevenueTreatment::StraightLine, RevenueTreatment::AsBilled,
        ]),
    ) {
        let usd = usd("0").currency();
        let mut contract = contract(treatment);
        contract.milestones[0].amount = Money::from_minor_units(fee, usd).unwrap();
        let starts_on = START.checked_add(jiff::Span::new().days(day)).unwrap();
        let charge = &mut contract.recurring[0];
        (charge.fee, charge.term, charge.period) = (Money::from_minor_units(monthly, usd).unwrap(), term, period);
        (charge.timing, charge.starts_on, charge.aligned) = (timing, starts_on, aligned);
        charge.ends_on = cut.map(|days| starts_on.checked_add(jiff::Span::new().days(days)).unwrap());
        let schedule = schedule(&contract, START).unwrap();
        let total = Money::total(usd, schedule.entries.iter().map(|e| e.amount)).unwrap();
        prop_assert_eq!(total, contract.value().unwrap());
        let charged = schedule.entries.iter().filter(|e| e.element == "S1");
        prop_assert!(charged.clone().all(|e| e.planned_on.is_some_and(|d| d >= starts_on)));
        prop_assert!(charged.map(|e| e.planned_on).is_sorted());
    }
}
