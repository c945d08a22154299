//! What credit memos do to deposits and to what was drawn.

use domain::billing::LineStatus;
use domain::credit_memo::{CreditError, CreditMemoRequested, Reduction};
use domain::deposit::{DrawnWhen, deposit_line, drawdown_line};
use domain::id::InvoiceId;
use domain::invoice::InvoiceStatus;
use domain::sample::usd;

use crate::world::World;

/// 7,000.00 of work drew 7,000.00 of 10,000.00. The 3,000.00 that are left are returned by a reduction of the deposit's
/// line; one cent more is too much, and the whole line can't be taken off.
#[test]
fn what_is_left_is_returned_and_no_more() {
    let mut world = World::of_ten_thousand(DrawnWhen::Paid, None);
    world.work("a", "7000.00");
    world.bill("1");
    let deposit = deposit_line(&world.engagement.engagement, "D1");
    let whole = world.credit(&World::asked("m", "d", &[&deposit], None));
    assert_eq!(whole, Err(CreditError::DrawnOn { line: deposit.clone(), left: usd("3000.00") }));
    let much = world.credit(&World::asked("m", "d", &[], Some((&deposit, "3000.01"))));
    assert!(matches!(much, Err(CreditError::TooMuchOfLine { left, .. }) if left == usd("3000.00")));
    let vague = CreditMemoRequested {
        reduction: Some(Reduction { line: None, amount: usd("1.00") }),
        ..World::asked("m", "d", &[], None)
    };
    assert!(matches!(world.credit(&vague), Err(CreditError::NamesNoLine { .. })));
    world.credit(&World::asked("m", "d", &[], Some((&deposit, "3000.00")))).unwrap();
    assert_eq!(world.stands("D1"), ["7000.00", "3000.00", "0.00"]);
    world.work("b", "500.00");
    assert_eq!(world.bill("2"), Some(usd("500.00")), "nothing is left to be drawn");
}

/// An invoice of 7,000.00 that drew 4,000.00 is credited whole: 3,000.00 are credited, and the deposit has its
/// 4,000.00 again, which the next invoice draws.
#[test]
fn an_invoice_that_is_credited_whole_gives_back_what_it_drew() {
    let mut world = World::new(&[("D1", "4000.00", DrawnWhen::Paid, None)]);
    world.due();
    world.bill("d");
    let work = world.work("a", "7000.00");
    assert_eq!(world.bill("1"), Some(usd("3000.00")));
    let memo = world.credit(&World::asked("m", "1", &[&work], None)).unwrap();
    let drawdown =
        drawdown_line(&deposit_line(&world.engagement.engagement, "D1"), &InvoiceId::derive(&["1"]));
    assert_eq!((memo.untaxed, memo.released().count()), (usd("3000.00"), 2), "7,000 − 4,000");
    assert_eq!(world.status(&drawdown), LineStatus::Credited);
    assert_eq!(world.stands("D1"), ["0.00", "0.00", "4000.00"]);
    world.work("b", "1000.00");
    assert_eq!(world.bill("2"), Some(usd("0.00")));
    let again = CreditMemoRequested { rebill: true, ..World::asked("m2", "1", &[&drawdown], None) };
    assert!(matches!(world.credit(&again), Err(CreditError::TakenOff { .. })));
}

/// An invoice that a deposit covers comes to 0.00 and is credited with 0.00, to be billed anew: the work is ready, the
/// drawdown is over, and the next invoice draws anew.
#[test]
fn an_invoice_of_nothing_is_credited_and_billed_anew() {
    let mut world = World::of_ten_thousand(DrawnWhen::Paid, None);
    let work = world.work("a", "6000.00");
    world.bill("1");
    let asked = CreditMemoRequested { rebill: true, ..World::asked("m", "1", &[&work], None) };
    let memo = world.credit(&asked).unwrap();
    assert!(memo.untaxed.is_zero());
    assert_eq!(world.invoice_status("1"), InvoiceStatus::Credited);
    assert_eq!(world.status(&work), LineStatus::Ready);
    assert_eq!(world.stands("D1"), ["0.00", "0.00", "10000.00"]);
    assert_eq!(world.bill("2"), Some(usd("0.00")));
    assert_eq!(world.stands("D1"), ["6000.00", "0.00", "4000.00"]);
}

/// Of 300.00 and 700.00 with 400.00 drawn, 600.00 are billed. The second alone is more than that; with the drawdown it
/// is 700 − 400 = 300.00, and 300.00 stay billed.
#[test]
fn a_line_that_was_covered_is_credited_with_the_drawdown() {
    let mut world = World::new(&[("D1", "400.00", DrawnWhen::Posted, None)]);
    world.due();
    world.bill("d");
    world.work("a", "300.00");
    let second = world.work("b", "700.00");
    assert_eq!(world.bill("1"), Some(usd("600.00")));
    let alone = world.credit(&World::asked("m", "1", &[&second], None));
    assert!(matches!(alone, Err(CreditError::TooMuch { .. })), "{alone:?}");
    let drawdown =
        drawdown_line(&deposit_line(&world.engagement.engagement, "D1"), &InvoiceId::derive(&["1"]));
    let only = world.credit(&World::asked("m", "1", &[&drawdown], None));
    assert!(matches!(only, Err(CreditError::NotPositive { .. })), "it would bill something: {only:?}");
    let memo = world.credit(&World::asked("m", "1", &[&second, &drawdown], None)).unwrap();
    assert_eq!(memo.untaxed, usd("300.00"));
    assert_eq!(world.stands("D1"), ["0.00", "0.00", "400.00"]);
}

/// A deposit that nobody drew on is credited whole, and billed anew like any line.
#[test]
fn a_deposit_may_be_billed_anew() {
    let mut world = World::of_ten_thousand(DrawnWhen::Posted, None);
    let deposit = deposit_line(&world.engagement.engagement, "D1");
    let asked = CreditMemoRequested { rebill: true, ..World::asked("m", "d", &[&deposit], None) };
    world.credit(&asked).unwrap();
    world.work("a", "50.00");
    assert_eq!(world.bill("2"), Some(usd("10050.00")), "it is on this invoice, and draws nothing of itself");
    world.work("b", "50.00");
    assert_eq!(world.bill("3"), Some(usd("0.00")));
    assert_eq!(world.stands("D1"), ["50.00", "0.00", "9950.00"]);
}
