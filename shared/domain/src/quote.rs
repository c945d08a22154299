//! A quote as the CRM holds it when it is read back: numbered, approved, priced.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Signal;
use crate::contract::{BillingMethod, ChargeTiming, Holdback, Period};
use crate::deposit::DrawnWhen;
use crate::money::{Currency, Money};
use crate::usage::UsageTier;

/// One version of a quote. It never changes; an amendment is another version.
///
/// Fields that a sales person can leave empty are optional here, because their absence is a
/// finding of the checks and not a failure to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// The CRM's ID of the deal.
    pub deal: String,
    /// Where the deal itself stands.
    #[serde(default)]
    pub opportunity: Opportunity,
    /// The CRM's ID of the quote.
    pub quote: String,
    /// Number for people.
    pub number: String,
    /// Title.
    pub title: String,
    /// Version, from 1.
    pub version: u32,
    /// Whether the CRM holds it as approved.
    pub approved: bool,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// Who buys.
    pub customer: Customer,
    /// Code of the selling legal entity.
    pub legal_entity: Option<String>,
    /// Currency of every amount in it.
    pub currency: Currency,
    /// Code of the payment terms.
    pub payment_terms: Option<String>,
    /// The customer's purchase order.
    pub purchase_order: Option<String>,
    /// Code of the project template; where absent, the service's own.
    pub project_template: Option<String>,
    /// Code of whoever answers for the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_owner: Option<String>,
    /// Ceiling of everything billed by time.
    pub time_ceiling: Option<Money>,
    /// Statements of work that the CRM holds as approved, by name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub approved_statements: BTreeSet<String>,
    /// What was sold.
    pub lines: Vec<QuoteLine>,
    /// Lines of statements of work that are not approved yet; empty until they are told apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<QuoteLine>,
}

impl Quote {
    /// The quote with the lines that may come into force: those of approved statements of work, and
    /// those that name none. The others are pending.
    #[must_use]
    pub fn in_force(mut self) -> Self {
        let approved = |line: &QuoteLine| match &line.statement {
            Some(name) => self.approved_statements.contains(name),
            None => true,
        };
        let all = self.lines.iter().chain(&self.pending).cloned();
        let (lines, pending) = all.partition(approved);
        (self.lines, self.pending) = (lines, pending);
        self
    }

    /// Names of the statements of work that its lines belong to.
    #[must_use]
    pub fn statements(&self) -> BTreeSet<String> {
        self.lines.iter().filter_map(|line| line.statement.clone()).collect()
    }
}

/// Where a deal stands in the CRM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opportunity {
    /// The CRM's name of its stage.
    pub stage: Option<String>,
    /// What the CRM holds of it at the moment, of that which may begin an activation.
    pub standing: BTreeSet<Signal>,
}

impl Opportunity {
    /// Whether it is won.
    #[must_use]
    pub fn is_won(&self) -> bool {
        self.standing.contains(&Signal::OpportunityWon)
    }
}

/// Who buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// The CRM's ID of the company.
    pub company: String,
    /// Registered name.
    pub name: String,
    /// Tax registration number.
    pub tax_registration: Option<String>,
    /// Street.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
    /// Where invoices go.
    pub billing_email: Option<String>,
    /// The company that it belongs to, as the CRM holds it; its own parent is not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<Customer>>,
}

/// One sold line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteLine {
    /// The CRM's ID of the line, the far end of every trace from an invoice.
    pub line: String,
    /// Service code (SKU).
    pub service: String,
    /// Name for people.
    pub name: String,
    /// How it is billed.
    pub billing_method: Option<BillingMethod>,
    /// Price of one unit: the milestone's amount, the rate of an hour, the fee of a period.
    pub unit_price: Money,
    /// Units: 1 for a milestone, estimated hours for time, periods for a recurring charge.
    pub quantity: Decimal,
    /// Net amount as the CRM shows it, discounts included; what is billed must come to the same.
    pub amount: Option<Money>,
    /// Key of the milestone (fixed fee).
    pub milestone: Option<String>,
    /// The milestones that a fee is billed in, by percent; empty where the line is one milestone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<ScheduledPart>,
    /// What the customer keeps back of the milestone, or of each part of the schedule but the one that
    /// releases it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdback: Option<Holdback>,
    /// When the milestone is planned, or the day on which a deposit is billed.
    pub planned_on: Option<Date>,
    /// Role that the rate is for (time and materials).
    pub role: Option<String>,
    /// Whose time in the role the rate is for, by the name that the PSA reports; none means anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// First day on which the rate is in force.
    pub effective_from: Option<Date>,
    /// Terms of a recurring charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// Terms on which expenses are passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expenses: Option<PassThrough>,
    /// Terms on which usage is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Metered>,
    /// Terms of a deposit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Advance>,
    /// Name of the statement of work that it belongs to; none where the quote is one statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// How a sold line passes expenses on. Its unit price and quantity commit nobody; they may be an estimate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassThrough {
    /// Percent that is added to the cost; where the quote does not say, none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markup_percent: Option<Decimal>,
    /// Most that may be billed as expenses, markup included; none means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
    /// Categories that are passed on; empty means all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub categories: BTreeSet<String>,
}

/// How a sold line bills usage. Its quantity is the months; its unit price commits nobody and may be an estimate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metered {
    /// Key of the terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<String>,
    /// Prices, tier by tier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<UsageTier>,
    /// What of each month is free; where the quote does not say, nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub allowance: Option<Decimal>,
    /// First day of the first month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<Date>,
}

/// How a sold line is paid in advance. Its unit price and quantity are the amount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Advance {
    /// Key of the deposit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// From when on it may be drawn; where the quote does not say, once it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn_when: Option<DrawnWhen>,
    /// Most of what an invoice bills that is drawn for it, in percent; none means all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub share_percent: Option<Decimal>,
}

/// A part of a fee that is billed by percent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduledPart {
    /// Key of the milestone.
    pub milestone: String,
    /// Name of the milestone for people.
    pub name: String,
    /// How much of the fee, in percent.
    #[schemars(with = "String")]
    pub percent: Decimal,
    /// When it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_on: Option<Date>,
}

/// How a sold line recurs. Its unit price is what one period costs, its quantity the periods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recurrence {
    /// Key of the charge.
    pub key: Option<String>,
    /// How long a period is.
    pub period: Option<Period>,
    /// First day of the first period.
    pub starts_on: Option<Date>,
    /// When a period is charged; where the quote does not say, at its end.
    pub timing: Option<ChargeTiming>,
    /// Whether its periods are those of the calendar.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aligned: bool,
    /// Its last day, where it ends before its term does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<Date>,
    /// What its fee buys, where it is a retainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retainer: Option<Retained>,
}

/// What the fee of a period buys: hours, or time worth an amount at the rate card's rates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retained {
    /// Hours of a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub hours: Option<Decimal>,
    /// Price of an hour beyond them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overage_rate: Option<Money>,
    /// Amount of a period, before tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Roles whose time is drawn down; empty means all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// For how many further periods what is left stays; none means for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollover_periods: Option<u32>,
    /// Most that goes over from one period into the next: hours, or an amount; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub rollover_most: Option<Decimal>,
}
