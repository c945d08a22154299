//! Periods that fall due: each is told once and billed once, as the contract in force has it.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod amended;

use std::collections::BTreeMap;

use amended::{DAY, order, refusals, second};
use domain::billing::{BillableLine, Evidence, milestone_completed, time_approved};
use domain::billing_event::BillingEventType;
use domain::contract::ChargeTiming;
use domain::decision::{Condition, Decision};
use domain::engagement::{Engagement, EngagementStatus};
use domain::event::Event;
use domain::invoice::assemble;
use domain::problem::ProblemCode;
use domain::quote::{Quote, QuoteLine};
use domain::recurring::{ChargeCalendar, ChargeDue, charge_due, charge_line};
use domain::sample::{active, completion, entry, quote, support_line, usd};
use jiff::civil::{Date, date};
use proptest::prelude::*;

/// Support for 1,500.00 a month from a day on, in arrears.
fn support(starts_on: &str, months: u32) -> QuoteLine {
    support_line("5", "S1", "1500.00", starts_on, months)
}

fn edited(mut line: QuoteLine, edit: impl FnOnce(&mut domain::quote::Recurrence)) -> QuoteLine {
    edit(line.recurrence.as_mut().unwrap());
    line
}

fn with(line: QuoteLine) -> Quote {
    let mut sold = quote();
    sold.lines.push(line);
    sold
}

fn calendar(engagement: &Engagement) -> ChargeCalendar {
    ChargeCalendar::new(engagement.engagement.clone()).under(&engagement.contract).unwrap()
}

fn told(calendar: &ChargeCalendar, engagement: &Engagement, today: Date) -> (Vec<ChargeDue>, ChargeCalendar) {
    calendar.tell(&engagement.contract, today, 24).unwrap()
}

fn line(decision: Decision) -> BillableLine {
    match decision {
        Decision::Apply(effects) => effects.lines.into_iter().next().expect("a line"),
        other => panic!("{other:?}"),
    }
}

fn billed(engagement: &Engagement, due: &ChargeDue) -> BillableLine {
    line(charge_due(Some(engagement), due, due.due_on))
}

/// Proves EVT-12 in part, BIL-05 in part, WFC-01 in part: what fell due is one line of the fee, traceable to charge,
/// period and quote line, and asks for an invoice that shows which days are billed.
#[test]
fn a_period_that_fell_due_is_billed() {
    let engagement = active(&with(support("2027-04-01", 12)));
    let calendar = calendar(&engagement);
    assert_eq!(calendar.due_on, Some(date(2027, 5, 1)));
    assert_eq!(told(&calendar, &engagement, date(2027, 4, 30)).0, [], "in arrears, not before its end");
    let (due, after) = told(&calendar, &engagement, date(2027, 5, 1));
    let [due] = due.as_slice() else { panic!("one period") };
    assert_eq!((due.charge.as_str(), due.period), ("S1", 0));
    assert_eq!((due.from, due.until, due.due_on), (date(2027, 4, 1), date(2027, 5, 1), date(2027, 5, 1)));
    assert_eq!(after.due_on, Some(date(2027, 6, 1)));
    let Decision::Apply(effects) = charge_due(Some(&engagement), due, date(2027, 5, 1)) else {
        panic!("applies")
    };
    let [line] = effects.lines.as_slice() else { panic!("one line") };
    assert_eq!(line.line, charge_line(&engagement.engagement, "S1", 0));
    assert_eq!((line.amount, line.earned_on), (usd("1500.00"), date(2027, 4, 30)));
    assert_eq!((line.quote_line.as_str(), line.service.as_str(), line.contract_version), ("5", "SUPPORT", 1));
    assert_eq!(BillingEventType::from(line), BillingEventType::RecurringServiceCharge);
    assert_eq!(effects.state.as_ref(), Some(&engagement), "the write keeps a change order out");
    let asked: Vec<&Event> = effects.events.iter().collect();
    let [Event::BillingReady(ready), Event::InvoiceRequested(request)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!((&ready.line, ready.amount), (&line.line, usd("1500.00")));
    assert_eq!(request.lines, std::slice::from_ref(&line.line));
    let printed = assemble(line.amount.currency(), &effects.lines).unwrap();
    assert_eq!(printed[0].description, "Managed support, 2027-04-01 to 2027-04-30");
    assert_eq!((printed[0].unit_price, printed[0].amount), (usd("1500.00"), usd("1500.00")));
}

/// Proves BIL-10 in part, WFC-03 in part: a contract of a milestone, time and support bills each by its own rule, and all of
/// it on one invoice: 20,000.00 + 180.00 × 1.5 h = 270.00 + 1,500.00 = 21,770.00.
#[test]
fn a_hybrid_contract_bills_each_part_by_its_own_rule() {
    let engagement = active(&with(support("2026-10-20", 12)));
    let (due, _) = told(&calendar(&engagement), &engagement, DAY);
    let lines = [
        line(milestone_completed(Some(&engagement), &completion("M1"), DAY)),
        line(time_approved(Some(&engagement), &entry("1", "consultant", "2026-11-19", 90))),
        billed(&engagement, &due[0]),
    ];
    let kinds = lines.each_ref().map(BillingEventType::from);
    let expected = [
        BillingEventType::MilestoneCompletion,
        BillingEventType::TimeEntry,
        BillingEventType::RecurringServiceCharge,
    ];
    assert_eq!(kinds, expected);
    let printed = assemble(usd("0").currency(), &lines).unwrap();
    let amounts: Vec<String> = printed.iter().map(|l| l.amount.to_string()).collect();
    assert_eq!(amounts, ["20000.00 USD", "1500.00 USD", "270.00 USD"]);
}

/// In advance the first day counts; a part of a month says so on the invoice.
#[test]
fn a_part_of_a_period_says_its_days() {
    let sold = edited(support("2027-01-15", 2), |r| {
        r.timing = Some(ChargeTiming::Advance);
        r.aligned = true;
    });
    let engagement = active(&with(sold));
    let (due, _) = told(&calendar(&engagement), &engagement, date(2027, 1, 15));
    let line = billed(&engagement, &due[0]);
    assert_eq!((line.amount, line.earned_on), (usd("822.58"), date(2027, 1, 15)));
    let printed = assemble(line.amount.currency(), &[line]).unwrap();
    assert_eq!(printed[0].description, "Managed support, 2027-01-15 to 2027-01-31, 17 of 31 days");
}

/// Proves BIL-05 in part: after months in which nothing ran, every period is told, the oldest first, some in one run and the rest
/// in the next; none is told twice.
#[test]
fn missed_periods_are_told_oldest_first() {
    let mut sold = with(support("2026-01-01", 12));
    sold.lines.push(support_line("6", "S2", "100.00", "2026-02-15", 3));
    let engagement = active(&sold);
    let mut calendar = calendar(&engagement);
    let mut all = Vec::new();
    for _ in 0..4 {
        let (due, after) = calendar.tell(&engagement.contract, date(2026, 6, 20), 3).unwrap();
        assert!(due.len() <= 3);
        all.extend(due);
        calendar = after;
    }
    assert!(all.is_sorted_by_key(|due| due.due_on));
    let said: Vec<String> = all.iter().map(|due| format!("{}{}", due.charge, due.period)).collect();
    assert_eq!(said, ["S10", "S11", "S20", "S12", "S21", "S13", "S22", "S14"]);
    assert_eq!(calendar.due_on, Some(date(2026, 7, 1)));
}

/// A month billed twice (odoo/odoo #280601): the recurring job failed half-way, ran again and billed the same period
/// again. Here the second run tells the same period with the same name, and the line of a period is one line whatever
/// it is told by.
#[test]
fn a_month_billed_twice() {
    let engagement = active(&with(support("2027-04-01", 12)));
    let calendar = calendar(&engagement);
    let (first, after) = told(&calendar, &engagement, date(2027, 5, 1));
    // The first run died before it moved on: the second finds the calendar as it was.
    let (again, _) = told(&calendar, &engagement, date(2027, 5, 2));
    assert_eq!(first, again);
    let (one, other) = (billed(&engagement, &first[0]), billed(&engagement, &again[0]));
    assert_eq!((&one.line, one.amount), (&other.line, other.amount));
    // The first run did move on: nothing is due until the next month is.
    assert_eq!(told(&after, &engagement, date(2027, 5, 31)).0, []);
}

/// An over-invoice that blocks the next month (odoo/odoo #284470): billing more than was due in one month made the next
/// month's run refuse. Here a period is known by its number and not by what was billed before it, so the next ones are
/// billed as they were sold.
#[test]
fn an_over_invoice_does_not_block_the_next_month() {
    let sold = edited(support("2026-10-20", 12), |r| r.timing = Some(ChargeTiming::Advance));
    let engagement = active(&with(sold.clone()));
    let (due, after) = told(&calendar(&engagement), &engagement, DAY);
    assert_eq!(due.len(), 2, "the 20th of October and of November");
    let october = billed(&engagement, &due[0]);
    // Somebody put more on the invoice than was due.
    let over = BillableLine { amount: usd("9999.00"), ..october };
    let next = billed(&engagement, &due[1]);
    assert_ne!(over.line, next.line);
    assert_eq!(next.amount, usd("1500.00"));
    let (december, _) = told(&after, &engagement, date(2026, 12, 20));
    assert_eq!(billed(&engagement, &december[0]).amount, usd("1500.00"));
}

/// Work before its time waits, on what is no more it is illegal, and nothing is billed before it is due.
#[test]
fn nothing_is_billed_too_early() {
    let engagement = active(&with(support("2027-04-01", 12)));
    let (due, _) = told(&calendar(&engagement), &engagement, date(2027, 5, 1));
    let due = &due[0];
    let park = Decision::Park(Condition::EngagementActive);
    assert_eq!(charge_due(None, due, due.due_on), park);
    let early = Engagement { status: EngagementStatus::Activating, ..engagement.clone() };
    assert_eq!(charge_due(Some(&early), due, due.due_on), park);
    let code = |decision: Decision| match decision {
        Decision::Hold(problem) => problem.code,
        other => panic!("{other:?}"),
    };
    let gone = Engagement { status: EngagementStatus::Withdrawn, ..engagement.clone() };
    assert_eq!(code(charge_due(Some(&gone), due, due.due_on)), ProblemCode::IllegalEvent);
    assert_eq!(code(charge_due(Some(&engagement), due, date(2027, 4, 30))), ProblemCode::IllegalEvent);
    let other = active(&Quote { deal: "124".into(), ..with(support("2027-04-01", 12)) });
    assert_eq!(code(charge_due(Some(&other), due, due.due_on)), ProblemCode::IllegalEvent);
    for (charge, period) in [("S9", 0), ("S1", 12)] {
        let unknown = ChargeDue { charge: charge.into(), period, ..due.clone() };
        let decision = charge_due(Some(&engagement), &unknown, due.due_on);
        assert!(matches!(decision, Decision::NoEffect(_)), "{charge} {period}: {decision:?}");
    }
}

/// Proves CHG-06 in part: what has begun keeps its fee, its days and its timing, whatever a change order says; what has
/// not is billed by the version in force on its first day.
#[test]
fn a_change_order_does_not_touch_a_period_that_has_begun() {
    let engagement = active(&with(support("2026-11-20", 12)));
    let dearer = second(|q| q.lines.push(support_line("15", "S1", "1800.00", "2026-11-20", 12)));
    assert!(refusals(&engagement, &dearer).contains("1 periods of charge S1 at 1500.00 USD have begun"));
    for touched in [
        edited(support("2026-11-20", 12), |r| r.timing = Some(ChargeTiming::Advance)),
        edited(support("2026-11-20", 12), |r| r.aligned = true),
        edited(support("2026-11-20", 12), |r| r.ends_on = Some(date(2026, 11, 19))),
    ] {
        let sold = with(touched);
        let next = second(|q| q.lines = sold.lines);
        let verdict = amended::verdict(&engagement, &next);
        assert!(matches!(verdict, domain::change_order::Verdict::Refused(_)), "{verdict:?}");
    }
    // The day before its first day it is free to change, and billed as it is then.
    let engagement = active(&with(support("2026-11-21", 12)));
    let dearer = second(|q| q.lines.push(support_line("15", "S1", "1800.00", "2026-11-21", 12)));
    let after = order(&engagement, &dearer).apply(engagement.clone());
    let (due, _) = told(&calendar(&engagement).under(&after.contract).unwrap(), &after, date(2026, 12, 21));
    let line = billed(&after, &due[0]);
    assert_eq!((line.amount, line.contract_version), (usd("1800.00"), 2));
}

/// A charge that is sold later is billed beside the one that has begun, and a longer term goes on from it.
#[test]
fn a_change_order_adds_and_prolongs() {
    let engagement = active(&with(support("2026-10-20", 2)));
    let (due, before) = told(&calendar(&engagement), &engagement, DAY);
    assert_eq!(due.len(), 1);
    let longer = second(|q| {
        q.lines.push(support("2026-10-20", 3));
        q.lines.push(support_line("6", "S2", "100.00", "2026-12-01", 1));
    });
    let after = order(&engagement, &longer).apply(engagement.clone());
    let (due, _) = told(&before.under(&after.contract).unwrap(), &after, date(2027, 1, 20));
    let said: Vec<String> = due.iter().map(|d| format!("{}/{} {}", d.charge, d.period, d.due_on)).collect();
    assert_eq!(said, ["S1/1 2026-12-20", "S2/0 2027-01-01", "S1/2 2027-01-20"]);
    assert_eq!(billed(&after, &due[0]).contract_version, 2);
}

/// A charge that a change order drops before it began is not billed, also where it was told already.
#[test]
fn a_dropped_charge_is_not_billed() {
    let engagement = active(&with(support("2027-04-01", 12)));
    let (due, _) = told(&calendar(&engagement), &engagement, date(2027, 5, 1));
    let after = order(&engagement, &second(|_| {})).apply(engagement.clone());
    assert!(matches!(charge_due(Some(&after), &due[0], due[0].due_on), Decision::NoEffect(_)));
    let calendar = calendar(&engagement).under(&after.contract).unwrap();
    assert_eq!((calendar.due_on, told(&calendar, &after, date(2030, 1, 1)).0), (None, vec![]));
}

/// In arrears, a charge that is ended for the 29th of November bills 10 of the 30 days from the 20th on,
/// 1,500.00 × 10 ÷ 30 = 500.00, on the day after; nothing is to be credited.
#[test]
fn ended_in_arrears_it_bills_its_last_days() {
    let engagement = active(&with(support("2026-10-20", 12)));
    let (due, before) = told(&calendar(&engagement), &engagement, DAY);
    assert_eq!(due.len(), 1);
    let ended = edited(support("2026-10-20", 12), |r| r.ends_on = Some(date(2026, 11, 29)));
    let order = order(&engagement, &second(|q| q.lines.push(ended)));
    assert_eq!(order.cut_short(&before.next), []);
    let said: Vec<String> = order.changes.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["recurring charge S1: 12 × 1500.00 USD becomes 12 × 1500.00 USD until 2026-11-29"]);
    let after = order.apply(engagement);
    assert_eq!(after.contract.recurring[0].value().unwrap(), usd("2000.00"));
    let (due, done) = told(&before.under(&after.contract).unwrap(), &after, date(2026, 11, 30));
    assert_eq!(due.len(), 1);
    assert_eq!(billed(&after, &due[0]).amount, usd("500.00"));
    assert_eq!(done.due_on, None);
}

/// In advance the month from the 20th of November was billed with 1,500.00 when it began. It is ended for the 29th and comes
/// to 500.00: nothing is credited silently, a person is told to credit 1,000.00. A period that nobody billed yet is
/// billed with what is left of it.
#[test]
fn ended_in_advance_a_person_is_told_what_to_credit() {
    let advance = |edit: fn(&mut domain::quote::Recurrence)| {
        edited(edited(support("2026-10-20", 12), |r| r.timing = Some(ChargeTiming::Advance)), edit)
    };
    let engagement = active(&with(advance(|_| {})));
    let (due, before) = told(&calendar(&engagement), &engagement, DAY);
    let line = billed(&engagement, &due[1]);
    let ended = advance(|r| r.ends_on = Some(date(2026, 11, 29)));
    let order = order(&engagement, &second(|q| q.lines.push(ended)));
    let [cut] = order.cut_short(&before.next).try_into().expect("one period");
    assert_eq!((cut.charge.as_str(), cut.period, cut.amount), ("S1", 1, usd("500.00")));
    let problem = cut.overbilled(&line).expect("was billed");
    assert_eq!((problem.code, problem.at_stake), (ProblemCode::ChargeOverbilled, Some(usd("1000.00"))));
    assert!(problem.detail.contains("credit 1000.00 USD"), "{}", problem.detail);
    let after = order.apply(engagement);
    let late = billed(&after, &due[1]);
    assert_eq!(late.amount, usd("500.00"));
    assert_eq!(cut.overbilled(&late), None);
    // What nobody was told of can't have been billed.
    assert_eq!(order_cut(&after, &BTreeMap::new()), 0);
}

fn order_cut(engagement: &Engagement, told: &BTreeMap<String, u32>) -> usize {
    let next = Quote { version: 3, ..second(|_| {}) };
    match amended::verdict(engagement, &next) {
        domain::change_order::Verdict::Change(order) => order.cut_short(told).len(),
        _ => 0,
    }
}

/// An end before the day of the order would take back days that are over.
#[test]
fn a_charge_does_not_end_in_the_past() {
    let engagement = active(&with(support("2026-10-20", 12)));
    let until = |day| second(|q| q.lines.push(edited(support("2026-10-20", 12), |r| r.ends_on = Some(day))));
    assert!(refusals(&engagement, &until(date(2026, 11, 19))).contains("let it end on 2026-11-20 or later"));
    assert_eq!(order(&engagement, &until(DAY)).to.recurring[0].last_day(), Some(DAY));
    // One that was ended stays so: what follows is another charge.
    let ended = order(&engagement, &until(date(2026, 11, 29))).apply(engagement);
    let revived = Quote { version: 3, ..second(|q| q.lines.push(support("2026-10-20", 12))) };
    assert!(refusals(&ended, &revived).contains("have begun"));
}

/// A quote that can't be carried out is found before anything is written.
#[test]
fn terms_without_a_day_are_refused() {
    let found =
        |line: QuoteLine| match domain::activation::cut_contract(&with(line), &domain::sample::config()) {
            Ok(_) => panic!("accepted"),
            Err(problems) => problems.iter().map(|p| p.to_string()).collect::<Vec<_>>().join("; "),
        };
    let ends = edited(support("2027-04-01", 12), |r| r.ends_on = Some(date(2027, 3, 31)));
    assert!(found(ends).contains("ends on 2027-03-31, before it starts on 2027-04-01"));
    assert!(found(support("9999-06-01", 12)).contains("beyond the calendar"));
}

proptest! {
    /// Proves BIL-05 in part: whenever runs come, twice, late or not for months, and whatever they tell at most at once, each
    /// period that is due is told exactly once and none too early; all lines together are the value.
    #[test]
    fn each_period_is_told_once_whenever_runs_come(
        runs in prop::collection::vec((0i32..90, 1usize..4, any::<bool>()), 1..40),
        term in 1u32..14, aligned: bool, advance: bool,
    ) {
        let sold = edited(support("2026-12-15", term), |r| {
            r.aligned = aligned;
            if advance {
                r.timing = Some(ChargeTiming::Advance);
            }
        });
        let engagement = active(&with(sold));
        let (mut calendar, mut today) = (calendar(&engagement), DAY);
        let mut lines: BTreeMap<String, BillableLine> = BTreeMap::new();
        for (days, most, lost) in runs {
            today = today.checked_add(jiff::Span::new().days(days)).unwrap();
            let (due, after) = calendar.tell(&engagement.contract, today, most).unwrap();
            for due in &due {
                prop_assert!(due.due_on <= today);
                let line = billed(&engagement, due);
                let before = lines.insert(line.line.to_string(), line);
                prop_assert!(lost || before.is_none() || before.is_some_and(|b| lines.values().any(|l| *l == b)));
            }
            // A run that died left the calendar as it was.
            if !lost {
                calendar = after;
            }
        }
        for _ in 0..20 {
            let (due, after) = calendar.tell(&engagement.contract, today, 2).unwrap();
            lines.extend(due.iter().map(|due| billed(&engagement, due)).map(|l| (l.line.to_string(), l)));
            calendar = after;
        }
        let charge = &engagement.contract.recurring[0];
        let periods = charge.periods().unwrap();
        let due: Vec<_> = periods.iter().filter(|p| p.due_on <= today).collect();
        prop_assert_eq!(lines.len(), due.len());
        for period in due {
            let id = charge_line(&engagement.engagement, "S1", period.index).to_string();
            prop_assert_eq!(lines.get(&id).map(|line| line.amount), Some(period.amount));
            let is_charge = matches!(lines[&id].evidence, Evidence::Charge { .. });
            prop_assert!(is_charge);
        }
    }
}
