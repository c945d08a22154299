//! Cash and credit memos of the same invoices, in any order.

use std::collections::BTreeMap;

use domain::cash::{Named, Noted, PaymentStatus, Receipt, Settled, match_named, rebalance};
use domain::event::PaymentReceived;
use domain::id::{InvoiceId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus, PaymentTolerance};
use domain::money::Money;
use domain::payment::{PaymentDisputeClosed, PaymentDisputed, PaymentRefunded};
use domain::sample::usd;
use domain::transition::Status;
use proptest::prelude::*;

use crate::world::{at, engagement, invoice};

pub(crate) fn cents(units: i64) -> Money {
    Money::from_minor_units(units, usd("0").currency()).expect("an amount")
}

pub(crate) fn id(n: u32) -> InvoiceId {
    InvoiceId::derive(&[&n.to_string()])
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A payment of so much for these invoices.
    Received(usize, i64, Vec<u32>),
    Refunded(usize, i64),
    Disputed(usize, i64),
    Closed(usize, i64, bool),
    /// So much is taken off an invoice.
    Credited(u32, i64),
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let named = prop_oneof![Just(vec![1]), Just(vec![2]), Just(vec![1, 2]), Just(vec![2, 1])];
    prop_oneof![
        4 => (0_usize..4, 1_i64..150_000, named).prop_map(|(p, amount, named)| Act::Received(p, amount, named)),
        2 => (0_usize..4, 1_i64..90_000).prop_map(|(p, amount)| Act::Refunded(p, amount)),
        1 => (0_usize..4).prop_map(|p| Act::Disputed(p, 60_000)),
        1 => (0_usize..4, any::<bool>()).prop_map(|(p, won)| Act::Closed(p, 60_000, won)),
        3 => (1_u32..3, 1_i64..90_000).prop_map(|(n, amount)| Act::Credited(n, amount)),
    ]
}

/// Two invoices, four payments, and what credit memos took off: of each in all, and set off.
pub(crate) struct Book {
    pub(crate) invoices: BTreeMap<InvoiceId, Invoice>,
    pub(crate) receipts: Vec<Receipt>,
    credited: BTreeMap<InvoiceId, (Money, Money)>,
    tolerances: Vec<PaymentTolerance>,
}

impl Book {
    pub(crate) fn new(tolerances: Vec<PaymentTolerance>) -> Self {
        let receipt = |n: usize| {
            Receipt::announced(&PaymentId::derive(&[&n.to_string()]), "stripe-main", &format!("pi_{n}"))
        };
        Self {
            invoices: [invoice(1, "1100.00"), invoice(2, "300.00")].map(|i| (i.invoice.clone(), i)).into(),
            receipts: (0..4).map(receipt).collect(),
            credited: [1, 2].map(|n| (id(n), (usd("0.00"), usd("0.00")))).into(),
            tolerances,
        }
    }

    pub(crate) fn play(&mut self, act: &Act, number: usize) {
        let (which, noted) = match act {
            Act::Credited(n, amount) => return self.credit(&id(*n), cents(*amount)),
            Act::Received(p, amount, named) => (*p, self.receive(*p, cents(*amount), named, number)),
            Act::Refunded(p, amount) | Act::Disputed(p, amount) | Act::Closed(p, amount, _) => {
                (*p, self.notice(*p, act, cents(*amount), number))
            }
        };
        if let Noted::New(next) = noted {
            let settled =
                rebalance(&self.receipts[which], *next, &self.invoices, &self.tolerances, at(9), at(10));
            let Settled { receipt, invoices, .. } = settled.expect("adds up");
            for invoice in invoices {
                let was = self.invoices.insert(invoice.invoice.clone(), invoice.clone()).expect("known");
                assert!(was.status.may_become(invoice.status), "{:?} > {:?}", was.status, invoice.status);
            }
            self.receipts[which] = receipt;
        }
    }

    fn receive(&self, p: usize, amount: Money, named: &[u32], number: usize) -> Noted {
        let known = &self.receipts[p];
        if known.received.is_some() {
            return Noted::Known;
        }
        let told = PaymentReceived {
            payment: known.payment.clone(),
            connection: known.connection.clone(),
            record: known.record.clone(),
            amount,
            received_at: at(0),
            invoice_number: None,
            remittance: vec![],
            customer: None,
        };
        let of: Vec<_> = named.iter().map(|n| (engagement(*n), &self.invoices[&id(*n)])).collect();
        let of: Vec<Named<'_>> = of
            .iter()
            .map(|(engagement, invoice)| Named { engagement, invoice, books: "erp", amount: None })
            .collect();
        let next = match_named(&known.with_receipt(&told), &of, &number.to_string());
        Noted::New(Box::new(next.expect("adds up")))
    }

    fn notice(&self, p: usize, act: &Act, amount: Money, number: usize) -> Noted {
        let known = &self.receipts[p];
        let (payment, connection, record) =
            (known.payment.clone(), known.connection.clone(), known.record.clone());
        let (refund, dispute) = (Some(format!("re_{number}")), "dp_1".to_owned());
        match act {
            Act::Closed(_, _, won) => known.dispute_closed(&PaymentDisputeClosed {
                payment,
                connection,
                record,
                dispute,
                amount,
                won: *won,
                closed_at: at(7),
            }),
            Act::Disputed(..) => {
                let disputed_at = at(6);
                let told = PaymentDisputed { payment, connection, record, dispute, amount, disputed_at };
                known.disputed(&told)
            }
            _ => known.refunded(&PaymentRefunded {
                payment,
                connection,
                record,
                refund,
                amount,
                failed: false,
                refunded_at: at(5),
            }),
        }
    }

    /// As credit memos do: never more in all than was billed.
    fn credit(&mut self, id: &InvoiceId, amount: Money) {
        let (invoice, (credited, set_off)) = (&self.invoices[id], self.credited[id]);
        let left = invoice.untaxed.minus(credited).expect("dollars");
        let amount = if amount.exceeds(left).expect("dollars") { left } else { amount };
        if amount.is_zero() {
            return;
        }
        let (next, off) = invoice.credit(amount, amount).expect("adds up");
        let next = next.within(self.tolerances.first(), "a credit memo").expect("adds up");
        assert!(invoice.status.may_become(next.status), "{:?} > {:?}", invoice.status, next.status);
        let sums = (credited.plus(amount).expect("sum"), set_off.plus(off).expect("sum"));
        self.credited.insert(id.clone(), sums);
        self.invoices.insert(id.clone(), next);
    }

    pub(crate) fn adds_up(&self) {
        let none = usd("0.00");
        for receipt in &self.receipts {
            let Some(received) = receipt.received else { continue };
            let left = [receipt.unapplied.expect("told"), receipt.kept.unwrap_or(none)].map(Ok);
            let parts = [receipt.applied(received), receipt.returned(received)].into_iter().chain(left);
            let sum = parts.into_iter().try_fold(none, |sum, part| sum.plus(part?)).expect("sum");
            assert_eq!(sum, received, "applied + unapplied + kept + returned = received");
        }
        for invoice in self.invoices.values() {
            let applications = self.receipts.iter().flat_map(|r| &r.applications);
            let to_it = applications.filter(|a| a.invoice == invoice.invoice).map(|a| a.applied);
            let applied = Money::total(none.currency(), to_it).expect("sum");
            let (credited, set_off) = self.credited[&invoice.invoice];
            assert_eq!(invoice.applied, applied);
            assert_eq!(
                (invoice.set_off(), invoice.credited.map_or(none, |c| c.untaxed)),
                (set_off, credited)
            );
            let unpaid =
                invoice.total.expect("posted").minus(applied).expect("sum").minus(set_off).expect("sum");
            let open = unpaid.minus(invoice.written_off()).expect("sum");
            assert_eq!(
                invoice.open().expect("sum"),
                open,
                "total = applied + set off + small difference + open"
            );
            self.has_one_small_difference(invoice, unpaid);
            for amount in [open, applied, credited.minus(set_off).expect("sum")] {
                assert!(!none.exceeds(amount).expect("dollars"), "{amount} is less than nothing");
            }
            assert_eq!(Ok(invoice.status), invoice.by_balance());
        }
    }
}

impl Book {
    /// At most one, within the tolerance: what is written off is all that is not paid, by a payment; what is kept is
    /// one payment's.
    fn has_one_small_difference(&self, invoice: &Invoice, unpaid: Money) {
        let of_it = |r: &&Receipt| {
            let last = r.applications.iter().rev().find(|a| a.applied.is_positive());
            r.kept.is_some() && last.is_some_and(|a| a.invoice == invoice.invoice)
        };
        let kept: Vec<&Receipt> = self.receipts.iter().filter(of_it).collect();
        let Some(small) = &invoice.small_difference else {
            assert!(kept.is_empty(), "{kept:?} is kept of nothing");
            return;
        };
        let total = invoice.total.expect("posted");
        let covers = |amount: Money| self.tolerances.iter().any(|t| t.covers(amount, total));
        if small.amount.is_positive() {
            assert_eq!((small.amount, kept.len()), (unpaid, 0), "all of it or nothing");
            assert!(covers(small.amount) && invoice.applied.is_positive(), "{invoice:?}");
        } else {
            let amount = usd("0.00").minus(small.amount).expect("dollars");
            assert!(covers(amount), "{invoice:?}");
            let by: Vec<_> = kept.iter().map(|r| (r.payment.to_string(), r.kept)).collect();
            assert_eq!(by, [(small.left_by.clone(), Some(amount))], "one payment's");
        }
    }
}

proptest! {
    /// Proves PAY-02, BIL-20 in part: receipts, refunds, disputes and credit memos of two invoices, in any order: open =
    /// total − applied − set off at all times, none of them is ever less than nothing, and each payment adds up.
    #[test]
    fn cash_and_credits_never_make_an_invoice_owe_less_than_nothing(story in prop::collection::vec(act(), 1..24)) {
        let mut book = Book::new(Vec::new());
        for (number, act) in story.iter().enumerate() {
            book.play(act, number);
            book.adds_up();
        }
    }
}

/// Proves BIL-20 in part: cash that comes while the invoice is credited pays what is left of it, the rest is unapplied.
#[test]
fn a_payment_of_an_invoice_that_is_credited_meanwhile_leaves_the_rest_unapplied() {
    let mut book = Book::new(Vec::new());
    book.play(&Act::Credited(1, 40_000), 0);
    book.play(&Act::Received(0, 110_000, vec![1]), 1);
    assert_eq!(book.receipts[0].unapplied, Some(usd("400.00")), "1100 - (1100 - 400)");
    assert_eq!(book.invoices[&id(1)].status, InvoiceStatus::Paid);
    book.play(&Act::Credited(2, 30_000), 2);
    book.play(&Act::Received(1, 30_000, vec![2]), 3);
    assert_eq!(book.receipts[1].unapplied, Some(usd("300.00")), "nothing is left of it");
    assert_eq!(book.invoices[&id(2)].status, InvoiceStatus::Credited);
    book.adds_up();
}

/// Proves PAY-02, BIL-20 in part: what was paid and then credited is on the customer's account. When the cash goes back the
/// invoice is open again, and the credit stays on account: it is finance that sets it off in the ERP.
#[test]
fn cash_that_goes_back_from_a_credited_invoice_makes_it_open_again() {
    let mut book = Book::new(Vec::new());
    book.play(&Act::Received(0, 110_000, vec![1]), 0);
    book.play(&Act::Credited(1, 110_000), 1);
    let credited = book.invoices[&id(1)].clone();
    assert_eq!((credited.status, credited.set_off()), (InvoiceStatus::Credited, usd("0.00")));
    book.play(&Act::Refunded(0, 50_000), 2);
    let part = &book.invoices[&id(1)];
    assert_eq!((part.status, part.open()), (InvoiceStatus::PartPaid, Ok(usd("500.00"))), "1100 - 600");
    book.play(&Act::Refunded(0, 60_000), 3);
    let whole = &book.invoices[&id(1)];
    assert_eq!((whole.status, whole.open()), (InvoiceStatus::Posted, Ok(usd("1100.00"))));
    assert_eq!(book.receipts[0].status, PaymentStatus::Refunded);
    book.adds_up();
}
