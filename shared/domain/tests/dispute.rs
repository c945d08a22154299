//! How much of an invoice can be contested, by whom at once, and what a dispute keeps of how it was billed.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;

use domain::billing::{BillableLine, Evidence, milestone_completed, time_approved};
use domain::cash::Payment;
use domain::credit_memo::{CreditMemo, CreditMemoRequested, CreditMemoStatus, Reduction};
use domain::decision::Decision;
use domain::dispute::{
    Dispute, DisputeError, DisputeKind, DisputeOutcome, DisputeRequested, DisputeResolutionRequested,
    DisputeStatus, MOST_LINES, ResolutionError, SourceRecord, TracedCash, cash, trace,
};
use domain::engagement::Engagement;
use domain::id::{CreditMemoId, DisputeId, InvoiceId, LineId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::Money;
use domain::sample::{active, completion, entry, quote, usd};
use jiff::civil::date;
use proptest::prelude::*;

fn line(decision: Decision) -> BillableLine {
    match decision {
        Decision::Apply(effects) => effects.lines.into_iter().next().expect("a line"),
        other => panic!("{other:?}"),
    }
}

/// A milestone of 20,000.00, an hour of a consultant at 180.00 and one of a principal at 260.00.
fn billed(state: &Engagement) -> Vec<BillableLine> {
    vec![
        line(milestone_completed(Some(state), &completion("M1"), date(2026, 11, 20))),
        line(time_approved(Some(state), &entry("1", "consultant", "2026-11-16", 60))),
        line(time_approved(Some(state), &entry("2", "principal", "2026-11-17", 60))),
    ]
}

/// Their invoice as the ERP posted it, with ten percent of tax: 20,440.00 + 2,044.00 = 22,484.00.
fn posted(state: &Engagement, lines: &[BillableLine]) -> Invoice {
    let request = Invoice::request(state, InvoiceId::derive(&["1"]), "test".into());
    let collected = request.collect(lines).expect("adds up");
    let tax = collected.untaxed.percent(10.into()).expect("adds up");
    let total = collected.untaxed.plus(tax).expect("adds up");
    let number = Some("INV2026-00001".into());
    Invoice { status: InvoiceStatus::Posted, tax: Some(tax), total: Some(total), number, ..collected }
}

fn asked(name: &str, kind: DisputeKind, lines: &[&BillableLine], amount: Option<&str>) -> DisputeRequested {
    DisputeRequested {
        dispute: DisputeId::derive(&[name]),
        invoice: InvoiceId::derive(&["1"]),
        dispute_kind: kind,
        lines: lines.iter().map(|line| line.line.clone()).collect(),
        amount: amount.map(usd),
        reason: "not what was agreed".into(),
        requested_by: "finance-app".into(),
    }
}

fn decided(dispute: &Dispute, outcome: DisputeOutcome) -> DisputeResolutionRequested {
    DisputeResolutionRequested {
        dispute: dispute.dispute.clone(),
        invoice: dispute.invoice.clone(),
        outcome,
        reason: "looked at".into(),
        credit_memo: None,
        resolved_by: "finance-app".into(),
    }
}

fn asked_to_credit(invoice: &InvoiceId, dispute: Option<&Dispute>) -> CreditMemoRequested {
    CreditMemoRequested {
        credit_memo: CreditMemoId::derive(&["memo"]),
        invoice: invoice.clone(),
        lines: vec![],
        reduction: None,
        reason: "goodwill".into(),
        rebill: false,
        requested_by: "finance-app".into(),
        dispute: dispute.map(|known| known.dispute.clone()),
    }
}

fn memo(state: &Engagement, invoice: &Invoice, lines: &[BillableLine], part: Option<Money>) -> CreditMemo {
    let lines_taken = if part.is_some() { vec![] } else { vec![lines[1].line.clone()] };
    let reduction = part.map(|amount| Reduction { line: None, amount });
    let asked =
        CreditMemoRequested { lines: lines_taken, reduction, ..asked_to_credit(&invoice.invoice, None) };
    let memo = CreditMemo::request(state, invoice, lines, &[], &asked).expect("granted");
    CreditMemo { status: CreditMemoStatus::Posted, ..memo }
}

/// Proves BIL-22 in part: a line is contested with its share of the tax (180.00 × 22,484.00 ÷ 20,440.00 = 198.00), or
/// with less; the whole invoice with its total; its balance with what is open.
#[test]
fn what_is_contested_is_the_lines_with_their_tax() {
    let state = active(&quote());
    let lines = billed(&state);
    let invoice = posted(&state, &lines);
    let contested = |asked: &DisputeRequested| {
        let (dispute, next) = Dispute::request(&state, &invoice, &lines, &[], &[], asked).expect("contested");
        assert_eq!(next, Invoice { contested: Some(dispute.contested), ..invoice.clone() });
        assert_eq!((dispute.status, dispute.standing.open), (DisputeStatus::Open, usd("22484.00")));
        (dispute.contested, dispute.traced)
    };
    let rate = |amount| asked("1", DisputeKind::Rate, &[&lines[1]], amount);
    assert_eq!(contested(&rate(None)), (usd("198.00"), 1));
    assert_eq!(contested(&rate(Some("50.00"))), (usd("50.00"), 1));
    assert_eq!(
        contested(&asked("1", DisputeKind::Pricing, &[&lines[1], &lines[2]], None)),
        (usd("484.00"), 2)
    );
    assert_eq!(contested(&asked("1", DisputeKind::Scope, &[], None)), (usd("22484.00"), 3));
    assert_eq!(contested(&asked("1", DisputeKind::Balance, &[], None)), (usd("22484.00"), 0));
}

/// Proves BIL-22 in part: 22,484.00 of which 22,000.00 are paid: 484.00 of the balance can be contested, and all of the
/// hour that is paid. After a credit memo of 20,000.00 (22,000.00 with tax), 484.00 are left of the whole.
#[test]
fn what_is_paid_can_be_contested_and_what_is_credited_can_not() {
    let state = active(&quote());
    let lines = billed(&state);
    let invoice = posted(&state, &lines);
    let paid = Invoice { status: InvoiceStatus::PartPaid, applied: usd("22000.00"), ..invoice.clone() };
    let most = |invoice: &Invoice, memos: &[CreditMemo], asked: &DisputeRequested| {
        Dispute::request(&state, invoice, &lines, memos, &[], asked).map(|(dispute, _)| dispute.contested)
    };
    assert_eq!(most(&paid, &[], &asked("1", DisputeKind::Balance, &[], None)), Ok(usd("484.00")));
    assert_eq!(most(&paid, &[], &asked("1", DisputeKind::Rate, &[&lines[1]], None)), Ok(usd("198.00")));
    let too_much = asked("1", DisputeKind::Balance, &[], Some("484.01"));
    let error = DisputeError::TooMuch { most: usd("484.00"), asked: usd("484.01") };
    assert_eq!(most(&paid, &[], &too_much), Err(error));

    let reduced = memo(&state, &invoice, &lines, Some(usd("20000.00")));
    let (credited, _) = invoice.credit(usd("20000.00"), usd("22000.00")).expect("adds up");
    let memos = [reduced];
    assert_eq!(most(&credited, &memos, &asked("1", DisputeKind::Scope, &[], None)), Ok(usd("484.00")));
    // The milestone alone bills more than is left of the whole.
    assert_eq!(
        most(&credited, &memos, &asked("1", DisputeKind::Scope, &[&lines[0]], None)),
        Ok(usd("484.00"))
    );

    let taken = memo(&state, &invoice, &lines, None);
    let (credited, _) = invoice.credit(usd("180.00"), usd("198.00")).expect("adds up");
    let named = asked("1", DisputeKind::Scope, &[&lines[1]], None);
    let error = DisputeError::TakenOff { line: lines[1].line.clone(), by: taken.credit_memo.clone() };
    assert_eq!(most(&credited, std::slice::from_ref(&taken), &named), Err(error));
    let whole = asked("1", DisputeKind::Scope, &[], None);
    assert_eq!(most(&credited, &[taken], &whole), Ok(usd("22286.00")), "22,484.00 less 198.00");
}

/// Proves BIL-22 in part: what can't be contested is refused by a reason of its own.
#[test]
fn what_can_not_be_contested_is_refused_with_its_reason() {
    let state = active(&quote());
    let lines = billed(&state);
    let invoice = posted(&state, &lines);
    let request = |invoice: &Invoice, asked: &DisputeRequested| {
        Dispute::request(&state, invoice, &lines, &[], &[], asked).map(|_| ()).expect_err("refused")
    };
    let whole = |amount| asked("1", DisputeKind::Scope, &[], amount);
    let draft = Invoice { status: InvoiceStatus::Submitted, tax: None, total: None, ..invoice.clone() };
    let error = DisputeError::NotPosted { invoice: invoice.invoice.clone(), status: draft.status };
    assert_eq!(request(&draft, &whole(None)), error);
    let other = BillableLine { line: LineId::derive(&["other"]), ..lines[0].clone() };
    let error = DisputeError::NotBilled { invoice: invoice.invoice.clone(), line: other.line.clone() };
    assert_eq!(request(&invoice, &asked("1", DisputeKind::Rate, &[&other], None)), error);
    let twice = asked("1", DisputeKind::Rate, &[&lines[1], &lines[1]], None);
    assert!(matches!(request(&invoice, &twice), DisputeError::Contested { .. }));
    let of_lines = asked("1", DisputeKind::Balance, &[&lines[1]], None);
    assert_eq!(request(&invoice, &of_lines), DisputeError::BalanceOfLines);
    for nothing in ["0.00", "-1.00"] {
        let error = DisputeError::NotPositive { amount: usd(nothing) };
        assert_eq!(request(&invoice, &whole(Some(nothing))), error);
    }
    let error = DisputeError::TooMuch { most: usd("22484.00"), asked: usd("22484.01") };
    assert_eq!(request(&invoice, &whole(Some("22484.01"))), error);
    let euros = Money::parse("1.00", domain::Currency::from_code("EUR").expect("EUR")).expect("an amount");
    let foreign = DisputeRequested { amount: Some(euros), ..whole(None) };
    assert!(matches!(request(&invoice, &foreign), DisputeError::Money(_)));
    let paid = Invoice { status: InvoiceStatus::Paid, applied: usd("22484.00"), ..invoice.clone() };
    let error = DisputeError::NotPositive { amount: usd("0.00") };
    assert_eq!(request(&paid, &asked("1", DisputeKind::Balance, &[], None)), error, "nothing is open");

    let many: Vec<BillableLine> = (0..=MOST_LINES)
        .map(|n| BillableLine { line: LineId::derive(&[&n.to_string()]), ..lines[1].clone() })
        .collect();
    let large = posted(&state, &many);
    let refused = Dispute::request(&state, &large, &many, &[], &[], &whole(None)).expect_err("too many");
    assert_eq!(refused, DisputeError::TooManyLines { lines: MOST_LINES + 1 });
    assert!(
        Dispute::request(&state, &large, &many[1..], &[], &[], &whole(None)).is_ok(),
        "as many as may be"
    );
}

/// Proves BIL-22 in part: a line waits for one answer at a time, and so does the balance. Together, open disputes never
/// contest more than the total: 198.00 + 22,286.00 = 22,484.00.
#[test]
fn nothing_is_contested_twice_at_once() {
    let state = active(&quote());
    let lines = billed(&state);
    let invoice = posted(&state, &lines);
    let one = asked("1", DisputeKind::Rate, &[&lines[1]], None);
    let (first, invoice) = Dispute::request(&state, &invoice, &lines, &[], &[], &one).expect("contested");
    let open = [first.clone()];
    let request = |invoice: &Invoice, disputes: &[Dispute], asked: &DisputeRequested| {
        Dispute::request(&state, invoice, &lines, &[], disputes, asked)
    };
    let error = DisputeError::Contested { line: lines[1].line.clone(), by: first.dispute.clone() };
    let same = asked("2", DisputeKind::Scope, &[&lines[2], &lines[1]], None);
    assert_eq!(request(&invoice, &open, &same), Err(error.clone()));
    assert_eq!(request(&invoice, &open, &asked("2", DisputeKind::Scope, &[], None)), Err(error));
    assert_eq!(request(&invoice, &open, &one), Ok((first.clone(), invoice.clone())), "the same one again");

    let balance = asked("3", DisputeKind::Balance, &[], None);
    let (second, both) = request(&invoice, &open, &balance).expect("no line is named");
    assert_eq!((second.contested, both.contested), (usd("22286.00"), Some(usd("22484.00"))));
    let open = [first.clone(), second.clone()];
    let error = DisputeError::BalanceContested { by: second.dispute.clone() };
    assert_eq!(request(&both, &open, &asked("4", DisputeKind::Balance, &[], None)), Err(error));

    // Once it has ended, the line can be contested again.
    let (ended, less) = first.resolve(&both, &[], &decided(&first, DisputeOutcome::Rejected)).expect("open");
    assert_eq!(less.contested, Some(usd("22286.00")));
    let again = asked("5", DisputeKind::Rate, &[&lines[1]], None);
    assert_eq!(request(&less, &[ended, second], &again).expect("free").1.contested, Some(usd("22484.00")));
}

/// Proves BIL-22 in part: a dispute ends once. Whoever is right, the invoice bills what it billed; what is rejected names
/// no credit memo, and none that is another invoice's or was not granted is named at all.
#[test]
fn a_dispute_ends_once_and_credits_nothing_itself() {
    let state = active(&quote());
    let lines = billed(&state);
    let invoice = posted(&state, &lines);
    let one = asked("1", DisputeKind::Rate, &[&lines[1]], None);
    let (open, contested) = Dispute::request(&state, &invoice, &lines, &[], &[], &one).expect("contested");
    assert!(open.resolved().is_none());
    for outcome in [DisputeOutcome::Upheld, DisputeOutcome::Rejected, DisputeOutcome::Settled] {
        let end = decided(&open, outcome);
        let (ended, after) = open.resolve(&contested, &[], &end).expect("open");
        assert_eq!(after, invoice, "no amount of it is another");
        assert_eq!((ended.status, ended.standing.open), (outcome.status(), usd("22484.00")));
        assert_eq!(ended.resolved().expect("ended").resolution.outcome, outcome);
        assert_eq!(ended.resolve(&after, &[], &end), Ok((ended.clone(), after.clone())), "told again");
        let otherwise = DisputeResolutionRequested { reason: "another".into(), ..end };
        assert!(matches!(ended.resolve(&after, &[], &otherwise), Err(ResolutionError::Ended { .. })));
    }
    // A credit memo settles a dispute of its own invoice only, and none that was rejected.
    let (ours, other) = (&invoice.invoice, InvoiceId::derive(&["2"]));
    assert_eq!(asked_to_credit(ours, None).settles(None), Ok(()));
    let rejected = Dispute { status: DisputeStatus::Rejected, ..open.clone() };
    for (of, named, allowed) in [
        (ours, Some(&open), true),
        (ours, None, false),
        (&other, Some(&open), false),
        (ours, Some(&rejected), false),
    ] {
        let answer = asked_to_credit(of, Some(&open)).settles(named);
        assert_eq!(answer.is_ok(), allowed, "{answer:?}");
    }
    let granted = memo(&state, &invoice, &lines, None);
    let rejected = CreditMemo { status: CreditMemoStatus::Rejected, ..granted.clone() };
    let foreign = CreditMemo { invoice: InvoiceId::derive(&["2"]), ..granted.clone() };
    let credit_memo = Some(granted.credit_memo.clone());
    let by =
        |outcome| DisputeResolutionRequested { credit_memo: credit_memo.clone(), ..decided(&open, outcome) };
    let settled = by(DisputeOutcome::Settled);
    assert!(open.resolve(&contested, std::slice::from_ref(&granted), &settled).is_ok());
    for memos in [vec![], vec![rejected], vec![foreign]] {
        let refused = open.resolve(&contested, &memos, &settled);
        assert!(matches!(refused, Err(ResolutionError::NoCreditMemo { .. })), "{memos:?}");
    }
    let refused = open.resolve(&contested, &[granted], &by(DisputeOutcome::Rejected));
    assert!(matches!(refused, Err(ResolutionError::NothingToCredit { .. })));
    let of_another = DisputeResolutionRequested { invoice: InvoiceId::derive(&["2"]), ..settled };
    let refused = open.resolve(&contested, &[], &of_another);
    assert!(matches!(refused, Err(ResolutionError::OfAnother { .. })));
}

/// Proves BIL-22 in part: from each contested line back to the record, its connection, the version of the contract, the
/// quote's line and the quote; a correction to what it corrects.
#[test]
fn the_evidence_leads_back_to_the_quote() {
    let state = active(&quote());
    let lines = billed(&state);
    let correction = BillableLine {
        line: LineId::derive(&["more"]),
        evidence: Evidence::Adjustment {
            of: lines[1].line.clone(),
            by: Box::new(lines[1].evidence.clone()),
            before: usd("90.00"),
            after: usd("180.00"),
        },
        statement: Some("SOW-1".into()),
        ..lines[1].clone()
    };
    let contracts = BTreeMap::from([(state.contract.version, state.contract.clone())]);
    let traced = trace(&[&lines[0], &lines[1], &correction], &contracts);
    let quote = traced[0].quote.clone().expect("kept");
    assert_eq!((quote.quote, quote.version), (state.contract.quote.clone(), 1));
    assert_eq!((traced[0].contract_version, &traced[0].quote_line), (1, &lines[0].quote_line));
    assert!(matches!(&traced[0].source, SourceRecord::Milestone { connection, milestone, .. }
        if connection == "kantata-main" && milestone == "M1"));
    let time = SourceRecord::TimeEntry {
        connection: "kantata-main".into(),
        record: "1".into(),
        project: entry("1", "consultant", "2026-11-16", 60).project,
        role: "consultant".into(),
        minutes: 60,
        hourly: usd("180.00"),
    };
    assert_eq!((&traced[1].source, &traced[1].corrects), (&time, &None));
    assert_eq!((&traced[2].source, &traced[2].corrects), (&time, &Some(lines[1].line.clone())));
    assert_eq!(traced[2].statement.as_deref(), Some("SOW-1"));
    let unknown = trace(&[&lines[0]], &BTreeMap::new());
    assert_eq!(unknown[0].quote, None, "unknown is shown as unknown");

    let invoice = posted(&state, &lines);
    let payment = payment(&invoice, 100);
    let other = Payment { invoice: InvoiceId::derive(&["2"]), ..payment.clone() };
    let off = CreditMemo { set_off: Some(usd("198.00")), ..memo(&state, &invoice, &lines, None) };
    let balance = cash(&invoice, &[payment, other], &[off, memo(&state, &invoice, &lines, None)]);
    assert!(
        matches!(&balance[..], [TracedCash::Payment { applied, .. }, TracedCash::CreditMemo { set_off, .. }]
        if *applied == usd("1.00") && *set_off == usd("198.00")),
        "{balance:?}"
    );
}

fn dollars(cents: u32) -> Money {
    Money::from_minor_units(i64::from(cents), usd("0").currency()).expect("an amount")
}

/// What the engagement sees of a payment that is applied to an invoice as a whole.
fn payment(invoice: &Invoice, cents: u32) -> Payment {
    Payment {
        payment: PaymentId::derive(&[&cents.to_string()]),
        connection: "stripe-main".into(),
        record: "1".into(),
        received_at: "2026-11-21T12:00:00Z".parse().expect("timestamp"),
        received: dollars(cents),
        applied: dollars(cents),
        unapplied: usd("0.00"),
        returned: None,
        kept: None,
        status: None,
        invoice: invoice.invoice.clone(),
        applications: vec![],
    }
}

/// What may happen to an invoice whose customer contests it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Contests { kind: usize, lines: u8, cents: Option<u32> },
    Decides { which: usize, outcome: usize, twice: bool },
    Credits { cents: u32 },
    Pays { cents: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let most = 2_300_000_u32;
    prop_oneof![
        3 => (0_usize..4, 0_u8..8, prop::option::of(0..most)).prop_map(|(kind, lines, cents)| Step::Contests { kind, lines, cents }),
        2 => (0_usize..8, 0_usize..3, any::<bool>()).prop_map(|(which, outcome, twice)| Step::Decides { which, outcome, twice }),
        1 => (1..most).prop_map(|cents| Step::Credits { cents }),
        1 => (1..most).prop_map(|cents| Step::Pays { cents }),
    ]
}

const KINDS: [DisputeKind; 4] =
    [DisputeKind::Scope, DisputeKind::Pricing, DisputeKind::Rate, DisputeKind::Balance];
const OUTCOMES: [DisputeOutcome; 3] =
    [DisputeOutcome::Upheld, DisputeOutcome::Rejected, DisputeOutcome::Settled];

/// An invoice with its disputes and credit memos.
struct World {
    state: Engagement,
    lines: Vec<BillableLine>,
    invoice: Invoice,
    disputes: Vec<Dispute>,
    memos: Vec<CreditMemo>,
}

impl World {
    fn contest(&mut self, name: &str, kind: usize, picked: u8, cents: Option<u32>) {
        let of = |n: usize| picked & (1 << n) != 0;
        let lines: Vec<&BillableLine> =
            self.lines.iter().enumerate().filter(|(n, _)| of(*n)).map(|(_, line)| line).collect();
        let mut asked = asked(name, KINDS[kind], &lines, None);
        asked.amount = cents.map(dollars);
        let request = |invoice: &Invoice, disputes: &[Dispute]| {
            Dispute::request(&self.state, invoice, &self.lines, &self.memos, disputes, &asked)
        };
        if let Ok((dispute, next)) = request(&self.invoice, &self.disputes) {
            let total = self.invoice.total.expect("posted");
            assert!(!next.contested.expect("contested").exceeds(total).expect("dollars"));
            assert!(dispute.contested.is_positive());
            if dispute.dispute_kind == DisputeKind::Balance {
                assert!(!dispute.contested.exceeds(self.invoice.open().expect("adds up")).expect("dollars"));
            }
            self.disputes.push(dispute);
            let again = request(&next, &self.disputes).expect("known");
            assert_eq!(again, (self.disputes.last().expect("pushed").clone(), next.clone()), "a duplicate");
            self.invoice = next;
        }
    }

    fn decide(&mut self, which: usize, outcome: usize, twice: bool) {
        let Some(dispute) = self.disputes.get(which).cloned() else { return };
        let end = decided(&dispute, OUTCOMES[outcome]);
        for _ in 0..=usize::from(twice) {
            let Ok((ended, next)) = self.disputes[which].resolve(&self.invoice, &self.memos, &end) else {
                assert!(!dispute.is_open(), "an open one can end");
                return;
            };
            (self.disputes[which], self.invoice) = (ended, next);
        }
    }

    fn credit(&mut self, cents: u32) {
        let untaxed = dollars(cents);
        let Ok(left) = self.invoice.untaxed.minus(self.invoice.credited.map_or(usd("0"), |c| c.untaxed))
        else {
            return;
        };
        if untaxed.exceeds(left).expect("dollars") {
            return;
        }
        let total = untaxed.plus(untaxed.percent(10.into()).expect("adds up")).expect("adds up");
        let (next, set_off) = self.invoice.credit(untaxed, total).expect("adds up");
        let mut memo = memo(&self.state, &self.invoice, &self.lines, Some(untaxed));
        memo.credit_memo = CreditMemoId::derive(&[&self.memos.len().to_string()]);
        memo.set_off = Some(set_off);
        self.memos.push(memo);
        self.invoice = next;
    }

    fn holds(&self) {
        let open: Vec<&Dispute> = self.disputes.iter().filter(|d| d.is_open()).collect();
        let sum = Money::total(usd("0").currency(), open.iter().map(|d| d.contested)).expect("adds up");
        assert_eq!(self.invoice.contested.unwrap_or(usd("0")), sum, "what open disputes contest");
        assert!(!sum.exceeds(self.invoice.total.expect("posted")).expect("dollars"));
        for line in &self.lines {
            let by = open.iter().filter(|d| d.contests(&line.line)).count();
            assert!(by <= 1, "{} is contested {by} times", line.line);
        }
        let left = self.invoice.open().expect("adds up");
        let of_it = self.invoice.contested_open().expect("adds up");
        assert!(of_it.is_none_or(|part| part.is_positive() && !part.exceeds(left).expect("dollars")));
    }
}

proptest! {
    /// Proves BIL-22 in part: whatever is contested, decided, credited and paid, told once or twice, in whatever order:
    /// open disputes contest a line once and no more than the total; once all have ended, nothing is contested, and
    /// the order in which they end makes no difference.
    #[test]
    fn disputes_add_up(steps in prop::collection::vec(step(), 1..24), order in any::<u64>()) {
        let state = active(&quote());
        let lines = billed(&state);
        let invoice = posted(&state, &lines);
        let mut world = World { state, lines, invoice, disputes: vec![], memos: vec![] };
        for (n, step) in steps.iter().enumerate() {
            let before = world.invoice.clone();
            match *step {
                Step::Contests { kind, lines, cents } => world.contest(&n.to_string(), kind, lines, cents),
                Step::Decides { which, outcome, twice } => world.decide(which, outcome, twice),
                Step::Credits { cents } => world.credit(cents),
                Step::Pays { cents } => {
                    let open = world.invoice.open().expect("adds up");
                    let paid = if dollars(cents).exceeds(open).expect("adds up") { open } else { dollars(cents) };
                    world.invoice = world.invoice.with_cash(paid).expect("adds up");
                }
            }
            if matches!(step, Step::Contests { .. } | Step::Decides { .. }) {
                let contested = world.invoice.contested;
                prop_assert_eq!(&world.invoice, &Invoice { contested, ..before }, "a dispute changes no amount");
            }
            world.holds();
        }
        let (mut one, mut other) = (world.invoice.clone(), world.invoice.clone());
        let open: Vec<Dispute> = world.disputes.iter().filter(|d| d.is_open()).cloned().collect();
        let end = |dispute: &Dispute, invoice: &Invoice| {
            dispute.resolve(invoice, &[], &decided(dispute, DisputeOutcome::Rejected)).expect("open").1
        };
        for dispute in &open {
            one = end(dispute, &one);
        }
        let start = usize::try_from(order % 7).unwrap_or(0);
        for n in (0..open.len()).rev() {
            other = end(&open[(n + start) % open.len()], &other);
        }
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.contested, None);
    }
}
