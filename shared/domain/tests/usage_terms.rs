//! Terms of usage: cut from the quote, compared with it, and carried from one version of the contract to the next.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod amended;

use amended::{DAY, order, refusals, second};
use domain::Decision;
use domain::activation::{check, cut_contract};
use domain::engagement::Engagement;
use domain::problem::ProblemCode;
use domain::quote::{Quote, QuoteLine};
use domain::sample::{active, config, of_statement, quote, quote_of_two, usage, usage_line, usd};
use domain::setup::compare_sold;
use domain::statement_of_work::in_force;
use domain::usage::usage_recorded;
use jiff::civil::date;

fn metered(starts_on: &str, months: u32, price: &str) -> QuoteLine {
    usage_line("8", ("U1", "api-calls"), (starts_on, months), "100", &[(Some("1000"), price), (None, "0.30")])
}

fn selling(line: QuoteLine) -> Quote {
    let mut sold = quote();
    sold.lines.push(line);
    sold
}

fn amended(line: QuoteLine) -> Quote {
    second(|q| q.lines.push(line))
}

fn counted(engagement: &Engagement, day: &str) -> Engagement {
    let decision = usage_recorded(Some(engagement), &usage("a", "api-calls", day, "500"), date(2027, 12, 31));
    let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
    effects.state.expect("a state")
}

/// The terms come from the quote's line. What is used nobody knows, so contract value and budget are those without it.
#[test]
fn the_terms_are_cut_from_the_quote() {
    let sold = selling(metered("2026-11-01", 12, "0.5000"));
    assert_eq!(check(&sold, &Default::default(), &config()), []);
    let contract = cut_contract(&sold, &config()).expect("a contract");
    let without = cut_contract(&quote(), &config()).expect("a contract");
    assert_eq!((contract.value(), contract.budget()), (without.value(), without.budget()));
    let [terms] = &contract.usage[..] else { panic!("one") };
    assert_eq!(
        terms.to_string(),
        "12 months of api-calls from 2026-11-01, 100 free, 0.5 up to 1000, 0.3 each"
    );
    assert_eq!(in_force(&contract)["quote"].usage, contract.usage, "its statement of work has them too");
    let stored = serde_json::to_value(without).expect("JSON");
    assert_eq!(stored.get("usage"), None, "others are stored as before");
    let stored = serde_json::to_value(active(&quote())).expect("JSON");
    assert_eq!(stored.get("usage"), None);
    let state = counted(&active(&sold), "2026-11-03");
    let stored = serde_json::to_value(&state).expect("JSON");
    assert_eq!(serde_json::from_value::<Engagement>(stored).expect("a state"), state);
}

/// What can't be carried out is found before anything is set up.
#[test]
fn terms_that_make_no_sense_are_findings() {
    let tiers =
        |tiers: &[(Option<&str>, &str)]| usage_line("8", ("U1", "api-calls"), ("2026-11-01", 12), "0", tiers);
    let with = |change: &dyn Fn(&mut QuoteLine)| {
        let mut line = metered("2026-11-01", 12, "0.50");
        change(&mut line);
        line
    };
    let terms = |line: &mut QuoteLine, change: &dyn Fn(&mut domain::quote::Metered)| {
        change(line.usage.as_mut().expect("terms"));
    };
    for (line, said) in [
        (tiers(&[]), "has tiers that do not rise"),
        (tiers(&[(Some("10"), "1")]), "has tiers that do not rise"),
        (tiers(&[(None, "1"), (None, "2")]), "has tiers that do not rise"),
        (tiers(&[(Some("10"), "1"), (Some("10"), "2"), (None, "3")]), "has tiers that do not rise"),
        (tiers(&[(Some("0"), "1"), (None, "3")]), "has tiers that do not rise"),
        (tiers(&[(Some("1.0000001"), "1"), (None, "3")]), "has tiers that do not rise"),
        (tiers(&[(None, "-1")]), "has a unit price of -1"),
        (tiers(&[(None, "0.0000001")]), "has a unit price of 0.0000001"),
        (with(&|l| terms(l, &|t| t.allowance = Some((-1).into()))), "has an allowance of -1"),
        (with(&|l| terms(l, &|t| t.key = None)), "does not say the key"),
        (with(&|l| terms(l, &|t| t.meter = None)), "does not say which meter"),
        (with(&|l| terms(l, &|t| t.starts_on = None)), "does not say on which day"),
        (with(&|l| l.usage = None), "does not say what of it is metered"),
        (with(&|l| l.quantity = 121.into()), "has a term of 121 months"),
        (with(&|l| l.quantity = "1.5".parse().unwrap()), "has a term of 1.5 months"),
        (with(&|l| terms(l, &|t| t.starts_on = Some(date(9999, 6, 1)))), "reaches beyond the calendar"),
    ] {
        let found = check(&selling(line), &Default::default(), &config());
        let codes: Vec<_> = found.iter().map(|p| p.code).collect();
        assert_eq!(codes, [ProblemCode::BillingModelInvalid], "{said}");
        assert!(found[0].detail.contains(said), "{}", found[0]);
    }
}

/// One meter has one price a day: what follows may be sold beside what ends, and nothing may overlap.
#[test]
fn a_meter_is_sold_once_a_day() {
    let both = |starts_on: &str| {
        let mut sold = selling(metered("2026-11-01", 2, "0.50"));
        sold.lines.push(usage_line("9", ("U2", "api-calls"), (starts_on, 12), "0", &[(None, "0.20")]));
        sold
    };
    assert_eq!(check(&both("2027-01-01"), &Default::default(), &config()), []);
    let found = check(&both("2026-12-31"), &Default::default(), &config());
    assert!(found[0].detail.contains("sells `api-calls` on one day by U1 and by U2"), "{found:?}");
    let mut many = quote();
    for n in 0..11 {
        let (line, key) = (format!("5{n}"), format!("U{n}"));
        many.lines.push(usage_line(
            &line,
            (&key, &format!("m{n}")),
            ("2026-11-01", 120),
            "0",
            &[(None, "1")],
        ));
    }
    let found = check(&many, &Default::default(), &config());
    assert!(found[0].detail.contains("sells 1320 months of usage; 1200 is most"), "{found:?}");
}

/// Two months have begun on 20 December: they keep their prices. Longer is fine, ending after them as well; another price
/// is other terms, which begin where these end.
#[test]
fn begun_months_keep_their_prices() {
    let state = active(&selling(metered("2026-10-25", 12, "0.50")));
    assert_eq!(state.contract.usage[0].begun_on(DAY), 1, "20 November");
    for kept in [metered("2026-10-25", 1, "0.50"), metered("2026-10-25", 24, "0.50")] {
        let order = order(&state, &amended(kept));
        assert_eq!(order.changes.len(), 1, "{:?}", order.changes);
        assert!(
            order.changes[0].to_string().starts_with("usage U1: 12 months of api-calls"),
            "{}",
            order.changes[0]
        );
    }
    let dearer = refusals(&state, &amended(metered("2026-10-25", 12, "0.60")));
    assert!(dearer.contains("1 months of usage U1 have begun"), "{dearer}");
    for other in [second(|_| {}), amended(metered("2026-10-26", 12, "0.50"))] {
        assert!(refusals(&state, &other).contains("have begun"));
    }
    // The first month as it was, the following ones dearer.
    let mut followed = amended(metered("2026-10-25", 1, "0.50"));
    followed.lines.push(usage_line("9", ("U2", "api-calls"), ("2026-11-25", 11), "100", &[(None, "0.60")]));
    let next = order(&state, &followed).apply(counted(&state, "2026-11-24"));
    let price = |day| {
        let decision = usage_recorded(Some(&next), &usage("b", "api-calls", day, "100"), date(2027, 12, 31));
        let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
        effects.lines.first().map(|line| (line.contract_version, line.amount))
    };
    assert_eq!(price("2026-11-24"), Some((2, usd("50.00"))), "late, at the prices of its month");
    assert_eq!(price("2026-11-25"), None, "100 of the next month are free");
}

/// Months that have not begun may change and be dropped, unless something was counted of them: by a clock that was
/// ahead, or while the order was being carried out.
#[test]
fn months_to_come_may_change() {
    let state = active(&selling(metered("2026-11-21", 12, "0.50")));
    assert_eq!(order(&state, &amended(metered("2026-11-21", 12, "0.60"))).changes.len(), 1);
    let dropped = order(&state, &second(|_| {}));
    assert_eq!(dropped.changes[0].to_string().split(':').next(), Some("usage U1"));
    assert!(
        dropped.still_stands(&counted(&state, "2026-11-21"), DAY)[0].detail.contains("1 months of usage")
    );
}

/// What the CRM sells is compared with the contract.
#[test]
fn other_terms_in_the_crm_are_a_difference() {
    let sold = selling(metered("2026-11-01", 12, "0.50"));
    let contract = cut_contract(&sold, &config()).expect("a contract");
    assert_eq!(compare_sold(&contract, &sold), None);
    let other = compare_sold(&contract, &selling(metered("2026-11-01", 12, "0.60"))).expect("differs");
    assert!(
        other.detail.contains("quote: usage U1 12 months") && other.detail.contains("instead of"),
        "{other}"
    );
    let gone = compare_sold(&contract, &quote()).expect("differs");
    assert!(gone.detail.contains("quote: usage U1 nothing instead of"), "{gone}");
}

/// Usage may be sold by a statement of work; the lines that it earns are that statement's.
#[test]
fn usage_belongs_to_its_statement() {
    let sold = |approved: &[&str]| {
        let mut quote = quote_of_two(approved);
        quote.lines.push(of_statement("SOW-2", metered("2026-11-01", 12, "0.50")));
        quote
    };
    let state = active(&sold(&["SOW-1"]));
    assert!(state.contract.usage.is_empty());
    let next = order(&state, &sold(&["SOW-1", "SOW-2"])).apply(state);
    let decision = usage_recorded(Some(&next), &usage("a", "api-calls", "2026-11-03", "500"), DAY);
    let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
    assert_eq!(effects.lines[0].statement.as_deref(), Some("SOW-2"));
    assert_eq!(in_force(&next.contract)["SOW-2"].usage, next.contract.usage);
}
