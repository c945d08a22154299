//! Approved expenses become lines: worked examples, and what holds for every history.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod amended;

use amended::{order, refusals, second};
use domain::activation::{check, cut_contract};
use domain::billing::{BillableLine, Evidence, line_of, milestone_completed, time_approved};
use domain::billing_event::BillingEventType;
use domain::decision::{Condition, Decision};
use domain::engagement::{Engagement, EngagementStatus};
use domain::expense::{EXPENSE, Expense, ExpenseStatus, ExpenseTerms, expense_approved};
use domain::invoice::{Unit, assemble};
use domain::money::{Currency, Money};
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::sample::{
    active, completion, config, entry, expense, expense_line, of_statement, quote, quote_of_two,
    quote_with_expenses, usd,
};
use domain::setup::compare_sold;
use domain::statement_of_work::in_force;
use proptest::prelude::*;
use rust_decimal::Decimal;

fn money(amount: &str, currency: &str) -> Money {
    Money::parse(amount, Currency::from_code(currency).expect("a currency")).expect("an amount")
}

fn terms(markup_percent: &str) -> ExpenseTerms {
    ExpenseTerms {
        service: "EXPENSES".into(),
        quote_line: "6".into(),
        markup_percent: markup_percent.parse().expect("percent"),
        cap: None,
        categories: [].into(),
    }
}

fn selling(markup_percent: &str, cap: Option<&str>) -> Engagement {
    active(&quote_with_expenses(markup_percent, cap))
}

fn applied(decision: Decision) -> (BillableLine, Option<Engagement>) {
    let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
    let [line] = &effects.lines[..] else { panic!("one line") };
    (line.clone(), effects.state)
}

fn held(decision: Decision) -> (ProblemCode, Option<Money>) {
    let Decision::Hold(problem) = decision else { panic!("{decision:?}") };
    (problem.code, problem.at_stake)
}

/// Proves BIL-08, CAN-17, CAN-18, EVT-10 in part: 240.00 at cost is 240.00; with 7.5 % it is 240.00 + 18.00 = 258.00. The
/// line names the quote line, the day it was spent and the markup that priced it.
#[test]
fn an_approved_expense_is_one_line_of_what_was_sold() {
    let (line, state) = applied(expense_approved(Some(&selling("0", None)), &expense("7", usd("240.00"))));
    assert_eq!((line.amount, line.earned_on.to_string().as_str()), (usd("240.00"), "2026-11-03"));
    assert_eq!(
        (line.quote_line.as_str(), line.service.as_str(), line.contract_version),
        ("6", "EXPENSES", 1)
    );
    assert_eq!(line.line, line_of("kantata-main", EXPENSE, "7"));
    assert_eq!(BillingEventType::from(&line), BillingEventType::ExpenseApproval);
    assert_eq!(state, None, "without a cap nothing is shared");
    let (line, _) = applied(expense_approved(Some(&selling("7.5", None)), &expense("7", usd("240.00"))));
    assert_eq!(line.amount, usd("258.00"));
    let Evidence::Expense { expense, markup_percent } = line.evidence else { panic!("an expense") };
    assert_eq!((expense.cost, markup_percent.to_string().as_str()), (usd("240.00"), "7.5"));
}

/// Rounded once, halves away from zero. 0.10 + 5 % = 0.105; 12.30 + 7.5 % = 13.2225; 33.33 + 15 % = 38.3295. Yen have
/// no minor unit: 1,010 + 5 % = 1,060.5; dinars have three places: 1.010 + 2.05 % = 1.030705 and 0.100 + 0.5 % = 0.1005.
#[test]
fn a_markup_is_rounded_once() {
    for (cost, markup, currency, price) in [
        ("0.10", "5", "USD", "0.11"),
        ("12.30", "7.5", "USD", "13.22"),
        ("33.33", "15", "USD", "38.33"),
        ("99.99", "0", "USD", "99.99"),
        ("1010", "5", "JPY", "1061"),
        ("1009", "5", "JPY", "1059"),
        ("1.010", "2.05", "KWD", "1.031"),
        ("0.100", "0.5", "KWD", "0.101"),
    ] {
        let priced = terms(markup).price(money(cost, currency)).expect("fits");
        assert_eq!(priced, money(price, currency), "{cost} {currency} + {markup} %");
    }
    let most = Money::rounded(Decimal::MAX, Currency::from_code("JPY").expect("JPY"));
    assert!(terms("1").price(most).is_err(), "what does not fit is told");
}

/// Proves WFC-02 in part: what is not approved, or what the fee covers, is billed to nobody.
#[test]
fn what_the_customer_does_not_bear_changes_nothing() {
    let state = selling("10", Some("1000.00"));
    let of = |change: &dyn Fn(&mut Expense)| {
        let mut told = expense("7", usd("240.00"));
        change(&mut told);
        expense_approved(Some(&state), &told)
    };
    for status in [ExpenseStatus::Submitted, ExpenseStatus::Rejected, ExpenseStatus::Withdrawn] {
        let decision = of(&|e| e.status = status);
        assert!(matches!(&decision, Decision::NoEffect(why) if why.contains("not approved")), "{decision:?}");
    }
    let internal = of(&|e| e.pass_through = false);
    assert!(
        matches!(&internal, Decision::NoEffect(why) if why.contains("the fee covers it")),
        "{internal:?}"
    );
    assert!(matches!(of(&|e| e.cost = usd("0.00")), Decision::NoEffect(_)));
}

/// The contract says which categories are passed on, whatever the PSA marks as billable.
#[test]
fn only_the_categories_sold_are_passed_on() {
    let mut sold = quote_with_expenses("0", None);
    sold.lines.last_mut().unwrap().expenses.as_mut().unwrap().categories =
        ["Lodging".to_owned(), "Air travel".to_owned()].into();
    let state = active(&sold);
    let of = |category: &str| {
        expense_approved(Some(&state), &Expense { category: category.into(), ..expense("7", usd("9.00")) })
    };
    for category in ["Lodging", "lodging ", "AIR TRAVEL"] {
        assert_eq!(applied(of(category)).0.amount, usd("9.00"), "{category}");
    }
    let decision = of("Food");
    assert!(matches!(&decision, Decision::NoEffect(why) if why.contains("`Food`")), "{decision:?}");
}

/// Whatever can't be billed as it is waits for a person, with what is at stake. Nothing converts.
#[test]
fn what_can_t_be_billed_is_held_with_its_stake() {
    let cost = usd("240.00");
    let unsold = expense_approved(Some(&active(&quote())), &expense("7", cost));
    assert_eq!(held(unsold), (ProblemCode::ExpensesNotSold, Some(cost)));
    let state = selling("0", Some("1000.00"));
    let euros = money("80.00", "EUR");
    let foreign = expense_approved(Some(&state), &expense("7", euros));
    assert_eq!(held(foreign), (ProblemCode::ExpenseCurrency, Some(euros)));
    let refund = expense_approved(Some(&state), &expense("7", usd("-0.01")));
    assert_eq!(held(refund), (ProblemCode::ExpenseNegative, Some(usd("-0.01"))));
    let withdrawn = Engagement { status: EngagementStatus::Withdrawn, ..state };
    let late = expense_approved(Some(&withdrawn), &expense("7", cost));
    assert_eq!(held(late).0, ProblemCode::IllegalEvent);
}

/// Proves EVT-10 in part: an expense that comes before its engagement is active waits.
#[test]
fn an_early_expense_is_parked() {
    let early = Engagement { status: EngagementStatus::Activating, ..selling("0", None) };
    for state in [None, Some(&early)] {
        let decision = expense_approved(state, &expense("7", usd("240.00")));
        assert_eq!(decision, Decision::Park(Condition::EngagementActive));
    }
}

/// Proves BIL-13 in part: with 10 %, 400.00 is billed 440.00 and 509.09 is billed 559.999 ≈ 560.00, which reaches the cap
/// of 1,000.00 exactly. A cent more (0.01 + 10 % ≈ 0.01) would exceed it and waits; so would 509.10 + 10 % = 560.01.
#[test]
fn the_cap_is_reached_and_never_exceeded() {
    let state = selling("10", Some("1000.00"));
    let (line, state) = applied(expense_approved(Some(&state), &expense("1", usd("400.00"))));
    let state = state.expect("the cap is shared state");
    assert_eq!((line.amount, state.expenses_billed), (usd("440.00"), Some(usd("440.00"))));
    let over = expense_approved(Some(&state), &expense("2", usd("509.10")));
    assert_eq!(held(over), (ProblemCode::CeilingExceeded, Some(usd("560.01"))));
    let (line, state) = applied(expense_approved(Some(&state), &expense("3", usd("509.09"))));
    let state = state.expect("the cap is shared state");
    assert_eq!((line.amount, state.expenses_billed), (usd("560.00"), Some(usd("1000.00"))));
    let more = expense_approved(Some(&state), &expense("4", usd("0.01")));
    assert_eq!(held(more), (ProblemCode::CeilingExceeded, Some(usd("0.01"))));
}

/// The ceiling on time and the cap on expenses are counted apart.
#[test]
fn time_does_not_use_up_the_cap() {
    let sold = Quote { time_ceiling: Some(usd("360.00")), ..quote_with_expenses("0", Some("50.00")) };
    let (_, state) = applied(expense_approved(Some(&active(&sold)), &expense("1", usd("50.00"))));
    let hours = time_approved(state.as_ref(), &entry("1", "consultant", "2026-11-16", 120));
    let (_, state) = applied(hours);
    let state = state.expect("the ceiling is shared state");
    assert_eq!((state.expenses_billed, state.time_billed), (Some(usd("50.00")), Some(usd("360.00"))));
}

/// Each expense is a printed line of its own, with category, day and person, beside milestones and time. Odoo grouped
/// re-invoiced expenses of one price on one line, so that what became of one changed the other (its pull request 140460).
#[test]
fn an_expense_is_printed_alone() {
    let state = selling("7.5", None);
    let mut owned: Vec<BillableLine> = ["1", "2"]
        .iter()
        .map(|id| applied(expense_approved(Some(&state), &expense(id, usd("240.00")))).0)
        .collect();
    owned.push(applied(milestone_completed(Some(&state), &completion("M1"), amended::DAY)).0);
    owned.push(applied(time_approved(Some(&state), &entry("1", "consultant", "2026-11-16", 60))).0);
    let printed = assemble(usd("0").currency(), &owned).expect("assembles");
    let shown: Vec<(&str, String)> =
        printed.iter().map(|l| (l.description.as_str(), l.amount.to_string())).collect();
    let hotel = ("Lodging, 2026-11-03, Ada Lindqvist", "258.00 USD".to_owned());
    assert_eq!(shown[..3], [hotel.clone(), hotel, ("M1 Design", "20000.00 USD".to_owned())]);
    assert_eq!((printed[0].unit, printed[0].lines.len(), printed.len()), (Unit::Fee, 1, 4));
}

/// The terms come from the quote's line. Its own price commits nobody: contract value and budget are those without it.
#[test]
fn the_terms_are_cut_from_the_quote() {
    let sold = quote_with_expenses("7.50", Some("5000.00"));
    assert_eq!(check(&sold, &Default::default(), &config()), []);
    let contract = cut_contract(&sold, &config()).expect("a contract");
    let without = cut_contract(&quote(), &config()).expect("a contract");
    assert_eq!(contract.expenses, Some(ExpenseTerms { cap: Some(usd("5000.00")), ..terms("7.5") }));
    assert_eq!((contract.value(), contract.budget()), (without.value(), without.budget()));
    let whole = &in_force(&contract)["quote"];
    assert_eq!(whole.expenses, contract.expenses, "its statement of work has them too");
    assert_eq!(
        serde_json::to_value(without).expect("JSON").get("expenses"),
        None,
        "others are stored as before"
    );
}

/// What can't be carried out is found before anything is set up.
#[test]
fn terms_that_make_no_sense_are_findings() {
    let found = |change: &dyn Fn(&mut Quote)| {
        let mut sold = quote_with_expenses("10", Some("5000.00"));
        change(&mut sold);
        let codes: Vec<_> =
            check(&sold, &Default::default(), &config()).into_iter().map(|p| p.code).collect();
        codes
    };
    let offer = |q: &mut Quote| q.lines.last_mut().unwrap().expenses.clone().unwrap();
    let invalid = [ProblemCode::BillingModelInvalid];
    let set = |q: &mut Quote, to| q.lines.last_mut().unwrap().expenses = Some(to);
    assert_eq!(
        found(&|q| {
            let o = offer(q);
            set(q, domain::quote::PassThrough { markup_percent: Some((-1).into()), ..o })
        }),
        invalid
    );
    assert_eq!(
        found(&|q| {
            let o = offer(q);
            set(q, domain::quote::PassThrough { cap: Some(usd("0.00")), ..o })
        }),
        invalid
    );
    assert_eq!(
        found(&|q| {
            let o = offer(q);
            set(q, domain::quote::PassThrough { cap: Some(money("9", "JPY")), ..o })
        }),
        invalid
    );
    assert_eq!(found(&|q| q.lines.push(expense_line("7", "5", None))), invalid, "an expense names no line");
    assert_eq!(found(&|q| q.lines.last_mut().unwrap().expenses = None), [], "at cost, without a cap");
    assert_eq!(found(&|q| q.lines.last_mut().unwrap().unit_price = usd("500.00")), [], "an estimate");
    let negative = found(&|q| q.lines.last_mut().unwrap().unit_price = usd("-1.00"));
    assert_eq!(negative, [ProblemCode::PriceBelowPolicy]);
    let elsewhere = found(&|q| q.lines.last_mut().unwrap().service = "IMPL".into());
    assert_eq!(elsewhere, [ProblemCode::ServiceUnknown]);
}

/// A change order changes markup, cap and categories from then on; lines keep the version that priced them.
#[test]
fn a_change_order_changes_the_terms() {
    let state = selling("10", Some("1000.00"));
    let (before, state) = applied(expense_approved(Some(&state), &expense("1", usd("100.00"))));
    let state = state.expect("counted");
    let next = order(&state, &second(|q| q.lines.push(expense_line("86", "5", Some("500.00")))));
    let said: Vec<String> = next.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["expenses: at cost plus 10 %, 1000.00 USD at most becomes at cost plus 5 %, 500.00 USD at most"]
    );
    let state = next.apply(state);
    let (after, state) = applied(expense_approved(Some(&state), &expense("2", usd("100.00"))));
    assert_eq!((before.amount, before.contract_version), (usd("110.00"), 1));
    assert_eq!((after.amount, after.contract_version, after.quote_line.as_str()), (usd("105.00"), 2, "86"));
    assert_eq!(state.expect("counted").expenses_billed, Some(usd("215.00")));
    let same = order(&selling("10", None), &second(|q| q.lines.push(expense_line("86", "10.0", None))));
    assert_eq!(same.changes, [], "another line of the same terms is no change");
}

/// Proves BIL-13 in part: a cap never sinks below what is billed, and what was not counted is not capped afterwards,
/// whatever came between.
#[test]
fn a_cap_moves_but_not_below_what_is_billed() {
    let capped = |cap: Option<&str>| second(|q| q.lines.push(expense_line("86", "0", cap)));
    let (_, state) =
        applied(expense_approved(Some(&selling("0", Some("1000.00"))), &expense("1", usd("540.00"))));
    let state = state.expect("counted");
    assert_eq!(
        order(&state, &capped(Some("540.00"))).apply(state.clone()).expenses_billed,
        Some(usd("540.00"))
    );
    assert!(refusals(&state, &capped(Some("539.99"))).contains("540.00 USD was billed as expenses"));
    let lifted = order(&state, &capped(None)).apply(state.clone());
    assert_eq!((lifted.expenses_billed, lifted.expenses_uncounted), (None, true));
    assert!(refusals(&selling("0", None), &capped(Some("5000.00"))).contains("without a cap"));

    let dropped = order(&state, &second(|_| {})).apply(state);
    assert_eq!((dropped.contract.expenses.clone(), dropped.expenses_billed), (None, Some(usd("540.00"))));
    let third = |cap| Quote { quote: "902".into(), version: 3, ..capped(cap) };
    assert!(
        refusals(&dropped, &third(Some("539.99"))).contains("was billed as expenses"),
        "it is remembered"
    );
    assert!(
        refusals(&lifted, &third(Some("9000.00"))).contains("without a cap"),
        "so is that nobody counted"
    );
    let begun = order(&active(&quote()), &capped(Some("10.00"))).apply(active(&quote()));
    assert_eq!(begun.expenses_billed, Some(usd("0.00")), "what was never passed on can be capped");
}

/// The cap is asked again right before the order comes into force: expenses were billed meanwhile.
#[test]
fn a_cap_that_was_overtaken_refuses_the_order() {
    let state = selling("0", Some("1000.00"));
    let sinks = order(&state, &second(|q| q.lines.push(expense_line("86", "0", Some("100.00")))));
    assert_eq!(sinks.still_stands(&state, amended::DAY), []);
    let (_, later) = applied(expense_approved(Some(&state), &expense("1", usd("100.01"))));
    let against = sinks.still_stands(&later.expect("counted"), amended::DAY);
    assert_eq!(against.iter().map(|p| p.code).collect::<Vec<_>>(), [ProblemCode::ChangeOrderInvalid]);
}

/// A statement of work that comes in brings its terms along, and none that were edited elsewhere meanwhile.
#[test]
fn a_statement_of_work_brings_its_own_terms() {
    let of_two = |approved: &[&str], markup: &str, statement: &str| {
        let mut sold = quote_of_two(approved);
        sold.lines.push(of_statement(statement, expense_line("6", markup, None)));
        sold
    };
    let state = active(&of_two(&["SOW-1"], "10", "SOW-2"));
    assert_eq!(state.contract.expenses, None);
    let next = order(&state, &of_two(&["SOW-1", "SOW-2"], "10", "SOW-2"));
    assert_eq!(next.to.expenses.as_ref().map(|e| e.markup_percent), Some(10.into()));
    assert_eq!(next.to.statement_of("6"), Some("SOW-2"));
    let (line, _) = applied(expense_approved(Some(&next.apply(state)), &expense("1", usd("1.00"))));
    assert_eq!(line.statement.as_deref(), Some("SOW-2"));
    let state = active(&of_two(&["SOW-1"], "10", "SOW-1"));
    let edited = refusals(&state, &of_two(&["SOW-1", "SOW-2"], "12", "SOW-1"));
    assert!(edited.contains("the terms of expenses changed"), "{edited}");
}

/// Terms that were edited in the CRM without a further version are a difference.
#[test]
fn edited_terms_are_found() {
    let sold = quote_with_expenses("10", Some("1000.00"));
    let contract = cut_contract(&sold, &config()).expect("a contract");
    assert_eq!(compare_sold(&contract, &sold), None);
    let edited = quote_with_expenses("12", Some("1000.00"));
    let said = compare_sold(&contract, &edited).expect("differs").detail;
    assert!(
        said.contains("expenses at cost plus 12 %, 1000.00 USD at most of EXPENSES instead of"),
        "{said}"
    );
}

proptest! {
    /// Proves BIL-13 in part: under any order of expenses the cap holds, and what is billed is what the state says.
    #[test]
    fn a_cap_is_never_exceeded(
        costs in prop::collection::vec(1_i64..60_000, 1..40),
        cap in 1_i64..900_000,
        markup in 0_i64..3_000,
    ) {
        let cents = |units| Money::from_minor_units(units, usd("0.00").currency()).expect("fits");
        let mut sold = quote_with_expenses(&Decimal::new(markup, 2).to_string(), None);
        sold.lines.last_mut().unwrap().expenses.as_mut().unwrap().cap = Some(cents(cap));
        let mut state = active(&sold);
        let mut billed = usd("0.00");
        for (i, cost) in costs.iter().enumerate() {
            if let Decision::Apply(effects) = expense_approved(Some(&state), &expense(&i.to_string(), cents(*cost))) {
                billed = billed.plus(effects.lines[0].amount).expect("sum");
                state = effects.state.expect("the cap is shared state");
            }
            prop_assert!(!billed.exceeds(cents(cap)).expect("same currency"));
            prop_assert_eq!(state.expenses_billed, Some(billed));
        }
    }

    /// A charge is never below its cost, and is within half a minor unit of cost and markup.
    #[test]
    fn a_charge_is_cost_and_markup_to_half_a_cent(cost in 1_i64..10_000_000, markup in 0_i64..20_000) {
        let markup = Decimal::new(markup, 2);
        let cost = Money::from_minor_units(cost, usd("0.00").currency()).expect("fits");
        let charged = terms(&markup.to_string()).price(cost).expect("fits");
        let exact = cost.amount() + cost.amount() * markup / Decimal::ONE_HUNDRED;
        prop_assert!(charged.amount() >= cost.amount());
        prop_assert!((charged.amount() - exact).abs() <= Decimal::new(5, 3), "{charged} of {exact}");
    }
}
