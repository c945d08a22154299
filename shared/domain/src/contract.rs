//! What was signed: the version of the terms that billing follows.
//!
//! A contract is cut from an approved quote and never edited; editing a project in the PSA
//! cannot reach it.

mod milestone;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deposit::DepositTerms;
use crate::expense::ExpenseTerms;
use crate::money::{Currency, Money, MoneyError};
use crate::retainer::RetainerTerms;
use crate::usage::UsageTerms;

pub use milestone::{Holdback, Milestone};

/// How a sold line is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BillingMethod {
    /// A fee, billed by milestones.
    FixedFee,
    /// Approved time at the rates of the rate card.
    TimeAndMaterials,
    /// The same fee every period: a managed service, a retainer.
    Recurring,
    /// Approved expenses at cost, or with a markup; the line's own amount commits nobody.
    PassThroughExpense,
    /// What is recorded of a meter, month by month; the line's own amount commits nobody.
    Usage,
    /// Once, in advance; later invoices draw it down.
    Deposit,
}

/// One version of the signed terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contract {
    /// The CRM's quote it was cut from.
    pub quote: String,
    /// The quote's number for people.
    pub quote_number: String,
    /// Its own version: the quote's, or a higher one where a statement of work of the same quote version
    /// was approved later.
    pub version: u32,
    /// Version of the quote, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_version: Option<u32>,
    /// Title.
    pub title: String,
    /// Code of the selling legal entity.
    pub legal_entity: String,
    /// Currency of every amount.
    pub currency: Currency,
    /// Code of the payment terms.
    pub payment_terms: String,
    /// The tax code of its services.
    pub tax_code: String,
    /// The customer's purchase order.
    pub purchase_order: Option<String>,
    /// Code of the project template.
    pub project_template: String,
    /// The fixed-fee part.
    pub milestones: Vec<Milestone>,
    /// The rates of the time-and-materials part.
    pub rate_card: RateCard,
    /// Most that may be billed by time.
    pub time_ceiling: Option<Money>,
    /// The recurring part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recurring: Vec<RecurringCharge>,
    /// On which terms the customer bears expenses; without them the contract passes none on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expenses: Option<ExpenseTerms>,
    /// What the fees of recurring charges buy, for those that are retainers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retainers: Vec<RetainerTerms>,
    /// What is metered, and on which terms its usage is billed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<UsageTerms>,
    /// What is paid in advance and drawn down; no part of the value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deposits: Vec<DepositTerms>,
    /// The work breakdown structure: what the template has, then what each sold service needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<WorkElement>,
    /// How the revenue of each service is recognised, by the service's code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revenue: BTreeMap<String, RevenueTreatment>,
    /// How each service is posted, by its code; a service without an entry is posted by the ERP's own rules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounting: BTreeMap<String, Accounting>,
    /// Names of the statements of work in force; none where the quote is one statement.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub statements: BTreeSet<String>,
    /// The statement of work that each quote line belongs to. A line without an entry belongs to the quote
    /// as a whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statement_of: BTreeMap<String, String>,
    /// The roles that delivery needs; none in what was cut before they were planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staffing: Vec<PlannedRole>,
}

/// A role that delivery of a service needs, as it was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedRole {
    /// Key, unique in the contract and the same in each of its versions (`R-…`).
    pub key: String,
    /// Role.
    pub role: String,
    /// Service it belongs to.
    pub service: String,
    /// The CRM's quote line that sold it, or the first of them.
    pub quote_line: String,
    /// Hours that were estimated; they bill nothing. None where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_hours: Option<Decimal>,
    /// Whether its hours are billed at the rate card's rate for the role. If not, a fee covers them.
    pub rated: bool,
}

/// How a billing line is posted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accounting {
    /// Code of the revenue account; none means the one of the ERP's connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue_account: Option<String>,
    /// Code of the cost centre.
    pub cost_centre: String,
    /// Financial dimensions: value by name of the dimension.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
}

/// An element of the work breakdown structure that is no milestone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkElement {
    /// Key, unique in the contract and kept through its versions (`T1`).
    pub key: String,
    /// Title for people.
    pub title: String,
}

/// A fee that is charged again every period of its term.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecurringCharge {
    /// Key, unique in the contract, milestones included (`S1`).
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Service it belongs to.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// What one period is charged, before tax.
    pub fee: Money,
    /// How long a period is.
    pub period: Period,
    /// First day of the first period.
    pub starts_on: Date,
    /// Periods in its term, at least one.
    pub term: u32,
    /// Whether a period is charged at its beginning or at its end.
    pub timing: ChargeTiming,
    /// Whether its periods are those of the calendar: months, quarters or years. The first and the last are
    /// then charged by the day where the term begins or ends within them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aligned: bool,
    /// Its last day, where it ends before its term does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<Date>,
}

/// How long one period of a recurring charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// A month, from a day to the day before the same day of the next month.
    Monthly,
    /// Three months.
    Quarterly,
    /// Twelve months.
    Yearly,
}

impl Period {
    /// Months in it.
    #[must_use]
    pub const fn months(self) -> u32 {
        match self {
            Self::Monthly => 1,
            Self::Quarterly => 3,
            Self::Yearly => 12,
        }
    }
}

/// When a period is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChargeTiming {
    /// On its first day.
    Advance,
    /// After its last day.
    Arrears,
}

/// How revenue is recognised. The ERP keeps the revenue ledger; this says what it is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevenueTreatment {
    /// As work is delivered and approved.
    AsDelivered,
    /// When its milestone is accepted.
    Milestone,
    /// In equal parts over the service's term.
    StraightLine,
    /// When it is invoiced.
    AsBilled,
}

/// The negotiated rates of one contract version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RateCard {
    /// Dated rates; for one role the latest that is not after the day worked is in force.
    pub rates: Vec<Rate>,
}

/// A role's hourly rate from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Role.
    pub role: String,
    /// Whose time in the role it is for, by the name that the PSA reports; none means anybody's who has
    /// no rate of his own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Service it belongs to.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// Price of an hour.
    pub hourly: Money,
    /// First day on which it is in force; none means from the start.
    pub effective_from: Option<Date>,
    /// First day on which it is not in force any more; none means without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_until: Option<Date>,
}

impl Rate {
    /// What it prices: a role, or one person's work in it. Of two for the same, the later one counts.
    #[must_use]
    pub fn prices(&self) -> (&str, Option<&str>) {
        (&self.role, self.person.as_deref())
    }

    /// Whether it is in force on a day.
    #[must_use]
    pub fn covers(&self, on: Date) -> bool {
        self.effective_from.is_none_or(|from| from <= on)
            && self.effective_until.is_none_or(|until| on < until)
    }
}

impl RateCard {
    /// The rate in force for a role on a day, for anybody in it. Where two start on one day, the later line
    /// wins.
    #[must_use]
    pub fn in_force(&self, role: &str, on: Date) -> Option<&Rate> {
        self.latest((role, None), on)
    }

    /// The rate of a person's work in a role on a day: his own where one was agreed, else the role's.
    #[must_use]
    pub fn of(&self, person: &str, role: &str, on: Date) -> Option<&Rate> {
        self.latest((role, Some(person)), on).or_else(|| self.in_force(role, on))
    }

    /// The rates of roles alone: what a PSA's rate card can hold.
    #[must_use]
    pub fn of_roles(&self) -> Self {
        Self { rates: self.rates.iter().filter(|r| r.person.is_none()).cloned().collect() }
    }

    fn latest(&self, prices: (&str, Option<&str>), on: Date) -> Option<&Rate> {
        self.rates.iter().filter(|r| r.prices() == prices && r.covers(on)).max_by_key(|r| r.effective_from)
    }
}

impl Contract {
    /// Version of the quote that it was cut from.
    #[must_use]
    pub fn quote_version(&self) -> u32 {
        self.quote_version.unwrap_or(self.version)
    }

    /// The statement of work that a quote line belongs to; none where that is the quote as a whole.
    #[must_use]
    pub fn statement_of(&self, quote_line: &str) -> Option<&str> {
        self.statement_of.get(quote_line).map(String::as_str)
    }

    /// The milestone of a key.
    #[must_use]
    pub fn milestone(&self, key: &str) -> Option<&Milestone> {
        self.milestones.iter().find(|m| m.key == key)
    }

    /// The recurring charge of a key.
    #[must_use]
    pub fn recurring_charge(&self, key: &str) -> Option<&RecurringCharge> {
        self.recurring.iter().find(|c| c.key == key)
    }

    /// Value of the fixed-fee part.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn fixed_fee(&self) -> Result<Money, MoneyError> {
        Money::total(self.currency, self.milestones.iter().map(|m| m.amount))
    }

    /// What the customer has committed to: the fixed fee, and every recurring charge over its term.
    /// Time and expenses are not in it, as they are billed as they come.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn value(&self) -> Result<Money, MoneyError> {
        self.recurring.iter().try_fold(self.fixed_fee()?, |sum, charge| sum.plus(charge.value()?))
    }

    /// The project's budget in the PSA: the value, and the ceiling on time where there is one.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn budget(&self) -> Result<Money, MoneyError> {
        match self.time_ceiling {
            Some(ceiling) => self.value()?.plus(ceiling),
            None => self.value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn rate(role: &str, hourly: &str, from: Option<&str>) -> Rate {
        let usd = Currency::from_code("USD").expect("USD");
        Rate {
            role: role.into(),
            person: None,
            service: "ADVISORY".into(),
            quote_line: "1".into(),
            hourly: Money::parse(hourly, usd).expect("amount"),
            effective_from: from.map(|d| d.parse().expect("date")),
            effective_until: None,
        }
    }

    /// Proves BIL-12 in part and OWN-12 in part: the version of the day worked decides, not today's.
    #[test]
    fn the_rate_in_force_on_the_day_worked_is_used() {
        let card = RateCard {
            rates: vec![
                rate("consultant", "180", None),
                rate("consultant", "200", Some("2026-07-01")),
                rate("principal", "260", Some("2026-07-01")),
            ],
        };
        let on =
            |role, day: &str| card.in_force(role, day.parse().expect("date")).map(|r| r.hourly.to_string());
        assert_eq!(on("consultant", "2026-06-30").as_deref(), Some("180.00 USD"));
        assert_eq!(on("consultant", "2026-07-01").as_deref(), Some("200.00 USD"));
        assert_eq!(on("principal", "2026-06-30"), None);
        assert_eq!(on("architect", "2026-07-01"), None);
    }
}
