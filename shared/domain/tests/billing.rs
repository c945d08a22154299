//! Delivered work becomes lines: worked examples, and what holds for every history.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::billing::{Evidence, line_of, milestone_completed, price, time_approved};
use domain::decision::{Condition, Decision};
use domain::engagement::{Engagement, EngagementStatus};
use domain::invoice::{Unit, assemble};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::sample::{active, completion, entry, quote, rate_line, usd};
use domain::work::MilestoneCompletion;
use jiff::civil::Date;
use proptest::prelude::*;

fn engagement() -> Engagement {
    active(&quote())
}

fn with_ceiling(ceiling: &str) -> Engagement {
    active(&Quote { time_ceiling: Some(usd(ceiling)), ..quote() })
}

fn amount(decision: &Decision) -> Option<Money> {
    match decision {
        Decision::Apply(effects) => effects.lines.first().map(|l| l.amount),
        Decision::Park(_) | Decision::Hold(_) | Decision::NoEffect(_) => None,
    }
}

fn day() -> Date {
    "2026-11-20".parse().expect("date")
}

/// Proves BIL-01. 450 min = 7.5 h at 180.00 = 1,350.00; 50 min = 0.8333… h at 260.00 = 216.67.
#[test]
fn time_is_priced_at_the_role_s_rate_rounded_once() {
    let state = engagement();
    let at = |role, minutes| amount(&time_approved(Some(&state), &entry("1", role, "2026-11-16", minutes)));
    assert_eq!(at("consultant", 450), Some(usd("1350.00")));
    assert_eq!(at("principal", 50), Some(usd("216.67")));
}

/// Exact halves: 187.50 × 5 ÷ 60 = 15.625, × 11 = 34.375, × 17 = 53.125; each rounds away from zero.
#[test]
fn an_exact_half_of_a_cent_rounds_up() {
    let at = |minutes| price(usd("187.50"), minutes).expect("fits");
    assert_eq!([at(5), at(11), at(17)], [usd("15.63"), usd("34.38"), usd("53.13")]);
}

/// Proves EVT-30 in part: work reported before the engagement is active waits.
#[test]
fn early_work_is_parked() {
    let mut early = engagement();
    early.status = EngagementStatus::Activating;
    for state in [None, Some(&early)] {
        let time = time_approved(state, &entry("1", "consultant", "2026-11-16", 60));
        assert_eq!(time, Decision::Park(Condition::EngagementActive));
        let milestone = milestone_completed(state, &completion("M1"), day());
        assert_eq!(milestone, Decision::Park(Condition::EngagementActive));
    }
}

#[test]
fn what_is_not_billable_changes_nothing() {
    let mut internal = entry("1", "consultant", "2026-11-16", 60);
    internal.billable = false;
    assert!(matches!(time_approved(Some(&engagement()), &internal), Decision::NoEffect(_)));
}

#[test]
fn a_role_without_a_rate_is_held() {
    let decision = time_approved(Some(&engagement()), &entry("1", "architect", "2026-11-16", 60));
    assert!(matches!(decision, Decision::Hold(p) if p.code == ProblemCode::NoRateInForce));
}

/// Proves BIL-13 in part and WFC-06: the ceiling itself may be reached, one cent more may not.
#[test]
fn the_ceiling_is_reached_and_never_exceeded() {
    let state = with_ceiling("360.00");
    let first = time_approved(Some(&state), &entry("1", "consultant", "2026-11-16", 120));
    let Decision::Apply(effects) = first else { panic!("{first:?}") };
    let used = effects.state.expect("the ceiling is shared state");
    assert_eq!(used.time_billed, Some(usd("360.00")));
    let more = time_approved(Some(&used), &entry("2", "consultant", "2026-11-16", 1));
    assert!(
        matches!(more, Decision::Hold(p) if p.code == ProblemCode::CeilingExceeded && p.at_stake == Some(usd("3.00")))
    );
}

/// Proves BIL-03 and BIL-02 in part.
#[test]
fn a_completed_milestone_bills_its_amount_once_and_asks_for_an_invoice() {
    let Decision::Apply(effects) = milestone_completed(Some(&engagement()), &completion("M1"), day()) else {
        panic!()
    };
    assert_eq!(effects.lines[0].amount, usd("20000.00"));
    let types: Vec<&str> = effects.events.iter().map(domain::Event::type_name).collect();
    assert_eq!(types, ["q2c.billing.ready.v1", "q2c.invoice.requested.v1"]);
    let state = effects.state.expect("state");
    assert!(matches!(milestone_completed(Some(&state), &completion("M1"), day()), Decision::NoEffect(_)));
    let unknown = milestone_completed(Some(&state), &completion("M9"), day());
    assert!(matches!(unknown, Decision::Hold(p) if p.code == ProblemCode::MilestoneUnknown));
}

/// Two entries of 50 min at 260.00 are 216.67 each, 433.34 together; 100 min at 260.00 would be
/// 433.33. The invoice shows the sum of its lines, as a fee.
#[test]
fn an_invoice_line_equals_the_lines_it_owns_even_where_rounding_differs() {
    let state = engagement();
    let lines: Vec<_> = ["1", "2"]
        .iter()
        .filter_map(|id| match time_approved(Some(&state), &entry(id, "principal", "2026-11-16", 50)) {
            Decision::Apply(effects) => effects.lines.into_iter().next(),
            _ => None,
        })
        .collect();
    let printed = assemble(usd("0.00").currency(), &lines).expect("assembles");
    assert_eq!(printed.len(), 1);
    assert_eq!((printed[0].unit, printed[0].amount), (Unit::Fee, usd("433.34")));
}

/// 84.00466… is nearer to 84.00; rounded to a tenth of a cent first it would become 84.01.
#[test]
fn an_amount_is_rounded_from_what_it_is() {
    assert_eq!(price(usd("180.01"), 28), Ok(usd("84.00")));
}

/// Work that comes after a withdrawal is shown to a person and not kept waiting.
#[test]
fn work_on_a_withdrawn_engagement_is_held() {
    let withdrawn = Engagement { status: EngagementStatus::Withdrawn, ..engagement() };
    let time = time_approved(Some(&withdrawn), &entry("1", "consultant", "2026-11-16", 60));
    let milestone = milestone_completed(Some(&withdrawn), &completion("M1"), day());
    for decision in [time, milestone] {
        assert!(
            matches!(&decision, Decision::Hold(p) if p.code == ProblemCode::IllegalEvent),
            "{decision:?}"
        );
    }
}

/// Two PSAs may number their entries alike; each entry is a line of its own, and always the same one.
#[test]
fn an_entry_is_known_by_its_connection_and_its_number() {
    let line = |connection: &str, kind: &str, record: &str| line_of(connection, kind, record);
    let known = line("kantata-main", "time", "1");
    assert_eq!(known, line("kantata-main", "time", "1"));
    for other in [
        line("kantata-west", "time", "1"),
        line("kantata-main", "milestone", "1"),
        line("kantata-main", "time", "2"),
    ] {
        assert_ne!(known, other);
    }
}

/// A milestone that was reopened and accepted again is proved by another record, and billed no more.
#[test]
fn a_milestone_completed_again_under_another_record_changes_nothing() {
    let Decision::Apply(effects) = milestone_completed(Some(&engagement()), &completion("M1"), day()) else {
        panic!("billed")
    };
    let again = MilestoneCompletion { record: "story-M1-reopened".into(), ..completion("M1") };
    let decision = milestone_completed(effects.state.as_ref(), &again, day());
    assert!(matches!(decision, Decision::NoEffect(_)), "{decision:?}");
}

#[test]
fn whole_hours_are_shown_as_hours() {
    let state = engagement();
    let lines: Vec<_> = [("1", 450), ("2", 150)]
        .iter()
        .filter_map(|(id, minutes)| {
            match time_approved(Some(&state), &entry(id, "consultant", "2026-11-16", *minutes)) {
                Decision::Apply(effects) => effects.lines.into_iter().next(),
                _ => None,
            }
        })
        .collect();
    let printed = assemble(usd("0.00").currency(), &lines).expect("assembles");
    assert_eq!((printed[0].unit, printed[0].quantity.to_string().as_str()), (Unit::Hour, "10"));
    assert_eq!(printed[0].amount, usd("1800.00"));
}

proptest! {
    /// Whatever was worked, the printed lines sum to the lines owned, each quantity × price is
    /// its amount, and every owned line is on exactly one printed line.
    #[test]
    fn totals_always_equal_the_sum_of_lines(
        work in prop::collection::vec((0_usize..3, 1_u32..1_000), 1..60),
        rate in 12_000_i64..50_000,
    ) {
        let mut sold = quote();
        sold.lines.push(rate_line("5", "architect", &usd("0.00").plus(Money::from_minor_units(rate, usd("0.00").currency()).expect("fits")).expect("sum").amount().to_string()));
        let state = active(&sold);
        let roles = ["consultant", "principal", "architect"];
        let mut owned = Vec::new();
        for (i, (role, minutes)) in work.iter().enumerate() {
            let decision = time_approved(Some(&state), &entry(&i.to_string(), roles[*role], "2026-11-16", *minutes));
            let Decision::Apply(effects) = decision else { panic!("priced") };
            let line = effects.lines[0].clone();
            let Evidence::Time { hourly, .. } = &line.evidence else { panic!("time") };
            prop_assert_eq!(price(*hourly, *minutes).expect("price"), line.amount);
            owned.push(line);
        }
        let printed = assemble(usd("0.00").currency(), &owned).expect("assembles");
        let sum = |amounts: Vec<Money>| Money::total(usd("0.00").currency(), amounts).expect("sum");
        prop_assert_eq!(sum(printed.iter().map(|l| l.amount).collect()), sum(owned.iter().map(|l| l.amount).collect()));
        for line in &printed {
            prop_assert_eq!(line.unit_price.times(line.quantity).expect("product"), line.amount);
        }
        let mut listed: Vec<_> = printed.iter().flat_map(|l| l.lines.clone()).collect();
        listed.sort();
        let mut expected: Vec<_> = owned.iter().map(|l| l.line.clone()).collect();
        expected.sort();
        prop_assert_eq!(listed, expected);
    }

    /// Proves BIL-13 in part: under any order of entries the ceiling holds, and what is billed
    /// is what the state says.
    #[test]
    fn a_ceiling_is_never_exceeded(minutes in prop::collection::vec(1_u32..600, 1..40), ceiling in 1_i64..2_000_000) {
        let ceiling = Money::from_minor_units(ceiling, usd("0.00").currency()).expect("fits");
        let mut state = active(&Quote { time_ceiling: Some(ceiling), ..quote() });
        let mut billed = usd("0.00");
        for (i, minutes) in minutes.iter().enumerate() {
            let decision = time_approved(Some(&state), &entry(&i.to_string(), "consultant", "2026-11-16", *minutes));
            if let Decision::Apply(effects) = decision {
                billed = billed.plus(effects.lines[0].amount).expect("sum");
                state = effects.state.expect("the ceiling is shared state");
            }
            prop_assert!(!billed.exceeds(ceiling).expect("same currency"));
            prop_assert_eq!(state.time_billed, Some(billed));
        }
    }
}
