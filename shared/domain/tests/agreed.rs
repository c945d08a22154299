//! What was agreed and has begun stays as it is, whatever a change order or the catalog says by now.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod amended;

use std::collections::BTreeSet;

use amended::*;
use domain::activation::CustomerFacts;
use domain::change_order::{Verdict, decide};
use domain::contract::RevenueTreatment;
use domain::quote::Quote;
use domain::sample::{active, config, quote, support_line, usd};
use jiff::civil::date;

/// Proves CHG-08 in part: support of twelve months from September on has begun three of them by the 20th of November.
/// They stay; what follows is another charge.
#[test]
fn periods_that_have_begun_stay_as_they_are() {
    let sold = |key: &str, fee: &str, from: &str, months| support_line(key, key, fee, from, months);
    let begun = |edit: fn(&mut Quote)| {
        let mut first = quote();
        first.lines.push(sold("S1", "1500.00", "2026-09-20", 12));
        let next = second(|q| {
            q.lines.clone_from(&first.lines);
            edit(q);
        });
        (active(&first), next)
    };
    for edit in [
        |q: &mut Quote| q.lines[4].unit_price = usd("1800.00"),
        |q: &mut Quote| q.lines[4].quantity = 2.into(),
        |q: &mut Quote| drop(q.lines.pop()),
    ] {
        let (engagement, next) = begun(edit);
        let said = refusals(&engagement, &next);
        assert!(said.contains("3 periods of charge S1 at 1500.00 USD have begun"), "{said}");
    }
    let (engagement, next) = begun(|q| {
        q.lines[4].quantity = 3.into();
        q.lines.push(support_line("S2", "S2", "1800.00", "2026-12-20", 9));
    });
    let order = order(&engagement, &next);
    assert_eq!(order.to.value().unwrap(), usd("70700.00"), "50,000 + 3 × 1,500 + 9 × 1,800");
}

/// An order that is carried out late finds periods begun that had not when it was approved.
#[test]
fn a_late_order_does_not_rewrite_what_began_meanwhile() {
    let mut first = quote();
    first.lines.push(support_line("S1", "S1", "1500.00", "2026-12-01", 12));
    let engagement = active(&first);
    let order = order(
        &engagement,
        &second(|q| {
            q.lines.clone_from(&first.lines);
            q.lines[4].unit_price = usd("1800.00");
        }),
    );
    assert_eq!(order.still_stands(&engagement, date(2026, 11, 30)), []);
    let late = order.still_stands(&engagement, date(2026, 12, 1));
    assert!(late[0].detail.contains("1 periods of charge S1 at 1500.00 USD have begun"), "{late:?}");
}

/// What a fee's service needs was planned when it was sold; another catalog releases nobody.
#[test]
fn planned_roles_of_a_fee_stay() {
    let mut catalog = config();
    catalog.services.iter_mut().for_each(|s| s.roles.clear());
    let engagement = active(&quote());
    let next = second(|q| q.lines[1].unit_price = usd("36000.00"));
    let Verdict::Change(order) = decide(&engagement, &next, &CustomerFacts::default(), &catalog, DAY) else {
        panic!("a change order")
    };
    let keys = |contract: &domain::Contract| {
        contract.staffing.iter().map(|r| r.key.clone()).collect::<BTreeSet<_>>()
    };
    assert!(engagement.contract.staffing.iter().any(|r| !r.rated));
    assert_eq!(keys(&order.to), keys(&engagement.contract));
}

/// How revenue of a service is recognised was agreed with the customer: the catalog may say otherwise by now.
#[test]
fn the_treatment_of_what_was_sold_stays() {
    let mut catalog = config();
    catalog.services.iter_mut().for_each(|s| s.revenue = Some(RevenueTreatment::AsBilled));
    let next = second(|q| q.lines[1].unit_price = usd("36000.00"));
    let engagement = active(&quote());
    let Verdict::Change(order) = decide(&engagement, &next, &CustomerFacts::default(), &catalog, DAY) else {
        panic!("a change order")
    };
    assert_eq!(order.to.revenue, engagement.contract.revenue);
}
