//! Invoices posted and paid.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::cash::{Application, apply};
use domain::event::PaymentReceived;
use domain::id::{InvoiceId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus, PostedInvoice};
use domain::money::{Currency, Money};
use domain::problem::ProblemCode;
use domain::sample::{active, quote, usd};
use proptest::prelude::*;

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

fn paid(id: &str, amount: Money) -> PaymentReceived {
    PaymentReceived {
        payment: PaymentId::derive(&[id]),
        connection: "stripe-main".into(),
        record: id.into(),
        amount,
        invoice_number: Some("INV2026-00001".into()),
        received_at: "2026-11-21T12:00:00Z".parse().expect("timestamp"),
    }
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
    let Ok(Application::Applied { invoice, .. }) = apply(&posted(), &paid("a", usd("1100.00"))) else {
        panic!()
    };
    assert_eq!(invoice.post(&in_the_erp()).expect("equal").status, InvoiceStatus::Paid);
}

#[test]
fn a_payment_before_the_posting_waits() {
    use InvoiceStatus::{Collecting, Drafted, Empty, Submitted};
    for status in [Collecting, Empty, Drafted, Submitted] {
        let invoice = Invoice { status, ..drafted() };
        let application = apply(&invoice, &paid("a", usd("1100.00"))).expect("amounts");
        assert_eq!(application, Application::TooEarly, "{status:?}");
    }
}

#[test]
fn another_currency_is_held() {
    let eur = Money::parse("1100.00", Currency::from_code("EUR").expect("EUR")).expect("amount");
    let application = apply(&posted(), &paid("a", eur)).expect("amounts");
    assert!(matches!(application, Application::Held(p) if p.code == ProblemCode::PaymentCurrency));
}

proptest! {
    /// Whatever is paid, in whatever parts: applied + unapplied = received, and
    /// receivable = invoiced − applied never falls below nothing.
    #[test]
    fn cash_is_conserved(parts in prop::collection::vec(1_i64..200_000, 1..12)) {
        let mut invoice = posted();
        let (mut received, mut applied, mut unapplied) = (usd("0.00"), usd("0.00"), usd("0.00"));
        for (i, units) in parts.iter().enumerate() {
            let amount = Money::from_minor_units(*units, usd("0.00").currency()).expect("fits");
            let application = apply(&invoice, &paid(&i.to_string(), amount)).expect("amounts");
            let Application::Applied { payment, invoice: next, problem } = application else { panic!("applied") };
            prop_assert_eq!(problem.is_some(), payment.unapplied.is_positive());
            received = received.plus(payment.received).expect("sum");
            applied = applied.plus(payment.applied).expect("sum");
            unapplied = unapplied.plus(payment.unapplied).expect("sum");
            invoice = *next;
            prop_assert_eq!(invoice.applied, applied);
            prop_assert_eq!(applied.plus(unapplied).expect("sum"), received);
            let open = invoice.open().expect("open");
            prop_assert!(!usd("0.00").exceeds(open).expect("same currency"));
            prop_assert_eq!(invoice.status == InvoiceStatus::Paid, open.is_zero());
        }
    }
}
