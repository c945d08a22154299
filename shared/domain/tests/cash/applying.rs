//! Worked examples.

use domain::cash::{Named, PaymentStatus, Receipt, match_named, numbers_in};
use domain::event::PaymentReceived;
use domain::id::{CustomerId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::{Currency, Money};
use domain::problem::ProblemCode;
use domain::sample::usd;

use crate::world::{Told, World, at, engagement, invoice};

fn received(amount: &str, named: &[u32]) -> Told {
    Told::Received(usd(amount), named.iter().map(|n| (*n, None)).collect())
}

fn codes(world: &World) -> Vec<ProblemCode> {
    world.receipt.findings().iter().map(|p| p.code).collect()
}

/// Proves PAY-03 in part: 1,100 open, 1,100 paid: nothing is open, nothing unapplied, and when it was applied is kept.
#[test]
fn an_exact_payment() {
    let mut world = World::of(&[invoice(1, "1100.00")]);
    world.tell(&received("1100.00", &[1]));
    assert_eq!(world.invoice(1).status, InvoiceStatus::Paid);
    assert!(world.unapplied().is_zero() && codes(&world).is_empty());
    let [application] = world.receipt.applications.as_slice() else { panic!("one application") };
    assert_eq!((world.receipt.received_at, application.applied_at), (Some(at(0)), Some(at(10))));
}

/// 1,100 open, 400 paid: 700 open. Then 800 too late for all of it: 700 applied, 100 unapplied.
#[test]
fn a_part_and_more_than_the_rest() {
    let mut world = World::of(&[invoice(1, "1100.00")]);
    world.tell(&received("400.00", &[1]));
    assert_eq!(
        (world.invoice(1).status, world.invoice(1).open()),
        (InvoiceStatus::PartPaid, Ok(usd("700.00")))
    );
    let mut second = World { receipt: Receipt::announced(&PaymentId::derive(&["2"]), "s", "pi_2"), ..world };
    second.movements.clear();
    let paid: Invoice = second.invoice(1).clone();
    let named = [Named { engagement: &engagement(1), invoice: &paid, books: "erp", amount: None }];
    let told = told("800.00");
    let next = match_named(&second.receipt.with_receipt(&told), &named, "e").expect("amounts");
    assert_eq!(next.applications[0].wanted, usd("700.00"));
}

fn told(amount: &str) -> PaymentReceived {
    PaymentReceived {
        payment: PaymentId::derive(&["2"]),
        connection: "s".into(),
        record: "pi_2".into(),
        amount: usd(amount),
        invoice_number: None,
        remittance: vec![],
        customer: None,
        received_at: at(0),
    }
}

/// Proves PAY-02 in part: 1,500 for invoices of 1,100 and 300: 1,100 + 300 applied, 1,500 − 1,400 = 100 unapplied. What
/// goes back is taken from what is unapplied, then from the last invoice: after 250 are refunded, 250 − 100 = 150 are
/// missing on the second; the refund told once more moves nothing.
#[test]
fn several_invoices_and_a_refund_newest_first() {
    let mut world = World::of(&[invoice(1, "1100.00"), invoice(2, "300.00")]);
    world.tell(&received("1500.00", &[1, 2]));
    assert_eq!((world.invoice(1).applied, world.invoice(2).applied), (usd("1100.00"), usd("300.00")));
    assert_eq!((world.unapplied(), codes(&world)), (usd("100.00"), vec![ProblemCode::Overpayment]));
    assert!(world.tell(&Told::Refund("re_1", usd("250.00"), false)));
    assert_eq!((world.invoice(1).applied, world.invoice(2).applied), (usd("1100.00"), usd("150.00")));
    assert_eq!((world.invoice(2).status, world.unapplied()), (InvoiceStatus::PartPaid, usd("0.00")));
    assert!(codes(&world).is_empty(), "nothing waits for a person any more");
    let movement = &world.movements[1];
    assert_eq!((movement.total(), movement.unapplied), (Ok(usd("-250.00")), usd("-100.00")));
    assert_eq!((movement.lines[0].amount, movement.lines[0].stands), (usd("-150.00"), usd("150.00")));
    assert!(!world.tell(&Told::Refund("re_1", usd("250.00"), false)), "told twice");
    assert!(world.tell(&Told::RefundedInAll(usd("250.00"))), "the same money under another name");
    assert_eq!(world.movements.len(), 2, "moves nothing");
}

/// A remittance says how much is for which: 200 of 1,100 and 300 of 300, of 600: 600 − 500 = 100 unapplied.
#[test]
fn a_remittance_says_how_much_is_for_which() {
    let mut world = World::of(&[invoice(1, "1100.00"), invoice(2, "300.00")]);
    world.tell(&Told::Received(usd("600.00"), vec![(1, Some(usd("200.00"))), (2, Some(usd("400.00")))]));
    assert_eq!((world.invoice(1).applied, world.invoice(2).applied), (usd("200.00"), usd("300.00")));
    assert_eq!(world.unapplied(), usd("100.00"));
}

/// Received and settled are two states; a chargeback reopens the invoice, won it is paid again, lost it stays open.
#[test]
fn a_dispute_is_won_or_lost() {
    let mut world = World::of(&[invoice(1, "1100.00")]);
    world.tell(&received("1100.00", &[1]));
    assert_eq!(world.receipt.status, PaymentStatus::Received);
    world.tell(&Told::Settled(3));
    assert_eq!(world.receipt.status, PaymentStatus::Settled);
    world.tell(&Told::Disputed("dp_1", usd("1100.00")));
    assert_eq!(
        (world.receipt.status, world.invoice(1).status),
        (PaymentStatus::Disputed, InvoiceStatus::Posted)
    );
    assert_eq!(codes(&world), [ProblemCode::PaymentDisputed]);
    let mut lost = world.clone();
    world.tell(&Told::Closed("dp_1", usd("1100.00"), true, 8));
    assert_eq!(
        (world.receipt.status, world.invoice(1).status),
        (PaymentStatus::Settled, InvoiceStatus::Paid)
    );
    lost.tell(&Told::Closed("dp_1", usd("1100.00"), false, 8));
    assert_eq!(
        (lost.receipt.status, lost.invoice(1).status),
        (PaymentStatus::ChargedBack, InvoiceStatus::Posted)
    );
    assert!(codes(&world).is_empty() && codes(&lost).is_empty());
}

/// Money that is won back after somebody else paid the invoice stays unapplied.
#[test]
fn what_comes_back_pays_no_more_than_is_open() {
    let mut world = World::of(&[invoice(1, "1100.00")]);
    world.tell(&received("1100.00", &[1]));
    world.tell(&Told::Disputed("dp_1", usd("1100.00")));
    let other = world.invoice(1).with_cash(usd("1000.00")).expect("dollars");
    let mut paid = world.clone();
    paid.invoices.insert(other.invoice.clone(), other);
    let next = paid.receipt.dispute_closed(&domain::payment::PaymentDisputeClosed {
        payment: paid.receipt.payment.clone(),
        connection: "s".into(),
        record: "pi_1".into(),
        dispute: "dp_1".into(),
        amount: usd("1100.00"),
        won: true,
        closed_at: at(8),
    });
    let domain::cash::Noted::New(next) = next else { panic!("new") };
    let settled =
        domain::cash::rebalance(&paid.receipt, *next, &paid.invoices, &[], at(9), at(10)).expect("amounts");
    assert_eq!(settled.receipt.applications[0].applied, usd("100.00"));
    assert_eq!(settled.receipt.unapplied, Some(usd("1000.00")));
    assert_eq!(settled.invoices[0].status, InvoiceStatus::Paid);
}

/// A debit that bounces takes everything back; an attempt that failed before the receipt does not count.
#[test]
fn a_debit_that_bounces_and_an_attempt_that_failed_before() {
    let mut world = World::of(&[invoice(1, "1100.00")]);
    world.tell(&Told::Failed(-60));
    world.tell(&received("1100.00", &[1]));
    assert_eq!(
        (world.receipt.status, world.invoice(1).status),
        (PaymentStatus::Received, InvoiceStatus::Paid)
    );
    world.tell(&Told::Failed(60));
    assert_eq!(
        (world.receipt.status, world.invoice(1).status),
        (PaymentStatus::Failed, InvoiceStatus::Posted)
    );
}

/// A refund that fails comes back: 1,100 − 300 applied, then 1,100 again.
#[test]
fn a_refund_that_fails_pays_the_invoice_again() {
    let mut world = World::of(&[invoice(1, "1100.00")]);
    world.tell(&received("1100.00", &[1]));
    world.tell(&Told::Refund("re_1", usd("300.00"), false));
    world.tell(&Told::RefundedInAll(usd("300.00")));
    assert_eq!(world.invoice(1).applied, usd("800.00"));
    world.tell(&Told::Refund("re_1", usd("300.00"), true));
    assert_eq!((world.invoice(1).applied, world.receipt.status), (usd("1100.00"), PaymentStatus::Received));
}

/// Proves SCN-14 in part, after killbill/killbill #1015: an outcome that was unknown is retried and charged a second
/// time. The second charge is another payment: cash of the customer, never a second payment of the invoice; refunded,
/// nothing of it is left.
#[test]
fn a_second_charge_when_an_unknown_outcome_is_retried() {
    let paid = invoice(1, "1100.00").with_cash(usd("1100.00")).expect("dollars");
    let mut world = World::of(std::slice::from_ref(&paid));
    world.receipt.payment = PaymentId::derive(&["1"]);
    let named = [Named { engagement: &engagement(1), invoice: &paid, books: "erp", amount: None }];
    let next = match_named(&world.receipt.with_receipt(&told("1100.00")), &named, "e").expect("amounts");
    let invoices = world.invoices.clone();
    let first = domain::cash::rebalance(&world.receipt, next, &invoices, &[], at(1), at(2)).expect("amounts");
    assert_eq!((first.receipt.unapplied, first.invoices.len()), (Some(usd("1100.00")), 0));
    assert_eq!(first.receipt.findings()[0].code, ProblemCode::Overpayment);
    let movement = first.movement.expect("the cash is booked on the account");
    assert_eq!((movement.total(), movement.lines.len()), (Ok(usd("1100.00")), 0));
    let back = Told::Refund("re_1", usd("1100.00"), false);
    let mut refunded = World { receipt: first.receipt, movements: vec![movement], ..world };
    refunded.invoices.clear();
    assert!(refunded.tell(&back));
    assert_eq!((refunded.unapplied(), refunded.receipt.status), (usd("0.00"), PaymentStatus::Refunded));
    assert_eq!(refunded.movements[1].total(), Ok(usd("-1100.00")));
}

/// Proves SCN-28 in part: what matches nothing waits, and is applied by a person; the exception is then settled.
#[test]
fn a_person_applies_what_matched_nothing() {
    let mut world = World::of(&[invoice(1, "1100.00"), invoice(2, "300.00")]);
    world.tell(&received("1400.00", &[]));
    assert_eq!((codes(&world), world.movements.len()), (vec![ProblemCode::PaymentUnmatched], 0));
    let refused =
        |world: &World, asked: &[(u32, &str)]| world.clone().apply(asked, "a").expect_err("refused");
    assert!(refused(&world, &[(1, "1100.01")]).contains("1100.00 USD is open"));
    assert!(refused(&world, &[(1, "0.00")]).contains("is open"));
    assert!(refused(&world, &[(2, "200.00"), (2, "200.00")]).contains("100.00 USD is open"));
    world.apply(&[(1, "1100.00")], "a").expect("applied");
    assert_eq!((codes(&world), world.unapplied()), (vec![ProblemCode::Overpayment], usd("300.00")));
    assert!(refused(&world, &[(2, "300.01")]).contains("is open"));
    world.apply(&[(2, "300.00")], "b").expect("applied");
    assert!(codes(&world).is_empty());
    assert_eq!(world.movements.len(), 2);
    assert_eq!(world.movements[1].total(), Ok(usd("0.00")), "no cash moved");
    assert!(refused(&world, &[(2, "1.00")]).contains("is open"));
}

/// Nothing converts, and one booking pays one customer.
#[test]
fn another_currency_and_other_customers_wait_for_a_person() {
    let eur = Currency::from_code("EUR").expect("EUR");
    let mut told = told("1100.00");
    told.amount = Money::parse("1100.00", eur).expect("euros");
    let receipt = Receipt::announced(&told.payment, "s", "pi_2").with_receipt(&told);
    let (one, mut two) = (invoice(1, "1100.00"), invoice(2, "300.00"));
    let (first, second) = (engagement(1), engagement(2));
    let named = [Named { engagement: &first, invoice: &one, books: "erp", amount: None }];
    let waits = match_named(&receipt, &named, "e").expect("amounts");
    assert_eq!(waits.unmatched.expect("waits").code, ProblemCode::PaymentCurrency);
    two.customer = CustomerId::derive(&["another"]);
    told.amount = usd("1400.00");
    let receipt = Receipt::announced(&told.payment, "s", "pi_2").with_receipt(&told);
    let both = |books: &'static str, two: &Invoice| {
        let first = Named { engagement: &first, invoice: &one, books: "erp", amount: None };
        let named = [first, Named { engagement: &second, invoice: two, books, amount: None }];
        match_named(&receipt, &named, "e").expect("amounts")
    };
    assert_eq!(both("erp", &two).unmatched.expect("waits").code, ProblemCode::PaymentAcrossAccounts);
    two.customer = one.customer.clone();
    assert_eq!(both("another", &two).unmatched.expect("waits").code, ProblemCode::PaymentAcrossAccounts);
    let matched = both("erp", &two);
    assert_eq!((matched.unmatched, matched.applications.len()), (None, 2));
}

#[test]
fn a_payer_names_several_numbers_in_one_text() {
    assert_eq!(numbers_in(" INV-1, INV-2;INV-3 / INV-1\n"), ["INV-1", "INV-2", "INV-3"]);
    assert!(numbers_in(" ,; ").is_empty());
}

/// What is applied and taken back before it is booked is booked as what it comes to: 1,400 − 300 = 1,100, on the first
/// invoice alone; of all three movements, 1,400 − 300 − 1,100 = 0, nothing is left to be booked.
#[test]
fn movements_that_wait_come_to_one() {
    let mut world = World::of(&[invoice(1, "1100.00"), invoice(2, "300.00")]);
    world.tell(&received("1400.00", &[1, 2]));
    world.tell(&Told::Refund("re_1", usd("300.00"), false));
    world.tell(&Told::Refund("re_2", usd("1100.00"), false));
    let [one, two, three] = world.movements.as_slice() else { panic!("three movements") };
    let both = one.with(two).expect("dollars");
    assert_eq!(
        (both.lines.len(), both.lines[0].amount, both.total()),
        (1, usd("1100.00"), Ok(usd("1100.00")))
    );
    assert_eq!(both.booking(), one.booking());
    let all = both.with(three).expect("dollars");
    assert!(all.lines.is_empty() && all.unapplied.is_zero());
}
