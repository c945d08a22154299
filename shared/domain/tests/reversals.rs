//! What credit memos and write-offs take back of revenue, with the arithmetic by hand.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;

use domain::billing::{BillableLine, milestone_completed, time_approved};
use domain::contract::{ChargeTiming, Period, RevenueTreatment};
use domain::credit_memo::{CreditMemo, CreditMemoRequested, CreditMemoStatus, CreditedPart, Reduction};
use domain::id::{CreditMemoId, InvoiceId, LineId, WriteOffId};
use domain::invoice::Invoice;
use domain::money::Money;
use domain::recurring::{ChargeDue, charge_due};
use domain::revenue::{
    AccountingPeriod, Element, Planned, Recognition, RevenueEarned, RevenueEvidence, RevenueSchedule,
    Undoing, Undone, schedule,
};
use domain::sample::{active, completion, entry, quote, support_line, usd};
use domain::{Decision, Engagement};
use jiff::civil::{Date, date};

const START: Date = date(2026, 11, 20);
const CREDITED: Date = date(2026, 12, 9);

fn line(decision: Decision) -> BillableLine {
    let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
    effects.lines[0].clone()
}

fn engagement(treatment: RevenueTreatment) -> Engagement {
    let mut quote = quote();
    quote.lines[0].planned_on = Some(date(2027, 1, 29));
    quote.lines.push(support_line("5", "S1", "100.00", "2027-01-31", 12));
    let mut engagement = active(&quote);
    let of = |service: &str| (service.to_owned(), treatment);
    engagement.contract.revenue = [of("IMPL"), of("SUPPORT"), of("ADVISORY")].into();
    engagement
}

fn hour(engagement: &Engagement) -> BillableLine {
    line(time_approved(Some(engagement), &entry("901", "consultant", "2026-11-17", 90)))
}

fn milestone(engagement: &Engagement) -> BillableLine {
    line(milestone_completed(Some(engagement), &completion("M1"), START))
}

/// A posted invoice, and what is taken off it.
struct Credits<'a> {
    engagement: &'a Engagement,
    invoice: Invoice,
    billed: Vec<BillableLine>,
    memos: Vec<CreditMemo>,
}

impl<'a> Credits<'a> {
    fn of(engagement: &'a Engagement, billed: &[BillableLine]) -> Self {
        let new = Invoice::request(engagement, InvoiceId::derive(&["one"]), "one".into());
        let collected = new.collect(billed).unwrap();
        let invoice = Invoice { total: Some(collected.untaxed), ..collected };
        Self { engagement, invoice, billed: billed.to_vec(), memos: vec![] }
    }

    fn asked(&self, lines: &[&BillableLine], off: Option<Reduction>, rebill: bool) -> CreditMemo {
        let asked = CreditMemoRequested {
            dispute: None,
            credit_memo: CreditMemoId::derive(&[&self.memos.len().to_string()]),
            invoice: self.invoice.invoice.clone(),
            lines: lines.iter().map(|l| l.line.clone()).collect(),
            reduction: off,
            reason: "agreed".into(),
            rebill,
            requested_by: "finance".into(),
        };
        CreditMemo::request(self.engagement, &self.invoice, &self.billed, &self.memos, &asked).unwrap()
    }

    fn post(&mut self, memo: CreditMemo) -> Undone {
        let memo = CreditMemo { status: CreditMemoStatus::Applied, ..memo };
        let memo = memo.beside(&self.memos, &self.billed).unwrap();
        let undone = undone(self.engagement, &self.billed, &memo);
        self.memos.push(memo);
        undone
    }

    fn whole(&mut self, line: &BillableLine, rebill: bool) -> Undone {
        let memo = self.asked(&[line], None, rebill);
        self.post(memo)
    }

    fn part(&mut self, line: Option<&BillableLine>, amount: &str) -> Undone {
        let line = line.map(|line| line.line.clone());
        let memo = self.asked(&[], Some(Reduction { line, amount: usd(amount) }), false);
        self.post(memo)
    }
}

fn undoing(engagement: &Engagement) -> Undoing<'_> {
    Undoing { engagement, contract: &engagement.contract, on: CREDITED, closed_until: None }
}

fn undone(engagement: &Engagement, billed: &[BillableLine], memo: &CreditMemo) -> Undone {
    let found = |id: &LineId| billed.iter().find(|line| line.line == *id).unwrap();
    let (undoing, mut all) = (undoing(engagement), Undone::default());
    let of_line = |part: &CreditedPart| Some((found(part.line.as_ref()?), part.clone()));
    for (line, part) in memo.parts.iter().filter_map(of_line) {
        let undone = undoing.credited(line, memo, &part, START).unwrap();
        all.events.extend(undone.events);
        all.taken_off.extend(undone.taken_off);
    }
    for share in &memo.shares {
        let undone = undoing.shared(found(&share.line), memo, share).unwrap();
        all.events.extend(undone.events);
        all.taken_off.extend(undone.taken_off);
    }
    all
}

/// What the events that take back come to, each after what it takes back.
fn amounts(undone: &Undone) -> Vec<String> {
    for (n, event) in undone.events.iter().enumerate() {
        let of = |told: &RevenueEarned| Some(&told.revenue) == event.reverses.as_ref();
        assert!(
            event.reverses.is_none() || undone.events[..n].iter().any(of),
            "told before it is taken back"
        );
    }
    let back = undone.events.iter().filter(|e| e.is_undoing());
    back.map(|e| e.amount.amount().to_string()).collect()
}

/// Proves REV-03 in part: 270.00 of time that is earned as it is delivered. 70.00 off its price take 70.00 back; that
/// the line is credited then, to be billed anew at its 270.00, gives them back, as the work stays earned.
/// Credited for ever instead, the 200.00 that are left go as well.
#[test]
fn what_was_delivered_stays_earned_while_it_is_billed_anew() {
    let engagement = engagement(RevenueTreatment::AsDelivered);
    let time = hour(&engagement);
    for (rebill, then) in [(true, "70.00"), (false, "-200.00")] {
        let mut credits = Credits::of(&engagement, std::slice::from_ref(&time));
        let first = credits.part(Some(&time), "70.00");
        assert_eq!(amounts(&first), ["-70.00"]);
        let [told, back] = &first.events[..] else { panic!("{first:?}") };
        assert_eq!((told.amount, back.period.to_string()), (usd("270.00"), "2026-12".into()));
        assert_eq!((&back.line, &back.element), (&told.line, &Element::Role("consultant".into())));
        let invoice = &credits.invoice.invoice;
        assert!(matches!(&back.evidence, RevenueEvidence::CreditMemo { invoice: i, .. } if i == invoice));
        assert_eq!(amounts(&credits.whole(&time, rebill)), [then]);
    }
    let mut untouched = Credits::of(&engagement, std::slice::from_ref(&time));
    assert_eq!(amounts(&untouched.whole(&time, true)), [] as [&str; 0], "nothing was taken back before");
}

/// A part of the price that was asked for first and is granted only when its line is billed anew already takes nothing
/// back: 270.00 are billed anew, whatever comes off the invoice that they left.
#[test]
fn what_is_granted_after_its_line_left_takes_nothing_back() {
    let engagement = engagement(RevenueTreatment::AsDelivered);
    let time = hour(&engagement);
    let mut credits = Credits::of(&engagement, std::slice::from_ref(&time));
    let part =
        credits.asked(&[], Some(Reduction { line: Some(time.line.clone()), amount: usd("70.00") }), false);
    credits.memos.push(CreditMemo { status: CreditMemoStatus::Posted, ..part.clone() });
    let whole = credits.asked(&[&time], None, true);
    credits.memos.clear();
    assert_eq!(whole.untaxed, usd("200.00"));
    let id = CreditMemoId::derive(&["whole"]);
    assert_eq!(amounts(&credits.post(CreditMemo { credit_memo: id, ..whole })), [] as [&str; 0]);
    assert_eq!(amounts(&credits.post(part)), [] as [&str; 0]);
}

/// Proves REV-03 in part: recognised as it is billed, 270.00 were earned by the invoice: 70.00 off take 70.00
/// back, the rest of the line 200.00, also where it is billed anew: the next invoice earns it. What is written off was never
/// billed, so nothing was earned.
#[test]
fn as_billed_is_taken_back_with_the_bill() {
    let engagement = engagement(RevenueTreatment::AsBilled);
    let time = hour(&engagement);
    let mut credits = Credits::of(&engagement, std::slice::from_ref(&time));
    assert_eq!(amounts(&credits.part(Some(&time), "70.00")), ["-70.00"]);
    assert_eq!(amounts(&credits.whole(&time, true)), ["-200.00"]);
    let written_off = undoing(&engagement).written_off(&time, &WriteOffId::derive(&["1"])).unwrap();
    assert_eq!(written_off, Undone::default());
}

/// Proves BIL-11 in part: 270.00 that were earned as delivered and are written off are taken back, in the month of the write-off;
/// in a closed one to be posted in the next.
#[test]
fn what_is_written_off_is_not_earned() {
    let engagement = engagement(RevenueTreatment::AsDelivered);
    let (time, by) = (hour(&engagement), WriteOffId::derive(&["1"]));
    let closed_until = Some("2026-12".parse().unwrap());
    let undone = Undoing { closed_until, ..undoing(&engagement) }.written_off(&time, &by).unwrap();
    assert_eq!(amounts(&undone), ["-270.00"]);
    let back = &undone.events[1];
    assert_eq!(back.evidence, RevenueEvidence::WriteOff { write_off: by });
    assert_eq!((back.period.to_string(), back.post_in().to_string()), ("2026-12".into(), "2027-01".into()));
}

/// 202.70 off an invoice of 20,000.00 and 270.00, as a whole: 202.70 × 20,000 ÷ 20,270 = 200.00 and 2.70. Then the
/// milestone is credited: only time is left, so the 200.00 move to it, and the invoice still comes to 270.00 − 202.70.
#[test]
fn what_names_no_line_is_borne_by_what_is_left() {
    let engagement = engagement(RevenueTreatment::Milestone);
    let (fee, time) = (milestone(&engagement), hour(&engagement));
    let mut credits = Credits::of(&engagement, &[fee.clone(), time]);
    let first = credits.part(None, "202.70");
    assert_eq!(amounts(&first), ["-200.00", "-2.70"]);
    assert!(first.events.iter().all(|e| e.line.is_none() && !e.quote_line.is_empty()));
    assert_eq!(amounts(&credits.whole(&fee, true)), ["200.00", "-200.00"], "of the milestone, of time");
    let all = credits.memos.iter().flat_map(|memo| &memo.shares).map(|share| share.amount);
    assert_eq!(Money::total(usd("0").currency(), all).unwrap(), usd("202.70"));
}

/// A schedule that is told.
struct Told {
    schedule: RevenueSchedule,
    recognition: Recognition,
    events: Vec<RevenueEarned>,
}

impl Told {
    fn new(engagement: &Engagement) -> Self {
        let schedule = schedule(&engagement.contract, START).unwrap();
        let recognition = Recognition::new(engagement.engagement.clone());
        Self { schedule, recognition, events: vec![] }
    }

    fn over(&mut self, engagement: &Engagement, through: &str) -> Vec<String> {
        let (through, completed_on): (AccountingPeriod, _) = (through.parse().unwrap(), BTreeMap::new());
        let before = self.events.len();
        let planned =
            Planned { engagement, schedule: &self.schedule, earlier: &[], completed_on: &completed_on };
        loop {
            let due = self.recognition.clone().planned(planned).unwrap();
            if due.next.is_none_or(|next| next > through) {
                break;
            }
            let (next, events) = due.tell(planned, None, 80).unwrap();
            self.recognition = next;
            self.events.extend(events);
        }
        self.events[before..].iter().map(|e| e.amount.amount().to_string()).collect()
    }

    fn less(&mut self, undone: &Undone) {
        assert_eq!(undone.events, [], "the schedule tells it");
        self.recognition = self.recognition.clone().take_off(&undone.taken_off).unwrap();
    }
}

/// Proves REV-06 in part: 1,000.00 in a straight line over November to January. November told 333.33 when 300.00 are
/// taken off: up to December 666.66 × 700 ÷ 1,000 = 466.66 are to be told, so December tells 133.33, and January
/// the 233.34 that are left of 700.00. Taken off after all months were told, they are taken back with the month after.
#[test]
fn what_is_taken_off_a_straight_line_is_planned_less() {
    let mut engagement = engagement(RevenueTreatment::StraightLine);
    engagement.contract.milestones.truncate(1);
    engagement.contract.milestones[0].amount = usd("1000.00");
    engagement.contract.recurring.clear();
    let fee = milestone(&engagement);
    let mut credits = Credits::of(&engagement, std::slice::from_ref(&fee));
    let off = credits.part(Some(&fee), "300.00");
    let mut told = Told::new(&engagement);
    assert_eq!(told.over(&engagement, "2026-11"), ["333.33"]);
    told.less(&off);
    assert_eq!(told.over(&engagement, "2027-12"), ["133.33", "233.34"]);
    let mut late = Told::new(&engagement);
    assert_eq!(late.over(&engagement, "2027-12"), ["333.33", "333.33", "333.34"]);
    late.less(&off);
    assert_eq!(late.over(&engagement, "2027-12"), ["-300.00"]);
    assert_eq!(late.events[3].period.to_string(), "2027-02");
    late.less(&credits.whole(&fee, true));
    assert_eq!(late.over(&engagement, "2027-12"), ["300.00"], "billed anew at its full price");
}

/// A period of a charge is taken off its own months: of support of 100.00 a month, the first one is over on the 27th of
/// February, and is credited; the others are told as they were planned.
#[test]
fn a_period_of_a_charge_is_taken_off_its_own_months() {
    let mut engagement = engagement(RevenueTreatment::AsDelivered);
    engagement.contract.recurring[0].term = 3;
    let first = due(&engagement, 0);
    let off = Credits::of(&engagement, std::slice::from_ref(&first)).whole(&first, false);
    let mut told = Told::new(&engagement);
    told.less(&off);
    assert_eq!(told.over(&engagement, "2027-12"), ["100.00", "100.00"]);
    let months: Vec<String> = told.events.iter().map(|e| e.period.to_string()).collect();
    assert_eq!(months, ["2027-03", "2027-04"]);
}

/// A year of support of 1,200.00 is billed in advance, and ends after half of it by a change order: the schedule plans the
/// 600.00 that are left. The 600.00 that finance credits then are not planned any more, and are not taken off again; the
/// 50.00 after them are.
#[test]
fn what_a_change_order_dropped_is_not_taken_off_again() {
    let mut engagement = engagement(RevenueTreatment::AsDelivered);
    let charge = &mut engagement.contract.recurring[0];
    (charge.fee, charge.term, charge.period) = (usd("1200.00"), 1, Period::Yearly);
    (charge.starts_on, charge.timing) = (date(2027, 1, 1), ChargeTiming::Advance);
    let year = due(&engagement, 0);
    let mut credits = Credits::of(&engagement, std::slice::from_ref(&year));
    let (dropped, more) = (credits.part(Some(&year), "600.00"), credits.part(Some(&year), "50.00"));
    let mut told = Told::new(&engagement);
    told.schedule.entries.retain(|e| e.element != "S1" || e.planned_on < Some(date(2027, 7, 1)));
    told.less(&dropped);
    let sum = |told: &Told| {
        let of = told.events.iter().filter(|e| e.element == Element::Charge("S1".into()));
        Money::total(usd("0").currency(), of.map(|e| e.amount)).unwrap()
    };
    told.over(&engagement, "2027-12");
    assert_eq!(sum(&told), usd("600.00"));
    told.less(&more);
    told.over(&engagement, "2028-12");
    assert_eq!(sum(&told), usd("550.00"));
}

fn due(engagement: &Engagement, period: u32) -> BillableLine {
    let charge = &engagement.contract.recurring[0];
    let sold = charge.period_at(period).unwrap().unwrap();
    let due = ChargeDue {
        engagement: engagement.engagement.clone(),
        charge: charge.key.clone(),
        period,
        from: sold.from,
        until: sold.until,
        due_on: sold.due_on,
    };
    line(charge_due(Some(engagement), &due, sold.due_on))
}
