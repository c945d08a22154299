//! Money: a decimal amount in an ISO 4217 currency, never a float.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Currency(#[schemars(with = "String")] iso_currency::Currency);

impl Currency {
    /// The currency of a three-letter code; case does not matter, because products differ in it.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] when ISO 4217 has no such code.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(&code.to_ascii_uppercase())
            .map(Self)
            .ok_or_else(|| MoneyError::UnknownCurrency(code.to_owned()))
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of the minor unit (USD 2, JPY 0, KWD 3).
    #[must_use]
    pub fn exponent(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why an amount could not be made or combined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// ISO 4217 has no such code.
    #[error("`{0}` is not an ISO 4217 currency code")]
    UnknownCurrency(String),
    /// Two currencies were mixed; nothing here converts.
    #[error("amounts in {0} and {1} cannot be combined")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit a decimal of 96 bits.
    #[error("the amount is too large")]
    Overflow,
    /// Not a decimal number.
    #[error("`{0}` is not a decimal amount")]
    NotAnAmount(String),
    /// More decimal places than the currency has.
    #[error("{0} has more decimal places than {1} allows")]
    TooPrecise(Decimal, Currency),
}

/// An amount in the major unit of its currency, held to the currency's minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawMoney", into = "RawMoney")]
#[schemars(with = "RawMoney")]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

/// `{"amount": "1100.00", "currency": "USD"}`
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Money")]
struct RawMoney {
    /// Decimal in the currency's major unit, as text.
    #[schemars(with = "String")]
    amount: Decimal,
    /// ISO 4217 code.
    currency: Currency,
}

impl From<Money> for RawMoney {
    fn from(m: Money) -> Self {
        Self { amount: m.amount, currency: m.currency }
    }
}

impl TryFrom<RawMoney> for Money {
    type Error = MoneyError;
    fn try_from(raw: RawMoney) -> Result<Self, MoneyError> {
        Self::exact(raw.amount, raw.currency)
    }
}

impl Money {
    /// Nothing, in a currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self::rounded(Decimal::ZERO, currency)
    }

    /// An amount that must fit the currency's minor unit.
    ///
    /// # Errors
    /// [`MoneyError::TooPrecise`] when rounding would be needed.
    pub fn exact(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let money = Self::rounded(amount, currency);
        if money.amount == amount { Ok(money) } else { Err(MoneyError::TooPrecise(amount, currency)) }
    }

    /// An amount rounded to the minor unit, halves away from zero: the commercial rounding
    /// that invoices and the ERP's own lines use.
    #[must_use]
    pub fn rounded(amount: Decimal, currency: Currency) -> Self {
        let mut amount =
            amount.round_dp_with_strategy(currency.exponent(), RoundingStrategy::MidpointAwayFromZero);
        amount.rescale(currency.exponent());
        Self { amount, currency }
    }

    /// Reads an amount as a product writes it (`"1100.00"`).
    ///
    /// # Errors
    /// When it is no decimal, or finer than the currency's minor unit.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let parsed =
            amount.trim().parse::<Decimal>().map_err(|_| MoneyError::NotAnAmount(amount.to_owned()))?;
        Self::exact(parsed, currency)
    }

    /// An amount given in minor units (cents), as payment products send it.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] beyond 96 bits.
    pub fn from_minor_units(units: i64, currency: Currency) -> Result<Self, MoneyError> {
        Decimal::try_from_i128_with_scale(i128::from(units), currency.exponent())
            .map(|amount| Self::rounded(amount, currency))
            .map_err(|_| MoneyError::Overflow)
    }

    /// The amount in minor units.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] beyond 64 bits.
    pub fn minor_units(self) -> Result<i64, MoneyError> {
        i64::try_from(self.amount.mantissa()).map_err(|_| MoneyError::Overflow)
    }

    /// The amount in the major unit.
    #[must_use]
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// Its currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is exactly nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.amount.is_zero()
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.amount.is_sign_positive() && !self.amount.is_zero()
    }

    /// Sum.
    ///
    /// # Errors
    /// When the currencies differ or the sum overflows.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let sum = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self::rounded(sum, self.currency))
    }

    /// Difference.
    ///
    /// # Errors
    /// When the currencies differ or the difference overflows.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let difference = self.amount.checked_sub(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self::rounded(difference, self.currency))
    }

    /// Times a quantity, rounded to the minor unit once.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn times(self, quantity: Decimal) -> Result<Self, MoneyError> {
        let product = self.amount.checked_mul(quantity).ok_or(MoneyError::Overflow)?;
        Ok(Self::rounded(product, self.currency))
    }

    /// So many percent of it, rounded to the minor unit once.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn percent(self, percent: Decimal) -> Result<Self, MoneyError> {
        let product = self.amount.checked_mul(percent).ok_or(MoneyError::Overflow)?;
        Ok(Self::rounded(product / Decimal::ONE_HUNDRED, self.currency))
    }

    /// Whether it exceeds another amount of the same currency.
    ///
    /// # Errors
    /// When the currencies differ.
    pub fn exceeds(self, other: Self) -> Result<bool, MoneyError> {
        self.same_currency(other)?;
        Ok(self.amount > other.amount)
    }

    /// Sum of many, zero for none.
    ///
    /// # Errors
    /// As [`Money::plus`].
    pub fn total(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd() -> Currency {
        Currency::from_code("usd").expect("USD")
    }

    #[test]
    fn halves_round_away_from_zero() {
        let tenth = |s: &str| Money::rounded(s.parse().expect("decimal"), usd()).to_string();
        assert_eq!(tenth("1.005"), "1.01 USD");
        assert_eq!(tenth("-1.005"), "-1.01 USD");
        assert_eq!(tenth("1.004"), "1.00 USD");
    }

    #[test]
    fn the_minor_unit_is_the_currencys_own() {
        let of = |code: &str, units| {
            let c = Currency::from_code(code).expect(code);
            Money::from_minor_units(units, c).expect("fits").to_string()
        };
        assert_eq!(of("USD", 125_000), "1250.00 USD");
        assert_eq!(of("JPY", 125_000), "125000 JPY");
        assert_eq!(of("KWD", 125_000), "125.000 KWD");
    }

    #[test]
    fn a_finer_amount_than_the_minor_unit_is_refused() {
        assert!(matches!(Money::parse("1.001", usd()), Err(MoneyError::TooPrecise(..))));
        assert!(matches!(Money::parse("ten", usd()), Err(MoneyError::NotAnAmount(_))));
    }

    #[test]
    fn currencies_never_mix() {
        let eur = Currency::from_code("EUR").expect("EUR");
        assert!(Money::zero(usd()).plus(Money::zero(eur)).is_err());
    }

    proptest! {
        #[test]
        fn minor_units_round_trip(units in -1_000_000_000_000_i64..1_000_000_000_000) {
            let money = Money::from_minor_units(units, usd()).expect("fits");
            prop_assert_eq!(money.minor_units().expect("fits"), units);
            let json = serde_json::to_string(&money).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<Money>(&json).expect("parses"), money);
        }

        #[test]
        fn plus_then_minus_is_where_it_started(a in any::<i32>(), b in any::<i32>()) {
            let money = |u| Money::from_minor_units(i64::from(u), usd()).expect("fits");
            let (a, b) = (money(a), money(b));
            prop_assert_eq!(a.plus(b).expect("same currency").minus(b).expect("same currency"), a);
        }
    }
}
