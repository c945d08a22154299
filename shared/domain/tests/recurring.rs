//! Periods of recurring charges: from which day to which, what each costs and when it is due, computed by hand.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::contract::{ChargeTiming, Period, RecurringCharge};
use domain::money::{Currency, Money};
use domain::sample::usd;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn charge(fee: Money, period: Period, starts_on: Date, term: u32) -> RecurringCharge {
    RecurringCharge {
        key: "S1".into(),
        name: "Managed support".into(),
        service: "SUPPORT".into(),
        quote_line: "5".into(),
        fee,
        period,
        starts_on,
        term,
        timing: ChargeTiming::Arrears,
        aligned: false,
        ends_on: None,
    }
}

fn aligned(fee: Money, period: Period, starts_on: Date, term: u32) -> RecurringCharge {
    RecurringCharge { aligned: true, ..charge(fee, period, starts_on, term) }
}

/// First day, last day and amount of each period.
fn said(charge: &RecurringCharge) -> Vec<String> {
    let periods = charge.periods().expect("adds up");
    periods.iter().map(|p| format!("{} {} {}", p.from, p.last_day(), p.amount.amount())).collect()
}

fn due(charge: &RecurringCharge) -> Vec<String> {
    charge.periods().expect("adds up").iter().map(|p| p.due_on.to_string()).collect()
}

fn money(amount: &str, currency: &str) -> Money {
    Money::parse(amount, Currency::from_code(currency).unwrap()).unwrap()
}

/// Proves BIL-05 in part: a month, a quarter and a year from a day on; in advance on the first day of each, in
/// arrears on the day after its last.
#[test]
fn periods_follow_each_other_without_a_gap() {
    let mut monthly = charge(usd("1500.00"), Period::Monthly, date(2027, 4, 1), 2);
    assert_eq!(said(&monthly), ["2027-04-01 2027-04-30 1500.00", "2027-05-01 2027-05-31 1500.00"]);
    assert_eq!(due(&monthly), ["2027-05-01", "2027-06-01"]);
    monthly.timing = ChargeTiming::Advance;
    assert_eq!(due(&monthly), ["2027-04-01", "2027-05-01"]);
    let quarterly = charge(usd("4500.00"), Period::Quarterly, date(2026, 11, 15), 2);
    assert_eq!(said(&quarterly), ["2026-11-15 2027-02-14 4500.00", "2027-02-15 2027-05-14 4500.00"]);
    let yearly = charge(usd("18000.00"), Period::Yearly, date(2027, 7, 1), 2);
    assert_eq!(said(&yearly), ["2027-07-01 2028-06-30 18000.00", "2028-07-01 2029-06-30 18000.00"]);
    assert_eq!(yearly.value().unwrap(), usd("36000.00"));
}

/// From the 31st of January: the 28th of February (29th in a leap year), the 31st of March. Each is counted from the
/// first day, so the shorter month does not move those after it.
#[test]
fn what_starts_at_a_months_end_stays_there() {
    let common = charge(usd("100.00"), Period::Monthly, date(2027, 1, 31), 3);
    assert_eq!(
        said(&common),
        ["2027-01-31 2027-02-27 100.00", "2027-02-28 2027-03-30 100.00", "2027-03-31 2027-04-29 100.00"]
    );
    let leap = charge(usd("100.00"), Period::Monthly, date(2028, 1, 31), 2);
    assert_eq!(said(&leap), ["2028-01-31 2028-02-28 100.00", "2028-02-29 2028-03-30 100.00"]);
    let leap_day = charge(usd("1200.00"), Period::Yearly, date(2028, 2, 29), 5);
    let firsts: Vec<String> = leap_day.periods().unwrap().iter().map(|p| p.from.to_string()).collect();
    assert_eq!(firsts, ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]);
}

/// Aligned to the calendar month from the 15th of January, two months: 17 of 31 days, February, 14 of 31 days.
/// 1,500.00 × 17 ÷ 31 = 822.580… = 822.58 and 1,500.00 × 14 ÷ 31 = 677.419… = 677.42; with 1,500.00 between them
/// 3,000.00 = 2 × 1,500.00.
#[test]
fn a_part_of_a_month_is_charged_by_the_day() {
    let sold = aligned(usd("1500.00"), Period::Monthly, date(2027, 1, 15), 2);
    assert_eq!(
        said(&sold),
        ["2027-01-15 2027-01-31 822.58", "2027-02-01 2027-02-28 1500.00", "2027-03-01 2027-03-14 677.42"]
    );
    assert_eq!(due(&sold), ["2027-02-01", "2027-03-01", "2027-03-15"]);
    assert_eq!(sold.value().unwrap(), usd("3000.00"));
    let parts: Vec<_> =
        sold.periods().unwrap().iter().map(|p| p.prorated.map(|part| (part.days, part.of))).collect();
    assert_eq!(parts, [Some((17, 31)), None, Some((14, 31))]);
    // From the first of a month there is nothing to prorate.
    let whole = aligned(usd("1500.00"), Period::Monthly, date(2027, 1, 1), 2);
    assert_eq!(said(&whole), said(&charge(usd("1500.00"), Period::Monthly, date(2027, 1, 1), 2)));
}

/// February 2027 has 28 days, February 2028 has 29: from the 15th, 14 ÷ 28 = 50.00 and 15 ÷ 29 of 100.00 = 51.72.
/// A leap day alone is 1 ÷ 29 of 100.00 = 3.45; the year it ends in has no such day, so its last part is 27 ÷ 28.
#[test]
fn a_leap_day_is_a_day() {
    let first = |starts_on| said(&aligned(usd("100.00"), Period::Monthly, starts_on, 1)).remove(0);
    assert_eq!(first(date(2027, 2, 15)), "2027-02-15 2027-02-28 50.00");
    assert_eq!(first(date(2028, 2, 15)), "2028-02-15 2028-02-29 51.72");
    assert_eq!(first(date(2028, 2, 29)), "2028-02-29 2028-02-29 3.45");
    let year = aligned(usd("366.00"), Period::Yearly, date(2028, 2, 29), 1);
    // 2028 has 307 days from the 29th of February on; 2029 has 58 until the 27th, and 366 × 58 ÷ 365 = 58.16.
    assert_eq!(said(&year), ["2028-02-29 2028-12-31 307.00", "2029-01-01 2029-02-27 58.16"]);
}

/// Aligned quarters and years are those of the calendar. From the 15th of November: 47 of the 92 days of the last
/// quarter, then whole ones, then 45 of the 90 days until the 14th of February.
#[test]
fn aligned_quarters_and_years_are_the_calendars() {
    let quarters = aligned(usd("9200.00"), Period::Quarterly, date(2026, 11, 15), 1);
    assert_eq!(said(&quarters), ["2026-11-15 2026-12-31 4700.00", "2027-01-01 2027-02-14 4500.00"]);
    // 4,700.00 + 4,600.00 would be 9,300.00: parts of quarters of 92 and 90 days. No more than 9,200.00 was sold.
    let days = Decimal::from(45) * Decimal::from(9_200) / Decimal::from(90);
    assert_eq!(Money::rounded(days, usd("0").currency()), usd("4600.00"));
    assert_eq!(quarters.value().unwrap(), usd("9200.00"));
    let years = aligned(usd("36500.00"), Period::Yearly, date(2027, 7, 1), 2);
    assert_eq!(
        said(&years),
        [
            "2027-07-01 2027-12-31 18400.00",
            "2028-01-01 2028-12-31 36500.00",
            // 182 of 366 days are 18,150.27.
            "2029-01-01 2029-06-30 18100.00"
        ]
    );
}

/// A charge that ends on the 10th of May bills 10 of its 31 days: 1,500.00 × 10 ÷ 31 = 483.87. In arrears it is due
/// on the day after.
#[test]
fn a_charge_that_ends_early_bills_its_last_days() {
    let ended = RecurringCharge {
        ends_on: Some(date(2027, 5, 10)),
        ..charge(usd("1500.00"), Period::Monthly, date(2027, 4, 1), 12)
    };
    assert_eq!(said(&ended), ["2027-04-01 2027-04-30 1500.00", "2027-05-01 2027-05-10 483.87"]);
    assert_eq!(due(&ended), ["2027-05-01", "2027-05-11"]);
    assert_eq!(ended.value().unwrap(), usd("1983.87"));
    let at_the_end = RecurringCharge { ends_on: Some(date(2027, 4, 30)), ..ended.clone() };
    assert_eq!(said(&at_the_end), ["2027-04-01 2027-04-30 1500.00"]);
    // An end after the term changes nothing.
    let after = RecurringCharge { ends_on: Some(date(2030, 1, 1)), ..ended };
    assert_eq!(after.periods().unwrap().len(), 12);
}

/// A yen has no part, a dinar has a thousand: 10,000 × 17 ÷ 31 = 5,483.87 = 5,484 JPY, the rest is 4,516 JPY;
/// 100.000 × 17 ÷ 31 = 54.838709 = 54.839 KWD, the rest is 45.161 KWD.
#[test]
fn parts_are_rounded_to_the_minor_unit_of_their_currency() {
    let yen = aligned(money("10000", "JPY"), Period::Monthly, date(2027, 1, 15), 2);
    assert_eq!(
        said(&yen),
        ["2027-01-15 2027-01-31 5484", "2027-02-01 2027-02-28 10000", "2027-03-01 2027-03-14 4516"]
    );
    let dinar = aligned(money("100.000", "KWD"), Period::Monthly, date(2027, 1, 15), 2);
    assert_eq!(said(&dinar)[0], "2027-01-15 2027-01-31 54.839");
    assert_eq!(dinar.value().unwrap(), money("200.000", "KWD"));
}

/// Halves are rounded away from zero once: 0.01 × 15 ÷ 30 = 0.005 = 0.01, and the other half finds nothing left.
#[test]
fn two_halves_of_a_cent_are_one_cent() {
    let cent = aligned(usd("0.01"), Period::Monthly, date(2027, 4, 16), 12);
    assert_eq!(cent.value().unwrap(), usd("0.12"));
    let periods = cent.periods().unwrap();
    let parts = (periods[0].amount, periods[12].amount);
    assert_eq!(
        (periods[0].prorated.map(|p| (p.days, p.of)), parts),
        (Some((15, 30)), (usd("0.01"), usd("0.00")))
    );
}

/// The night in which clocks are changed belongs to one day: a period begins when the day begins where the business
/// counts its days, and the day of 23 hours is charged like any other.
#[test]
fn a_day_of_23_hours_is_a_day() {
    let spring = aligned(usd("310.00"), Period::Monthly, date(2027, 3, 14), 1);
    assert_eq!(said(&spring)[0], "2027-03-14 2027-03-31 180.00");
    let zone = TimeZone::get("America/New_York").unwrap();
    let day = |moment: &str| moment.parse::<Timestamp>().unwrap().to_zoned(zone.clone()).date();
    assert_eq!(day("2027-03-14T04:59:59Z"), date(2027, 3, 13));
    assert_eq!(day("2027-03-14T05:00:00Z"), date(2027, 3, 14));
    assert_eq!(day("2027-03-15T03:59:59Z"), date(2027, 3, 14), "an hour was left out");
}

/// Across the end of a year, and a term that no calendar has.
#[test]
fn a_year_ends_and_the_calendar_does() {
    let winter = charge(usd("100.00"), Period::Monthly, date(2027, 12, 31), 2);
    assert_eq!(said(&winter), ["2027-12-31 2028-01-30 100.00", "2028-01-31 2028-02-28 100.00"]);
    let endless = charge(usd("100.00"), Period::Yearly, date(9990, 1, 1), 20);
    assert_eq!(endless.last_day(), None);
}

proptest! {
    /// Proves BIL-05 in part: whatever is sold, periods cover each day from the first to the last once, whole ones cost
    /// the fee, the others what their days are of it, and all of them no more than fee × term.
    #[test]
    fn periods_cover_each_day_once(
        cents in 1i64..10_000_000, term in 1u32..40, day in 0i32..1_500, is_aligned: bool,
        cut in prop::option::of(0i32..1_500),
        period in prop::sample::select(vec![Period::Monthly, Period::Quarterly, Period::Yearly]),
        timing in prop::sample::select(vec![ChargeTiming::Advance, ChargeTiming::Arrears]),
    ) {
        let fee = Money::from_minor_units(cents, usd("0").currency()).unwrap();
        let starts_on = date(2026, 1, 1).checked_add(Span::new().days(day)).unwrap();
        let ends_on = cut.map(|days| starts_on.checked_add(Span::new().days(days)).unwrap());
        let sold = RecurringCharge {
            timing, aligned: is_aligned, ends_on, ..charge(fee, period, starts_on, term)
        };
        let periods = sold.periods().unwrap();
        let months = i64::from(term * period.months());
        let end = starts_on.checked_add(Span::new().months(months)).unwrap();
        let end = ends_on.map_or(end, |day| end.min(day.tomorrow().unwrap()));
        prop_assert_eq!(periods.first().map(|p| p.from), Some(starts_on));
        prop_assert_eq!(periods.last().map(|p| p.until), Some(end));
        for pair in periods.windows(2) {
            prop_assert_eq!(pair[0].until, pair[1].from);
            prop_assert_eq!(pair[0].index + 1, pair[1].index);
        }
        let last = periods.len() - 1;
        for (number, p) in periods.iter().enumerate() {
            let days = (p.until - p.from).get_days();
            prop_assert!(days >= 1);
            prop_assert_eq!(p.due_on, if timing == ChargeTiming::Advance { p.from } else { p.until });
            prop_assert!(p.prorated.is_none() || number == 0 || number == last);
            prop_assert!(is_aligned || p.prorated.is_none() || number == last);
            match p.prorated {
                None => prop_assert!(p.amount == fee || number == last),
                Some(part) => {
                    prop_assert_eq!(part.days, u32::try_from(days).unwrap());
                    let counted = fee.amount() * Decimal::from(part.days) / Decimal::from(part.of);
                    let counted = Money::rounded(counted, fee.currency());
                    prop_assert!(p.amount == counted || (number == last && counted.exceeds(p.amount).unwrap()));
                }
            }
        }
        let value = sold.value().unwrap();
        prop_assert!(!value.exceeds(fee.times(term.into()).unwrap()).unwrap());
        prop_assert!(is_aligned || cut.is_some() || value == fee.times(term.into()).unwrap());
    }
}
