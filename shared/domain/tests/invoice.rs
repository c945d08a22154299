//! An invoice from its first line to its posting: what it takes, when it stops taking, what it prints.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::Status;
use domain::billing::{BillableLine, time_approved};
use domain::decision::Decision;
use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus, PostedInvoice, assemble};
use domain::sample::{active, entry, quote, usd};

fn requested() -> Invoice {
    Invoice::request(&active(&quote()), InvoiceId::derive(&["1"]), "test".into())
}

fn hour(id: &str, day: &str) -> BillableLine {
    let decision = time_approved(Some(&active(&quote())), &entry(id, "consultant", day, 60));
    let Decision::Apply(effects) = decision else { panic!("priced") };
    effects.lines.into_iter().next().expect("a line")
}

/// Pages are counted from nothing, and each adds its lines and their sum to what was there.
#[test]
fn each_page_adds_to_the_last() {
    let first = requested().collect(&[hour("1", "2026-11-16"), hour("2", "2026-11-16")]).expect("adds up");
    assert_eq!((first.pages, first.line_count, first.untaxed), (1, 2, usd("360.00")));
    let second = first.collect(&[hour("3", "2026-11-17")]).expect("adds up");
    assert_eq!((second.pages, second.line_count, second.untaxed), (2, 3, usd("540.00")));
    let third = second.collect(&[]).expect("adds up");
    assert_eq!((third.pages, third.line_count, third.untaxed), (3, 3, usd("540.00")));
}

#[test]
fn only_a_collecting_invoice_has_lines_to_fix() {
    for &status in InvoiceStatus::ALL {
        let invoice = Invoice { status, ..requested() };
        let collecting = status == InvoiceStatus::Collecting;
        assert_eq!(invoice.is_collecting(), collecting, "{status:?}");
        assert_eq!(invoice.fix_lines().is_some(), collecting, "{status:?}");
    }
}

/// An invoice that found nothing is empty and never goes anywhere; one that found something is
/// drafted as it is.
#[test]
fn what_was_found_decides_what_becomes_of_an_invoice() {
    let nothing = requested();
    let empty = nothing.fix_lines().expect("collecting");
    assert_eq!(empty, Invoice { status: InvoiceStatus::Empty, ..nothing });
    let something = requested().collect(&[hour("1", "2026-11-16")]).expect("adds up");
    let drafted = something.fix_lines().expect("collecting");
    assert_eq!(drafted, Invoice { status: InvoiceStatus::Drafted, ..something });
}

#[test]
fn record_and_date_are_taken_from_the_erp() {
    let drafted = requested().collect(&[hour("1", "2026-11-16")]).expect("adds up").fix_lines().unwrap();
    let erp = PostedInvoice {
        record: "4".into(),
        posted: true,
        number: Some("INV2026-00001".into()),
        invoiced_on: Some("2026-11-21".parse().expect("date")),
        untaxed: usd("180.00"),
        tax: usd("18.00"),
        total: usd("198.00"),
        open: usd("198.00"),
    };
    let posted = drafted.post(&erp).expect("equal");
    assert_eq!(posted.record, Some(erp.record));
    assert_eq!(posted.invoiced_on, erp.invoiced_on);
}

#[test]
fn a_line_of_time_names_its_day_or_days() {
    let printed = |days: &[&str]| {
        let owned: Vec<_> = days.iter().enumerate().map(|(i, day)| hour(&i.to_string(), day)).collect();
        let lines = assemble(usd("0.00").currency(), &owned).expect("assembles");
        lines.into_iter().map(|l| l.description).collect::<Vec<_>>()
    };
    assert_eq!(printed(&["2026-11-16", "2026-11-16"]), ["ADVISORY consultant, 2026-11-16"]);
    assert_eq!(printed(&["2026-11-18", "2026-11-16"]), ["ADVISORY consultant, 2026-11-16 to 2026-11-18"]);
}
