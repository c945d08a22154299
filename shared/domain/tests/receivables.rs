//! What is owed after an invoice: expenses that are passed on, and when something is due.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::billing::{milestone_completed, time_approved};
use domain::billing_event::BillingEventType;
use domain::collections::{Age, Collections, CollectionsStatus};
use domain::decision::Decision;
use domain::expense::{Expense, ExpenseStatus};
use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{active, completion, entry, quote, usd};

fn posted(untaxed: &str, total: &str) -> Invoice {
    Invoice {
        status: InvoiceStatus::Posted,
        untaxed: usd(untaxed),
        total: Some(usd(total)),
        invoiced_on: Some("2026-11-01".parse().expect("date")),
        ..Invoice::request(&active(&quote()), InvoiceId::derive(&["1"]), "test".into())
    }
}

fn hotel() -> Expense {
    Expense {
        connection: "kantata-main".into(),
        expense: "7".into(),
        project: "1".into(),
        person: "Ada Lindqvist".into(),
        category: "Lodging".into(),
        incurred_on: "2026-11-03".parse().expect("date"),
        cost: usd("240.00"),
        pass_through: true,
        status: ExpenseStatus::Submitted,
    }
}

/// Proves CAN-17 in part: charged at cost, once it is approved and the customer bears it.
#[test]
fn only_an_approved_expense_that_is_passed_through_is_charged() {
    let approved = hotel().become_status(ExpenseStatus::Approved).expect("legal");
    assert_eq!(approved.charged(), Some(usd("240.00")));
    assert_eq!(hotel().charged(), None);
    assert_eq!(Expense { pass_through: false, ..approved.clone() }.charged(), None);
    let withdrawn = approved.become_status(ExpenseStatus::Withdrawn).expect("legal");
    assert_eq!(withdrawn.charged(), None);
    assert!(hotel().become_status(ExpenseStatus::Withdrawn).is_err());
}

/// Proves CAN-18 in part: what is billed has one kind, whatever it was earned by.
#[test]
fn everything_billable_has_its_kind() {
    let state = active(&quote());
    let today = "2026-11-20".parse().expect("date");
    let kind = |decision| {
        let Decision::Apply(effects) = decision else { panic!("applied") };
        BillingEventType::from(&effects.lines[0])
    };
    let hour = entry("1", "consultant", "2026-11-16", 60);
    assert_eq!(kind(time_approved(Some(&state), &hour)), BillingEventType::TimeEntry);
    let accepted = milestone_completed(Some(&state), &completion("M1"), today);
    assert_eq!(kind(accepted), BillingEventType::MilestoneCompletion);
    assert_eq!(BillingEventType::from(&hotel()), BillingEventType::ExpenseApproval);
    let names = serde_json::to_value([
        BillingEventType::RecurringServiceCharge,
        BillingEventType::UsageAdjustment,
        BillingEventType::WriteOff,
    ]);
    let known = serde_json::json!(["recurring-service-charge", "usage-adjustment", "write-off"]);
    assert_eq!(names.expect("JSON"), known);
}

/// An invoice of 1 November by terms of 90 days is due on 30 January 2027. It is grouped by the days after that: 31 January
/// is the first, 1 March the thirtieth (as February has 28), 2 March the thirty-first. What is contested is shown with it.
#[test]
fn what_is_owed_is_grouped_by_its_age() {
    let invoice = posted("1000.00", "1100.00");
    let on = |invoice: &Invoice, day: &str| Collections::of(invoice, Some(90), day.parse().expect("date"));
    for (day, days, age) in [
        ("2026-11-01", 0, Age::NotDue),
        ("2027-01-30", 0, Age::NotDue),
        ("2027-01-31", 1, Age::UpTo30),
        ("2027-03-01", 30, Age::UpTo30),
        ("2027-03-02", 31, Age::UpTo60),
        ("2027-03-31", 60, Age::UpTo60),
        ("2027-04-01", 61, Age::UpTo90),
        ("2027-04-30", 90, Age::UpTo90),
        ("2027-05-01", 91, Age::Over90),
    ] {
        let seen = on(&invoice, day);
        assert_eq!((seen.days_overdue, seen.age), (days, Some(age)), "{day}");
    }
    // Across 29 February 2028: due on that day by terms of 90 days, one day late on 1 March.
    let leap = Invoice { invoiced_on: Some("2027-12-01".parse().expect("date")), ..invoice.clone() };
    assert_eq!(on(&leap, "2028-02-29").age, Some(Age::NotDue));
    assert_eq!(on(&leap, "2028-03-01").age, Some(Age::UpTo30));
    let contested = Invoice { contested: Some(usd("198.00")), ..invoice.clone() };
    assert_eq!(on(&contested, "2027-05-01").disputed, Some(usd("198.00")));
    let part = Invoice { status: InvoiceStatus::PartPaid, applied: usd("1000.00"), ..contested.clone() };
    assert_eq!(on(&part, "2027-05-01").disputed, Some(usd("100.00")), "no more than is open");
    let paid = Invoice { status: InvoiceStatus::Paid, applied: usd("1100.00"), ..contested };
    assert_eq!((on(&paid, "2027-05-01").disputed, on(&paid, "2027-05-01").age), (None, None));
    let names = serde_json::to_value([Age::NotDue, Age::UpTo30, Age::UpTo60, Age::UpTo90, Age::Over90]);
    let known = serde_json::json!(["not-due", "1-30", "31-60", "61-90", "over-90"]);
    assert_eq!(names.expect("JSON"), known);
}

/// Proves CAN-27 in part: due by the terms from the ERP's invoice date, and late from the day after.
#[test]
fn an_invoice_is_overdue_the_day_after_it_was_due() {
    let invoice = posted("1000.00", "1100.00");
    let on = |invoice: &Invoice, day: &str| Collections::of(invoice, Some(30), day.parse().expect("date"));
    let seen = |c: Collections| (c.status, c.days_overdue);
    assert_eq!(on(&invoice, "2026-11-20").due_on, Some("2026-12-01".parse().expect("date")));
    assert_eq!(seen(on(&invoice, "2026-12-01")), (CollectionsStatus::Current, 0));
    assert_eq!(seen(on(&invoice, "2026-12-02")), (CollectionsStatus::Overdue, 1));
    let part = Invoice { status: InvoiceStatus::PartPaid, applied: usd("1099.99"), ..invoice.clone() };
    assert_eq!(seen(on(&part, "2027-01-01")), (CollectionsStatus::Overdue, 31));
    let paid = Invoice { status: InvoiceStatus::Paid, applied: usd("1100.00"), ..invoice.clone() };
    assert_eq!(seen(on(&paid, "2027-01-01")), (CollectionsStatus::Settled, 0));
    let credited = invoice.credit(usd("1000.00"), usd("1100.00")).expect("adds up").0;
    assert_eq!(
        seen(on(&credited, "2027-01-01")),
        (CollectionsStatus::Settled, 0),
        "nothing is owed any more"
    );
    let draft = Invoice { status: InvoiceStatus::Drafted, total: None, invoiced_on: None, ..invoice.clone() };
    assert_eq!(seen(on(&draft, "2027-01-01")), (CollectionsStatus::NotBilled, 0));
    let unknown_terms = Collections::of(&invoice, None, "2027-01-01".parse().expect("date"));
    assert_eq!((unknown_terms.status, unknown_terms.due_on), (CollectionsStatus::Current, None));
}
