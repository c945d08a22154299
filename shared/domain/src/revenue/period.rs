//! Accounting periods: calendar months in the business's time zone, and which of them are closed.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A month in which revenue is accounted for, written `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct AccountingPeriod(Date);

/// A text that is no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no month, YYYY-MM")]
pub struct NoPeriod(pub String);

impl AccountingPeriod {
    /// The period that a day belongs to.
    #[must_use]
    pub fn of(day: Date) -> Self {
        Self(day.first_of_month())
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Date {
        self.0.last_of_month()
    }

    /// The period after it; the calendar's last one is followed by itself.
    #[must_use]
    pub fn next(self) -> Self {
        self.0.checked_add(1.month()).map_or(self, Self)
    }

    /// The moment at which it is over: the beginning of the next one's first day, where the business counts
    /// its days.
    #[must_use]
    pub fn over_at(self, zone: &TimeZone) -> Timestamp {
        let next = self.next().0;
        next.to_zoned(zone.clone()).map_or(Timestamp::MAX, |day| day.timestamp())
    }
}

impl fmt::Display for AccountingPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for AccountingPeriod {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let no = || NoPeriod(text.to_owned());
        let digits = |part: &str, of: usize| part.len() == of && part.bytes().all(|b| b.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or_else(no)?;
        if !digits(year, 4) || !digits(month, 2) {
            return Err(no());
        }
        let (year, month) = (year.parse().map_err(|_| no())?, month.parse().map_err(|_| no())?);
        Date::new(year, month, 1).map(Self).map_err(|_| no())
    }
}

impl TryFrom<String> for AccountingPeriod {
    type Error = NoPeriod;

    fn try_from(text: String) -> Result<Self, NoPeriod> {
        text.parse()
    }
}

impl From<AccountingPeriod> for String {
    fn from(period: AccountingPeriod) -> Self {
        period.to_string()
    }
}

/// Up to which month a legal entity's books are closed: what is earned in such a month is told late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosedPeriods {
    /// Code of the legal entity.
    pub legal_entity: String,
    /// The last month that is closed, with all before it.
    pub closed_until: AccountingPeriod,
}

/// Revenue of a month that was closed when it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatePosting {
    /// The month in which it should be posted: the first that was open.
    pub post_in: AccountingPeriod,
}

impl LatePosting {
    /// Whether a period is late where the books are closed up to another, and where it is to be posted then.
    #[must_use]
    pub fn of(period: AccountingPeriod, closed_until: Option<AccountingPeriod>) -> Option<Self> {
        let closed = closed_until.filter(|closed| period <= *closed)?;
        Some(Self { post_in: closed.next() })
    }
}
