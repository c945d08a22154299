//! Where an engagement stands in money: each figure by hand, and what must hold of all of them.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::billing::{BillableLine, LineStatus, milestone_completed, time_approved};
use domain::contract::RevenueTreatment;
use domain::credit_memo::{CreditMemo, CreditMemoRequested, CreditMemoStatus, Reduction};
use domain::figures::{Books, Figures, Forecast, StandingLine, figures};
use domain::id::{CreditMemoId, InvoiceId, LineId, WriteOffId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::Money;
use domain::recurring::{ChargeDue, charge_due};
use domain::revenue::{
    AccountingPeriod, Element, Planned, Recognition, RevenueEarned, RevenueSchedule, Source, Undoing, Undone,
    earned_by_invoice, earned_by_line, schedule, source,
};
use domain::sample::{active, completion, entry, quote, support_line, usd};
use domain::{Decision, Engagement};
use jiff::civil::{Date, date};
use proptest::prelude::*;

const START: Date = date(2026, 11, 20);

/// The sample deal (milestones of 20,000.00 and 30,000.00, time) with support of 100.00 a month over twelve
/// months from the 1st of December.
fn engagement() -> Engagement {
    let mut quote = quote();
    quote.lines.push(support_line("5", "S1", "100.00", "2026-12-01", 12));
    quote.lines[0].planned_on = Some(date(2026, 11, 30));
    quote.lines[1].planned_on = Some(date(2027, 2, 26));
    active(&quote)
}

struct Kept {
    engagement: Engagement,
    schedule: RevenueSchedule,
    recognition: Recognition,
    lines: Vec<StandingLine>,
    invoices: Vec<(Invoice, Vec<BillableLine>)>,
    memos: Vec<CreditMemo>,
    earned: Vec<RevenueEarned>,
}

impl Kept {
    fn new(engagement: Engagement) -> Self {
        let schedule = schedule(&engagement.contract, START).unwrap();
        let recognition = Recognition::new(engagement.engagement.clone());
        Self {
            engagement,
            schedule,
            recognition,
            lines: vec![],
            invoices: vec![],
            memos: vec![],
            earned: vec![],
        }
    }

    fn bill(&mut self, decision: Decision) {
        let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
        let line = effects.lines[0].clone();
        self.earned.extend(earned_by_line(&self.engagement, &self.engagement.contract, &line, None));
        self.lines.push(StandingLine { line, status: LineStatus::Ready, invoice: None });
        self.engagement = effects.state.unwrap_or_else(|| self.engagement.clone());
    }

    fn work(&mut self, id: &str, minutes: u32) {
        let worked = entry(id, "consultant", "2026-11-17", minutes);
        self.bill(time_approved(Some(&self.engagement), &worked));
    }

    fn complete(&mut self, key: &str) {
        self.bill(milestone_completed(Some(&self.engagement), &completion(key), START));
    }

    /// Puts every ready line on an invoice; with `posted`, the ERP posted it with a tenth of tax.
    fn invoice(&mut self, name: &str, posted: bool) {
        let id = InvoiceId::derive(&[name]);
        let mut lines: Vec<BillableLine> = vec![];
        for standing in self.lines.iter_mut().filter(|l| l.status == LineStatus::Ready) {
            (standing.status, standing.invoice) = (LineStatus::Invoiced, Some(id.clone()));
            lines.push(standing.line.clone());
        }
        let mut invoice =
            Invoice::request(&self.engagement, id.clone(), name.into()).collect(&lines).unwrap();
        if posted {
            invoice.status = InvoiceStatus::Posted;
            let tax = invoice.untaxed.times(rust_decimal::Decimal::new(1, 1)).unwrap();
            (invoice.tax, invoice.total) = (Some(tax), Some(invoice.untaxed.plus(tax).unwrap()));
            for line in &lines {
                let by = (&id, START);
                let contract = &self.engagement.contract;
                self.earned.extend(earned_by_invoice(&self.engagement, contract, line, by, None));
            }
        }
        self.invoices.push((invoice, lines));
    }

    fn due(&mut self, period: u32) {
        let charge = &self.engagement.contract.recurring[0];
        let sold = charge.period_at(period).unwrap().unwrap();
        let due = ChargeDue {
            engagement: self.engagement.engagement.clone(),
            charge: charge.key.clone(),
            period,
            from: sold.from,
            until: sold.until,
            due_on: sold.due_on,
        };
        self.bill(charge_due(Some(&self.engagement), &due, sold.due_on));
    }

    /// Something is taken off an invoice, and the ERP posts it; nothing where that can't be.
    fn credit(&mut self, which: usize, lines: Vec<LineId>, off: Option<Reduction>, rebill: bool) {
        let Some((invoice, billed)) = self.invoices.get(which) else { return };
        let asked = CreditMemoRequested {
            dispute: None,
            credit_memo: CreditMemoId::derive(&[&self.memos.len().to_string()]),
            invoice: invoice.invoice.clone(),
            lines,
            reduction: off,
            reason: "agreed".into(),
            rebill,
            requested_by: "finance".into(),
        };
        let memo = CreditMemo::request(&self.engagement, invoice, billed, &self.memos, &asked);
        let Ok(memo) = memo else { return };
        let memo =
            CreditMemo { status: CreditMemoStatus::Applied, ..memo }.beside(&self.memos, billed).unwrap();
        self.invoices[which].0 = invoice.credit(memo.untaxed, memo.untaxed).unwrap().0;
        for standing in &mut self.lines {
            if memo.released().any(|id| *id == standing.line.line) {
                (standing.status, standing.invoice) = (memo.releases_to(&standing.line.line), None);
            }
        }
        for part in memo.parts.iter().filter(|part| part.line.is_some()) {
            let line = self.line(part.line.as_ref().unwrap());
            let undone = self.undoing().credited(&line, &memo, part, START).unwrap();
            self.undo(undone);
        }
        for share in &memo.shares {
            let undone = self.undoing().shared(&self.line(&share.line), &memo, share).unwrap();
            self.undo(undone);
        }
        self.memos.push(memo);
    }

    fn write_off(&mut self, which: usize) {
        let Some(standing) = self.lines.get_mut(which) else { return };
        if standing.status != LineStatus::Ready {
            return;
        }
        standing.status = LineStatus::WrittenOff;
        let line = standing.line.clone();
        let undone = self.undoing().written_off(&line, &WriteOffId::derive(&[line.line.as_str()])).unwrap();
        self.undo(undone);
    }

    fn line(&self, id: &LineId) -> BillableLine {
        self.lines.iter().find(|l| l.line.line == *id).unwrap().line.clone()
    }

    fn undoing(&self) -> Undoing<'_> {
        let (engagement, contract) = (&self.engagement, &self.engagement.contract);
        Undoing { engagement, contract, on: START, closed_until: None }
    }

    /// Keeps what is not there yet.
    fn undo(&mut self, undone: Undone) {
        for event in undone.events {
            if self.earned.iter().all(|e| e.revenue != event.revenue) {
                self.earned.push(event);
            }
        }
        self.recognition = self.recognition.clone().take_off(&undone.taken_off).unwrap();
    }

    /// What is earned of a line.
    fn net(&self, line: &LineId) -> Money {
        let of = self.earned.iter().filter(|e| e.line.as_ref() == Some(line));
        Money::total(usd("0").currency(), of.map(|e| e.amount)).unwrap()
    }

    fn over(&mut self, through: AccountingPeriod) {
        loop {
            let completed_on = [].into();
            let (engagement, schedule) = (&self.engagement, &self.schedule);
            let planned = Planned { engagement, schedule, earlier: &[], completed_on: &completed_on };
            let due = self.recognition.clone().planned(planned).unwrap();
            if due.next.is_none_or(|next| next > through) {
                return;
            }
            let (next, events) = due.tell(planned, None, 80).unwrap();
            self.recognition = next;
            self.earned.extend(events);
        }
    }

    fn figures(&self) -> Figures {
        let invoices: Vec<Invoice> = self.invoices.iter().map(|(invoice, _)| invoice.clone()).collect();
        figures(Books {
            contract: &self.engagement.contract,
            lines: &self.lines,
            invoices: &invoices,
            credit_memos: &self.memos,
            earned: &self.earned,
            schedule: Some(&self.schedule),
            recognition: Some(&self.recognition),
        })
        .expect("adds up")
    }
}

fn planned(period: &str, amount: &str) -> Forecast {
    Forecast { period: Some(period.parse().unwrap()), amount: usd(amount) }
}

/// Proves REV-05 and WFC-11 in part: 20,000.00 of a milestone are billed and earned; 270.00 of time are earned and not billed;
/// of support, 100.00 are earned for December and nothing is billed. Contracted are 20,000.00 + 30,000.00 +
/// 12 × 100.00 = 51,200.00, of which 51,200.00 − 20,100.00 = 31,100.00 are backlog. 22,000.00 are
/// owed with tax, of which 2,000.00 are paid.
#[test]
fn each_figure_is_its_own() {
    let mut kept = Kept::new(engagement());
    kept.complete("M1");
    kept.invoice("first", true);
    kept.work("901", 90);
    kept.over("2026-12".parse().unwrap());
    kept.invoices[0].0.applied = usd("2000.00");
    let all = kept.figures();
    let total = &all.total;
    assert_eq!((total.contracted, total.backlog), (usd("51200.00"), usd("31100.00")));
    assert_eq!(
        (total.billable, total.billed, total.not_billed),
        (usd("20270.00"), usd("20000.00"), usd("270.00"))
    );
    assert_eq!((total.earned, total.deferred, total.unbilled), (usd("20370.00"), usd("0.00"), usd("370.00")));
    assert_eq!((all.receivable, all.paid), (usd("20000.00"), usd("2000.00")));
    let of = |element: Element| all.elements.iter().find(|e| e.element == element).unwrap();
    let time = of(Element::Role("consultant".into()));
    assert_eq!((time.contracted, time.backlog, time.unbilled), (None, None, Some(usd("270.00"))));
    let support = of(Element::Charge("S1".into()));
    assert_eq!(
        (support.contracted, support.earned, support.backlog),
        (Some(usd("1200.00")), Some(usd("100.00")), Some(usd("1100.00")))
    );
    // December is told; eleven months of support are left, and the second milestone in February.
    assert_eq!(all.forecast.len(), 11);
    assert_eq!(
        all.forecast[..3],
        [planned("2027-01", "100.00"), planned("2027-02", "30100.00"), planned("2027-03", "100.00")]
    );
}

/// Proves REV-05 in part: what is billed ahead of being earned is deferred: a milestone of 20,000.00 that is recognised in a straight
/// line over November to February is billed whole in November, when 5,000.00 are earned. 15,000.00 are deferred.
#[test]
fn what_is_billed_and_not_earned_is_deferred() {
    let mut engagement = engagement();
    engagement.contract.revenue.insert("IMPL".into(), RevenueTreatment::StraightLine);
    engagement.contract.milestones[0].planned_on = Some(date(2027, 2, 26));
    engagement.contract.milestones.truncate(1);
    engagement.contract.recurring.clear();
    let mut kept = Kept::new(engagement);
    kept.complete("M1");
    kept.invoice("first", true);
    kept.over("2026-11".parse().unwrap());
    let all = kept.figures();
    assert_eq!(
        (all.total.earned, all.total.deferred, all.total.unbilled),
        (usd("5000.00"), usd("15000.00"), usd("0.00"))
    );
    let left = [planned("2026-12", "5000.00"), planned("2027-01", "5000.00"), planned("2027-02", "5000.00")];
    assert_eq!(all.forecast, left);
}

/// Of a service without a treatment nothing is known to be earned, and nothing is claimed.
#[test]
fn without_a_treatment_nothing_is_guessed() {
    let mut engagement = engagement();
    engagement.contract.revenue.clear();
    let mut kept = Kept::new(engagement);
    kept.schedule = schedule(&kept.engagement.contract, START).unwrap();
    kept.complete("M1");
    kept.invoice("first", true);
    let all = kept.figures();
    let milestone = &all.elements[0];
    assert_eq!(
        (milestone.billed, milestone.earned, milestone.deferred, milestone.backlog),
        (usd("20000.00"), None, None, None)
    );
    assert_eq!((all.total.billed_without_treatment, all.total.earned), (usd("20000.00"), usd("0.00")));
}

/// A line on an invoice that the ERP did not post yet is not billed; what was credited or written off is neither.
#[test]
fn an_invoice_counts_when_it_is_posted() {
    let mut kept = Kept::new(engagement());
    kept.complete("M1");
    kept.invoice("first", false);
    assert_eq!(
        (kept.figures().total.billed, kept.figures().total.not_billed),
        (usd("0.00"), usd("20000.00"))
    );
    assert!(kept.figures().receivable.is_zero());
    kept.invoices[0].0.total = Some(usd("22000.00"));
    kept.invoices[0].0.status = InvoiceStatus::Posted;
    assert_eq!(kept.figures().total.billed, usd("20000.00"));
    kept.lines[0].status = LineStatus::WrittenOff;
    let total = kept.figures().total;
    assert_eq!((total.billable, total.written_off), (usd("0.00"), usd("20000.00")));
}

#[derive(Debug, Clone)]
enum Step {
    Work(u32),
    Complete(bool),
    Invoice(bool),
    Over(u32),
    /// The next period of support falls due.
    Due,
    /// Lines of an invoice are credited, perhaps to be billed anew.
    Lines(usize, u16, bool),
    /// A part of the price of a line, or of an invoice, is credited.
    Part(usize, Option<usize>, u32),
    WriteOff(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1u32..600).prop_map(Step::Work),
        1 => any::<bool>().prop_map(Step::Complete),
        2 => any::<bool>().prop_map(Step::Invoice),
        2 => (0u32..6).prop_map(Step::Over),
        2 => Just(Step::Due),
        3 => (0usize..4, any::<u16>(), any::<bool>()).prop_map(|(i, pick, anew)| Step::Lines(i, pick, anew)),
        3 => (0usize..4, prop::option::of(0usize..4), 1u32..400_000).prop_map(|(i, l, c)| Step::Part(i, l, c)),
        1 => (0usize..8).prop_map(Step::WriteOff),
    ];
    prop::collection::vec(step, 0..30)
}

fn treatment() -> impl Strategy<Value = RevenueTreatment> {
    prop::sample::select(vec![
        RevenueTreatment::AsDelivered,
        RevenueTreatment::Milestone,
        RevenueTreatment::StraightLine,
        RevenueTreatment::AsBilled,
    ])
}

proptest! {
    /// Proves REV-05 and BIL-11 in part: whatever is worked, billed, told, credited and written off, in any order and under
    /// any treatment: earned + deferred = billed + unbilled, for each element and in all; billable = not billed + billed;
    /// all lines = billable + credited + written off; posted invoices = billed + credited + rebilled; contracted = earned +
    /// backlog + what fell away; what was told of the schedule plus the forecast is the contract's value less
    /// what fell away; what is earned of a line is never below nought nor beyond it; and of what its lines or invoices
    /// tell, exactly what is billed, or what is billed or to be billed, is earned.
    #[test]
    fn figures_always_add_up(
        steps in steps(), fee in treatment(), time in treatment(), support in treatment(),
    ) {
        let currency = usd("0").currency();
        let mut engagement = engagement();
        engagement.contract.revenue =
            [("IMPL".into(), fee), ("ADVISORY".into(), time), ("SUPPORT".into(), support)].into();
        let mut kept = Kept::new(engagement);
        let (mut month, mut done, mut due) = (AccountingPeriod::of(START), [false, false], 0);
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Work(minutes) => kept.work(&format!("e{n}"), minutes),
                Step::Complete(second) => {
                    if !std::mem::replace(&mut done[usize::from(second)], true) {
                        kept.complete(if second { "M2" } else { "M1" });
                    }
                }
                Step::Invoice(posted) => kept.invoice(&format!("i{n}"), posted),
                Step::Due => {
                    if due < 12 {
                        kept.due(due);
                        due += 1;
                    }
                }
                Step::Lines(which, pick, rebill) => {
                    let billed = kept.invoices.get(which).map(|(_, lines)| lines.clone()).unwrap_or_default();
                    let picked = billed.iter().enumerate().filter(|(i, _)| pick & (1 << (i % 16)) != 0);
                    kept.credit(which, picked.map(|(_, l)| l.line.clone()).collect(), None, rebill);
                }
                Step::Part(which, line, cents) => {
                    let billed = kept.invoices.get(which).map(|(_, lines)| lines.clone()).unwrap_or_default();
                    let line = line.and_then(|i| billed.get(i)).map(|l| l.line.clone());
                    let amount = Money::from_minor_units(i64::from(cents), currency).unwrap();
                    kept.credit(which, vec![], Some(Reduction { line, amount }), false);
                }
                Step::WriteOff(which) => kept.write_off(which),
                Step::Over(months) => {
                    (0..months).for_each(|_| month = month.next());
                    kept.over(month);
                }
            }
            let all = kept.figures();
            let sum = |a: Money, b: Money| a.plus(b).unwrap();
            for e in &all.elements {
                let (earned, deferred, unbilled) = (e.earned.unwrap(), e.deferred.unwrap(), e.unbilled.unwrap());
                prop_assert_eq!(sum(earned, deferred), sum(e.billed, unbilled));
                prop_assert_eq!(sum(e.billed, e.not_billed), e.billable);
                prop_assert!(deferred.is_zero() || unbilled.is_zero());
                let away = sum(e.credited, e.written_off);
                if let (Some(contracted), Some(backlog)) = (e.contracted, e.backlog) {
                    prop_assert_eq!(contracted, sum(sum(earned, backlog), away));
                }
                prop_assert!(!earned.amount().is_sign_negative() || earned.is_zero(), "{} is earned of {}", earned, e.element);
                match source(e.treatment.unwrap(), &e.element) {
                    Source::Line => prop_assert_eq!(earned, e.billable),
                    Source::Invoice => prop_assert_eq!(earned, e.billed),
                    Source::Schedule | Source::Never => {}
                }
            }
            for standing in &kept.lines {
                let net = kept.net(&standing.line.line);
                let within = !net.amount().is_sign_negative() && !net.exceeds(standing.line.amount).unwrap();
                prop_assert!(net.is_zero() || within, "{} of {}", net, standing.line.amount);
            }
            let total = &all.total;
            prop_assert_eq!(sum(total.earned, total.deferred), sum(total.billed, total.unbilled));
            prop_assert_eq!(sum(total.not_billed, total.billed), total.billable);
            let lines = Money::total(currency, kept.lines.iter().map(|l| l.line.amount)).unwrap();
            prop_assert_eq!(sum(sum(total.billable, total.credited), total.written_off), lines);
            let posted = kept.invoices.iter().filter(|(invoice, _)| invoice.is_posted());
            let posted = Money::total(currency, posted.map(|(invoice, _)| invoice.untaxed)).unwrap();
            prop_assert_eq!(sum(sum(total.billed, total.credited), total.rebilled), posted);
            let planned = kept.earned.iter().filter(|e| e.element.is_planned());
            let told = Money::total(currency, planned.map(|e| e.amount)).unwrap();
            let forecast = Money::total(currency, all.forecast.iter().map(|f| f.amount)).unwrap();
            let away = all.elements.iter().filter(|e| e.element.is_planned());
            let away = Money::total(currency, away.map(|e| sum(e.credited, e.written_off))).unwrap();
            prop_assert_eq!(sum(sum(told, forecast), away), kept.engagement.contract.value().unwrap());
        }
    }
}
