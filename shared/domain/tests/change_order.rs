//! Change orders: what may change, what is history, and from which day.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod amended;

use std::collections::BTreeMap;

use amended::*;
use domain::activation::CustomerFacts;
use domain::billing::{Evidence, milestone_completed, time_approved};
use domain::change_order::{Change, Verdict, decide};
use domain::contract::{Accounting, Holdback};
use domain::decision::Decision;
use domain::engagement::{ChangeOrderUnderWay, Engagement};
use domain::money::Currency;
use domain::policy::PostingRules;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::routing::AssignedSystems;
use domain::sample::{
    active, completion, config, entry, milestone_line, quote, rate_line, support_line, usd,
};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn completed(engagement: &Engagement, key: &str) -> Engagement {
    match milestone_completed(Some(engagement), &completion(key), DAY) {
        Decision::Apply(effects) => effects.state.expect("a state"),
        other => panic!("{other:?}"),
    }
}

/// Proves CHG-01, CHG-02 in part and CHG-08 in part: 20,000 + 30,000 become 20,000 + 36,000 and 12 × 1,500 = 74,000,
/// and the project's budget with it.
#[test]
fn value_and_budget_follow_the_change_order() {
    let engagement = active(&quote());
    let order = order(
        &engagement,
        &second(|q| {
            q.lines[1] = milestone_line("12", "M2", "Go-live", "36000.00");
            q.lines.push(support_line("15", "S1", "1500.00", "2027-04-01", 12));
        }),
    );
    assert_eq!(engagement.contract.value().unwrap(), usd("50000.00"));
    assert_eq!(order.to.value().unwrap(), usd("74000.00"));
    assert_eq!(order.to.budget().unwrap(), usd("74000.00"));
    assert_eq!(order.to.version, 2);
    let said: Vec<String> = order.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["milestone M2: 30000.00 USD becomes 36000.00 USD", "recurring charge S1: 12 × 1500.00 USD, new",]
    );
    let after = order.apply(engagement);
    assert_eq!((after.contract.version, after.contract.value().unwrap()), (2, usd("74000.00")));
}

/// Proves CHG-07 in part, BIL-12 in part: a rate that a copied line keeps dating back is in force from the day of the
/// change order; work before it keeps its price, however late it is approved.
#[test]
fn a_new_rate_is_never_in_force_before_its_change_order() {
    let engagement = active(&quote());
    let order = order(
        &engagement,
        &second(|q| {
            q.lines[2] = rate_line("13", "consultant", "200.00");
            q.lines[3].effective_from = None;
        }),
    );
    let after = order.apply(engagement);
    let price = |day: &str, role: &str| match time_approved(Some(&after), &entry("1", role, day, 60)) {
        Decision::Apply(effects) => effects.lines[0].amount,
        other => panic!("{other:?}"),
    };
    assert_eq!(price("2026-11-19", "consultant"), usd("180.00"));
    assert_eq!(price("2026-11-20", "consultant"), usd("200.00"));
    assert_eq!(price("2026-11-20", "principal"), usd("260.00"));
}

/// Proves CHG-07 in part: a later order that sells the same rates changes none of them, though their lines still say when
/// the first ones began.
#[test]
fn a_rate_that_stays_is_not_adjusted_again() {
    let dearer = |q: &mut Quote| q.lines[2] = rate_line("13", "consultant", "200.00");
    let first = active(&quote());
    let second_version = order(&first, &second(dearer)).apply(first);
    let mut third = second(dearer);
    third.version = 3;
    third.quote = "902".into();
    third.lines[1] = milestone_line("22", "M2", "Go-live", "31000.00");
    let next = order(&second_version, &third);
    assert_eq!(next.to.rate_card, second_version.contract.rate_card);
    assert!(matches!(next.changes[..], [Change::Milestone { .. }]), "{:?}", next.changes);
}

/// Proves CHG-07 and CAN-14 in part: a rate may begin later than its change order.
#[test]
fn a_rate_begins_on_its_own_day() {
    let order = order(
        &active(&quote()),
        &second(|q| {
            q.lines[2] = rate_line("13", "consultant", "200.00");
            q.lines[2].effective_from = Some(date(2027, 1, 1));
        }),
    );
    let on = |day| order.to.rate_card.in_force("consultant", day).map(|r| r.hourly);
    assert_eq!(on(date(2026, 12, 31)), Some(usd("180.00")));
    assert_eq!(on(date(2027, 1, 1)), Some(usd("200.00")));
}

#[test]
fn a_role_that_is_not_sold_any_more_ends_and_its_past_stays() {
    let engagement = active(&quote());
    let order = order(&engagement, &second(|q| drop(q.lines.remove(3))));
    let on = |day| order.to.rate_card.in_force("principal", day).map(|r| r.hourly);
    assert_eq!(on(date(2026, 11, 19)), Some(usd("260.00")));
    assert_eq!(on(date(2026, 11, 20)), None);
    assert!(matches!(order.changes[..], [Change::RateCard { .. }]));
}

/// Proves CHG-06 in part and OWN-12 in part: a line cites the version that priced it, and that version's terms still
/// give its amount after two further versions.
#[test]
fn a_billed_line_is_recomputed_from_its_own_version() {
    let first = active(&quote());
    let Decision::Apply(effects) = time_approved(Some(&first), &entry("1", "consultant", "2026-11-16", 90))
    else {
        panic!("billable")
    };
    let line = effects.lines[0].clone();
    let dearer = second(|q| q.lines[2] = rate_line("13", "consultant", "200.00"));
    let second_version = order(&first, &dearer).apply(first.clone());
    let dearest = Quote {
        quote: "902".into(),
        version: 3,
        ..second(|q| q.lines[2] = rate_line("23", "consultant", "220.00"))
    };
    let third = order(&second_version, &dearest).apply(second_version);
    assert_eq!(third.contract.version, 3);
    assert_eq!(line.contract_version, first.contract.version);
    let Evidence::Time { entry, hourly } = &line.evidence else { panic!("time") };
    let rate = first.contract.rate_card.in_force(&entry.role, entry.worked_on).expect("a rate");
    assert_eq!(
        (rate.hourly, domain::billing::price(rate.hourly, entry.minutes).unwrap()),
        (*hourly, line.amount)
    );
    // The same day's work is still priced the same under the third version.
    assert_eq!(
        third.contract.rate_card.in_force(&entry.role, entry.worked_on).map(|r| r.hourly),
        Some(*hourly)
    );
}

/// Proves CHG-06 in part: what was billed is history.
#[test]
fn a_billed_milestone_does_not_change() {
    let engagement = completed(&active(&quote()), "M1");
    let dearer = second(|q| q.lines[0] = milestone_line("11", "M1", "Design", "25000.00"));
    assert!(refusals(&engagement, &dearer).contains("M1 was billed with 20000.00 USD"));
    let dropped = second(|q| drop(q.lines.remove(0)));
    assert!(refusals(&engagement, &dropped).contains("M1 was billed; the change order drops it"));
    // The other one is free to change, and the billed one keeps its quote line.
    let order =
        order(&engagement, &second(|q| q.lines[1] = milestone_line("12", "M2", "Go-live", "1000.00")));
    assert_eq!(order.to.milestone("M1").map(|m| m.quote_line.as_str()), Some("1"));
}

/// What is billed while systems are being changed is found before the order comes into force.
#[test]
fn a_milestone_billed_meanwhile_stands_against_the_order() {
    let engagement = active(&quote());
    let order =
        order(&engagement, &second(|q| q.lines[1] = milestone_line("12", "M2", "Go-live", "36000.00")));
    assert_eq!(order.still_stands(&engagement, DAY), []);
    assert_eq!(order.still_stands(&completed(&engagement, "M1"), DAY), []);
    let against = order.still_stands(&completed(&engagement, "M2"), DAY);
    assert_eq!(against.iter().map(|p| p.code).collect::<Vec<_>>(), [ProblemCode::ChangeOrderInvalid]);
    let after = order.apply(engagement.clone());
    assert!(!order.still_stands(&after, DAY).is_empty(), "it is in force already");
}

/// A milestone that is billed while systems are being changed was billed with what was kept back of it then: 20 % of it
/// would be billed once more when it is released, or never.
#[test]
fn a_milestone_billed_meanwhile_keeps_its_holdback_and_its_service() {
    let holdback = Some(Holdback { percent: Decimal::from(20), until: "M2".into() });
    let engagement = active(&quote());
    let dearer = second(|q| q.lines[1] = milestone_line("12", "M2", "Go-live", "36000.00"));
    let (mut retaining, mut serving) = (order(&engagement, &dearer), order(&engagement, &dearer));
    retaining.to.milestones[0].holdback = holdback;
    serving.to.milestones[0].service = "ADVISORY".into();
    for changed in [retaining, serving] {
        assert_eq!(changed.to.milestones[0].key, "M1");
        assert_eq!(changed.still_stands(&engagement, DAY), []);
        let against = changed.still_stands(&completed(&engagement, "M1"), DAY);
        assert!(against[0].detail.contains("another holdback or service"), "{against:?}");
    }
}

#[test]
fn a_ceiling_moves_but_not_below_what_is_billed() {
    let capped = Quote { time_ceiling: Some(usd("1000.00")), ..quote() };
    let mut engagement = active(&capped);
    engagement.time_billed = Some(usd("540.00"));
    let at = |ceiling: &str| second(|q| q.time_ceiling = Some(usd(ceiling)));
    assert_eq!(order(&engagement, &at("540.00")).apply(engagement.clone()).time_billed, Some(usd("540.00")));
    assert!(refusals(&engagement, &at("539.99")).contains("540.00 USD is billed by time"));
    let lifted = order(&engagement, &second(|_| {})).apply(engagement.clone());
    assert_eq!((lifted.contract.time_ceiling, lifted.time_billed), (None, None));
    assert!(refusals(&active(&quote()), &at("5000.00")).contains("began without a ceiling"));
}

/// What is sold is posted by the rules that the engagement was given; what is sold no more, as before.
#[test]
fn accounting_follows_the_change_order() {
    let centre = |code: &str| Accounting {
        revenue_account: None,
        cost_centre: code.into(),
        dimensions: BTreeMap::new(),
    };
    let mut tenant = config();
    let services = BTreeMap::from([("IMPL".to_owned(), centre("4200"))]);
    tenant.posting_rules = vec![PostingRules { code: "own".into(), services }];
    let mut engagement = active(&quote());
    engagement.contract.accounting =
        ["ADVISORY", "IMPL"].map(|service| (service.to_owned(), centre("1000"))).into();
    let fees = second(|q| q.lines.retain(|l| l.service == "IMPL"));
    let posted = |engagement: &Engagement| -> Vec<(String, String)> {
        match decide(engagement, &fees, &CustomerFacts::default(), &tenant, DAY) {
            Verdict::Change(order) => {
                order.to.accounting.into_iter().map(|(s, a)| (s, a.cost_centre)).collect()
            }
            other => panic!("{other:?}"),
        }
    };
    let expected = |of_fees: &str| -> Vec<(String, String)> {
        vec![("ADVISORY".into(), "1000".into()), ("IMPL".into(), of_fees.into())]
    };
    assert_eq!(posted(&engagement), expected("4100"));
    engagement.systems = Some(AssignedSystems {
        crm: "hubspot-main".into(),
        psa: "kantata-main".into(),
        erp: "tryton-us".into(),
        tax_engine: None,
        posting_rules: Some("own".into()),
        invoice_format: None,
        revenue_engine: None,
        config_version: 1,
    });
    assert_eq!(posted(&engagement), expected("4200"));
}

#[test]
fn another_currency_entity_or_customer_is_another_contract() {
    let engagement = active(&quote());
    let mut both = config();
    both.legal_entities[0].currencies.push(Currency::from_code("EUR").unwrap());
    let mut sister = both.legal_entities[0].clone();
    sister.code = "NW-DE".into();
    both.legal_entities.push(sister);
    let other = second(|q| {
        q.legal_entity = Some("NW-DE".into());
        q.customer.company = "56".into();
    });
    let Verdict::Refused(problems) = decide(&engagement, &other, &CustomerFacts::default(), &both, DAY)
    else {
        panic!("refused")
    };
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|p| p.code == ProblemCode::ChangeOrderInvalid));
}

/// Every check of an activation is one of a change order too.
#[test]
fn a_change_order_passes_the_checks_of_an_activation() {
    let engagement = active(&quote());
    let Verdict::Refused(problems) = verdict(
        &engagement,
        &second(|q| {
            q.approved = false;
            q.payment_terms = Some("net-999".into());
            q.lines[0].service = "PIANO".into();
        }),
    ) else {
        panic!("refused")
    };
    let codes: Vec<_> = problems.iter().map(|p| p.code.as_str()).collect();
    assert_eq!(codes, ["Q2C-0101", "Q2C-0106", "Q2C-0108"]);
}

/// A price below the policy that was accepted with the first version is not asked about again; a further one is.
#[test]
fn a_price_that_was_accepted_stands() {
    let mut cheap = quote();
    cheap.lines[0] = milestone_line("1", "M1", "Design", "900.00");
    cheap.lines[2] = rate_line("3", "consultant", "90.00");
    let engagement = active(&cheap);
    let mut next = Quote { quote: "901".into(), version: 2, ..cheap };
    next.lines[1] = milestone_line("12", "M2", "Go-live", "36000.00");
    assert!(matches!(verdict(&engagement, &next), Verdict::Change(_)));
    next.lines[0] = milestone_line("11", "M1", "Design", "899.99");
    next.lines[2] = rate_line("13", "consultant", "89.99");
    let Verdict::Refused(problems) = verdict(&engagement, &next) else { panic!("refused") };
    let codes: Vec<_> = problems.iter().map(|p| p.code).collect();
    assert_eq!(codes, [ProblemCode::PriceBelowPolicy, ProblemCode::PriceBelowPolicy], "{problems:?}");
}

/// What the customer owes for a billed milestone is not counted a second time against its limit.
#[test]
fn credit_counts_what_is_not_billed_yet() {
    let engagement = completed(&active(&quote()), "M1");
    let facts = |limit: &str| CustomerFacts {
        on_hold: false,
        credit_limit: Some(usd(limit)),
        receivable: Some(usd("20000.00")),
    };
    let same = second(|_| {});
    let at = |limit: &str| decide(&engagement, &same, &facts(limit), &config(), DAY);
    assert!(matches!(at("50000.00"), Verdict::Change(_)), "20,000 owed and 30,000 to be billed");
    assert!(matches!(at("49999.99"), Verdict::Refused(_)));
}

/// Proves EVT-30 in part: a late or repeated approval of an earlier version changes nothing.
#[test]
fn an_older_or_the_same_version_has_no_effect() {
    let engagement = active(&quote());
    let second = second(|_| {});
    let after = order(&engagement, &second).apply(engagement);
    assert!(matches!(verdict(&after, &quote()), Verdict::NoEffect(_)));
    assert!(matches!(verdict(&after, &second), Verdict::NoEffect(_)));
    let another = Quote { quote: "977".into(), ..second };
    assert!(refusals(&after, &another).contains("needs a higher one"));
}

#[test]
fn an_order_is_no_orphan_of_its_engagement() {
    let mut engagement = active(&quote());
    let order = order(&engagement, &second(|_| {}));
    engagement.change_order = Some(ChangeOrderUnderWay { run: "r".into(), version: 2 });
    assert_eq!(
        order.still_stands(&engagement, DAY),
        [],
        "the mark of being carried out stands against nothing"
    );
}

/// New services bring their work elements; elements that exist keep their keys.
#[test]
fn the_work_breakdown_structure_grows() {
    let engagement = active(&quote());
    let before: Vec<_> = engagement.contract.work.iter().map(|w| (w.key.clone(), w.title.clone())).collect();
    let order =
        order(&engagement, &second(|q| q.lines.push(support_line("15", "S1", "1500.00", "2027-04-01", 12))));
    let after: Vec<_> = order.to.work.iter().map(|w| (w.key.clone(), w.title.clone())).collect();
    assert_eq!(after[..before.len()], before[..]);
    let added: Vec<&str> = after[before.len()..].iter().map(|(_, title)| title.as_str()).collect();
    assert_eq!(added, ["Managed support"]);
    // Another order that adds something else does not take the same key.
    let key = |title: &str| {
        let mut config = config();
        config.services[2].work = vec![title.to_owned()];
        let next = second(|q| q.lines.push(support_line("15", "S1", "1500.00", "2027-04-01", 12)));
        let Verdict::Change(order) = decide(&engagement, &next, &CustomerFacts::default(), &config, DAY)
        else {
            panic!("a change order")
        };
        order.to.work.last().map(|w| w.key.clone())
    };
    assert_eq!(key("Managed support"), Some(after[before.len()].0.clone()));
    assert_ne!(key("Managed support"), key("Help desk"));
}

fn amended(version: u32, prices: &[u32], rate: u32, support: Option<u32>) -> Quote {
    let mut lines: Vec<_> = (1..)
        .zip(prices)
        .map(|(n, price)| {
            milestone_line(&format!("{version}{n}"), &format!("M{n}"), "Part", &format!("{price}.00"))
        })
        .collect();
    lines.push(rate_line(&format!("{version}91"), "consultant", &format!("{rate}.00")));
    if let Some(fee) = support {
        lines.push(support_line(&format!("{version}92"), "S1", &format!("{fee}.00"), "2027-04-01", 12));
    }
    Quote { quote: format!("9{version}"), number: format!("Q-9{version}"), version, lines, ..quote() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 2_000 } else { 20_000 }))]

    /// Proves CHG-06 in part, EVT-30 in part: approvals of any versions, late and repeated, between milestones that are
    /// completed: the version never goes back, what was billed keeps its amount, the past keeps its rates, and the value
    /// is that of the quote in force.
    #[test]
    fn history_stays_as_it_was(
        steps in prop::collection::vec(
            (2u32..8, prop::collection::vec(1_000u32..60_000, 1..4), 120u32..400, prop::option::of(500u32..3_000), 0usize..4),
            1..8,
        ),
    ) {
        let mut engagement = active(&amended(1, &[20_000, 30_000], 180, None));
        let mut billed = std::collections::BTreeMap::new();
        for (n, (version, prices, rate, support, complete)) in steps.into_iter().enumerate() {
            let today = DAY.checked_add(jiff::Span::new().days(i64::try_from(n).unwrap())).unwrap();
            let before = engagement.clone();
            let quote = amended(version, &prices, rate, support);
            let verdict = decide(&engagement, &quote, &CustomerFacts::default(), &config(), today);
            prop_assert_eq!(&verdict, &decide(&engagement, &quote, &CustomerFacts::default(), &config(), today));
            if let Verdict::Change(order) = verdict {
                prop_assert_eq!(order.still_stands(&engagement, today), vec![]);
                engagement = order.apply(engagement);
                prop_assert!(engagement.contract.version > before.contract.version);
                let fees: u32 = prices.iter().sum::<u32>() + support.unwrap_or(0) * 12;
                prop_assert_eq!(engagement.contract.value().unwrap(), usd(&format!("{fees}.00")));
                let rate_on = |e: &Engagement, day: Date| e.contract.rate_card.in_force("consultant", day).map(|r| r.hourly);
                for back in 1..40 {
                    let day = today.checked_sub(jiff::Span::new().days(back)).unwrap();
                    prop_assert_eq!(rate_on(&before, day), rate_on(&engagement, day), "{}", day);
                }
                prop_assert_eq!(rate_on(&engagement, today), Some(usd(&format!("{rate}.00"))));
            } else {
                prop_assert_eq!(&before, &engagement);
            }
            let key = format!("M{complete}");
            if engagement.contract.milestone(&key).is_some() && !billed.contains_key(&key) {
                engagement = completed(&engagement, &key);
                billed.insert(key.clone(), engagement.contract.milestone(&key).unwrap().amount);
            }
            for (key, amount) in &billed {
                prop_assert_eq!(engagement.contract.milestone(key).map(|m| m.amount), Some(*amount));
            }
        }
    }
}
