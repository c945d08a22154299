//! What was signed: the version of the terms that billing follows.
//!
//! A contract is cut from an approved quote and never edited; editing a project in the PSA
//! cannot reach it.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money, MoneyError};

/// How a sold line is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BillingMethod {
    /// A fee, billed by milestones.
    FixedFee,
    /// Approved time at the rates of the rate card.
    TimeAndMaterials,
}

/// One version of the signed terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contract {
    /// The CRM's quote it was cut from.
    pub quote: String,
    /// The quote's number for people.
    pub quote_number: String,
    /// Version of the quote.
    pub version: u32,
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
}

/// A milestone of the billing schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Milestone {
    /// Key, unique in the contract (`M1`).
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Service it belongs to.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// What its completion bills.
    pub amount: Money,
    /// When it is planned.
    pub planned_on: Option<Date>,
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
    /// Service it belongs to.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// Price of an hour.
    pub hourly: Money,
    /// First day on which it is in force; none means from the start.
    pub effective_from: Option<Date>,
}

impl RateCard {
    /// The rate in force for a role on a day. Where two start on one day, the later line wins.
    #[must_use]
    pub fn in_force(&self, role: &str, on: Date) -> Option<&Rate> {
        self.rates
            .iter()
            .filter(|r| r.role == role && r.effective_from.is_none_or(|from| from <= on))
            .max_by_key(|r| r.effective_from)
    }
}

impl Contract {
    /// The milestone of a key.
    #[must_use]
    pub fn milestone(&self, key: &str) -> Option<&Milestone> {
        self.milestones.iter().find(|m| m.key == key)
    }

    /// Value of the fixed-fee part.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn fixed_fee(&self) -> Result<Money, MoneyError> {
        Money::total(self.currency, self.milestones.iter().map(|m| m.amount))
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
            service: "ADVISORY".into(),
            quote_line: "1".into(),
            hourly: Money::parse(hourly, usd).expect("amount"),
            effective_from: from.map(|d| d.parse().expect("date")),
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
