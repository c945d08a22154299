//! What invoices draw of a deposit.

use domain::billing::LineStatus;
use domain::deposit::DrawnWhen;
use domain::figures::{Books, StandingLine, figures};
use domain::invoice::{InvoiceStatus, assemble};
use domain::sample::usd;

use crate::world::World;

fn billed(world: &mut World, name: &str) -> Option<String> {
    world.bill(name).map(|amount| amount.amount().to_string())
}

/// Proves BIL-10 in part. A deposit of 10,000.00 beside time: 6,000.00 of work draw 6,000.00, and the invoice comes to
/// 0.00; the next 7,000.00 draw the 4,000.00 that are left and come to 3,000.00; the next 500.00 draw nothing.
/// In all 10,000 + 0 + 3,000 + 500 = 13,500.00 are billed, which is the work: 6,000 + 7,000 + 500.
#[test]
fn later_invoices_draw_a_deposit_down_until_it_is_used_up() {
    let mut world = World::of_ten_thousand(DrawnWhen::Paid, None);
    assert_eq!(world.stands("D1"), ["0.00", "0.00", "10000.00"]);
    world.work("a", "6000.00");
    assert_eq!(billed(&mut world, "1").as_deref(), Some("0.00"));
    assert_eq!(world.invoice_status("1"), InvoiceStatus::Paid, "there is nothing to be paid");
    assert_eq!(world.stands("D1"), ["6000.00", "0.00", "4000.00"]);
    world.work("b", "7000.00");
    assert_eq!(billed(&mut world, "2").as_deref(), Some("3000.00"));
    world.work("c", "500.00");
    assert_eq!(billed(&mut world, "3").as_deref(), Some("500.00"));
    assert_eq!(world.stands("D1"), ["10000.00", "0.00", "0.00"]);
    let (second, lines) = &world.invoices[2];
    let printed = assemble(second.untaxed.currency(), lines).unwrap();
    let drawdown = printed.iter().find(|line| line.description == "Deposit, drawn down").unwrap();
    assert_eq!(drawdown.amount, usd("-4000.00"));
}

/// Of what each invoice bills a quarter is drawn, rounded once: of 1,000.01 it is 250.0025, which is 250.00, and
/// 750.01 are left to be paid.
#[test]
fn no_more_than_its_share_of_an_invoice_is_drawn() {
    let mut world = World::of_ten_thousand(DrawnWhen::Paid, Some("25"));
    world.work("a", "1000.01");
    assert_eq!(billed(&mut world, "1").as_deref(), Some("750.01"));
    assert_eq!(world.stands("D1"), ["250.00", "0.00", "9750.00"]);
    world.work("b", "0.02");
    assert_eq!(
        billed(&mut world, "2").as_deref(),
        Some("0.01"),
        "half a cent is a cent: 0.02 × 25 % = 0.005"
    );
}

/// Before its invoice is posted nothing is drawn; where payment counts, nor before it is paid. Cash that goes back
/// makes the invoice open again, and what was drawn stays drawn.
#[test]
fn a_deposit_is_drawn_once_it_may_be() {
    for (when, unpaid) in [(DrawnWhen::Posted, "60.00"), (DrawnWhen::Paid, "100.00")] {
        let mut world = World::new(&[("D1", "40.00", when, None)]);
        world.due();
        world.collect("d");
        world.work("a", "100.00");
        assert_eq!(billed(&mut world, "1").as_deref(), Some("100.00"), "not posted");
        world.post("d");
        world.work("b", "100.00");
        assert_eq!(billed(&mut world, "2").as_deref(), Some(unpaid));
    }
    let mut world = World::new(&[("D1", "40.00", DrawnWhen::Paid, None)]);
    world.due();
    world.bill("d");
    world.work("a", "10.00");
    assert_eq!(billed(&mut world, "1").as_deref(), Some("0.00"));
    let open = world.invoice("d").with_cash(usd("-40.00")).unwrap();
    *world.invoice("d") = open;
    world.work("b", "100.00");
    assert_eq!(billed(&mut world, "2").as_deref(), Some("100.00"), "the payment bounced");
    assert_eq!(world.stands("D1"), ["10.00", "0.00", "30.00"]);
}

/// No deposit pays for a deposit: an invoice of work and of another deposit draws for the work alone. 500.00 of work
/// and the deposit of 300.00 draw 500.00 of the 10,000.00: 300.00 are to be paid.
#[test]
fn a_deposit_draws_on_none() {
    let mut world =
        World::new(&[("D1", "10000.00", DrawnWhen::Paid, None), ("D2", "300.00", DrawnWhen::Paid, None)]);
    world.due();
    let second = world.lines.pop().unwrap();
    world.bill("d");
    world.lines.push(second);
    world.work("a", "500.00");
    assert_eq!(billed(&mut world, "1").as_deref(), Some("300.00"));
    assert_eq!(world.stands("D2"), ["0.00", "0.00", "300.00"]);
    // In the order in which they were agreed; both are on posted invoices now: 9,500 + 300 for 9,700 of work.
    world.work("b", "9700.00");
    assert_eq!(billed(&mut world, "2").as_deref(), Some("0.00"));
    assert_eq!((world.stands("D1")[2].as_str(), world.stands("D2")[2].as_str()), ("0.00", "100.00"));
}

/// Two that are billed together are drawn one after the other, and their invoice knows of both.
#[test]
fn two_deposits_may_share_an_invoice() {
    let mut world =
        World::new(&[("D1", "30.00", DrawnWhen::Posted, None), ("D2", "50.00", DrawnWhen::Posted, None)]);
    world.due();
    assert_eq!(billed(&mut world, "d").as_deref(), Some("80.00"));
    world.work("a", "40.00");
    assert_eq!(billed(&mut world, "1").as_deref(), Some("0.00"));
    assert_eq!(world.stands("D1"), ["30.00", "0.00", "0.00"]);
    assert_eq!(world.stands("D2"), ["10.00", "0.00", "40.00"]);
}

/// An invoice has one tax code and one seller: what was billed under others is not drawn by it.
#[test]
fn a_drawdown_has_the_tax_code_of_its_deposit() {
    let mut world = World::of_ten_thousand(DrawnWhen::Paid, None);
    world.engagement.contract.tax_code = "another".into();
    world.work("a", "100.00");
    assert_eq!(billed(&mut world, "1").as_deref(), Some("100.00"));
}

/// What takes back as much as it bills waits for more, and draws nothing.
#[test]
fn what_bills_nothing_draws_nothing() {
    let mut world = World::of_ten_thousand(DrawnWhen::Paid, None);
    world.work("a", "100.00");
    world.work("b", "-100.00");
    assert_eq!(billed(&mut world, "1"), None);
    assert_eq!(world.stands("D1"), ["0.00", "0.00", "10000.00"]);
    world.work("c", "30.00");
    assert_eq!(billed(&mut world, "2").as_deref(), Some("0.00"), "100 − 100 + 30 − 30");
    assert_eq!(world.stands("D1"), ["30.00", "0.00", "9970.00"]);
}

/// What is left of a deposit is deferred, and nothing of it earned: 10,000.00 less the 6,000.00 that were drawn.
#[test]
fn what_is_left_of_a_deposit_is_deferred() {
    let mut world = World::of_ten_thousand(DrawnWhen::Paid, None);
    world.work("a", "6000.00");
    world.bill("1");
    let lines: Vec<StandingLine> = world
        .lines
        .iter()
        .map(|(line, status, invoice)| StandingLine {
            line: line.clone(),
            status: *status,
            invoice: invoice.clone(),
        })
        .collect();
    let invoices: Vec<_> = world.invoices.iter().map(|(invoice, _)| invoice.clone()).collect();
    let all = |lines: &[StandingLine]| {
        let figures = figures(Books {
            contract: &world.engagement.contract,
            lines,
            invoices: &invoices,
            credit_memos: &[],
            earned: &[],
            schedule: None,
            recognition: None,
        });
        let figures = figures.unwrap();
        figures.elements.into_iter().find(|e| e.element.to_string() == "deposit D1").unwrap()
    };
    let deposit = all(&lines);
    assert_eq!((deposit.billed, deposit.contracted, deposit.treatment), (usd("4000.00"), None, None));
    assert_eq!((deposit.earned, deposit.deferred), (Some(usd("0.00")), Some(usd("4000.00"))));
    // A drawdown whose invoice was taken back counts nowhere.
    let mut withdrawn = lines;
    withdrawn.last_mut().unwrap().status = LineStatus::Withdrawn;
    assert_eq!(all(&withdrawn).deferred, Some(usd("10000.00")));
}
