//! What is paid short, or too much, by too little to be asked for.

use domain::Money;
use domain::invoice::{
    Invoice, InvoiceStatus, PaymentTolerance, SmallDifferenceReason, SmallDifferenceRecorded,
};
use domain::sample::usd;
use proptest::prelude::*;

use crate::credited::{Act, Book, act, cents, id};
use crate::world::{Told, World, invoice};

fn tolerance(amount: &str, percent: &str) -> PaymentTolerance {
    PaymentTolerance { amount: usd(amount), percent: percent.parse().expect("a decimal") }
}

/// One invoice of 1,100.00 and a tolerance of 5.00, at most 0.1 %: 1.10.
fn world() -> World {
    let mut world = World::of(&[invoice(1, "1100.00"), invoice(2, "300.00")]);
    world.tolerances = vec![tolerance("5.00", "0.1")];
    world
}

fn paid(amount: &str) -> World {
    let mut world = world();
    world.tell(&Told::Received(usd(amount), vec![(1, None)]));
    world
}

fn small(invoice: &Invoice) -> Option<Money> {
    invoice.small_difference.as_ref().map(|small| small.amount)
}

#[test]
fn the_smaller_of_amount_and_percentage_counts() {
    let covers = |t: &PaymentTolerance, amount: &str, total: &str| t.covers(usd(amount), usd(total));
    let of_both = tolerance("5.00", "0.1");
    assert!(covers(&of_both, "1.10", "1100.00") && !covers(&of_both, "1.11", "1100.00"), "0.1 % is 1.10");
    assert!(covers(&of_both, "5.00", "9000.00") && !covers(&of_both, "5.01", "9000.00"), "0.1 % is 9.00");
    assert!(!covers(&of_both, "0.01", "9.99"), "0.1 % is less than a cent: it is not rounded up");
    assert!(!covers(&of_both, "0.00", "1100.00") && !covers(&of_both, "-0.01", "1100.00"));
    let euros =
        Money::parse("1.00", domain::money::Currency::from_code("EUR").expect("EUR")).expect("an amount");
    assert!(!of_both.covers(euros, usd("1100.00")) && !of_both.covers(euros, euros), "nothing converts");
}

/// Proves PAY-03 in part: an invoice that is short by a little is settled, and the rest written off in the open.
#[test]
fn an_invoice_that_is_short_by_a_little_is_settled() {
    let world = paid("1098.90");
    let invoice = world.invoice(1);
    assert_eq!(
        (invoice.status, invoice.open()),
        (InvoiceStatus::Paid, Ok(usd("0.00"))),
        "1100 - 1098.90 = 1.10"
    );
    assert_eq!((invoice.applied, small(invoice)), (usd("1098.90"), Some(usd("1.10"))));
    assert_eq!(
        invoice.small_difference.as_ref().map(|s| s.left_by.clone()),
        Some(world.receipt.payment.to_string())
    );
    let before = crate::world::invoice(1, "1100.00");
    let told =
        SmallDifferenceRecorded::between(&before, invoice, "pay_1").expect("dollars").expect("is told");
    assert_eq!(
        (told.reason, told.amount, told.was),
        (SmallDifferenceReason::ShortPayment, usd("1.10"), usd("0.00"))
    );
    assert!(world.receipt.findings().is_empty(), "nobody has to look");
    assert_eq!(world.movements[0].total(), Ok(usd("1098.90")), "the books take the cash and nothing else");
}

#[test]
fn a_cent_more_is_asked_for() {
    let invoice = paid("1098.89").invoice(1).clone();
    assert_eq!((invoice.status, invoice.open()), (InvoiceStatus::PartPaid, Ok(usd("1.11"))));
    assert_eq!(invoice.small_difference, None);
}

/// Proves PAY-03 in part: what is too much by a little is kept, in the open, and not left unapplied.
#[test]
fn an_overpayment_by_a_little_is_kept() {
    let mut world = paid("1101.10");
    assert_eq!((world.unapplied(), world.receipt.kept), (usd("0.00"), Some(usd("1.10"))));
    assert_eq!((small(world.invoice(1)), world.invoice(1).open()), (Some(usd("-1.10")), Ok(usd("0.00"))));
    assert!(world.receipt.findings().is_empty(), "nobody has to look");
    // The ERP has it on the customer's account: it knows nothing of small differences.
    assert_eq!(world.movements[0].unapplied, usd("1.10"));
    // A part goes back: less than nothing is never kept.
    world.tell(&Told::Refund("re_1", usd("0.60"), false));
    assert_eq!((world.receipt.kept, small(world.invoice(1))), (Some(usd("0.50")), Some(usd("-0.50"))));
    assert_eq!(world.movements[1].unapplied, usd("-0.60"));
    world.tell(&Told::Refund("re_2", usd("100.50"), false));
    assert_eq!((world.receipt.kept, small(world.invoice(1))), (None, None));
    assert_eq!(world.invoice(1).open(), Ok(usd("100.00")), "1101.10 - 0.60 - 100.50 = 1000.00 of 1100.00");
    let more = paid("1101.11");
    assert_eq!((more.unapplied(), more.receipt.kept), (usd("1.11"), None), "a cent more stays unapplied");
    assert_eq!(more.receipt.findings().len(), 1);
}

#[test]
fn without_a_tolerance_every_cent_counts() {
    for (amount, open, unapplied) in [("1099.99", "0.01", "0.00"), ("1100.01", "0.00", "0.01")] {
        let mut world = World::of(&[invoice(1, "1100.00")]);
        world.tell(&Told::Received(usd(amount), vec![(1, None)]));
        assert_eq!((world.invoice(1).open(), world.unapplied()), (Ok(usd(open)), usd(unapplied)));
        assert_eq!((small(world.invoice(1)), world.receipt.kept), (None, None));
    }
}

/// Money that goes back opens the invoice by all that it left, what was written off among it; money that comes back
/// settles it as before.
#[test]
fn a_refund_opens_it_again() {
    let mut world = paid("1099.00");
    world.tell(&Told::Refund("re_1", usd("99.00"), false));
    let invoice = world.invoice(1);
    assert_eq!(
        (invoice.status, invoice.open()),
        (InvoiceStatus::PartPaid, Ok(usd("100.00"))),
        "1100 - 1099 + 99"
    );
    assert_eq!(invoice.small_difference, None);
    world.tell(&Told::Refund("re_1", usd("99.00"), true));
    assert_eq!((world.invoice(1).status, small(world.invoice(1))), (InvoiceStatus::Paid, Some(usd("1.00"))));
    world.tell(&Told::Disputed("dp_1", usd("1099.00")));
    assert_eq!(
        (world.invoice(1).status, world.invoice(1).open()),
        (InvoiceStatus::Posted, Ok(usd("1100.00")))
    );
}

/// Of an invoice that nobody paid anything of, nothing is written off: a credit memo that leaves a cent leaves it open.
#[test]
fn only_what_is_paid_has_a_small_difference() {
    let tolerance = tolerance("5.00", "1");
    let (credited, off) = invoice(1, "1100.00").credit(usd("1099.99"), usd("1099.99")).expect("adds up");
    let left = credited.within(Some(&tolerance), "crm_1").expect("adds up");
    assert_eq!((off, left.open(), small(&left)), (usd("1099.99"), Ok(usd("0.01")), None));
    // A part was paid: what is left beside the credit memo is a payment that is short.
    let part = invoice(1, "1100.00").with_cash(usd("1000.00")).expect("adds up");
    let (credited, off) = part.credit(usd("99.00"), usd("99.00")).expect("adds up");
    let settled = credited.within(Some(&tolerance), "crm_1").expect("adds up");
    assert_eq!((off, settled.open(), small(&settled)), (usd("99.00"), Ok(usd("0.00")), Some(usd("1.00"))));
    // The next one takes what was written off before anything else: 1.00 of it is set off.
    let (credited, off) = settled.credit(usd("50.00"), usd("50.00")).expect("adds up");
    let settled = credited.within(Some(&tolerance), "crm_2").expect("adds up");
    assert_eq!((off, settled.status, small(&settled)), (usd("1.00"), InvoiceStatus::Paid, None));
}

fn payment(p: usize, amount: i64) -> Act {
    Act::Received(p, cents(amount).minor_units().expect("fits"), vec![1])
}

/// Two part payments that are each a cent short leave one difference of two cents, once; a third takes its place.
#[test]
fn part_payments_share_one_tolerance() {
    let mut book = Book::new(vec![tolerance("0.02", "1")]);
    for (p, amount) in [(0, 54_999), (1, 54_999)] {
        book.play(&payment(p, amount), p);
        book.adds_up();
    }
    assert_eq!(small(&book.invoices[&id(1)]), Some(usd("0.02")), "1100.00 - 549.99 - 549.99");
    book.play(&payment(2, 3), 2);
    book.adds_up();
    // Two cents are applied in the place of what was written off, and one is too much.
    let settled = &book.invoices[&id(1)];
    assert_eq!((settled.applied, small(settled)), (usd("1100.00"), Some(usd("-0.01"))));
    book.play(&payment(3, 1), 3);
    book.adds_up();
    assert_eq!(book.receipts[3].unapplied, Some(usd("0.01")), "no second one of the same invoice");
}

/// An invoice has one small difference: what comes back of a payment is not kept beside what is kept of another.
#[test]
fn one_payment_alone_has_what_is_kept() {
    let mut book = Book::new(vec![tolerance("700.00", "100")]);
    let story =
        [payment(0, 110_001), Act::Disputed(0, 60_000), payment(1, 60_000), Act::Closed(0, 60_000, true)];
    for (number, act) in story.iter().enumerate() {
        book.play(act, number);
        book.adds_up();
    }
    assert_eq!(small(&book.invoices[&id(1)]), Some(usd("-0.01")), "500.01 + 600.00 - 1100.00");
    let left = |p: usize| (book.receipts[p].kept, book.receipts[p].unapplied);
    assert_eq!((left(0), left(1)), ((None, Some(usd("600.00"))), (Some(usd("0.01")), Some(usd("0.00")))));
}

proptest! {
    /// Proves PAY-03 in part: total = applied + credited + small difference + open, with receipts, refunds, disputes
    /// and credit memos of two invoices in any order; an invoice has one small difference at most, and it is within
    /// the tolerance.
    #[test]
    fn an_invoice_adds_up_with_its_small_difference(
        story in prop::collection::vec(act(), 1..24),
        most in 1_i64..90_000,
        percent in 1_i64..=100,
    ) {
        let tolerance = PaymentTolerance { amount: cents(most), percent: percent.into() };
        let mut book = Book::new(vec![tolerance]);
        for (number, act) in story.iter().enumerate() {
            book.play(act, number);
            book.adds_up();
        }
    }

    /// Payments of one invoice leave it the same in any order. Which of them has too much does depend on the order,
    /// as the one that comes last finds least to pay; but not how much it is in all.
    #[test]
    fn payments_come_to_the_same_in_any_order(
        amounts in prop::collection::vec(1_i64..70_000, 4),
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
        most in 1_i64..70_000,
    ) {
        let played = |order: &[usize]| {
            let mut book = Book::new(vec![PaymentTolerance { amount: cents(most), percent: 100.into() }]);
            for p in order {
                book.play(&payment(*p, amounts[*p]), *p);
                book.adds_up();
            }
            let invoice = &book.invoices[&id(1)];
            let left = book.receipts.iter().flat_map(|r| [r.unapplied, r.kept]).flatten();
            let left = Money::total(usd("0").currency(), left).expect("adds up");
            (invoice.applied, invoice.open(), invoice.written_off(), invoice.status, left)
        };
        prop_assert_eq!(played(&[0, 1, 2, 3]), played(&order));
    }
}

/// What was kept of a payment does not stand in the way of what is short of the same invoice after a refund.
#[test]
fn what_was_kept_gives_way_to_what_is_short() {
    let mut world = World::of(&[invoice(1, "1100.00")]);
    world.tolerances = vec![tolerance("5.00", "1")];
    world.tell(&Told::Received(usd("1100.01"), vec![(1, None)]));
    assert_eq!((world.receipt.kept, small(world.invoice(1))), (Some(usd("0.01")), Some(usd("-0.01"))));
    world.tell(&Told::Refund("re_1", usd("2.01"), false));
    assert_eq!(
        (world.receipt.kept, small(world.invoice(1))),
        (None, Some(usd("2.00"))),
        "1100.01 - 2.01 = 1098.00"
    );
    assert_eq!(world.invoice(1).status, InvoiceStatus::Paid);
}
