//! Credit memos and rebills: what may be taken off, what is left, and what becomes of the lines.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::Status;
use domain::billing::{BillableLine, Evidence, LineStatus};
use domain::cash::{Named, Receipt, match_named, rebalance};
use domain::credit_memo::{
    CreditError, CreditMemo, CreditMemoRequested, CreditMemoStatus, MOST_LINES, PostedCredit, Reduction,
    credit_lines,
};
use domain::event::PaymentReceived;
use domain::id::{CreditMemoId, EngagementId, InvoiceId, LineId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus, assemble};
use domain::money::{Currency, Money};
use domain::problem::ProblemCode;
use domain::sample::{active, entry, quote, usd};
use proptest::prelude::*;

/// An hour of a consultant's time, at this price.
fn line(name: &str, amount: &str) -> BillableLine {
    let state = active(&quote());
    let worked = entry(name, "consultant", "2026-11-16", 60);
    BillableLine::sold(
        &state.contract,
        LineId::derive(&[name]),
        ("3", "ADVISORY"),
        (usd(amount), worked.worked_on),
        Evidence::Time { entry: worked, hourly: usd(amount) },
    )
}

/// A posted invoice of lines, with ten percent of tax.
fn posted(lines: &[BillableLine]) -> Invoice {
    let request = Invoice::request(&active(&quote()), InvoiceId::derive(&["1"]), "test".into());
    let collected = request.collect(lines).expect("adds up");
    let tax = Money::rounded(collected.untaxed.amount() / rust_decimal::Decimal::TEN, usd("0").currency());
    let total = collected.untaxed.plus(tax).expect("adds up");
    Invoice { status: InvoiceStatus::Posted, tax: Some(tax), total: Some(total), ..collected }
}

fn asked(
    name: &str,
    lines: &[&BillableLine],
    reduction: Option<(Option<&BillableLine>, &str)>,
) -> CreditMemoRequested {
    CreditMemoRequested {
        credit_memo: CreditMemoId::derive(&[name]),
        invoice: InvoiceId::derive(&["1"]),
        lines: lines.iter().map(|line| line.line.clone()).collect(),
        reduction: reduction.map(|(line, amount)| Reduction {
            line: line.map(|line| line.line.clone()),
            amount: usd(amount),
        }),
        reason: "billed too early".into(),
        rebill: !lines.is_empty(),
        requested_by: "finance-app".into(),
        dispute: None,
    }
}

fn request(
    invoice: &Invoice,
    billed: &[BillableLine],
    earlier: &[CreditMemo],
    asked: &CreditMemoRequested,
) -> Result<CreditMemo, CreditError> {
    CreditMemo::request(&active(&quote()), invoice, billed, earlier, asked)
}

/// As the ERP posts it: ten percent of tax, rounded once.
fn in_the_erp(memo: &CreditMemo) -> PostedCredit {
    let tax = Money::rounded(memo.untaxed.amount() / rust_decimal::Decimal::TEN, memo.untaxed.currency());
    PostedCredit {
        record: "9".into(),
        posted: true,
        number: Some("CN2026-00001".into()),
        credited_on: Some("2026-11-22".parse().expect("a day")),
        untaxed: memo.untaxed,
        tax,
        total: memo.untaxed.plus(tax).expect("adds up"),
    }
}

fn post(memo: &CreditMemo) -> CreditMemo {
    memo.become_status(CreditMemoStatus::Approved).expect("legal").post(&in_the_erp(memo)).expect("equal")
}

/// The invoice after a payment of so much for it, and the payment.
fn paid(invoice: &Invoice, amount: &str) -> (Invoice, Receipt) {
    let told = PaymentReceived {
        payment: PaymentId::derive(&[amount]),
        connection: "stripe-main".into(),
        record: "pi_1".into(),
        amount: usd(amount),
        invoice_number: Some("INV2026-00001".into()),
        remittance: vec![],
        customer: None,
        received_at: "2026-11-21T12:00:00Z".parse().expect("a moment"),
    };
    let before = Receipt::announced(&told.payment, &told.connection, &told.record);
    let engagement = EngagementId::derive(&["1"]);
    let named = [Named { engagement: &engagement, invoice, books: "erp", amount: None }];
    let next = match_named(&before.with_receipt(&told), &named, "e").expect("adds up");
    let invoices = [(invoice.invoice.clone(), invoice.clone())].into();
    let settled = rebalance(&before, next, &invoices, &[], told.received_at, told.received_at).unwrap();
    (settled.invoices.into_iter().next().unwrap_or_else(|| invoice.clone()), settled.receipt)
}

fn applied(receipt: &Receipt) -> (Money, Money) {
    (receipt.applied(usd("0.00")).expect("adds up"), receipt.unapplied.expect("received"))
}

/// Proves CAN-21 in part: it names the invoice that it reduces, the contract version that billed it, and what it takes off of each line.
#[test]
fn a_credit_memo_takes_whole_lines_and_a_part_of_another_off_one_invoice() {
    let lines = [line("a", "180.00"), line("b", "270.00"), line("c", "50.00")];
    let invoice = posted(&lines);
    let memo = request(&invoice, &lines, &[], &asked("m", &[&lines[0]], Some((Some(&lines[1]), "70.00"))));
    let memo = memo.expect("granted");
    assert_eq!((&memo.invoice, memo.contract_version), (&invoice.invoice, 1));
    assert_eq!(memo.untaxed, usd("250.00"), "180 + 70");
    assert_eq!(memo.released().collect::<Vec<_>>(), [&lines[0].line], "a reduction releases nothing");
    assert_eq!(memo.releases_to(&lines[0].line), LineStatus::Ready);
    let again = request(&invoice, &lines, std::slice::from_ref(&memo), &asked("m", &[&lines[0]], None));
    assert_eq!(again, Ok(memo), "asked for again, it is the one that there is");
}

/// Named after frappe/erpnext #44167, partial billing and returns: what was returned in part leaves the rest to be
/// returned, and no more.
#[test]
fn what_is_left_of_a_line_after_partial_returns_is_all_that_can_be_returned() {
    let lines = [line("a", "100.00"), line("b", "100.00")];
    let invoice = posted(&lines);
    let part = |name, amount| asked(name, &[], Some((Some(&lines[0]), amount)));
    let first = request(&invoice, &lines, &[], &part("1", "30.00")).expect("granted");
    let memos = [first.clone()];
    let too_much = request(&invoice, &lines, &memos, &part("2", "70.01"));
    assert_eq!(
        too_much,
        Err(CreditError::TooMuchOfLine {
            line: lines[0].line.clone(),
            left: usd("70.00"),
            asked: usd("70.01")
        })
    );
    let memos = [post(&first)];
    let whole = request(&invoice, &lines, &memos, &asked("3", &[&lines[0]], None)).expect("granted");
    assert_eq!(whole.untaxed, usd("70.00"), "100 - 30");
    let memos = [post(&first), whole.clone()];
    let after = request(&invoice, &lines, &memos, &part("4", "0.01"));
    assert_eq!(after, Err(CreditError::TakenOff { line: lines[0].line.clone(), by: whole.credit_memo }));
}

/// Named after odoo/odoo #265840, a partial refund that adds the line again: what a reduction took off is not billed
/// anew, and a line that was taken off whole is released once.
#[test]
fn a_partial_refund_does_not_add_the_line_again() {
    let lines = [line("a", "100.00")];
    let invoice = posted(&lines);
    let part =
        request(&invoice, &lines, &[], &asked("1", &[], Some((Some(&lines[0]), "40.00")))).expect("granted");
    assert_eq!(part.released().count(), 0);
    let rebilled = CreditMemoRequested { rebill: true, ..asked("2", &[], Some((Some(&lines[0]), "40.00"))) };
    assert_eq!(request(&invoice, &lines, &[part], &rebilled), Err(CreditError::NothingToRebill));
    let whole = request(&invoice, &lines, &[], &asked("3", &[&lines[0]], None)).expect("granted");
    let second = request(&invoice, &lines, std::slice::from_ref(&whole), &asked("4", &[&lines[0]], None));
    assert_eq!(second, Err(CreditError::TakenOff { line: lines[0].line.clone(), by: whole.credit_memo }));
    let twice = request(&invoice, &lines, &[], &asked("5", &[&lines[0], &lines[0]], None));
    assert!(matches!(twice, Err(CreditError::TakenOff { .. })), "listed twice, it is still one");
}

#[test]
fn what_is_not_billed_or_makes_no_sense_is_refused() {
    let (lines, other) = ([line("a", "100.00")], line("other", "100.00"));
    let invoice = posted(&lines);
    let refused = |asked: &CreditMemoRequested| request(&invoice, &lines, &[], asked).expect_err("refused");
    assert!(matches!(refused(&asked("1", &[&other], None)), CreditError::NotBilled { .. }));
    assert!(matches!(refused(&asked("1", &[], None)), CreditError::NotPositive { .. }));
    assert!(matches!(refused(&asked("1", &[], Some((None, "0.00")))), CreditError::NotPositive { .. }));
    assert!(matches!(refused(&asked("1", &[], Some((None, "-1.00")))), CreditError::NotPositive { .. }));
    assert!(matches!(refused(&asked("1", &[], Some((None, "100.01")))), CreditError::TooMuch { .. }));
    let euros = Money::parse("1.00", Currency::from_code("EUR").expect("EUR")).expect("money");
    let foreign = Reduction { line: None, amount: euros };
    let in_euros = CreditMemoRequested { reduction: Some(foreign), ..asked("1", &[], None) };
    assert!(matches!(refused(&in_euros), CreditError::Money(_)));
    let many = CreditMemoRequested { lines: vec![other.line; MOST_LINES + 1], ..asked("1", &[], None) };
    assert_eq!(refused(&many), CreditError::TooManyLines { lines: MOST_LINES + 1 });
    let draft = Invoice { status: InvoiceStatus::Drafted, total: None, ..invoice.clone() };
    let early = request(&draft, &lines, &[], &asked("1", &[&lines[0]], None));
    assert!(matches!(early, Err(CreditError::NotPosted { .. })));
}

/// What waits for its approval holds what it takes off; what was not granted holds nothing.
#[test]
fn a_request_holds_what_it_asks_for_until_it_is_answered() {
    let lines = [line("a", "100.00")];
    let invoice = posted(&lines);
    let waits = request(&invoice, &lines, &[], &asked("1", &[&lines[0]], None)).expect("granted");
    let second = asked("2", &[&lines[0]], None);
    assert!(request(&invoice, &lines, std::slice::from_ref(&waits), &second).is_err());
    let rejected = waits.become_status(CreditMemoStatus::Rejected).expect("legal");
    assert_eq!(request(&invoice, &lines, &[rejected], &second).expect("granted").untaxed, usd("100.00"));
}

/// Proves BIL-20 in part: what the ERP posted is held against what was asked for, and a cent is a difference.
/// A reduction of 40.00 of a line of 100.00 waits for its approval. Were the line taken off with the 60.00 that are left
/// and billed anew at 100.00, a rejection would leave 40.00 billed twice: 40.00 by the first invoice and 100.00 by the
/// next. It is taken off once the reduction is in the books, or rejected, and then whole.
#[test]
fn a_line_is_not_taken_off_whole_while_its_reduction_may_be_rejected() {
    let lines = [line("1", "100.00"), line("2", "50.00")];
    let invoice = posted(&lines);
    let waits = request(&invoice, &lines, &[], &asked("a", &[], Some((Some(&lines[0]), "40.00")))).unwrap();
    let whole = asked("b", &[&lines[0]], None);
    let undecided = CreditError::Undecided { line: lines[0].line.clone(), by: waits.credit_memo.clone() };
    for status in [CreditMemoStatus::Requested, CreditMemoStatus::Approved] {
        let earlier = CreditMemo { status, ..waits.clone() };
        assert_eq!(request(&invoice, &lines, &[earlier], &whole), Err(undecided.clone()));
    }
    let rejected = waits.become_status(CreditMemoStatus::Rejected).expect("legal");
    let left = |earlier: CreditMemo| request(&invoice, &lines, &[earlier], &whole).unwrap().untaxed;
    assert_eq!((left(rejected), left(post(&waits))), (usd("100.00"), usd("60.00")));
}

#[test]
fn a_cent_of_difference_in_the_posting_is_an_exception() {
    let lines = [line("a", "100.00")];
    let memo = request(&posted(&lines), &lines, &[], &asked("1", &[&lines[0]], None)).expect("granted");
    let granted = memo.become_status(CreditMemoStatus::Approved).expect("legal");
    let taken = granted.post(&in_the_erp(&memo)).expect("equal");
    assert_eq!((taken.tax, taken.total), (Some(usd("10.00")), Some(usd("110.00"))));
    assert_eq!(taken.post(&in_the_erp(&memo)), Ok(taken.clone()), "told twice, it is the same");
    let edits: [fn(&mut PostedCredit); 4] = [
        |c| c.untaxed = usd("100.01"),
        |c| c.total = usd("110.01"),
        |c| c.number = None,
        |c| c.posted = false,
    ];
    for edit in edits {
        let mut erp = in_the_erp(&memo);
        edit(&mut erp);
        assert_eq!(granted.post(&erp).expect_err("differs").code, ProblemCode::CreditMemoMismatch);
    }
    let unasked = memo.post(&in_the_erp(&memo)).expect_err("nobody granted it");
    assert_eq!(unasked.code, ProblemCode::CreditMemoMismatch);
}

/// Proves BIL-20 in part: an unpaid invoice owes less, a paid one owes nothing and what was credited stays on account.
#[test]
fn a_credit_is_set_off_against_what_is_open_and_the_rest_stays_on_account() {
    let lines = [line("a", "600.00"), line("b", "400.00")];
    let invoice = posted(&lines);
    let half = post(&request(&invoice, &lines, &[], &asked("1", &[&lines[1]], None)).expect("granted"));
    let (unpaid, set_off) = invoice.credit(half.untaxed, half.total.unwrap()).expect("adds up");
    assert_eq!((set_off, unpaid.open().unwrap()), (usd("440.00"), usd("660.00")), "1100 - 440");
    assert_eq!(unpaid.status, InvoiceStatus::Posted);
    let (settled, payment) = paid(&unpaid, "1100.00");
    assert_eq!(applied(&payment), (usd("660.00"), usd("440.00")), "what came late is left over");
    assert_eq!(payment.findings().first().map(|p| p.code), Some(ProblemCode::Overpayment));
    assert_eq!(settled.status, InvoiceStatus::Paid, "partly credited and otherwise paid");
    let (in_full, _) = paid(&invoice, "1100.00");
    let (after, set_off) = in_full.credit(half.untaxed, half.total.unwrap()).expect("adds up");
    assert_eq!((set_off, after.open().unwrap()), (usd("0.00"), usd("0.00")));
    let kept = CreditMemo { set_off: Some(set_off), ..half };
    assert_eq!(kept.on_account(), Ok(Some(usd("440.00"))));
}

#[test]
fn an_invoice_that_is_credited_whole_is_credited_whatever_was_paid_of_it() {
    let lines = [line("a", "1000.00")];
    let invoice = posted(&lines);
    for (before, set_off) in [(None, "1100.00"), (Some("400.00"), "700.00")] {
        let invoice = before.map_or(invoice.clone(), |before| paid(&invoice, before).0);
        let (after, taken) = invoice.credit(usd("1000.00"), usd("1100.00")).expect("adds up");
        assert_eq!((taken, after.status), (usd(set_off), InvoiceStatus::Credited));
        assert!(invoice.status.may_become(after.status));
        let (invoice, late) = paid(&after, "1100.00");
        assert_eq!(applied(&late), (usd("0.00"), usd("1100.00")));
        assert_eq!(invoice.status, InvoiceStatus::Credited);
    }
}

/// Tax of two halves, each rounded: 50.02 and 50.03 have 5.00 each, 100.05 has 10.01. The cent stays open, as in the
/// ERP, and the invoice is not settled by it.
#[test]
fn the_cent_that_rounding_leaves_stays_open() {
    let lines = [line("a", "50.02"), line("b", "50.03")];
    let mut invoice = posted(&lines);
    assert_eq!(invoice.total, Some(usd("110.06")), "100.05 + 10.01");
    let mut memos: Vec<CreditMemo> = Vec::new();
    for (name, line) in [("1", &lines[0]), ("2", &lines[1])] {
        let memo = post(&request(&invoice, &lines, &memos, &asked(name, &[line], None)).expect("granted"));
        invoice = invoice.credit(memo.untaxed, memo.total.unwrap()).expect("adds up").0;
        memos.push(memo);
    }
    assert_eq!(invoice.open().unwrap(), usd("0.01"), "110.06 - 55.02 - 55.03");
    assert_eq!(invoice.status, InvoiceStatus::Posted);
}

/// A printed line of the invoice is reduced by what is taken off the lines in it; what is taken off the whole is
/// spread by amount, to the cent.
#[test]
fn printed_lines_are_those_of_the_invoice() {
    let milestone = BillableLine {
        evidence: Evidence::Milestone { completion: domain::sample::completion("M1"), name: "Design".into() },
        ..line("m", "100.00")
    };
    let lines = [line("a", "100.00"), line("b", "100.00"), milestone];
    let invoice = posted(&lines);
    let printed = assemble(invoice.untaxed.currency(), &lines).expect("adds up");
    assert_eq!(printed.len(), 2, "the milestone, and both hours together");
    let memo =
        request(&invoice, &lines, &[], &asked("1", &[&lines[0]], Some((None, "100.00")))).expect("granted");
    let credited = credit_lines(&memo, &printed).expect("adds up");
    let amounts: Vec<(u32, Money)> = credited.iter().map(|line| (line.of, line.amount)).collect();
    // A third of 100 to the milestone, the rest to the hours, beside the hour that is taken off whole.
    assert_eq!(amounts, [(1, usd("33.33")), (2, usd("166.67"))]);
}

/// What an invoice took back itself stays out of a part of the price: 40.00 off 100.00 and −60.00 are 40.00 off the
/// 100.00. Taken off whole with the rest, it comes back: 100.00 − 60.00 are the invoice.
#[test]
fn what_an_invoice_took_back_is_credited_as_such() {
    let back = line("b", "-60.00");
    let correction = Evidence::Adjustment {
        of: LineId::derive(&["before"]),
        by: Box::new(back.evidence.clone()),
        before: usd("90.00"),
        after: usd("30.00"),
    };
    let lines = [line("a", "100.00"), BillableLine { evidence: correction, ..back }];
    let invoice = posted(&lines);
    let printed = assemble(invoice.untaxed.currency(), &lines).expect("adds up");
    let credited = |memo: &CreditMemo| -> Vec<(Money, Money)> {
        let of = |n: u32| printed.iter().find(|p| p.position == n).expect("printed").amount;
        let all = credit_lines(memo, &printed).expect("adds up");
        all.iter().map(|line| (of(line.of), line.amount)).collect()
    };
    let part = request(&invoice, &lines, &[], &asked("1", &[], Some((None, "40.00")))).expect("granted");
    assert_eq!(credited(&part), [(usd("100.00"), usd("40.00"))]);
    let whole = request(&invoice, &lines, &[], &asked("2", &[&lines[0], &lines[1]], None)).expect("granted");
    assert_eq!(whole.untaxed, usd("40.00"));
    let mut both = credited(&whole);
    both.sort_by_key(|(of, _)| of.amount());
    assert_eq!(both, [(usd("-60.00"), usd("-60.00")), (usd("100.00"), usd("100.00"))]);
}

/// One thing that happens to the lines of an engagement.
#[derive(Debug, Clone)]
enum Act {
    /// Everything that is ready is invoiced and posted.
    Invoice,
    /// Some lines of an invoice are credited.
    Lines { invoice: usize, pick: u16, rebill: bool },
    /// A part of a line, or of the invoice, is credited.
    Part { invoice: usize, line: Option<usize>, cents: u32 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Invoice),
        3 => (0_usize..6, any::<u16>(), any::<bool>())
            .prop_map(|(invoice, pick, rebill)| Act::Lines { invoice, pick, rebill }),
        2 => (0_usize..6, prop::option::of(0_usize..8), 1_u32..60_000)
            .prop_map(|(invoice, line, cents)| Act::Part { invoice, line, cents }),
    ]
}

/// The lines of an engagement as the ledger keeps them: who owns each, and where it stands.
struct Book {
    lines: Vec<(BillableLine, LineStatus, Option<InvoiceId>)>,
    invoices: Vec<(Invoice, Vec<BillableLine>)>,
    memos: Vec<CreditMemo>,
}

impl Book {
    fn play(&mut self, act: &Act, number: usize) {
        let name = number.to_string();
        match act {
            Act::Invoice => {
                let id = InvoiceId::derive(&[&name]);
                let ready: Vec<BillableLine> = (self.lines.iter_mut())
                    .filter(|(_, status, _)| *status == LineStatus::Ready)
                    .map(|(line, status, owner)| {
                        *status = status.to(LineStatus::Invoiced).expect("legal");
                        *owner = Some(id.clone());
                        line.clone()
                    })
                    .collect();
                if !ready.is_empty() {
                    self.invoices.push((Invoice { invoice: id, ..posted(&ready) }, ready));
                }
            }
            Act::Lines { invoice, pick, rebill } => {
                let Some((_, billed)) = self.invoices.get(*invoice) else { return };
                let picked = billed.iter().enumerate().filter(|(i, _)| pick & (1 << (i % 16)) != 0);
                let lines = picked.map(|(_, line)| line.line.clone()).collect();
                let asked = CreditMemoRequested { lines, rebill: *rebill, ..asked(&name, &[], None) };
                self.credit(*invoice, asked);
            }
            Act::Part { invoice, line, cents } => {
                let Some((_, billed)) = self.invoices.get(*invoice) else { return };
                let line = line.and_then(|i| billed.get(i)).map(|line| line.line.clone());
                let amount = Money::from_minor_units(i64::from(*cents), usd("0").currency()).unwrap();
                let reduction = Some(Reduction { line, amount });
                self.credit(*invoice, CreditMemoRequested { reduction, ..asked(&name, &[], None) });
            }
        }
    }

    fn credit(&mut self, which: usize, asked: CreditMemoRequested) {
        let (invoice, billed) = &self.invoices[which];
        let asked = CreditMemoRequested { invoice: invoice.invoice.clone(), ..asked };
        let Ok(memo) = request(invoice, billed, &self.memos, &asked) else { return };
        let memo = post(&memo);
        for id in memo.released() {
            let found = self.lines.iter_mut().find(|(line, ..)| line.line == *id).expect("a line of ours");
            // The release is a conditional write: only what the invoice owns is released.
            assert_eq!(found.2.as_ref(), Some(&memo.invoice), "released by an invoice that does not own it");
            found.1 = found.1.to(memo.releases_to(id)).expect("legal");
            found.2 = None;
        }
        let (after, set_off) = invoice.credit(memo.untaxed, memo.total.unwrap()).expect("adds up");
        assert!(invoice.status.may_become(after.status), "{:?} after {:?}", after.status, invoice.status);
        assert!(!after.open().unwrap().amount().is_sign_negative(), "{}", after.open().unwrap());
        self.invoices[which].0 = after;
        self.memos.push(CreditMemo { set_off: Some(set_off), ..memo });
    }

    /// Invoices on which a line still is: those that billed it and did not release it.
    fn live(&self, line: &LineId) -> Vec<&InvoiceId> {
        let released = |invoice: &InvoiceId| {
            self.memos.iter().any(|m| m.invoice == *invoice && m.released().any(|id| id == line))
        };
        let billing = self.invoices.iter().filter(|(_, billed)| billed.iter().any(|b| b.line == *line));
        billing.map(|(invoice, _)| &invoice.invoice).filter(|invoice| !released(invoice)).collect()
    }
}

proptest! {
    /// Proves CAN-21 and BIL-20 and BIL-14 in part: through invoices, credits, rebills and credits again in any order, each line is on
    /// one live invoice at most, live and released lines are all lines, and no invoice is credited with more than it billed. Named
    /// after odoo/odoo #250946, hours that were invoiced already and are invoiced again.
    #[test]
    fn hours_already_invoiced_are_not_invoiced_again(
        cents in prop::collection::vec(1_i64..90_000, 1..8),
        story in prop::collection::vec(act(), 1..24),
    ) {
        let amount = |cents: i64| Money::from_minor_units(cents, usd("0").currency()).unwrap();
        let lines = cents.iter().enumerate().map(|(i, cents)| {
            let line = BillableLine { amount: amount(*cents), ..line(&i.to_string(), "1.00") };
            (line, LineStatus::Ready, None)
        });
        let mut book = Book { lines: lines.collect(), invoices: vec![], memos: vec![] };
        for (number, act) in story.iter().enumerate() {
            book.play(act, number);
            for (line, status, owner) in &book.lines {
                let live = book.live(&line.line);
                prop_assert_eq!(live.first().copied(), owner.as_ref(), "{:?}", status);
                prop_assert!(live.len() <= 1, "{} is on {live:?}", line.line);
                prop_assert_eq!(*status == LineStatus::Invoiced, owner.is_some());
            }
            for (invoice, billed) in &book.invoices {
                let of = book.memos.iter().filter(|m| m.invoice == invoice.invoice);
                let untaxed = Money::total(invoice.untaxed.currency(), of.clone().map(|m| m.untaxed)).unwrap();
                prop_assert!(!untaxed.exceeds(invoice.untaxed).unwrap());
                prop_assert_eq!(invoice.credited.map_or(amount(0), |c| c.untaxed), untaxed);
                let set_off = Money::total(invoice.untaxed.currency(), of.map(|m| m.set_off.unwrap())).unwrap();
                prop_assert_eq!(invoice.total.unwrap().minus(set_off).unwrap(), invoice.open().unwrap());
                let sum = Money::total(invoice.untaxed.currency(), billed.iter().map(|l| l.amount)).unwrap();
                prop_assert_eq!(sum, invoice.untaxed, "what was issued never changes");
            }
        }
    }

    /// What is printed of a credit memo adds up to it, and takes no more off a printed line than that line has.
    #[test]
    fn what_is_printed_adds_up(
        cents in prop::collection::vec(1_i64..90_000, 1..8), pick in 1_u16..256, off in prop::option::of(1_i64..90_000),
    ) {
        let amount = |cents: i64| Money::from_minor_units(cents, usd("0").currency()).unwrap();
        let lines: Vec<BillableLine> = cents.iter().enumerate()
            .map(|(i, cents)| {
                let hourly = amount(*cents);
                let worked = entry(&i.to_string(), "consultant", "2026-11-16", 60);
                BillableLine { amount: hourly, evidence: Evidence::Time { entry: worked, hourly }, ..line(&i.to_string(), "1.00") }
            })
            .collect();
        let invoice = posted(&lines);
        let picked = lines.iter().enumerate().filter(|(i, _)| pick & (1 << i) != 0).map(|(_, l)| l.line.clone());
        let reduction = off.map(|cents| Reduction { line: None, amount: amount(cents) });
        let asked = CreditMemoRequested { lines: picked.collect(), reduction, ..asked("1", &[], None) };
        let Ok(memo) = request(&invoice, &lines, &[], &asked) else { return Ok(()) };
        let printed = assemble(invoice.untaxed.currency(), &lines).unwrap();
        let credited = credit_lines(&memo, &printed).unwrap();
        let sum = Money::total(memo.untaxed.currency(), credited.iter().map(|l| l.amount)).unwrap();
        prop_assert_eq!(sum, memo.untaxed);
        prop_assert!(credited.iter().all(|l| l.amount.is_positive()));
    }
}
