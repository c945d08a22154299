//! What may become of an engagement, an approval, an invoice, a billable line and a statement of work, and what may not.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::approval::ApprovalStatus;
use domain::billing::LineStatus;
use domain::cash::PaymentStatus;
use domain::credit_memo::CreditMemoStatus;
use domain::dispute::DisputeStatus;
use domain::expense::ExpenseStatus;
use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus, PostedInvoice};
use domain::sample::{active, quote, usd};
use domain::statement_of_work::StatementStatus;
use domain::{EngagementStatus, Status};
use proptest::prelude::*;

/// `from > to` for each pair of different statuses that is legal; every other one is refused by an
/// error that names the object and both.
fn graph<S: Status>() -> Vec<String> {
    let mut legal = Vec::new();
    for &from in S::ALL {
        assert_eq!(from.to(from), Ok(from), "a repeated step changes nothing");
        for &to in S::ALL.iter().filter(|to| **to != from) {
            let (before, after) = (from.name(), to.name());
            match from.to(to) {
                Ok(status) => {
                    assert_eq!(status.name(), after);
                    legal.push(format!("{before} > {after}"));
                }
                Err(illegal) => {
                    let said = format!("{} that is {before} may not become {after}", S::OBJECT);
                    assert_eq!(illegal.to_string(), said);
                }
            }
        }
    }
    legal
}

/// Proves OWN-13 in part: every pair of statuses of the objects that have one.
#[test]
fn every_legal_transition_is_listed_and_every_other_is_refused() {
    assert_eq!(
        graph::<EngagementStatus>(),
        ["held > activating", "activating > held", "activating > active", "activating > withdrawn"]
    );
    assert_eq!(
        graph::<ApprovalStatus>(),
        ["requested > approved", "requested > rejected", "requested > expired", "requested > superseded"]
    );
    assert_eq!(
        graph::<InvoiceStatus>(),
        [
            "collecting > empty",
            "collecting > drafted",
            "collecting > withdrawn",
            "drafted > submitted",
            "drafted > posted",
            "drafted > withdrawn",
            "submitted > posted",
            "posted > part-paid",
            "posted > paid",
            "posted > credited",
            "part-paid > posted",
            "part-paid > paid",
            "part-paid > credited",
            "paid > posted",
            "paid > part-paid",
            "paid > credited",
            "credited > posted",
            "credited > part-paid"
        ]
    );
    assert_eq!(
        graph::<LineStatus>(),
        [
            "ready > held",
            "ready > invoiced",
            "ready > written-off",
            "held > ready",
            "held > written-off",
            "invoiced > ready",
            "invoiced > credited",
            "invoiced > withdrawn"
        ]
    );
    assert_eq!(
        graph::<StatementStatus>(),
        ["drafted > approved", "drafted > withdrawn", "approved > withdrawn", "withdrawn > approved"]
    );
    assert_eq!(
        graph::<ExpenseStatus>(),
        [
            "submitted > approved",
            "submitted > rejected",
            "approved > withdrawn",
            "rejected > submitted",
            "withdrawn > submitted"
        ]
    );
    assert_eq!(
        graph::<CreditMemoStatus>(),
        [
            "requested > approved",
            "requested > rejected",
            "approved > rejected",
            "approved > posted",
            "posted > applied"
        ]
    );
    assert_eq!(graph::<DisputeStatus>(), ["open > upheld", "open > rejected", "open > settled"]);
}

/// Proves OWN-13, EVT-18 in part: received and settled are two statuses, and what may follow each.
#[test]
fn every_legal_transition_of_a_payment_is_listed() {
    assert_eq!(
        graph::<PaymentStatus>(),
        [
            "announced > received",
            "announced > settled",
            "announced > refunded",
            "announced > disputed",
            "announced > charged-back",
            "announced > failed",
            "received > settled",
            "received > refunded",
            "received > disputed",
            "received > charged-back",
            "received > failed",
            "settled > refunded",
            "settled > disputed",
            "settled > charged-back",
            "settled > failed",
            "refunded > received",
            "refunded > settled",
            "refunded > disputed",
            "refunded > charged-back",
            "refunded > failed",
            "disputed > received",
            "disputed > settled",
            "disputed > refunded",
            "disputed > charged-back",
            "disputed > failed",
            "charged-back > received",
            "charged-back > settled",
            "charged-back > refunded",
            "charged-back > disputed",
            "charged-back > failed"
        ]
    );
}

/// What may happen to an invoice, in whatever order it is told.
#[derive(Debug, Clone, Copy)]
enum Told {
    Fixed,
    Submitted,
    Posted,
    Paid(u32),
    Returned,
    Credited(u32),
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Told::Fixed),
        Just(Told::Submitted),
        Just(Told::Posted),
        (1_u32..300).prop_map(Told::Paid),
        Just(Told::Returned),
        (1_u32..300).prop_map(Told::Credited),
    ]
}

fn posting(invoice: &Invoice) -> PostedInvoice {
    PostedInvoice {
        record: "4".into(),
        posted: true,
        number: Some("INV2026-00001".into()),
        invoiced_on: None,
        untaxed: invoice.untaxed,
        tax: usd("0.00"),
        total: invoice.untaxed,
        open: invoice.untaxed,
    }
}

fn after(invoice: &Invoice, told: Told) -> Option<Invoice> {
    match told {
        Told::Fixed => invoice.fix_lines(),
        Told::Submitted => invoice.submit("4").ok(),
        Told::Posted => invoice.post(&posting(invoice)).ok(),
        // As a payment applies: as much as is open; and takes it back again.
        Told::Paid(amount) => {
            let (asked, open) = (usd(&amount.to_string()), invoice.open().expect("open"));
            let paid = if asked.exceeds(open).expect("dollars") { open } else { asked };
            invoice.is_posted().then(|| invoice.with_cash(paid).expect("adds up"))
        }
        Told::Returned => {
            let back = usd("0.00").minus(invoice.applied).expect("dollars");
            invoice.is_posted().then(|| invoice.with_cash(back).expect("adds up"))
        }
        // As a credit memo takes off: never more in all than was billed.
        Told::Credited(amount) => {
            let credited = invoice.credited.map_or(usd("0.00"), |credited| credited.untaxed);
            let (asked, left) = (usd(&amount.to_string()), invoice.untaxed.minus(credited).expect("dollars"));
            let off = if asked.exceeds(left).expect("dollars") { left } else { asked };
            let creditable = invoice.is_posted() && off.is_positive();
            creditable.then(|| invoice.credit(off, off).expect("adds up").0)
        }
    }
}

proptest! {
    /// Proves OWN-13 in part: whatever an invoice is told, and in whatever order, it only ever goes
    /// where it may go.
    #[test]
    fn an_invoice_only_goes_where_it_may(lines in 0_u32..2, story in prop::collection::vec(told(), 1..12)) {
        let engagement = active(&quote());
        let mut invoice = Invoice::request(&engagement, InvoiceId::derive(&["1"]), "test".into());
        invoice.line_count = lines;
        invoice.untaxed = usd(&format!("{}.00", lines * 180));
        for told in story {
            let Some(next) = after(&invoice, told) else { continue };
            prop_assert!(invoice.status.may_become(next.status), "{:?} after {:?}", next.status, invoice.status);
            prop_assert!(lines > 0 || next.status == InvoiceStatus::Empty, "nothing is billed by nothing");
            invoice = next;
        }
    }
}
