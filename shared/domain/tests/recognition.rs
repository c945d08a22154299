//! Revenue events, with figures computed by hand: when, how much, of which month, on which evidence.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use domain::activation::cut_contract;
use domain::billing::{BillableLine, milestone_completed, time_approved};
use domain::contract::{ChargeTiming, Period, RevenueTreatment};
use domain::id::{CreditMemoId, InvoiceId};
use domain::money::{Currency, Money};
use domain::revenue::{
    AccountingPeriod, Because, Element, LatePosting, Planned, Recognition, RevenueEarned, RevenueEvidence,
    RevenueSchedule, earned_by_invoice, earned_by_line, reschedule, reversal, schedule,
};
use domain::sample::{active, completion, config, entry, milestone_line, quote, support_line, usd};
use domain::{Contract, Decision, Engagement};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rust_decimal::Decimal;

const START: Date = date(2026, 11, 20);

fn period(text: &str) -> AccountingPeriod {
    text.parse().expect("a month")
}

/// 1,000.00 for a design that is planned for the 29th of January, and support of 100.00 a month.
fn engagement(treatment: RevenueTreatment) -> Engagement {
    let mut quote = quote();
    quote.lines.truncate(0);
    quote.lines.push(milestone_line("1", "M1", "Design", "1000.00"));
    quote.lines.push(support_line("2", "S1", "100.00", "2027-01-31", 2));
    quote.lines[0].planned_on = Some(date(2027, 1, 29));
    let mut engagement = active(&quote);
    engagement.contract = cut_contract(&quote, &config()).expect("a contract");
    let of = |service: &str| (service.to_owned(), treatment);
    engagement.contract.revenue = [of("IMPL"), of("SUPPORT"), of("ADVISORY")].into();
    engagement
}

/// An engagement, its schedule, and how far it was told.
struct Told {
    engagement: Engagement,
    schedule: RevenueSchedule,
    earlier: Vec<Contract>,
    completed_on: BTreeMap<String, Date>,
    recognition: Recognition,
    events: Vec<RevenueEarned>,
    closed_until: Option<AccountingPeriod>,
}

impl Told {
    fn new(engagement: Engagement) -> Self {
        let schedule = schedule(&engagement.contract, START).expect("a schedule");
        let recognition = Recognition::new(engagement.engagement.clone());
        let (earlier, completed_on) = (vec![], BTreeMap::new());
        Self { engagement, schedule, earlier, completed_on, recognition, events: vec![], closed_until: None }
    }

    fn planned(&self) -> Planned<'_> {
        Planned {
            engagement: &self.engagement,
            schedule: &self.schedule,
            earlier: &self.earlier,
            completed_on: &self.completed_on,
        }
    }

    /// A month is over: it is told, with all before it, at most so many events at a time.
    fn over(&mut self, through: AccountingPeriod, most: usize) {
        for _ in 0..10_000 {
            let due = self.recognition.clone().planned(self.planned()).expect("adds up");
            self.recognition = due;
            if self.recognition.next.is_none_or(|next| next > through) {
                return;
            }
            let (next, events) =
                self.recognition.tell(self.planned(), self.closed_until, most).expect("adds up");
            self.recognition = next;
            self.events.extend(events);
        }
        panic!("there is no end to what is told");
    }

    /// A change order comes into force.
    fn change(&mut self, on: Date, change: impl FnOnce(&mut Contract)) {
        self.earlier.push(self.engagement.contract.clone());
        self.engagement.contract.version += 1;
        change(&mut self.engagement.contract);
        self.schedule = reschedule(&self.engagement.contract, on, &self.schedule).expect("a schedule");
    }

    fn shown(&self) -> Vec<(String, String, String)> {
        let shown =
            |e: &RevenueEarned| (e.period.to_string(), e.element.to_string(), e.amount.amount().to_string());
        self.events.iter().map(shown).collect()
    }

    fn sum(&self) -> Money {
        let currency = self.engagement.contract.currency;
        Money::total(currency, self.events.iter().map(|e| e.amount)).expect("one currency")
    }
}

fn row(period: &str, element: &str, amount: &str) -> (String, String, String) {
    (period.into(), element.into(), amount.into())
}

/// Proves REV-06 in part: 1,000.00 over November to January becomes 1,500.00 on the 15th of December. November told 333.33;
/// December and January tell (1,500.00 − 333.33) ÷ 2 = 583.33 and 583.34. With support of 100.00 a month from
/// the 31st of January, which is over on the 27th of February and the 30th of March: 1,700.00 in all.
#[test]
fn after_a_change_order_the_months_to_come_tell_what_is_left() {
    let mut told = Told::new(engagement(RevenueTreatment::StraightLine));
    told.over(period("2026-11"), 80);
    told.change(date(2026, 12, 15), |contract| contract.milestones[0].amount = usd("1500.00"));
    told.over(period("2027-12"), 80);
    assert_eq!(
        told.shown(),
        [
            row("2026-11", "milestone M1", "333.33"),
            row("2026-12", "milestone M1", "583.33"),
            row("2027-01", "milestone M1", "583.34"),
            row("2027-02", "charge S1", "100.00"),
            row("2027-03", "charge S1", "100.00"),
        ]
    );
    assert_eq!((told.sum(), told.recognition.next), (usd("1700.00"), None));
    let versions: Vec<u32> = told.events.iter().map(|e| e.contract_version).collect();
    assert_eq!(versions, [1, 2, 2, 2, 2], "each names the version whose schedule it is");
}

/// Proves REV-06 in part: an order of the 15th of December that comes into force in January finds December told with
/// 333.33 where it now plans 583.33. January tells its own 583.34 and what December lacks, 250.00: 833.34.
#[test]
fn what_an_order_moves_in_a_month_that_was_told_is_told_with_the_next() {
    let mut told = Told::new(engagement(RevenueTreatment::StraightLine));
    told.over(period("2026-12"), 80);
    told.change(date(2026, 12, 15), |contract| contract.milestones[0].amount = usd("1500.00"));
    told.over(period("2027-01"), 80);
    let of_january = told.shown().into_iter().filter(|(month, ..)| month == "2027-01").collect::<Vec<_>>();
    assert_eq!(of_january, [row("2027-01", "milestone M1", "833.34")]);
    assert_eq!(told.sum(), usd("1500.00"));
}

/// Proves REV-06 in part: a milestone that is dropped in December gives back November's 333.33, traceable to the quote
/// line that sold it though the contract in force has it no more.
#[test]
fn what_is_dropped_is_taken_back() {
    for told_before in [true, false] {
        let mut told = Told::new(engagement(RevenueTreatment::StraightLine));
        if told_before {
            told.over(period("2026-11"), 80);
        }
        told.change(date(2026, 12, 15), |contract| contract.milestones.clear());
        told.over(period("2026-12"), 80);
        let expected = [row("2026-11", "milestone M1", "333.33"), row("2026-12", "milestone M1", "-333.33")];
        assert_eq!(told.shown(), expected, "told before: {told_before}");
        let last = told.events.last().unwrap();
        assert_eq!(
            (last.quote_line.as_str(), last.service.as_str(), last.contract_version),
            ("1", "IMPL", 2)
        );
        assert!(told.sum().is_zero());
    }
    // Dropped in the month that was told and before anything was past: nothing of it is in the next schedule.
    let mut told = Told::new(engagement(RevenueTreatment::StraightLine));
    told.over(period("2026-11"), 80);
    told.change(date(2026, 11, 25), |contract| contract.milestones.clear());
    told.over(period("2026-12"), 80);
    assert_eq!(told.shown()[1], row("2026-12", "milestone M1", "-333.33"));
}

/// A fee in a straight line whose milestone nobody planned a day for is earned when it is completed: 1,000.00 in
/// the month of completion, and nothing before.
#[test]
fn an_undated_fee_is_told_when_it_is_completed() {
    let mut engagement = engagement(RevenueTreatment::StraightLine);
    engagement.contract.milestones[0].planned_on = None;
    engagement.contract.recurring.clear();
    let mut told = Told::new(engagement);
    told.over(period("2027-12"), 80);
    assert_eq!(
        (told.shown(), told.planned().undated().into_iter().collect::<Vec<_>>()),
        (vec![], vec!["M1"])
    );
    told.completed_on.insert("M1".into(), date(2028, 2, 29));
    told.over(period("2028-02"), 80);
    assert_eq!(told.shown(), [row("2028-02", "milestone M1", "1000.00")]);
    assert_eq!(told.events[0].earned_on, date(2028, 2, 29), "a leap year's last of February");
}

/// Proves CAN-22 in part: 1,000 yen for a quarter from the 31st of December 2027 are 333 + 333 + 334, over on the 30th of
/// January, the 28th of February and the 30th of March of a leap year; a year of 1,200.00 from the 15th of
/// November is 100.00 in each of twelve months across the year's end.
#[test]
fn months_and_currencies_are_the_calendars_and_the_contracts_own() {
    let yen = Currency::from_code("JPY").unwrap();
    let mut quarter = engagement(RevenueTreatment::StraightLine);
    quarter.contract.milestones.clear();
    quarter.contract.currency = yen;
    let charge = &mut quarter.contract.recurring[0];
    (charge.period, charge.term, charge.starts_on) = (Period::Quarterly, 1, date(2027, 12, 31));
    charge.fee = Money::parse("1000", yen).unwrap();
    let mut told = Told::new(quarter);
    told.over(period("2028-12"), 80);
    let days: Vec<_> = told.events.iter().map(|e| (e.earned_on, e.amount.to_string())).collect();
    assert_eq!(
        days,
        [
            (date(2028, 1, 30), "333 JPY".into()),
            (date(2028, 2, 28), "333 JPY".into()),
            (date(2028, 3, 30), "334 JPY".into())
        ]
    );

    let mut year = engagement(RevenueTreatment::AsDelivered);
    year.contract.milestones.clear();
    let charge = &mut year.contract.recurring[0];
    (charge.period, charge.term, charge.timing) = (Period::Yearly, 1, ChargeTiming::Advance);
    (charge.fee, charge.starts_on) = (usd("1200.00"), date(2026, 11, 15));
    let mut told = Told::new(year);
    told.over(period("2027-11"), 80);
    let months: Vec<_> = told.events.iter().map(|e| (e.period.to_string(), e.amount)).collect();
    assert_eq!((months[0].clone(), months.len()), (("2026-12".into(), usd("100.00")), 12));
    assert_eq!((months[11].0.as_str(), told.sum()), ("2027-11", usd("1200.00")));
}

fn line(decision: Decision) -> (Engagement, BillableLine) {
    let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
    (effects.state.unwrap_or_else(|| active(&quote())), effects.lines[0].clone())
}

/// Proves REV-01, REV-03 and REV-07 in part: 90 minutes at 180.00 an hour are 270.00 earned on the day worked, and a milestone's
/// 20,000.00 on the day of its completion in the business's time zone; each names its version, quote line,
/// service, line and the PSA's record.
#[test]
fn work_tells_what_it_earned() {
    let engagement = active(&quote());
    let worked = entry("901", "consultant", "2026-11-17", 90);
    let (_, time) = line(time_approved(Some(&engagement), &worked));
    let told = earned_by_line(&engagement, &engagement.contract, &time, None).unwrap();
    assert_eq!(
        (told.amount, told.earned_on, told.period),
        (usd("270.00"), date(2026, 11, 17), period("2026-11"))
    );
    assert_eq!(
        (told.element, told.treatment),
        (Element::Role("consultant".into()), RevenueTreatment::AsDelivered)
    );
    assert_eq!(
        (told.quote_line.as_str(), told.service.as_str(), told.contract_version),
        ("3", "ADVISORY", 1)
    );
    assert_eq!((told.line, told.late, told.reverses), (Some(time.line), None, None));
    let of_the_entry = RevenueEvidence::TimeEntry { connection: "kantata-main".into(), entry: "901".into() };
    assert_eq!(told.evidence, of_the_entry);

    let (_, done) = line(milestone_completed(Some(&engagement), &completion("M1"), date(2026, 11, 20)));
    let told = earned_by_line(&engagement, &engagement.contract, &done, None).unwrap();
    assert_eq!((told.amount, told.earned_on), (usd("20000.00"), date(2026, 11, 20)));
    assert_eq!(
        (told.element, told.treatment),
        (Element::Milestone("M1".into()), RevenueTreatment::Milestone)
    );
    let record =
        RevenueEvidence::MilestoneCompletion { connection: "kantata-main".into(), record: "story-M1".into() };
    assert_eq!(told.evidence, record);
}

/// Proves REV-01 in part and REV-03 in part: which of line, schedule and invoice tells is the treatment of the version that
/// priced the line, and exactly one of them does.
#[test]
fn one_source_tells_each_line() {
    use RevenueTreatment::{AsBilled, AsDelivered, Milestone, StraightLine};
    let engagement = active(&quote());
    let (_, time) = line(time_approved(Some(&engagement), &entry("901", "consultant", "2026-11-17", 90)));
    let (_, done) = line(milestone_completed(Some(&engagement), &completion("M1"), date(2026, 11, 20)));
    let invoice = InvoiceId::derive(&["one"]);
    let told = |treatment: Option<RevenueTreatment>, line: &BillableLine| {
        let mut contract = engagement.contract.clone();
        contract.revenue = treatment.into_iter().map(|t| (line.service.clone(), t)).collect();
        let by_line = earned_by_line(&engagement, &contract, line, None).is_some();
        let by = (&invoice, date(2026, 12, 1));
        let by_invoice = earned_by_invoice(&engagement, &contract, line, by, None);
        assert!(by_invoice.iter().all(|e| (e.amount, e.earned_on) == (line.amount, date(2026, 12, 1))));
        (by_line, by_invoice.is_some())
    };
    for treatment in [AsDelivered, Milestone, StraightLine] {
        assert_eq!(told(Some(treatment), &time), (true, false), "time has neither milestone nor term");
    }
    for (treatment, expected) in
        [(AsDelivered, (true, false)), (Milestone, (true, false)), (StraightLine, (false, false))]
    {
        assert_eq!(told(Some(treatment), &done), expected, "{treatment:?}");
    }
    for line in [&time, &done] {
        assert_eq!(told(Some(AsBilled), line), (false, true));
        assert_eq!(told(None, line), (false, false), "the contract says nothing of it");
    }
    let free = BillableLine { amount: usd("0.00"), ..time };
    assert_eq!(told(Some(AsDelivered), &free), (false, false));
}

/// Proves REV-09 in part: time of October that is approved in November, when October is closed, stays October's revenue and
/// names November, the first open month; of a month that is open nothing is said. In a schedule the same.
#[test]
fn what_is_told_of_a_closed_month_says_so() {
    let engagement = active(&quote());
    let (_, time) = line(time_approved(Some(&engagement), &entry("901", "consultant", "2026-10-30", 60)));
    let told = |closed: &str| {
        earned_by_line(&engagement, &engagement.contract, &time, Some(period(closed))).unwrap()
    };
    let late = told("2026-10");
    assert_eq!((late.period, late.post_in()), (period("2026-10"), period("2026-11")));
    assert_eq!(late.late, Some(LatePosting { post_in: period("2026-11") }));
    assert_eq!(told("2026-12").post_in(), period("2027-01"), "across the year's end");
    assert_eq!((told("2026-09").late, told("2026-09").post_in()), (None, period("2026-10")));

    let mut scheduled = Told::new(self::engagement(RevenueTreatment::StraightLine));
    scheduled.closed_until = Some(period("2026-12"));
    scheduled.over(period("2027-01"), 80);
    let posted: Vec<_> = scheduled.events.iter().map(|e| e.post_in().to_string()).collect();
    assert_eq!(posted, ["2027-01", "2027-01", "2027-01"]);
    assert_eq!(scheduled.events.iter().filter(|e| e.late.is_some()).count(), 2);
}

/// A month is over where the business counts its days: in New York five hours after Greenwich, four in summer.
#[test]
fn a_month_is_over_at_the_business_midnight() {
    let zone = TimeZone::get("America/New_York").unwrap();
    assert_eq!(period("2026-11").over_at(&zone).to_string(), "2026-12-01T05:00:00Z");
    assert_eq!(period("2027-03").over_at(&zone).to_string(), "2027-04-01T04:00:00Z");
    assert_eq!(period("2026-12").next(), period("2027-01"));
    assert_eq!(period("2028-02").last_day(), date(2028, 2, 29));
    for no in ["2026-13", "2026-1", "26-01", "2026-00", "2026-01-01", "", "20261", "-026-01", "2026-0a"] {
        assert!(no.parse::<AccountingPeriod>().is_err(), "{no}");
    }
}

/// What was told of a line is taken back once, wholly or in part, and never beyond what was earned.
#[test]
fn revenue_is_taken_back_by_an_event_of_its_own() {
    let engagement = active(&quote());
    let (_, time) = line(time_approved(Some(&engagement), &entry("901", "consultant", "2026-11-17", 90)));
    let told = earned_by_line(&engagement, &engagement.contract, &time, None).unwrap();
    let day = date(2026, 12, 3);
    let memo = |name: &str| Because::Credited {
        credit_memo: CreditMemoId::derive(&[name]),
        invoice: InvoiceId::derive(&["one"]),
    };
    let back = reversal(&told, &memo("1"), None, day, None).unwrap();
    assert_eq!(
        (back.amount, back.period, &back.reverses),
        (usd("-270.00"), period("2026-12"), &Some(told.revenue.clone()))
    );
    assert_eq!(back.revenue, reversal(&told, &memo("1"), None, day, None).unwrap().revenue);
    assert_ne!(back.revenue, reversal(&told, &memo("2"), None, day, None).unwrap().revenue);
    assert_eq!(reversal(&told, &memo("1"), Some(usd("70.00")), day, None).unwrap().amount, usd("-70.00"));
    for no in ["270.01", "0.00", "-1.00"] {
        assert!(reversal(&told, &memo("1"), Some(usd(no)), day, None).is_err(), "{no}");
    }
    let closed = reversal(&told, &memo("1"), None, day, Some(period("2026-12"))).unwrap();
    assert_eq!(closed.post_in(), period("2027-01"));
    let again = reversal(&back, &memo("3"), None, day, None).unwrap();
    assert_eq!(again.amount, usd("270.00"), "a credit that is taken back earns again");
}

/// Proves REV-10 in part: the configuration may change as it likes; the contract has its treatments from the day on which it
/// was cut, and a change order keeps them for each service that was sold with one.
#[test]
fn a_contract_keeps_its_treatments() {
    let engagement = active(&quote());
    let mut changed = config();
    changed.services.iter_mut().for_each(|service| service.revenue = Some(RevenueTreatment::AsBilled));
    let mut further = quote();
    (further.version, further.quote) = (2, "901".into());
    further.lines.push(support_line("5", "S1", "100.00", "2027-04-01", 12));
    let facts = domain::activation::CustomerFacts::default();
    let verdict = domain::change_order::decide(&engagement, &further, &facts, &changed, date(2026, 12, 15));
    let domain::change_order::Verdict::Change(order) = verdict else { panic!("{verdict:?}") };
    assert_eq!(order.to.revenue["IMPL"], RevenueTreatment::Milestone);
    assert_eq!(order.to.revenue["ADVISORY"], RevenueTreatment::AsDelivered);
    assert_eq!(order.to.revenue["SUPPORT"], RevenueTreatment::AsBilled, "sold for the first time");
}

#[derive(Debug, Clone)]
enum Step {
    /// Months go by; some are told only now.
    Over(i32),
    /// The fee becomes another, from a day of the present month on.
    Fee(i64),
    /// The milestone is dropped, or sold again.
    Sold(bool),
    /// The charge has so many periods more.
    Longer(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0i32..4).prop_map(Step::Over),
        2 => (1i64..1_000_000).prop_map(Step::Fee),
        1 => any::<bool>().prop_map(Step::Sold),
        1 => (0u32..4).prop_map(Step::Longer),
    ];
    prop::collection::vec(step, 0..14)
}

proptest! {
    /// Proves REV-06 in part: whatever months and change orders come in whatever order, what was told is what the schedule in
    /// force plans up to the last month that was told, each element and month is told once, and in the end
    /// it is the contract's value, to the cent.
    #[test]
    fn what_is_told_is_what_is_planned(steps in steps(), fee in 1i64..1_000_000, most in 1usize..4) {
        let currency = usd("0").currency();
        let mut told = Told::new(engagement(RevenueTreatment::StraightLine));
        let sold = told.engagement.contract.milestones[0].clone();
        told.engagement.contract.milestones[0].amount = Money::from_minor_units(fee, currency).unwrap();
        told.schedule = schedule(&told.engagement.contract, START).unwrap();
        let mut today = date(2026, 11, 25);
        for step in steps {
            match step {
                Step::Over(months) => {
                    today = today.checked_add(jiff::Span::new().months(months)).unwrap();
                    let over = AccountingPeriod::of(today.first_of_month().yesterday().unwrap());
                    told.over(over, most);
                    let through = told.recognition.told_through;
                    let planned = told.schedule.entries.iter().filter(|e| {
                        e.planned_on.is_some_and(|d| through.is_some_and(|t| AccountingPeriod::of(d) <= t))
                    });
                    let planned = Money::total(currency, planned.map(|e| e.amount)).unwrap();
                    // Told up to there, and with nothing left that is over.
                    prop_assert_eq!(told.sum(), planned);
                    prop_assert!(told.recognition.next.is_none_or(|next| next > over));
                }
                Step::Fee(cents) => told.change(today, |contract| {
                    if let Some(m) = contract.milestones.first_mut() {
                        m.amount = Money::from_minor_units(cents, currency).unwrap();
                    }
                }),
                Step::Sold(again) => told.change(today, |contract| {
                    contract.milestones = if again { vec![sold.clone()] } else { vec![] };
                }),
                Step::Longer(more) => told.change(today, |contract| contract.recurring[0].term += more),
            }
        }
        told.over(period("2090-01"), most);
        prop_assert_eq!(told.sum(), told.engagement.contract.value().unwrap());
        let ids: BTreeSet<_> = told.events.iter().map(|e| e.revenue.clone()).collect();
        prop_assert_eq!(ids.len(), told.events.len());
        let traced = |e: &RevenueEarned| !e.quote_line.is_empty() && !e.service.is_empty();
        prop_assert!(told.events.iter().all(traced));
    }

    /// Proves REV-07 in part: the same line or invoice always tells the same revenue under the same ID.
    #[test]
    fn a_line_is_told_once_whoever_tells(minutes in 1u32..600, rate in 1i64..100_000) {
        let mut engagement = active(&quote());
        let currency = usd("0").currency();
        engagement.contract.rate_card.rates[0].hourly = Money::from_minor_units(rate, currency).unwrap();
        let (_, time) = line(time_approved(Some(&engagement), &entry("901", "consultant", "2026-11-17", minutes)));
        let tell = || earned_by_line(&engagement, &engagement.contract, &time, None);
        let exact = Decimal::new(rate, 2) * Decimal::from(minutes) / Decimal::from(60);
        match tell() {
            None => prop_assert!(Money::rounded(exact, currency).is_zero()),
            Some(told) => {
                prop_assert_eq!(told.amount, Money::rounded(exact, currency));
                prop_assert_eq!(Some(told), tell());
            }
        }
    }
}
