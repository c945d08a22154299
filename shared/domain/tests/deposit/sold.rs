//! On which terms deposits are sold, and when they are billed.

use domain::activation::{CustomerFacts, check, cut_contract};
use domain::billing::model::{BillingModel, billing_model};
use domain::change_order::{Verdict, decide};
use domain::contract::RevenueTreatment;
use domain::deposit::{DrawnWhen, MOST_DEPOSITS};
use domain::event::Event;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::recurring::{ChargeCalendar, ChargeDue, charge_due};
use domain::revenue::{Element, Source, earned_by_invoice, earned_by_line, source};
use domain::sample::{active, config, deposit_line, milestone_line, quote, usd};
use domain::statement_of_work::in_force;
use domain::{Condition, Decision, EngagementStatus};
use jiff::civil::date;

use crate::world::{DAY, sold};

fn findings(quote: &Quote) -> Vec<String> {
    check(quote, &CustomerFacts::default(), &config()).into_iter().map(|p| p.to_string()).collect()
}

/// Proves BIL-10 in part: the sample deal with a deposit is a hybrid of milestones, time and a deposit. The deposit
/// of 10,000.00 is paid for the same 50,000.00 of milestones, so the value stays 50,000.00.
#[test]
fn a_deposit_is_a_part_of_the_contract_and_none_of_its_value() {
    let sold = sold(&[("D1", "10000.00", DrawnWhen::Paid, Some("25.0"))]);
    assert_eq!(findings(&sold), [] as [&str; 0]);
    let contract = cut_contract(&sold, &config()).unwrap();
    assert_eq!(contract.value().unwrap(), usd("50000.00"), "20,000 + 30,000");
    let terms = contract.deposit("D1").unwrap();
    assert_eq!(terms.to_string(), "10000.00 USD, 25 % of an invoice at most");
    let model = billing_model(&contract).unwrap();
    assert_eq!(model.model, BillingModel::Hybrid);
    assert!(model.parts.contains(&BillingModel::Deposit) && model.parts.len() == 3, "{model:?}");
    assert_eq!(in_force(&contract).values().flat_map(|scope| &scope.deposits).count(), 1);
}

#[test]
fn terms_that_nobody_could_carry_out_are_findings() {
    let with = |edit: &dyn Fn(&mut domain::quote::QuoteLine)| {
        let mut line = deposit_line("80", ("D1", "100.00"), DrawnWhen::Paid);
        edit(&mut line);
        let mut sold = quote();
        sold.lines.push(line);
        findings(&sold)
    };
    for (said, edit) in [
        (
            "the key of its deposit",
            &(|l: &mut domain::quote::QuoteLine| l.deposit = None) as &dyn Fn(&mut domain::quote::QuoteLine),
        ),
        ("drawn for 0 %", &|l| l.deposit.as_mut().unwrap().share_percent = Some(0.into())),
        ("drawn for 101 %", &|l| l.deposit.as_mut().unwrap().share_percent = Some(101.into())),
        ("repeats `M1`", &|l| l.deposit.as_mut().unwrap().key = Some("M1".into())),
        ("is no price", &|l| l.unit_price = usd("0.00")),
        ("is no price", &|l| l.unit_price = usd("-5.00")),
    ] {
        let found = with(edit);
        assert!(found.len() == 1 && found[0].contains(said), "{said}: {found:?}");
    }
    let mut many = quote();
    for n in 0..=MOST_DEPOSITS {
        many.lines.push(deposit_line(&format!("8{n}"), (&format!("D{n}"), "1.00"), DrawnWhen::Paid));
    }
    assert!(findings(&many)[0].contains("11 deposits; 10 is most"));
}

/// Told once, billed once, with an invoice of its own: at once, or on the day that was agreed.
#[test]
fn a_deposit_is_billed_once_on_its_day() {
    let mut quote =
        sold(&[("D1", "10000.00", DrawnWhen::Paid, None), ("D2", "500.00", DrawnWhen::Posted, None)]);
    quote.lines.last_mut().unwrap().planned_on = Some(date(2026, 12, 1));
    let engagement = active(&quote);
    let calendar = ChargeCalendar::new(engagement.engagement.clone()).under(&engagement.contract).unwrap();
    assert!(calendar.due_on.unwrap() < DAY, "one is due at once");
    let (due, after) = calendar.tell(&engagement.contract, DAY, 24).unwrap();
    let told = |due: &[ChargeDue]| -> Vec<(String, String)> {
        due.iter().map(|d| (d.charge.clone(), d.due_on.to_string())).collect()
    };
    assert_eq!(told(&due), [("D1".into(), "2026-11-20".into())]);
    assert_eq!(after.due_on, Some(date(2026, 12, 1)));
    let (later, last) = after.tell(&engagement.contract, date(2026, 12, 3), 24).unwrap();
    assert_eq!(told(&later), [("D2".into(), "2026-12-01".into())], "the other is told already");
    assert_eq!(last.due_on, None);
    let Decision::Apply(effects) = charge_due(Some(&engagement), &due[0], DAY) else { panic!("billed") };
    let [line] = &effects.lines[..] else { panic!("one line") };
    assert_eq!((line.amount, line.earned_on, line.service.as_str()), (usd("10000.00"), DAY, "DEPOSIT"));
    assert!(effects.events.iter().any(|e| matches!(e, Event::InvoiceRequested(_))), "it asks for an invoice");
    let Decision::Apply(again) = charge_due(Some(&engagement), &due[0], DAY) else { panic!("billed") };
    assert_eq!(again.lines[0].line, line.line, "told again it is the same line");
}

#[test]
fn a_deposit_that_is_told_too_early_or_of_another_part_waits_for_a_person() {
    let mut quote = sold(&[("D1", "10000.00", DrawnWhen::Paid, None)]);
    quote.lines.last_mut().unwrap().planned_on = Some(date(2026, 12, 1));
    let engagement = active(&quote);
    let due = ChargeDue {
        engagement: engagement.engagement.clone(),
        charge: "D1".into(),
        period: 0,
        from: date(2026, 12, 1),
        until: date(2026, 12, 2),
        due_on: date(2026, 12, 1),
    };
    assert!(matches!(charge_due(Some(&engagement), &due, date(2026, 11, 30)), Decision::Hold(_)));
    let second = ChargeDue { period: 1, ..due.clone() };
    assert!(matches!(charge_due(Some(&engagement), &second, date(2026, 12, 2)), Decision::Hold(_)));
    let mut early = engagement;
    early.status = EngagementStatus::Activating;
    let parked = charge_due(Some(&early), &due, date(2026, 12, 2));
    assert!(matches!(parked, Decision::Park(Condition::EngagementActive)));
}

/// A deposit is owed until it is drawn: whatever its service's treatment, neither line nor invoice earns.
#[test]
fn a_deposit_earns_no_revenue() {
    let mut world = crate::world::World::of_ten_thousand(DrawnWhen::Posted, None);
    world.work("w", "4000.00");
    world.bill("1");
    let all = [
        RevenueTreatment::AsBilled,
        RevenueTreatment::AsDelivered,
        RevenueTreatment::Milestone,
        RevenueTreatment::StraightLine,
    ];
    let mut engagement = world.engagement.clone();
    for treatment in all {
        engagement.contract.revenue.insert("DEPOSIT".into(), treatment);
        assert_eq!(source(treatment, &Element::Deposit("D1".into())), Source::Never);
        let own = world.lines.iter().filter(|(line, ..)| line.service == "DEPOSIT");
        let own: Vec<_> = own.map(|(line, ..)| line).collect();
        assert_eq!(own.len(), 2, "the deposit and its drawdown");
        for line in own {
            let by = (&world.invoices[0].0.invoice, DAY);
            assert_eq!(earned_by_line(&engagement, &engagement.contract, line, None), None);
            assert_eq!(earned_by_invoice(&engagement, &engagement.contract, line, by, None), None);
        }
    }
}

/// Once agreed a deposit stays; a further one may come.
#[test]
fn a_change_order_leaves_deposits_as_they_are() {
    let signed = sold(&[("D1", "10000.00", DrawnWhen::Paid, None)]);
    let engagement = active(&signed);
    let verdict = |edit: &dyn Fn(&mut Quote)| {
        let mut next = Quote { version: 2, quote: "901".into(), ..signed.clone() };
        next.lines.push(milestone_line("92", "M9", "Added", "4000.00"));
        edit(&mut next);
        decide(&engagement, &next, &CustomerFacts::default(), &config(), DAY)
    };
    let Verdict::Change(order) = verdict(&|next| {
        next.lines.push(deposit_line("93", ("D2", "700.00"), DrawnWhen::Posted));
    }) else {
        panic!("a further deposit comes into force");
    };
    let said: Vec<String> = order.changes.iter().map(ToString::to_string).collect();
    assert!(said.contains(&"deposit D2: 700.00 USD, drawn before it is paid, new".into()), "{said:?}");
    for edit in
        [&(|next: &mut Quote| next.lines.retain(|l| l.deposit.is_none())) as &dyn Fn(&mut Quote), &|next| {
            next.lines.iter_mut().filter(|l| l.deposit.is_some()).for_each(|l| l.unit_price = usd("9999.99"))
        }]
    {
        let Verdict::Refused(problems) = verdict(edit) else { panic!("refused") };
        assert!(problems.iter().any(|p| p.code == ProblemCode::ChangeOrderInvalid), "{problems:?}");
    }
}
