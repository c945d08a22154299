//! Retainers: worked examples, and what holds for every order of entries.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod amended;

use std::collections::BTreeMap;

use amended::{order, refusals, second};
use domain::Decision;
use domain::activation::{check, cut_contract};
use domain::billing::{BillableLine, Evidence, line_of, time_approved};
use domain::billing_event::BillingEventType;
use domain::decision::Effects;
use domain::engagement::Engagement;
use domain::invoice::assemble;
use domain::money::{Currency, Money};
use domain::problem::{Problem, ProblemCode};
use domain::quote::{Quote, QuoteLine, Retained};
use domain::retainer::{Balance, Grant, RetainerTerms, Rollover, balances, drawdown_of};
use domain::sample::{active, config, entry, quote, retainer_line, usd};
use domain::setup::compare_sold;
use domain::work::TimeEntry;
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Ten hours of consultants a month from 1 November, 200.00 an hour beyond them; nothing rolls over.
fn line() -> QuoteLine {
    retainer_line("7", ("R1", "1500.00"), ("2026-11-01", 6), ("10", "200.00"), &["consultant"])
}

fn with(change: impl FnOnce(&mut Retained)) -> QuoteLine {
    let mut line = line();
    change(line.recurrence.as_mut().unwrap().retainer.as_mut().unwrap());
    line
}

fn selling(line: QuoteLine) -> Quote {
    let mut sold = quote();
    sold.lines.push(line);
    sold
}

struct Told {
    state: Engagement,
    lines: Vec<BillableLine>,
}

impl Told {
    fn of(line: QuoteLine) -> Self {
        Self { state: active(&selling(line)), lines: vec![] }
    }

    fn tell(&mut self, entry: &TimeEntry) -> Result<Effects, Problem> {
        match time_approved(Some(&self.state), entry) {
            Decision::Apply(effects) => {
                self.state = effects.state.clone().unwrap_or(self.state.clone());
                self.lines.extend(effects.lines.clone());
                Ok(*effects)
            }
            Decision::Hold(problem) => Err(problem),
            other => panic!("{other:?}"),
        }
    }

    fn amounts(&self) -> Vec<String> {
        self.lines.iter().map(|l| l.amount.amount().to_string()).collect()
    }

    fn sum(&self) -> Money {
        Money::total(usd("0").currency(), self.lines.iter().map(|l| l.amount)).unwrap()
    }

    fn balances(&self) -> Vec<Balance> {
        let terms = self.state.contract.retainer("R1").unwrap();
        let charge = self.state.contract.recurring_charge("R1").unwrap();
        let worked = self.state.retainers.get("R1").cloned().unwrap_or_default();
        balances(&terms.grants(charge).unwrap(), &worked, terms.rollover)
    }
}

fn worked(id: &str, day: &str, minutes: u32) -> TimeEntry {
    entry(id, "consultant", day, minutes)
}

/// Proves BIL-04 in part: of 10 h are 8 h drawn down and no line; of the next 2.5 h are 2 h drawn and half an hour is
/// beyond: 0.5 × 200.00 = 100.00. Another role's time is billed at its own rate.
#[test]
fn time_is_drawn_down_before_it_is_billed() {
    let mut told = Told::of(line());
    let first = told.tell(&worked("1", "2026-11-03", 480)).unwrap();
    assert_eq!((first.lines.len(), first.events.len()), (0, 0));
    let [drawn] = &first.drawdowns[..] else { panic!("one") };
    assert_eq!((&drawn.drawdown, drawn.period), (&drawdown_of("kantata-main", "1"), 0));
    assert_eq!((drawn.quantity, drawn.overage, &drawn.line), (480.into(), 0.into(), &None));
    told.tell(&worked("2", "2026-11-30", 150)).unwrap();
    told.tell(&entry("3", "principal", "2026-11-03", 60)).unwrap();
    assert_eq!(told.amounts(), ["100.00", "260.00"]);
    let over = &told.lines[0];
    assert_eq!(
        (over.line.clone(), over.quote_line.as_str(), over.service.as_str()),
        (line_of("kantata-main", "time", "2"), "7", "RETAINER")
    );
    assert!(
        matches!(&over.evidence, Evidence::Overage { retainer, overage, .. } if retainer == "R1" && *overage == 30.into())
    );
    assert_eq!(BillingEventType::from(over), BillingEventType::TimeEntry);
    let balance = &told.balances()[0];
    assert_eq!((balance.granted, balance.drawn, balance.overage), (600.into(), 600.into(), 30.into()));
    let printed = assemble(usd("0").currency(), &told.lines[..1]).unwrap();
    assert_eq!(printed[0].description, "Advisory retainer, beyond it: consultant Ada Lovelace, 2026-11-30");
}

/// Half an hour at 33.33 is 16.665, and halves go away from nought: 16.67. Two entries of half an hour are one hour, 33.33:
/// the second is 16.66, because a period is rounded once. Yen have no minor unit: half an hour at 1,001 is 501; dinars
/// have three places: half an hour at 0.333 is 0.167.
#[test]
fn overage_is_rounded_once_a_period() {
    let mut told = Told::of(with(|r| r.overage_rate = Some(usd("33.33"))));
    for (id, minutes) in [("1", 600), ("2", 30), ("3", 30)] {
        told.tell(&worked(id, "2026-11-03", minutes)).unwrap();
    }
    assert_eq!(told.amounts(), ["16.67", "16.66"]);
    for (rate, currency, due) in [("1001", "JPY", "501"), ("0.333", "KWD", "0.167")] {
        let money = |amount: &str| Money::parse(amount, Currency::from_code(currency).unwrap()).unwrap();
        let grant = Grant::Time { minutes: 60, overage_rate: money(rate) };
        let terms = RetainerTerms { charge: "R1".into(), grant, roles: [].into(), rollover: None };
        assert_eq!(terms.overage(30.into()), Ok(money(due)));
    }
}

/// A retainer of an amount is drawn down by what time is worth at the rate card: 1,000.00 cover 5 h at 180.00 and 100.00
/// of the next hour; 80.00 of it are beyond.
#[test]
fn an_amount_is_drawn_down_at_the_rate_card() {
    let mut told = Told::of(with(|r| {
        (r.hours, r.overage_rate, r.amount) = (None, None, Some(usd("1000.00")));
        r.roles = ["consultant".to_owned(), "architect".to_owned()].into();
    }));
    told.tell(&worked("1", "2026-11-03", 300)).unwrap();
    told.tell(&worked("2", "2026-11-04", 60)).unwrap();
    assert_eq!(told.amounts(), ["80.00"]);
    let unpriced = told.tell(&entry("3", "architect", "2026-11-04", 60)).expect_err("no rate");
    assert_eq!(unpriced.code, ProblemCode::NoRateInForce);
}

/// Ten hours a month, of which five may go over into the next month and no further. 2 h in November leave 8 h: 5 h go
/// over, 3 h are forfeited. In December are 15 h: of 16 h is 1 h beyond.
#[test]
fn what_is_left_rolls_over_up_to_a_cap() {
    let mut told = Told::of(with(|r| (r.rollover_periods, r.rollover_most) = (Some(1), Some(5.into()))));
    told.tell(&worked("1", "2026-11-03", 120)).unwrap();
    told.tell(&worked("2", "2026-12-01", 960)).unwrap();
    assert_eq!(told.amounts(), ["200.00"]);
    let shown: Vec<[u32; 6]> = told.balances()[..2]
        .iter()
        .map(|b| {
            [b.granted, b.carried_in, b.drawn, b.overage, b.forfeited, b.carried_out]
                .map(|n| n.try_into().unwrap())
        })
        .collect();
    assert_eq!(shown, [[600, 0, 120, 0, 180, 300], [600, 300, 900, 60, 0, 0]]);
}

/// What is oldest is drawn first and lost first: 10 h of November stay for two months. Of 4 h in December are all November's,
/// so 6 h of it and 10 h of December go over into January, where 3 h leave 3 h of November, which are lost then.
#[test]
fn the_oldest_is_drawn_first() {
    let rollover = Some(Rollover { periods: 2, most: None });
    let worked: BTreeMap<u32, Decimal> = [(1, 4.into()), (2, 3.into())].into();
    let all = balances(&[10.into(), 10.into(), 10.into(), 10.into()], &worked, rollover);
    assert_eq!((all[1].carried_in, all[1].carried_out), (10.into(), 16.into()));
    assert_eq!((all[2].drawn, all[2].forfeited, all[2].carried_out), (3.into(), 3.into(), 20.into()));
    assert_eq!((all[3].carried_out, all[3].forfeited), (0.into(), 30.into()), "the retainer is over");
}

/// A late entry is drawn from its own month, though December has used what November left: that is beyond December's then.
/// It comes to the same as if it had come in time.
#[test]
fn a_late_entry_takes_what_later_months_used() {
    let terms = || with(|r| r.rollover_periods = Some(1));
    let (november, december) = (worked("1", "2026-11-28", 300), worked("2", "2026-12-05", 1200));
    let mut late = Told::of(terms());
    late.tell(&december).unwrap();
    assert_eq!(late.amounts(), [""; 0], "20 h of two months");
    late.tell(&november).unwrap();
    assert_eq!(late.amounts(), ["1000.00"]);
    assert_eq!(late.lines[0].earned_on.to_string(), "2026-11-28");
    let mut in_time = Told::of(terms());
    in_time.tell(&november).unwrap();
    in_time.tell(&december).unwrap();
    assert_eq!(in_time.sum(), late.sum());
    assert_eq!(in_time.balances(), late.balances());
}

/// From 31 January, months begin on 31 January, 29 February in a leap year and 31 March; the last day of the term is drawn
/// from, the next one is billed by the rate card. A month of the calendar that is not whole grants its share: 10 h × 15 ÷ 30 = 5 h.
#[test]
fn months_are_those_of_the_fee() {
    let told = Told::of(retainer_line("7", ("R1", "1500.00"), ("2028-01-31", 2), ("10", "200.00"), &[]));
    let period =
        |day: &str| told.state.contract.retainer_of("consultant", day.parse().unwrap()).map(|(_, _, n)| n);
    assert_eq!((period("2028-01-30"), period("2028-02-28"), period("2028-02-29")), (None, Some(0), Some(1)));
    assert_eq!((period("2028-03-30"), period("2028-03-31")), (Some(1), None));
    let mut part = retainer_line("7", ("R1", "1500.00"), ("2026-11-16", 2), ("10", "200.00"), &[]);
    part.recurrence.as_mut().unwrap().aligned = true;
    let granted: Vec<Decimal> = Told::of(part).balances().iter().map(|b| b.granted).collect();
    // November from the 16th, December whole, and January to the 15th: 600 × 15 ÷ 31 = 290.3.
    assert_eq!(granted, [300, 600, 290].map(Decimal::from));
}

/// What is beyond a retainer is billed by time, so a ceiling on time holds for it; what is drawn down does not use it up.
#[test]
fn overage_keeps_below_the_ceiling() {
    let sold = Quote { time_ceiling: Some(usd("150.00")), ..selling(line()) };
    let mut told = Told { state: active(&sold), lines: vec![] };
    told.tell(&worked("1", "2026-11-03", 630)).unwrap();
    assert_eq!(told.state.time_billed, Some(usd("100.00")));
    let over = told.tell(&worked("2", "2026-11-03", 30)).expect_err("over the ceiling");
    assert_eq!((over.code, over.at_stake), (ProblemCode::CeilingExceeded, Some(usd("100.00"))));
    assert_eq!(told.balances()[0].overage, 30.into(), "it is not drawn");
}

/// The terms come from the quote's line; what can't be carried out is found before anything is set up.
#[test]
fn the_terms_are_cut_from_the_quote() {
    let sold = selling(line());
    assert_eq!(check(&sold, &Default::default(), &config()), []);
    let contract = cut_contract(&sold, &config()).unwrap();
    assert_eq!(
        contract.retainers[0].to_string(),
        "600 min a period, 200.00 USD an hour beyond them, of consultant"
    );
    assert_eq!(compare_sold(&contract, &sold), None);
    assert!(compare_sold(&contract, &selling(with(|r| r.hours = Some(11.into())))).is_some());
    let stored = serde_json::to_value(active(&quote())).unwrap();
    assert_eq!(
        (stored.get("retainers"), stored["contract"].get("retainers")),
        (None, None),
        "others are stored as before"
    );
    for (line, said) in [
        (with(|r| r.hours = Some(0.into())), "retains 0 hours"),
        (with(|r| r.hours = Some("0.01".parse().unwrap())), "retains 0.01 hours"),
        (with(|r| r.overage_rate = None), "does not say what an hour beyond"),
        (with(|r| r.overage_rate = Some(usd("0.00"))), "does not say what an hour beyond"),
        (with(|r| r.amount = Some(usd("1.00"))), "retains neither hours"),
        (with(|r| r.hours = None), "retains neither hours"),
        (with(|r| r.rollover_most = Some(1.into())), "says how much rolls over"),
        (
            with(|r| (r.rollover_periods, r.rollover_most) = (Some(1), Some((-1).into()))),
            "lets -60 roll over",
        ),
    ] {
        let found = check(&selling(line), &Default::default(), &config());
        assert!(found.len() == 1 && found[0].detail.contains(said), "{found:?}");
    }
    let mut twice = sold;
    twice.lines.push(retainer_line(
        "8",
        ("R2", "900.00"),
        ("2027-04-30", 3),
        ("5", "200.00"),
        &["consultant"],
    ));
    let found = check(&twice, &Default::default(), &config());
    assert!(found[0].detail.contains("retains a role on one day by R1 and by R2"), "{found:?}");
    twice.lines.last_mut().unwrap().recurrence.as_mut().unwrap().starts_on = "2027-05-01".parse().ok();
    assert_eq!(check(&twice, &Default::default(), &config()), []);
}

/// A retainer that has begun stays as it is; one to come may change, and one may be added that begins after the order.
#[test]
fn a_retainer_that_has_begun_stays() {
    let amended = |line: QuoteLine| second(|q| q.lines.push(line));
    let state = active(&selling(line()));
    let refused = refusals(&state, &amended(with(|r| r.hours = Some(12.into()))));
    assert!(refused.contains("retainer R1 has begun"), "{refused}");
    let plain = QuoteLine {
        recurrence: line().recurrence.map(|mut r| {
            r.retainer = None;
            r
        }),
        ..line()
    };
    assert!(refusals(&state, &amended(plain)).contains("retainer R1 has begun"));
    assert!(
        refusals(&active(&quote()), &amended(line())).contains("retainer R1 has begun"),
        "it begins before the order"
    );
    let coming = |hours: &str| {
        retainer_line("7", ("R1", "1500.00"), ("2026-12-01", 6), (hours, "200.00"), &["consultant"])
    };
    let later = active(&selling(coming("10")));
    let changes = order(&later, &amended(coming("12"))).changes;
    assert!(changes[0].to_string().starts_with("retainer R1: 600 min a period"), "{}", changes[0]);
    assert_eq!(order(&active(&quote()), &amended(coming("10"))).changes.len(), 2, "charge and retainer");
}

/// 9 of the 10 hours of November are drawn. Ended for the 24th, on the day of the order, November buys 24 of 30 days of
/// them, 8 hours: the ninth is beyond it, 200.00, which a person is told and nobody is billed with. Where 7 hours are drawn, or it
/// ends with the month, nothing is to be said.
#[test]
fn what_was_drawn_beyond_a_retainer_that_ends_is_told() {
    let ended = |day: &str| QuoteLine {
        recurrence: line().recurrence.map(|mut r| {
            r.ends_on = day.parse().ok();
            r
        }),
        ..line()
    };
    for (hours, last_day, due) in
        [(9, "2026-11-24", Some("200.00")), (7, "2026-11-24", None), (9, "2026-11-30", None)]
    {
        let mut told = Told::of(line());
        told.tell(&worked("1", "2026-11-03", hours * 60)).unwrap();
        assert_eq!(told.lines.len(), 0, "within the retainer");
        let order = order(&told.state, &second(|q| q.lines.push(ended(last_day))));
        let problem = order.overdrawn(&told.state).unwrap();
        assert_eq!(
            problem.as_ref().and_then(|p| p.at_stake),
            due.map(usd),
            "{hours} h, {last_day}: {problem:?}"
        );
        assert!(problem.is_none_or(|p| p.code == ProblemCode::RetainerOverdrawn));
    }
}

proptest! {
    /// In every period what was granted and carried in is drawn, forfeited or carried out; what was worked is drawn or
    /// beyond; nothing is below nothing.
    #[test]
    fn nothing_is_lost_or_made(
        grants in prop::collection::vec(0_i64..100, 1..8),
        worked in prop::collection::btree_map(0_u32..8, 0_i64..250, 0..8),
        periods in 0_u32..4, most in prop::option::of(0_i64..150),
    ) {
        let worked: BTreeMap<u32, Decimal> = worked.into_iter().map(|(n, m)| (n, m.into())).collect();
        let granted: Vec<Decimal> = grants.iter().map(|g| Decimal::from(*g)).collect();
        let rollover = (periods > 0).then_some(Rollover { periods, most: most.map(Decimal::from) });
        let all = balances(&granted, &worked, rollover);
        let mut before = Decimal::ZERO;
        for balance in &all {
            prop_assert_eq!(balance.carried_in, before);
            prop_assert_eq!(balance.granted + balance.carried_in, balance.drawn + balance.forfeited + balance.carried_out);
            prop_assert_eq!(balance.drawn + balance.overage, worked.get(&balance.period).copied().unwrap_or_default());
            prop_assert!(balance.overage.is_zero() || balance.carried_out + balance.forfeited == Decimal::ZERO);
            prop_assert!(balance.forfeited >= Decimal::ZERO && balance.overage >= Decimal::ZERO);
            prop_assert!(rollover.and_then(|r| r.most).is_none_or(|most| balance.carried_out <= most));
            before = balance.carried_out;
        }
        let sum = |of: fn(&Balance) -> Decimal| all.iter().map(of).sum::<Decimal>();
        prop_assert_eq!(sum(|b| b.granted), sum(|b| b.drawn) + sum(|b| b.forfeited), "at the end nothing is left");
        // More work in a period is never less beyond the balances, and not more than itself.
        for n in 0..u32::try_from(granted.len()).unwrap() {
            let mut more = worked.clone();
            *more.entry(n).or_default() += Decimal::from(7);
            let beyond: Decimal = balances(&granted, &more, rollover).iter().map(|b| b.overage).sum();
            let was = sum(|b| b.overage);
            prop_assert!(beyond >= was && beyond <= was + Decimal::from(7));
        }
    }

    /// Whatever the order of entries, within a month and across months, the lines come to the same.
    #[test]
    fn lines_add_up_to_the_same_in_any_order(
        entries in prop::collection::vec((0_usize..4, 1_u32..900, any::<u32>()), 1..20),
        rollover in 0_u32..3, most in prop::option::of(0_u32..12),
    ) {
        let terms = || with(|r| {
            r.rollover_periods = (rollover > 0).then_some(rollover);
            r.rollover_most = most.filter(|_| rollover > 0).map(Decimal::from);
        });
        let days = ["2026-11-03", "2026-12-31", "2027-01-01", "2027-02-28"];
        let mut shuffled: Vec<usize> = (0..entries.len()).collect();
        shuffled.sort_by_key(|n| entries[*n].2);
        let told = |order: &mut dyn Iterator<Item = usize>| {
            let mut told = Told::of(terms());
            for n in order {
                told.tell(&worked(&n.to_string(), days[entries[n].0], entries[n].1)).expect("is drawn");
            }
            told
        };
        let (one, other) = (told(&mut (0..entries.len())), told(&mut shuffled.into_iter()));
        prop_assert_eq!(one.sum(), other.sum());
        prop_assert_eq!(one.balances(), other.balances());
        prop_assert!(one.lines.iter().chain(&other.lines).all(|line| line.amount.is_positive()), "none is taken back");
        let due: Vec<Money> = one.balances().iter().map(|b| usd("200.00").times(b.overage / Decimal::from(60)).unwrap()).collect();
        prop_assert_eq!(one.sum(), Money::total(usd("0").currency(), due).unwrap());
    }
}
