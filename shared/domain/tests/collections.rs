//! What is told of an invoice's collections, when somebody must look again, and what an engagement's invoices come to.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::collections::{Age, Collections, CollectionsStatus, Exposure, Risk, ToldCollections};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{active, quote, usd};
use domain::{Currency, Money};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const DAYS: Option<u16> = Some(30);

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").expect("a time zone")
}

/// Posted on 1 November 2026, so due on 1 December by terms of 30 days.
fn posted(n: u32, total: &str) -> Invoice {
    Invoice {
        status: InvoiceStatus::Posted,
        untaxed: usd(total),
        total: Some(usd(total)),
        invoiced_on: Some(date(2026, 11, 1)),
        ..Invoice::request(&active(&quote()), InvoiceId::derive(&[&n.to_string()]), "test".into())
    }
}

fn seen(told: &ToldCollections) -> (u32, CollectionsStatus, Option<Age>) {
    let stands = told.stands.as_ref().expect("was told");
    (told.changes, stands.status, stands.age)
}

/// Proves EVT-21 in part: from not due to overdue and through the groups of an ageing report, each told once and on its
/// first day, then settled.
#[test]
fn an_invoice_grows_older_and_is_settled() {
    use CollectionsStatus::{Current, Overdue, Settled};
    let invoice = posted(1, "1100.00");
    let engagement = EngagementId::derive(&["1"]);
    let mut told = ToldCollections::new(invoice.invoice.clone());
    for (day, expected, next) in [
        (date(2026, 11, 20), (1, Current, Some(Age::NotDue)), Some("2026-12-02T05:00:00Z")),
        (date(2026, 12, 1), (1, Current, Some(Age::NotDue)), Some("2026-12-02T05:00:00Z")),
        (date(2026, 12, 2), (2, Overdue, Some(Age::UpTo30)), Some("2027-01-01T05:00:00Z")),
        (date(2027, 1, 1), (3, Overdue, Some(Age::UpTo60)), Some("2027-01-31T05:00:00Z")),
        (date(2027, 1, 31), (4, Overdue, Some(Age::UpTo90)), Some("2027-03-02T05:00:00Z")),
        (date(2027, 3, 2), (5, Overdue, Some(Age::Over90)), None),
        (date(2027, 9, 1), (5, Overdue, Some(Age::Over90)), None),
    ] {
        let before = told.clone();
        told = told.on(&invoice, DAYS, day, &zone());
        assert_eq!(
            (seen(&told), told.look_at),
            (expected, next.map(|at| at.parse().expect("a moment"))),
            "{day}"
        );
        let event = told.told_after(&before, &engagement, None);
        assert_eq!(event.is_some(), told.changes > before.changes, "{day}");
        assert_eq!(told.on(&invoice, DAYS, day, &zone()), told, "looked at twice on {day}");
    }
    let paid = invoice.with_cash(usd("1100.00")).expect("adds up");
    let settled = told.on(&paid, DAYS, date(2027, 9, 2), &zone());
    assert_eq!((seen(&settled), settled.look_at), ((6, Settled, None), None));
    let event = settled.told_after(&told, &engagement, None).expect("is told");
    assert_eq!((event.change, event.was, event.collections.open), (6, Some(Overdue), usd("0.00")));
}

/// What nobody looked at in between is passed over, and a clock that is behind tells nothing back.
#[test]
fn missed_runs_and_late_clocks_do_no_harm() {
    let invoice = posted(1, "1100.00");
    let first = ToldCollections::new(invoice.invoice.clone()).on(&invoice, DAYS, date(2026, 11, 20), &zone());
    let late = first.on(&invoice, DAYS, date(2027, 2, 1), &zone());
    assert_eq!(seen(&late), (2, CollectionsStatus::Overdue, Some(Age::UpTo90)), "62 days late, told at once");
    assert_eq!(late.on(&invoice, DAYS, date(2026, 12, 20), &zone()), late, "a day that is over");
}

/// A part payment and a dispute change what is open and asked for: told, in whatever group.
#[test]
fn what_is_paid_or_contested_is_told() {
    let invoice = posted(1, "1100.00");
    let (day, new) = (date(2026, 12, 10), ToldCollections::new(invoice.invoice.clone()));
    let first = new.on(&invoice, DAYS, day, &zone());
    let part = first.on(&invoice.with_cash(usd("100.00")).expect("adds up"), DAYS, day, &zone());
    assert_eq!((part.changes, part.stands.map(|s| s.open)), (2, Some(usd("1000.00"))), "1100 - 100");
    let contested = Invoice { contested: Some(usd("300.00")), ..invoice.clone() };
    let stands = first.on(&contested, DAYS, day, &zone()).stands.expect("told");
    assert_eq!((stands.disputed, stands.asked_for()), (Some(usd("300.00")), Ok(usd("800.00"))), "1100 - 300");
    let asked = first.to_be_looked_at("2026-12-11T00:00:00Z".parse().expect("a moment"));
    assert_eq!(asked.look_at, Some("2026-12-11T00:00:00Z".parse().expect("a moment")), "before 1 January");
    assert_eq!(
        asked.to_be_looked_at("2027-05-01T00:00:00Z".parse().expect("a moment")),
        asked,
        "the earlier one"
    );
}

fn aged(n: u32, open: &str, overdue: i32, contested: Option<&str>) -> Collections {
    let invoice = Invoice { contested: contested.map(usd), ..posted(n, open) };
    Collections::of(&invoice, DAYS, date(2026, 12, 1).checked_add(overdue.days()).expect("a day"))
}

fn exposure(of: &[Collections]) -> Exposure {
    Exposure::of(usd("0").currency(), of).expect("adds up").expect("posted")
}

/// Proves PAY-04 in part: how much of an engagement's invoices is overdue and for how long, and the risk that follows.
#[test]
fn the_risk_follows_from_age_and_share() {
    let risk = |of: &[Collections]| (exposure(of).overdue, exposure(of).oldest, exposure(of).risk);
    assert_eq!(risk(&[aged(1, "1000.00", 0, None)]), (usd("0.00"), Age::NotDue, Risk::Low));
    assert_eq!(risk(&[aged(1, "1000.00", 30, None)]), (usd("1000.00"), Age::UpTo30, Risk::Medium));
    // Half of 2,000.00 is not more than half; a cent more is.
    let half = [aged(1, "1000.00", 31, None), aged(2, "1000.00", 0, None)];
    assert_eq!(risk(&half), (usd("1000.00"), Age::UpTo60, Risk::Medium));
    let more = [aged(1, "1000.01", 31, None), aged(2, "1000.00", 0, None)];
    assert_eq!(risk(&more), (usd("1000.01"), Age::UpTo60, Risk::High));
    let old = [aged(1, "1.00", 61, None), aged(2, "1000.00", 0, None)];
    assert_eq!(risk(&old), (usd("1.00"), Age::UpTo90, Risk::High), "however little it is");
    // What is contested is named, and not asked for: 1,000.00 - 400.00, and nothing at all of the second.
    let contested = [aged(1, "1000.00", 20, Some("400.00")), aged(2, "500.00", 95, Some("500.00"))];
    let all = exposure(&contested);
    assert_eq!((all.open, all.disputed, all.overdue), (usd("1500.00"), usd("900.00"), usd("600.00")));
    assert_eq!((all.status, all.oldest, all.risk), (CollectionsStatus::Overdue, Age::UpTo30, Risk::Medium));
}

#[test]
fn nothing_is_said_of_what_is_not_posted_or_in_another_currency() {
    let usd_only = |of: &[Collections]| Exposure::of(usd("0").currency(), of).expect("adds up");
    let draft = Invoice { status: InvoiceStatus::Drafted, total: None, ..posted(1, "5.00") };
    assert_eq!(usd_only(&[Collections::of(&draft, DAYS, date(2027, 1, 1))]), None);
    let euros = Money::parse("5.00", Currency::from_code("EUR").expect("EUR")).expect("an amount");
    let other = Collections { open: euros, ..aged(1, "5.00", 90, None) };
    assert_eq!(usd_only(&[other, aged(2, "7.00", 0, None)]).expect("one is posted").open, usd("7.00"));
    let paid = Collections::of(&posted(1, "5.00").with_cash(usd("5.00")).unwrap(), DAYS, date(2027, 1, 1));
    let settled = usd_only(&[paid]).expect("posted");
    assert_eq!(
        (settled.status, settled.open, settled.risk),
        (CollectionsStatus::Settled, usd("0.00"), Risk::Low)
    );
}

fn day() -> impl Strategy<Value = Date> {
    (0_i32..400).prop_map(|after| date(2026, 11, 1).checked_add(after.days()).expect("a day"))
}

proptest! {
    /// Proves EVT-21 in part: runs on any days, in any order and however often, beside payments, end with what the
    /// ledger says on the latest of these days; nothing is told twice in a row.
    #[test]
    fn any_runs_end_with_what_the_ledger_says(
        story in prop::collection::vec((day(), prop::option::of(-50_000_i64..60_000)), 1..20),
    ) {
        let mut invoice = posted(1, "1100.00");
        let mut told = ToldCollections::new(invoice.invoice.clone());
        let (mut latest, mut last) = (Date::MIN, None);
        for (day, cash) in story {
            if let Some(cents) = cash {
                let cash = Money::from_minor_units(cents, usd("0").currency()).expect("an amount");
                let next = invoice.with_cash(cash).expect("adds up");
                let fits = !usd("0.00").exceeds(next.applied).unwrap() && !usd("0.00").exceeds(next.open().unwrap()).unwrap();
                invoice = if fits { next } else { invoice };
            }
            latest = latest.max(day);
            let next = told.on(&invoice, DAYS, day, &zone());
            if next.changes > told.changes {
                let stands = next.stands.clone().expect("told");
                prop_assert!(last.as_ref().is_none_or(|last| !stands.is_as(last)), "told twice: {stands:?}");
                last = Some(stands);
            }
            told = next;
            prop_assert!(Collections::of(&invoice, DAYS, latest).is_as(told.stands.as_ref().expect("told")));
        }
    }

    /// Until the moment at which it is looked at again nothing changes by itself, and at that moment something does.
    #[test]
    fn it_is_looked_at_exactly_when_it_changes(from in day()) {
        let invoice = posted(1, "1100.00");
        let told = ToldCollections::new(invoice.invoice.clone()).on(&invoice, DAYS, from, &zone());
        let stands = told.stands.clone().expect("told");
        let same = |on: Date| Collections::of(&invoice, DAYS, on).is_as(&stands);
        match told.look_at {
            None => prop_assert!(same(from.checked_add(2_000.days()).unwrap())),
            Some(at) => {
                let on = at.to_zoned(zone()).date();
                prop_assert!(on > from && !same(on), "changes on {on}");
                prop_assert!(same(on.yesterday().unwrap()), "not before {on}");
                prop_assert_eq!(at.to_zoned(zone()).start_of_day().unwrap().timestamp(), at, "as the day begins");
            }
        }
    }
}
