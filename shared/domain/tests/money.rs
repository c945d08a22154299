//! Questions that are asked of an amount: nothing, more than nothing, more than another.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::money::{Currency, Money, MoneyError};
use domain::sample::usd;

fn euros(amount: &str) -> Money {
    Money::parse(amount, Currency::from_code("EUR").expect("EUR")).expect("amount")
}

/// A payment of nothing, or of less, must never pass for one.
#[test]
fn an_amount_is_nothing_more_or_less() {
    for (amount, zero, positive) in
        [("0.00", true, false), ("-0.00", true, false), ("0.01", false, true), ("-0.01", false, false)]
    {
        assert_eq!((usd(amount).is_zero(), usd(amount).is_positive()), (zero, positive), "{amount}");
    }
}

#[test]
fn an_amount_does_not_exceed_itself() {
    assert_eq!(usd("10.01").exceeds(usd("10.00")), Ok(true));
    assert_eq!(usd("10.00").exceeds(usd("10.00")), Ok(false));
    assert_eq!(usd("9.99").exceeds(usd("10.00")), Ok(false));
}

/// No sum, no difference, no comparison across currencies.
#[test]
fn nothing_is_done_across_currencies() {
    let (ours, theirs) = (usd("1.00"), euros("1.00"));
    let mixed = MoneyError::CurrencyMismatch(ours.currency(), theirs.currency());
    assert_eq!(ours.plus(theirs), Err(mixed.clone()));
    assert_eq!(ours.minus(theirs), Err(mixed.clone()));
    assert_eq!(ours.exceeds(theirs), Err(mixed.clone()));
    assert_eq!(Money::total(ours.currency(), [ours, theirs]), Err(mixed));
}

/// The order of sorted lists and keys; every comparison must agree with it.
#[test]
fn currencies_sort_by_their_code() {
    let (eur, usd) = (euros("0.00").currency(), usd("0.00").currency());
    assert_eq!(eur.partial_cmp(&usd), Some(std::cmp::Ordering::Less));
    assert_eq!(usd.partial_cmp(&eur), Some(std::cmp::Ordering::Greater));
    assert_eq!(eur.cmp(&eur), std::cmp::Ordering::Equal);
}
