//! What a product answers is held against what was asked for, whichever product it is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use connectors::operation::{CreateInvoice, CustomerRecord, Operation, PostInvoice};
use connectors::{CallError, CallErrorKind};
use domain::id::InvoiceId;
use domain::invoice::PostedInvoice;
use domain::money::{Currency, Money};

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::from_code("USD").unwrap()).unwrap()
}

fn answer(untaxed: &str, posted: bool) -> PostedInvoice {
    PostedInvoice {
        record: "4".into(),
        posted,
        number: posted.then(|| "INV2026-00001".into()),
        invoiced_on: None,
        untaxed: usd(untaxed),
        tax: usd("0.00"),
        total: usd(untaxed),
        open: usd(untaxed),
    }
}

fn post() -> PostInvoice {
    PostInvoice { invoice: InvoiceId::derive(&["1"]), record: "4".into(), untaxed: usd("1000.00") }
}

fn create() -> CreateInvoice {
    CreateInvoice {
        invoice: InvoiceId::derive(&["1"]),
        customer: CustomerRecord {
            record: "3".into(),
            address: "4".into(),
            tax_registration: None,
            adopted: false,
        },
        payment_terms: "net-30".into(),
        tax_code: "SALES-10".into(),
        purchase_order: None,
        untaxed: usd("1000.00"),
        lines: vec![],
    }
}

/// A product that answers a posting with a draft has not posted, whatever its status says.
#[test]
fn a_draft_is_no_posting() {
    assert_eq!(post().verify(&answer("1000.00", true)), Ok(()));
    assert!(post().verify(&answer("1000.00", false)).is_err());
    assert_eq!(create().verify(&answer("1000.00", false)), Ok(()));
}

/// To the cent, in both directions.
#[test]
fn another_sum_is_another_invoice() {
    for differs in ["999.99", "1000.01"] {
        assert!(post().verify(&answer(differs, true)).is_err(), "{differs}");
        assert!(create().verify(&answer(differs, false)).is_err(), "{differs}");
    }
}

/// A record that takes two calls: once the first had its effect, no failure of the second says that
/// nothing happened. A refusal stays one: the person who settles it sees both.
#[test]
fn after_an_effect_nothing_can_have_not_happened() {
    let after = |kind| {
        let error =
            CallError { kind, connection: "erp".into(), operation: "create", detail: "on order".into() };
        error.after_an_effect().kind
    };
    assert_eq!(after(CallErrorKind::Transient { retry_after: None }), CallErrorKind::Unknown);
    assert_eq!(after(CallErrorKind::Unauthorised), CallErrorKind::Unknown);
    for kind in [CallErrorKind::Unknown, CallErrorKind::Refused, CallErrorKind::Mismatch] {
        assert_eq!(after(kind), kind);
    }
}
