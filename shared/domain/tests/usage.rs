//! Recorded usage: worked examples, and what holds for every order of records.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::billing::{BillableLine, Evidence, line_of};
use domain::billing_event::BillingEventType;
use domain::decision::{Condition, Decision, Effects};
use domain::engagement::{Engagement, EngagementStatus};
use domain::invoice::assemble;
use domain::money::{Currency, Money};
use domain::problem::{Problem, ProblemCode};
use domain::quote::Quote;
use domain::sample::{active, quote, usage, usage_line, usd};
use domain::usage::{USAGE, UsageRecord, UsageTerms, UsageTier, usage_of, usage_recorded};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::Decimal;

const TODAY: Date = date(2027, 6, 1);

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a number")
}

/// A month: 100 free, then 1,000 at 0.50, up to 5,000 at 0.40, the rest at 0.30.
fn tiered() -> Quote {
    let tiers = [(Some("1000"), "0.50"), (Some("5000"), "0.40"), (None, "0.30")];
    let mut sold = quote();
    sold.lines.push(usage_line("8", ("U1", "api-calls"), ("2026-11-01", 12), "100", &tiers));
    sold
}

fn terms(allowance: &str, tiers: &[(Option<&str>, &str)], starts_on: Date, term: u32) -> UsageTerms {
    UsageTerms {
        key: "U1".into(),
        name: "API calls".into(),
        meter: "api-calls".into(),
        service: "METERED".into(),
        quote_line: "8".into(),
        tiers: tiers
            .iter()
            .map(|(up_to, price)| UsageTier { up_to: up_to.map(decimal), unit_price: decimal(price) })
            .collect(),
        allowance: decimal(allowance),
        starts_on,
        term,
    }
}

/// An engagement with what was billed of its usage.
struct Told {
    state: Engagement,
    lines: Vec<BillableLine>,
}

impl Told {
    fn of(quote: &Quote) -> Self {
        Self { state: active(quote), lines: vec![] }
    }

    fn tell(&mut self, record: &UsageRecord) -> Result<Effects, Problem> {
        match usage_recorded(Some(&self.state), record, TODAY) {
            Decision::Apply(effects) => {
                self.state = effects.state.clone().expect("usage is shared state");
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
        Money::total(self.state.contract.currency, self.lines.iter().map(|l| l.amount)).expect("a sum")
    }
}

/// Proves EVT-13 and CAN-18 in part: a record is a line of what was sold, which names record, month and what the month comes to.
/// 500 of the month, 100 of them free: 400 × 0.50 = 200.00.
#[test]
fn recorded_usage_is_a_line_of_what_was_sold() {
    let mut told = Told::of(&tiered());
    let record = usage("a", "api-calls", "2026-11-03", "500");
    let effects = told.tell(&record).unwrap();
    let line = &told.lines[0];
    assert_eq!((line.amount, line.earned_on), (usd("200.00"), date(2026, 11, 3)));
    assert_eq!((line.quote_line.as_str(), line.service.as_str(), line.contract_version), ("8", "METERED", 1));
    assert_eq!(line.line, line_of("kantata-main", USAGE, "a"));
    assert_eq!(BillingEventType::from(line), BillingEventType::UsageAdjustment);
    let Evidence::Usage { record: evidence, terms, month, before, after, .. } = &line.evidence else {
        panic!()
    };
    assert_eq!(
        (evidence, terms.as_str(), month.from, month.until),
        (&record, "U1", date(2026, 11, 1), date(2026, 12, 1))
    );
    assert_eq!((*before, *after), (usd("0.00"), usd("200.00")));
    let [counted] = &effects.usage[..] else { panic!("one record") };
    assert_eq!((&counted.usage, &counted.record), (&usage_of("kantata-main", "a"), &record));
    assert_eq!((&counted.line, counted.rated.quantity), (&Some(line.line.clone()), decimal("500")));
    assert_eq!(effects.events.len(), 1, "it is ready");
}

/// Proves BIL-12 in part. One record that uses up the allowance and crosses two boundaries: of 6,350 are 100 free,
/// 1,000 × 0.50 + 4,000 × 0.40 + 1,250 × 0.30 = 500 + 1,600 + 375 = 2,475.00.
#[test]
fn tiers_are_crossed_within_a_record() {
    let mut told = Told::of(&tiered());
    told.tell(&usage("a", "api-calls", "2026-11-03", "6350")).unwrap();
    assert_eq!(told.amounts(), ["2475.00"]);
    // The boundaries themselves belong to the tier before them: 1,100 and 5,100 used.
    let sold =
        terms("100", &[(Some("1000"), "0.50"), (Some("5000"), "0.40"), (None, "0.30")], date(2026, 11, 1), 1);
    let price = |quantity: &str| sold.price(decimal(quantity), usd("0").currency()).unwrap();
    assert_eq!((price("1100"), price("1101")), (usd("500.00"), usd("500.40")));
    assert_eq!((price("5100"), price("5101")), (usd("2100.00"), usd("2100.30")));
}

/// The allowance covers 60 and then 40 of the next 90: 50 × 0.50 = 25.00. What is within it makes no line, and is
/// counted all the same. The next month has an allowance of its own.
#[test]
fn an_allowance_is_used_up_within_a_record() {
    let mut told = Told::of(&tiered());
    let free = told.tell(&usage("a", "api-calls", "2026-11-03", "60")).unwrap();
    assert_eq!((free.lines.len(), free.events.len(), free.usage.len()), (0, 0, 1));
    assert_eq!(free.usage[0].line, None);
    assert_eq!(told.state.usage["U1"][&0].quantity, decimal("60"));
    told.tell(&usage("b", "api-calls", "2026-11-20", "90")).unwrap();
    told.tell(&usage("c", "api-calls", "2026-12-01", "100")).unwrap();
    assert_eq!(told.amounts(), ["25.00"]);
    assert_eq!(told.state.usage["U1"][&1].rated, usd("0.00"));
}

/// A month is rounded once, not a record: at 0.0005, nine records of one are 0.0045, which is 0.00, and the tenth
/// makes 0.005, which is 0.01. Twenty are 0.01, of which each half would be 0.01 alone.
#[test]
fn a_month_is_rounded_once() {
    let mut sold = quote();
    sold.lines.push(usage_line("8", ("U1", "api-calls"), ("2026-11-01", 1), "0", &[(None, "0.0005")]));
    let mut told = Told::of(&sold);
    for n in 0..20 {
        told.tell(&usage(&n.to_string(), "api-calls", "2026-11-03", "1")).unwrap();
    }
    assert_eq!(told.amounts(), ["0.01"]);
    assert_eq!(told.lines[0].line, line_of("kantata-main", USAGE, "9"));
}

/// Yen have no minor unit: 3 × 0.5 = 1.5, halves away from nought, is 2. Dinars have three places: 1.5 × 0.333 =
/// 0.4995, which is 0.500, and 0.000001 × 0.000001 is nothing.
#[test]
fn currencies_keep_their_minor_unit() {
    for (quantity, price, currency, due) in [
        ("3", "0.5", "JPY", "2"),
        ("2.5", "0.2", "JPY", "1"),
        ("1.5", "0.333", "KWD", "0.500"),
        ("1.5", "0.3329", "KWD", "0.499"),
        ("0.000001", "0.000001", "KWD", "0.000"),
        ("999999999999.999999", "0.000001", "USD", "1000000.00"),
        ("123456789", "0.0004", "USD", "49382.72"),
    ] {
        let sold = terms("0", &[(None, price)], date(2026, 11, 1), 1);
        let currency = Currency::from_code(currency).unwrap();
        assert_eq!(
            sold.price(decimal(quantity), currency),
            Ok(Money::parse(due, currency).unwrap()),
            "{quantity} × {price}"
        );
    }
    let dear = terms("0", &[(None, "1000000000")], date(2026, 11, 1), 1);
    assert!(
        dear.price(decimal("1000000000000"), usd("0").currency()).is_err(),
        "more than can be counted exactly"
    );
}

/// A correction takes back at the prices of what is left: 1,200 are 500.00 + 100 × 0.40 = 540.00, 900 are 800 × 0.50 =
/// 400.00, so 140.00 less.
#[test]
fn a_correction_is_a_negative_line() {
    let mut told = Told::of(&tiered());
    told.tell(&usage("a", "api-calls", "2026-11-03", "1200")).unwrap();
    let back = UsageRecord { corrects: Some("a".into()), ..usage("b", "api-calls", "2026-11-03", "-300") };
    told.tell(&back).unwrap();
    assert_eq!(told.amounts(), ["540.00", "-140.00"]);
    told.tell(&usage("c", "api-calls", "2026-11-04", "50")).unwrap();
    let printed = assemble(usd("0").currency(), &told.lines).unwrap();
    let shown: Vec<(&str, String)> =
        printed.iter().map(|l| (l.description.as_str(), l.amount.amount().to_string())).collect();
    assert_eq!(
        shown,
        [
            ("Correction, API calls, 2026-11-03: -300 api-calls", "-140.00".to_owned()),
            ("API calls, 2026-11-01 to 2026-11-30: 1250 api-calls", "565.00".to_owned()),
        ]
    );
    assert_eq!(printed[1].lines.len(), 2, "what is billed of a month is one printed line");
}

/// Months begin so many months after the first day: what starts on 31 January has months from 31 January, 29 February
/// in a leap year, and 31 March. The last day of a month belongs to it, the next one to the next.
#[test]
fn months_are_anchored_to_the_first_day() {
    let sold = terms("0", &[(None, "1")], date(2028, 1, 31), 3);
    let begins: Vec<String> = (0..4).filter_map(|n| sold.month_at(n)).map(|m| m.from.to_string()).collect();
    assert_eq!(begins, ["2028-01-31", "2028-02-29", "2028-03-31"]);
    let month = |day: Date| sold.month_of(day).map(|m| m.index);
    assert_eq!(month(date(2028, 1, 30)), None);
    assert_eq!((month(date(2028, 1, 31)), month(date(2028, 2, 28))), (Some(0), Some(0)));
    assert_eq!((month(date(2028, 2, 29)), month(date(2028, 3, 30))), (Some(1), Some(1)));
    assert_eq!((month(date(2028, 3, 31)), month(date(2028, 4, 29))), (Some(2), Some(2)));
    assert_eq!(month(date(2028, 4, 30)), None, "the term is over");
    assert_eq!(
        (sold.begun_on(date(2028, 2, 28)), sold.begun_on(date(2028, 2, 29)), sold.begun_on(date(2030, 1, 1))),
        (1, 2, 3)
    );
    let common = terms("0", &[(None, "1")], date(2027, 1, 31), 2);
    assert_eq!(common.month_of(date(2027, 2, 28)).map(|m| m.index), Some(1));
}

/// Proves WFC-02 in part: what can't be counted waits for a person, with what is at stake where that is known. 50 in a
/// month of its own are within the allowance; 300 are 200 × 0.50 = 100.00.
#[test]
fn what_cannot_be_counted_waits_for_a_person() {
    let mut told = Told::of(&tiered());
    told.tell(&usage("first", "api-calls", "2026-11-03", "300")).unwrap();
    let before = told.state.clone();
    let back = |id: &str, quantity: &str, corrects: Option<&str>| UsageRecord {
        corrects: corrects.map(str::to_owned),
        ..usage(id, "api-calls", "2026-11-05", quantity)
    };
    for (record, code, stake) in [
        (usage("1", "storage", "2026-11-03", "1"), ProblemCode::UsageNotSold, None),
        (usage("2", "api-calls", "2026-10-31", "300"), ProblemCode::UsageOutsideTerm, Some(usd("100.00"))),
        (usage("3", "api-calls", "2027-11-01", "50"), ProblemCode::UsageOutsideTerm, None),
        (usage("4", "api-calls", "2027-06-02", "300"), ProblemCode::UsageOutsideTerm, Some(usd("100.00"))),
        (usage("5", "api-calls", "2026-11-03", "0.0000001"), ProblemCode::UsageInvalid, None),
        (back("6", "-1", None), ProblemCode::UsageInvalid, None),
        (back("7", "-1", Some("7")), ProblemCode::UsageInvalid, None),
        (back("8", "-301", Some("first")), ProblemCode::UsageBelowZero, Some(usd("100.00"))),
        (
            usage("9", "api-calls", "2026-11-03", "79228162514264337593543950335"),
            ProblemCode::UsageInvalid,
            None,
        ),
    ] {
        let problem = told.tell(&record).expect_err(&record.record);
        assert_eq!((problem.code, problem.at_stake), (code, stake), "{problem}");
    }
    assert_eq!(told.state, before);
    told.tell(&back("10", "-300", Some("first"))).unwrap();
    assert_eq!((told.sum(), told.state.usage["U1"][&0].quantity), (usd("0.00"), decimal("0")));
}

/// Early usage waits for its engagement; of one that was withdrawn nothing is counted.
#[test]
fn usage_waits_for_its_engagement() {
    let record = usage("a", "api-calls", "2026-11-03", "500");
    let early = Decision::Park(Condition::EngagementActive);
    assert_eq!(usage_recorded(None, &record, TODAY), early);
    let activating = Engagement { status: EngagementStatus::Activating, ..active(&tiered()) };
    assert_eq!(usage_recorded(Some(&activating), &record, TODAY), early);
    let withdrawn = Engagement { status: EngagementStatus::Withdrawn, ..activating };
    assert!(
        matches!(usage_recorded(Some(&withdrawn), &record, TODAY), Decision::Hold(p) if p.code == ProblemCode::IllegalEvent)
    );
}

/// Worked out another way than the product does: unit by unit, in thousandths.
fn unit_by_unit(quantity: u64) -> u64 {
    (100..quantity)
        .map(|n| match n - 100 {
            0..1000 => 500,
            1000..5000 => 400,
            _ => 300,
        })
        .sum()
}

proptest! {
    /// The lines of a month add up to the price of its quantity, whatever the order of its records; what one adds
    /// and another takes back is nothing.
    #[test]
    fn lines_add_up_to_the_price_of_the_month(
        quantities in prop::collection::vec((0_u64..3_000, any::<u32>()), 1..25),
        taken_back in 0_usize..25,
    ) {
        let record = |n: usize, quantity: u64| usage(&n.to_string(), "api-calls", "2026-11-03", &quantity.to_string());
        let mut in_order = Told::of(&tiered());
        for (n, (quantity, _)) in quantities.iter().enumerate() {
            in_order.tell(&record(n, *quantity)).expect("is counted");
        }
        let mut shuffled: Vec<usize> = (0..quantities.len()).collect();
        shuffled.sort_by_key(|n| quantities[*n].1);
        let mut other = Told::of(&tiered());
        for n in shuffled {
            other.tell(&record(n, quantities[n].0)).expect("is counted");
        }
        let whole: u64 = quantities.iter().map(|(quantity, _)| quantity).sum();
        let due = Money::rounded(Decimal::new(i64::try_from(unit_by_unit(whole)).unwrap(), 3), usd("0").currency());
        prop_assert_eq!(in_order.sum(), due);
        prop_assert_eq!(other.sum(), due);
        prop_assert_eq!(&other.state.usage, &in_order.state.usage);
        let gone = taken_back % quantities.len();
        let quantity = quantities[gone].0;
        let back = UsageRecord {
            quantity: -Decimal::from(quantity),
            corrects: Some(gone.to_string()),
            ..record(99, 0)
        };
        other.tell(&back).expect("is counted");
        let left = Money::rounded(Decimal::new(i64::try_from(unit_by_unit(whole - quantity)).unwrap(), 3), usd("0").currency());
        prop_assert_eq!(other.sum(), left);
    }

    /// More never costs less, and no month costs less than nothing.
    #[test]
    fn a_month_never_costs_less_by_more(
        allowance in 0_i64..5_000_000, ends in prop::collection::btree_set(1_i64..9_000_000, 0..4),
        prices in prop::collection::vec(0_i64..5_000_000, 5), quantity in 0_i64..90_000_000, more in 0_i64..9_000_000,
    ) {
        let micro = |n: i64| Decimal::new(n, 6);
        let open = UsageTier { up_to: None, unit_price: micro(prices[4]) };
        let tiers = ends.iter().zip(&prices).map(|(end, price)| UsageTier { up_to: Some(micro(*end)), unit_price: micro(*price) });
        let sold = UsageTerms { tiers: tiers.chain([open]).collect(), allowance: micro(allowance), ..terms("0", &[], date(2026, 11, 1), 1) };
        prop_assert_eq!(sold.flaw(), None);
        let price = |n: i64| sold.price(micro(n), usd("0").currency()).expect("fits");
        prop_assert!(!price(quantity).exceeds(price(quantity + more)).expect("same currency"));
        prop_assert!(price(0).is_zero());
    }

    /// Each day of a term belongs to exactly one month, and none outside it to any.
    #[test]
    fn months_cover_the_term(start in 0_i64..3_000, term in 1_u32..40, day in -100_i64..2_000) {
        let starts_on = date(2026, 1, 1).checked_add(jiff::Span::new().days(start)).expect("a day");
        let sold = terms("0", &[(None, "1")], starts_on, term);
        let day = starts_on.checked_add(jiff::Span::new().days(day)).expect("a day");
        let months: Vec<_> = (0..term).filter_map(|n| sold.month_at(n)).filter(|m| m.from <= day && day < m.until).collect();
        let within = starts_on <= day && day < sold.ends_before().expect("an end");
        prop_assert_eq!(months.len(), usize::from(within));
        prop_assert_eq!(sold.month_of(day), months.first().copied());
    }
}
