//! Statements of work: what of a quote is in force, what comes in later, and where each statement stands.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use domain::Contract;
use domain::activation::{CustomerFacts, check, cut_contract};
use domain::billing::{milestone_completed, time_approved};
use domain::change_order::{Standing, Verdict, decide, standing};
use domain::decision::Decision;
use domain::engagement::Engagement;
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::quote::{Quote, QuoteLine};
use domain::revenue::schedule;
use domain::sample::{
    active, completion, config, entry, milestone_line, of_statement, quote, quote_of_two, rate_line, usd,
};
use domain::setup::compare_sold;
use domain::statement_of_work::{
    StatementApproval, StatementOfWork, StatementStatus, WHOLE, drafted, in_force, next,
};
use jiff::civil::{Date, date};
use proptest::prelude::*;

const DAY: Date = date(2026, 11, 20);

fn verdict(engagement: &Engagement, quote: &Quote) -> Verdict {
    decide(engagement, quote, &CustomerFacts::default(), &config(), DAY)
}

fn changed(engagement: &Engagement, quote: &Quote) -> Engagement {
    match verdict(engagement, quote) {
        Verdict::Change(order) => order.apply(engagement.clone()),
        other => panic!("{other:?}"),
    }
}

fn refusals(engagement: &Engagement, quote: &Quote) -> String {
    match verdict(engagement, quote) {
        Verdict::Refused(problems) => {
            problems.iter().map(|p| p.detail.clone()).collect::<Vec<_>>().join("; ")
        }
        other => panic!("{other:?}"),
    }
}

fn keys(contract: &Contract) -> Vec<&str> {
    let charges = contract.recurring.iter().map(|c| c.key.as_str());
    contract.milestones.iter().map(|m| m.key.as_str()).chain(charges).collect()
}

fn approval(event: &str, quote_version: u32) -> StatementApproval {
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    StatementApproval { at, event: event.into(), quote: "900".into(), quote_version }
}

/// The statements after a contract version, laid over those before it.
fn stated(
    known: &[StatementOfWork],
    engagement: &Engagement,
    quote: &Quote,
    event: &str,
) -> Vec<StatementOfWork> {
    let drafts = drafted(&quote.clone().in_force());
    let approval = approval(event, quote.version);
    let changes = next(known, &engagement.engagement, &engagement.contract, &drafts, &approval).unwrap();
    let mut all: BTreeMap<String, StatementOfWork> =
        known.iter().chain(&changes).map(|s| (s.statement.clone(), s.clone())).collect();
    assert!(changes.iter().all(|s| all.remove(&s.statement).is_some()), "each once");
    all.extend(changes.into_iter().map(|s| (s.statement.clone(), s)));
    all.into_values().collect()
}

fn statuses(statements: &[StatementOfWork]) -> Vec<(&str, StatementStatus)> {
    statements.iter().map(|s| (s.statement.as_str(), s.status)).collect()
}

/// Lines of a statement that nobody approved are not in force, whatever the quote's own approval says.
#[test]
fn only_approved_statements_are_cut() {
    let one = cut_contract(&quote_of_two(&["SOW-1"]), &config()).unwrap();
    assert_eq!((keys(&one), one.value().unwrap()), (vec!["M1"], usd("20000.00")));
    assert_eq!(one.statements, BTreeSet::from(["SOW-1".to_owned()]));
    assert_eq!((one.statement_of("1"), one.statement_of("2")), (Some("SOW-1"), None));
    let both = cut_contract(&quote_of_two(&["SOW-1", "SOW-2", "SOW-9"]), &config()).unwrap();
    assert_eq!((keys(&both), both.value().unwrap()), (vec!["M1", "M2", "S1"], usd("68000.00")));
    assert_eq!(both.statements.len(), 2, "SOW-9 sells nothing");
    let none = check(&quote_of_two(&[]), &CustomerFacts::default(), &config());
    let codes: Vec<_> = none.iter().map(|p| p.code).collect();
    assert_eq!(codes, [ProblemCode::QuoteNotApproved], "{none:?}");
    assert!(none[0].detail.contains("SOW-1, SOW-2"), "{}", none[0].detail);
}

/// A quote without a word of statements is one, as it always was: nothing of it is stored otherwise.
#[test]
fn a_quote_without_statements_is_one() {
    let contract = cut_contract(&quote(), &config()).unwrap();
    let stored = serde_json::to_value(&contract).unwrap();
    for field in ["statements", "statement_of", "quote_version"] {
        assert!(stored.get(field).is_none(), "{field}");
    }
    let whole = in_force(&contract);
    assert_eq!(whole.keys().collect::<Vec<_>>(), [WHOLE]);
    assert_eq!(whole[WHOLE].value(contract.currency).unwrap(), contract.value().unwrap());
    assert_eq!(standing(&contract, &quote()), Standing::InForce);
}

/// Proves WFB-01 in part, EVT-04 in part: a statement that is approved after the first one's milestone was billed brings
/// its milestone, charge, planned revenue and tax code as the contract's next version, of the same version of the quote.
#[test]
fn a_further_statement_comes_in_by_itself() {
    let engagement = active(&quote_of_two(&["SOW-1"]));
    let Decision::Apply(billed) = milestone_completed(Some(&engagement), &completion("M1"), DAY) else {
        panic!("billed")
    };
    assert_eq!(billed.lines[0].statement.as_deref(), Some("SOW-1"));
    let engagement = billed.state.unwrap();
    let both = quote_of_two(&["SOW-1", "SOW-2"]);
    assert_eq!(standing(&engagement.contract, &both), Standing::Statements);
    let Verdict::Change(order) = verdict(&engagement, &both) else { panic!("a change order") };
    let said: Vec<String> = order.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["milestone M2: 30000.00 USD, new", "recurring charge S1: 12 × 1500.00 USD, new"],
        "and nothing of the first"
    );
    let contract = order.apply(engagement.clone()).contract;
    assert_eq!((contract.version, contract.quote_version()), (2, 1));
    assert_eq!(contract.tax_code, "SALES-10");
    assert_eq!(contract.milestone("M1"), engagement.contract.milestone("M1"), "billed");
    let planned = schedule(&contract, DAY).unwrap();
    let of = |key: &str| {
        let entries = planned.entries.iter().filter(|e| e.element == key).map(|e| e.amount);
        Money::total(contract.currency, entries).unwrap()
    };
    assert_eq!((of("M1"), of("M2"), of("S1")), (usd("20000.00"), usd("30000.00"), usd("18000.00")));
    let after = changed(&engagement, &both);
    assert_eq!(standing(&after.contract, &both), Standing::InForce);
    assert!(matches!(verdict(&after, &both), Verdict::NoEffect(_)), "told again");
}

/// Proves WFB-02 in part: the completion of a milestone, and time, resolve to the statement that sold them.
#[test]
fn work_resolves_to_its_statement() {
    let engagement = active(&quote_of_two(&["SOW-1", "SOW-2"]));
    let line = |decision| match decision {
        Decision::Apply(effects) => effects.lines[0].clone(),
        other => panic!("{other:?}"),
    };
    let done = line(milestone_completed(Some(&engagement), &completion("M2"), DAY));
    assert_eq!((done.statement.as_deref(), done.amount), (Some("SOW-2"), usd("30000.00")));
    let worked = line(time_approved(Some(&engagement), &entry("1", "consultant", "2026-11-19", 60)));
    assert_eq!(worked.statement.as_deref(), Some("SOW-1"));
    let whole = line(milestone_completed(Some(&active(&quote())), &completion("M2"), DAY));
    assert_eq!(whole.statement, None);
}

/// An approval of one statement brings into force nothing that was edited elsewhere without a version.
#[test]
fn what_was_edited_beside_a_statement_refuses_it() {
    let engagement = active(&quote_of_two(&["SOW-1"]));
    let edited = |edit: &dyn Fn(&mut Quote)| {
        let mut both = quote_of_two(&["SOW-1", "SOW-2"]);
        edit(&mut both);
        refusals(&engagement, &both)
    };
    assert!(edited(&|q| q.lines[0].unit_price = usd("25000.00")).contains("milestone M1 changed"));
    assert!(edited(&|q| q.lines[1].unit_price = usd("200.00")).contains("the rate of consultant changed"));
    assert!(edited(&|q| q.time_ceiling = Some(usd("9000.00"))).contains("ceiling"));
    let quietly = edited(&|q| q.lines.push(milestone_line("9", "M9", "More", "5000.00")));
    assert!(quietly.contains("milestone M9 changed"), "{quietly}");
    let moved = edited(&|q| q.lines[0].statement = Some("SOW-2".into()));
    assert!(moved.contains("milestone M1 changed"), "{moved}");
}

/// Time names a role and no statement, so that a role has one price in all of them.
#[test]
fn a_role_has_one_price_in_all_statements() {
    let with = |price: &str| {
        let mut both = quote_of_two(&["SOW-1", "SOW-2"]);
        both.lines.push(of_statement("SOW-2", rate_line("9", "consultant", price)));
        both
    };
    let found = |quote: &Quote| check(quote, &CustomerFacts::default(), &config());
    assert_eq!(found(&with("180.00")), []);
    let dearer = found(&with("200.00"));
    assert!(dearer.iter().any(|p| p.detail.contains("role `consultant`")), "{dearer:?}");
    let mut pending = with("200.00");
    pending.approved_statements.remove("SOW-2");
    assert_eq!(found(&pending), [], "not before it is approved");
}

/// A name is part of a key, so that it is a short word.
#[test]
fn a_name_is_a_word() {
    for (name, sound) in [
        ("SOW-2", true),
        ("2026.A_1", true),
        ("SOW 2", false),
        ("a#b", false),
        ("quote", false),
        ("-1", false),
    ] {
        let mut quote = quote();
        quote.lines[0].statement = Some(name.into());
        quote.approved_statements = [name.to_owned()].into();
        let found = check(&quote, &CustomerFacts::default(), &config());
        assert_eq!(found.is_empty(), sound, "{name}: {found:?}");
    }
}

/// A mark that is cleared in the CRM takes nothing out of force; a person is told. A further version does.
#[test]
fn only_a_further_version_takes_a_statement_out() {
    let (both, one) = (quote_of_two(&["SOW-1", "SOW-2"]), quote_of_two(&["SOW-1"]));
    let engagement = active(&both);
    assert_eq!(standing(&engagement.contract, &one), Standing::InForce);
    assert!(matches!(verdict(&engagement, &one), Verdict::NoEffect(_)));
    assert_eq!(compare_sold(&engagement.contract, &both), None);
    let told = compare_sold(&engagement.contract, &one).expect("a difference").detail;
    assert!(told.contains("`SOW-2` as not approved any more") && !told.contains("M2"), "{told}");
    let second = Quote { quote: "901".into(), version: 2, ..one };
    let after = changed(&engagement, &second);
    assert_eq!((keys(&after.contract), after.contract.version), (vec!["M1"], 2));
}

/// Proves CAN-07 in part: where a statement stands, since which version and by which approval, with its terms and
/// milestones; what was approved is never a draft again.
#[test]
fn a_statement_goes_from_draft_to_approved_to_withdrawn() {
    use StatementStatus::{Approved, Drafted, Withdrawn};
    let one = quote_of_two(&["SOW-1"]);
    let engagement = active(&one);
    let first = stated(&[], &engagement, &one, "a");
    assert_eq!(statuses(&first), [("SOW-1", Approved), ("SOW-2", Drafted)]);
    let draft = &first[1];
    assert_eq!((draft.approval.as_ref(), draft.value().unwrap()), (None, usd("48000.00")));
    assert_eq!((draft.terms.tax_code.as_str(), draft.terms.payment_terms.as_str()), ("SALES-10", "net-30"));
    let both = quote_of_two(&["SOW-1", "SOW-2"]);
    let engagement = changed(&engagement, &both);
    let second = stated(&first, &engagement, &both, "b");
    assert_eq!(statuses(&second), [("SOW-1", Approved), ("SOW-2", Approved)]);
    assert_eq!(second[0], first[0], "the first stands as it did");
    let by = |s: &StatementOfWork| s.approval.as_ref().map(|a| a.event.clone());
    assert_eq!((by(&second[1]).as_deref(), second[1].contract_version), (Some("b"), 2));
    let without = Quote { quote: "901".into(), version: 2, ..quote_of_two(&["SOW-1"]) };
    let engagement = changed(&engagement, &without);
    let third = stated(&second, &engagement, &without, "c");
    assert_eq!(statuses(&third), [("SOW-1", Approved), ("SOW-2", Withdrawn)]);
    assert_eq!(third[1].scope, second[1].scope, "what it sold at the end");
    assert_eq!(stated(&third, &engagement, &without, "d"), third, "told again");
    for status in [Approved, Withdrawn] {
        let was = StatementOfWork { status, ..third[0].clone() };
        let refused = was.become_status(Drafted, 9).expect_err("illegal");
        assert_eq!((refused.object, refused.to), ("a statement of work", "drafted"));
    }
}

/// A quote of statements `SOW-1` and on: each has a milestone, every second a rate that all of them share.
fn quote_of(prices: &[u32], approved: &BTreeSet<usize>) -> Quote {
    let mut lines: Vec<QuoteLine> = vec![rate_line("90", "principal", "260.00")];
    for (n, price) in (1..).zip(prices) {
        let name = format!("SOW-{n}");
        let milestone = milestone_line(&n.to_string(), &format!("M{n}"), "Part", &format!("{price}.00"));
        lines.push(of_statement(&name, milestone));
        if n % 2 == 0 {
            lines.push(of_statement(&name, rate_line(&format!("8{n}"), "consultant", "180.00")));
        }
    }
    let approved_statements = approved.iter().map(|n| format!("SOW-{n}")).collect();
    Quote { lines, approved_statements, ..quote() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 500 } else { 5_000 }))]

    /// Proves WFB-01 in part, EVT-30 in part: statements approved in any order, several at once, each told again later:
    /// the same contract in the end, whose value is the sum of its statements'.
    #[test]
    fn any_order_of_approvals_gives_the_same_contract(
        prices in prop::collection::vec(1_000u32..60_000, 1..6),
        order in Just((1usize..=5).collect::<Vec<_>>()).prop_shuffle(),
        at_once in prop::collection::vec(1usize..3, 5),
    ) {
        let all: BTreeSet<usize> = (1..=prices.len()).collect();
        let order: Vec<usize> = order.into_iter().filter(|n| all.contains(n)).collect();
        let mut engagement = active(&quote_of(&prices, &BTreeSet::new()));
        let mut known = stated(&[], &engagement, &quote_of(&prices, &BTreeSet::new()), "0");
        let (mut approved, mut left) = (BTreeSet::new(), order.as_slice());
        for (n, count) in at_once.into_iter().enumerate() {
            let (now, rest) = left.split_at(count.min(left.len()));
            approved.extend(now.iter().copied());
            left = rest;
            let quote = quote_of(&prices, &approved);
            match verdict(&engagement, &quote) {
                Verdict::Change(order) => engagement = order.apply(engagement),
                other => prop_assert!(now.is_empty() && matches!(other, Verdict::NoEffect(_)), "{:?}", other),
            }
            prop_assert!(matches!(verdict(&engagement, &quote), Verdict::NoEffect(_)));
            known = stated(&known, &engagement, &quote, &n.to_string());
            let value = known.iter().filter(|s| s.status == StatementStatus::Approved).map(|s| s.value().unwrap());
            let value = Money::total(engagement.contract.currency, value).unwrap();
            prop_assert_eq!(value, engagement.contract.value().unwrap());
        }
        let at_once = active(&quote_of(&prices, &all)).contract;
        let contract = &engagement.contract;
        prop_assert_eq!(&contract.milestones, &at_once.milestones);
        prop_assert_eq!(&contract.statements, &at_once.statements);
        prop_assert_eq!(contract.budget().unwrap(), at_once.budget().unwrap());
        for line in contract.milestones.iter().map(|m| &m.quote_line) {
            prop_assert_eq!(contract.statement_of(line), at_once.statement_of(line));
        }
        for role in ["consultant", "principal"] {
            let hourly = |c: &Contract| c.rate_card.in_force(role, DAY).map(|r| r.hourly);
            prop_assert_eq!(hourly(contract), hourly(&at_once));
        }
    }
}
