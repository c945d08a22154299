//! Invoices posted and compared.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus, PostedInvoice};
use domain::problem::ProblemCode;
use domain::sample::{active, quote, usd};

fn drafted() -> Invoice {
    let invoice = Invoice::request(&active(&quote()), InvoiceId::derive(&["1"]), "test".into());
    Invoice { untaxed: usd("1000.00"), status: InvoiceStatus::Drafted, line_count: 1, ..invoice }
}

fn in_the_erp() -> PostedInvoice {
    PostedInvoice {
        record: "4".into(),
        posted: true,
        number: Some("INV2026-00001".into()),
        invoiced_on: Some("2026-11-21".parse().expect("date")),
        untaxed: usd("1000.00"),
        tax: usd("100.00"),
        total: usd("1100.00"),
        open: usd("1100.00"),
    }
}

fn posted() -> Invoice {
    drafted().post(&in_the_erp()).expect("equal")
}

/// Proves WFC-09 in part: number, status and tax are taken from the ERP.
#[test]
fn a_posting_equal_to_the_submission_is_taken() {
    let invoice = posted();
    assert_eq!(invoice.status, InvoiceStatus::Posted);
    assert_eq!((invoice.tax, invoice.total), (Some(usd("100.00")), Some(usd("1100.00"))));
    assert_eq!(invoice.number.as_deref(), Some("INV2026-00001"));
}

/// Proves BIL-25 in part: a difference of one cent, in any of the figures, is an exception.
#[test]
fn a_cent_of_difference_is_an_exception() {
    let differs = |edit: fn(&mut PostedInvoice)| {
        let mut erp = in_the_erp();
        edit(&mut erp);
        drafted().post(&erp).expect_err("differs").code
    };
    assert_eq!(differs(|p| p.untaxed = usd("1000.01")), ProblemCode::InvoiceMismatch);
    assert_eq!(
        differs(|p| (p.untaxed, p.total) = (usd("999.99"), usd("1099.99"))),
        ProblemCode::InvoiceMismatch
    );
    assert_eq!(
        differs(|p| (p.untaxed, p.total) = (usd("1000.01"), usd("1100.01"))),
        ProblemCode::InvoiceMismatch
    );
    assert_eq!(differs(|p| p.total = usd("1100.01")), ProblemCode::InvoiceMismatch);
    assert_eq!(differs(|p| p.tax = usd("99.99")), ProblemCode::InvoiceMismatch);
    assert_eq!(differs(|p| p.number = None), ProblemCode::InvoiceMismatch);
    assert_eq!(differs(|p| p.posted = false), ProblemCode::InvoiceMismatch);
}

#[test]
fn a_late_report_of_the_posting_does_not_undo_a_payment() {
    let invoice = posted().with_cash(usd("1100.00")).expect("dollars");
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    assert_eq!(invoice.post(&in_the_erp()).expect("equal").status, InvoiceStatus::Paid);
}
