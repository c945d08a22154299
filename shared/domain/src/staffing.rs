//! Who supplied the work: people of another legal entity, and subcontractors.
//!
//! An approved entry takes one path, whoever worked. What differs is what is recorded beside its
//! line: a charge between two legal entities, what a subcontractor costs, or neither.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{self, Evidence, line_of};
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::id::{ChargeId, CostId, LineId};
use crate::money::{Money, MoneyError};
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};
use crate::work::TimeEntry;

/// A person who delivers work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// The name as the PSA reports it.
    pub name: String,
    /// The PSA's ID of the person, by which assignments name people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Code of the legal entity that employs or hires.
    pub legal_entity: String,
    /// How.
    pub employment: Employment,
    /// What an hour costs the legal entity; needed of a subcontractor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_rate: Option<Money>,
    /// First day on which this is so; none means from the start. The latest that has begun counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Date>,
}

/// How a person is engaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Employment {
    /// Employed.
    Employee,
    /// Hired for the work, and paid by the hour.
    Subcontractor,
}

/// What one legal entity charges another for its people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferPrice {
    /// Code of the legal entity that supplies.
    pub from: String,
    /// Code of the legal entity that sells.
    pub to: String,
    /// How the charge is computed.
    pub basis: TransferBasis,
    /// First day worked on which this is so; none means from the start. The latest that has begun counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Date>,
}

/// How an intercompany charge is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransferBasis {
    /// Percent of what is billed to the customer, in the currency of the contract.
    Percent(#[schemars(with = "String")] Decimal),
    /// A price for an hour, in its own currency.
    Hourly(Money),
}

impl std::fmt::Display for TransferBasis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{} % of the billed amount", percent.normalize()),
            Self::Hourly(rate) => write!(f, "{rate} an hour"),
        }
    }
}

/// What becomes of time of a person who is not among the resources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownResources {
    /// It is billed, and nothing is charged beside it.
    #[default]
    Allow,
    /// It waits for a person.
    Hold,
}

/// What one legal entity owes another for an approved entry. Derived from the entry: one entry,
/// one charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IntercompanyCharge {
    /// Our ID.
    pub charge: ChargeId,
    /// Code of the legal entity that supplied the work and is owed.
    pub from: String,
    /// Code of the legal entity that sold it and owes.
    pub to: String,
    /// What is owed.
    pub amount: Money,
    /// How it was computed.
    pub basis: TransferBasis,
    /// The line that bills the same work to the customer.
    pub line: LineId,
    /// Whether the customer is not billed for the work, and there is no such line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unbilled: bool,
    /// The day worked.
    pub earned_on: Date,
    /// The entry and the rate it was billed at, nothing where it is not: person, project, role, minutes.
    pub evidence: Evidence,
}

/// What a subcontractor's approved entry costs. Derived from the entry: one entry, one cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubcontractorCost {
    /// Our ID.
    pub cost: CostId,
    /// Code of the legal entity that pays.
    pub legal_entity: String,
    /// What is paid.
    pub amount: Money,
    /// The cost of an hour.
    pub hourly: Money,
    /// The line that bills the work to the customer; none where it is not billable.
    pub line: Option<LineId>,
    /// The day worked.
    pub earned_on: Date,
    /// The entry: person, project, role, minutes.
    pub entry: TimeEntry,
}

impl TenantConfig {
    /// The resource that a name stands for on a day. Where two begin on one day, the later wins.
    #[must_use]
    pub fn resource(&self, name: &str, on: Date) -> Option<&Resource> {
        self.resources
            .iter()
            .filter(|r| r.name == name && r.effective_from.is_none_or(|from| from <= on))
            .max_by_key(|r| r.effective_from)
    }

    /// The resource that the PSA's ID of a person stands for on a day.
    #[must_use]
    pub fn resource_of(&self, person: &str, on: Date) -> Option<&Resource> {
        self.resources
            .iter()
            .filter(|r| r.person.as_deref() == Some(person) && r.effective_from.is_none_or(|from| from <= on))
            .max_by_key(|r| r.effective_from)
    }

    /// What a legal entity charges another for work of a day.
    #[must_use]
    pub fn transfer_price(&self, from: &str, to: &str, on: Date) -> Option<&TransferPrice> {
        self.transfer_prices
            .iter()
            .filter(|p| p.from == from && p.to == to && p.effective_from.is_none_or(|first| first <= on))
            .max_by_key(|p| p.effective_from)
    }
}

/// Decides on an approved time entry: its line, and what it means between legal entities.
#[must_use]
pub fn time_approved(state: Option<&Engagement>, entry: &TimeEntry, config: &TenantConfig) -> Decision {
    let decision = billing::time_approved(state, entry);
    let Some(engagement) = state else { return decision };
    let Some(resource) = config.resource(&entry.person, entry.worked_on) else {
        // Also where it is not billed: a subcontractor whom nobody listed wants to be paid all the same.
        let worked = entry.minutes > 0 && !matches!(decision, Decision::Park(_) | Decision::Hold(_));
        return if worked && config.unknown_resources == UnknownResources::Hold {
            Decision::Hold(no_resource(format!(
                "entry {}: {} is no resource on {}",
                entry.entry, entry.person, entry.worked_on
            )))
        } else {
            decision
        };
    };
    match decision {
        Decision::Apply(effects) => supplied(engagement, entry, resource, config, *effects)
            .map_or_else(Decision::Hold, Decision::apply),
        Decision::NoEffect(why) if entry.minutes > 0 => {
            match not_billed(engagement, entry, resource, config, why.clone()) {
                Ok(effects) if effects.costs.is_empty() && effects.charges.is_empty() => {
                    Decision::NoEffect(why)
                }
                Ok(effects) => Decision::apply(effects),
                Err(problem) => Decision::Hold(problem),
            }
        }
        other => other,
    }
}

fn no_resource(detail: String) -> Problem {
    Problem::new(ProblemCode::NoResource, detail)
}

/// The effects of a billable entry with what it costs and what is charged for it.
fn supplied(
    engagement: &Engagement,
    entry: &TimeEntry,
    resource: &Resource,
    config: &TenantConfig,
    mut effects: Effects,
) -> Result<Effects, Problem> {
    let Some(line) = effects.lines.first_mut() else {
        // Drawn from a retainer: the customer pays its fee, and whoever supplied the work is owed all the same.
        let nothing = Money::zero(engagement.contract.currency);
        let evidence = Evidence::Time { entry: entry.clone(), hourly: nothing };
        let billed = Billed { line: None, amount: nothing, evidence };
        return beside(effects, engagement, entry, resource, config, &billed);
    };
    line.subcontracted = resource.employment == Employment::Subcontractor;
    let billed =
        Billed { line: Some(line.line.clone()), amount: line.amount, evidence: line.evidence.clone() };
    beside(effects, engagement, entry, resource, config, &billed)
}

/// A subcontractor is paid, and an entity by the hour, also for what the customer is not billed.
fn not_billed(
    engagement: &Engagement,
    entry: &TimeEntry,
    resource: &Resource,
    config: &TenantConfig,
    why: String,
) -> Result<Effects, Problem> {
    let nothing = Money::zero(engagement.contract.currency);
    let evidence = Evidence::Time { entry: entry.clone(), hourly: nothing };
    let billed = Billed { line: None, amount: nothing, evidence };
    beside(Effects { summary: why, ..Effects::default() }, engagement, entry, resource, config, &billed)
}

/// What the customer is billed for an entry.
struct Billed {
    line: Option<LineId>,
    amount: Money,
    evidence: Evidence,
}

/// Adds what an entry costs and what is charged for it.
fn beside(
    mut effects: Effects,
    engagement: &Engagement,
    entry: &TimeEntry,
    resource: &Resource,
    config: &TenantConfig,
    billed: &Billed,
) -> Result<Effects, Problem> {
    if resource.employment == Employment::Subcontractor {
        let cost = cost_of(entry, resource, billed.line.clone())?;
        effects.summary = format!("{}; subcontracted for {}", effects.summary, cost.amount);
        effects.events.push(cost.clone().into());
        effects.costs.push(cost);
    }
    let seller = &engagement.contract.legal_entity;
    if resource.legal_entity != *seller
        && let Some(charge) = charge_of(entry, billed, &resource.legal_entity, seller, config)?
    {
        effects.summary =
            format!("{}; {} charges {} {}", effects.summary, charge.from, charge.to, charge.amount);
        effects.events.push(charge.clone().into());
        effects.charges.push(charge);
    }
    Ok(effects)
}

fn cost_of(
    entry: &TimeEntry,
    resource: &Resource,
    line: Option<LineId>,
) -> Result<SubcontractorCost, Problem> {
    let hourly = resource.cost_rate.ok_or_else(|| {
        no_resource(format!("entry {}: subcontractor {} has no cost rate", entry.entry, entry.person))
    })?;
    let record = line_of(&entry.connection, "time", &entry.entry);
    Ok(SubcontractorCost {
        cost: CostId::derive(&[record.as_str(), "subcontractor"]),
        legal_entity: resource.legal_entity.clone(),
        amount: billing::price(hourly, entry.minutes).map_err(|e| broken(entry, &e))?,
        hourly,
        line,
        earned_on: entry.worked_on,
        entry: entry.clone(),
    })
}

/// The charge of an entry; none where it is a share of what is not billed.
fn charge_of(
    entry: &TimeEntry,
    billed: &Billed,
    from: &str,
    to: &str,
    config: &TenantConfig,
) -> Result<Option<IntercompanyCharge>, Problem> {
    let price = config.transfer_price(from, to, entry.worked_on).ok_or_else(|| {
        let detail = format!(
            "entry {}: {} belongs to {from}, which has no transfer price for {to} on {}",
            entry.entry, entry.person, entry.worked_on
        );
        no_resource(detail).with_stake(billed.amount)
    })?;
    let amount = match price.basis {
        TransferBasis::Percent(_) if billed.line.is_none() => return Ok(None),
        TransferBasis::Percent(percent) => billed.amount.percent(percent),
        TransferBasis::Hourly(rate) => billing::price(rate, entry.minutes),
    };
    let record = line_of(&entry.connection, "time", &entry.entry);
    Ok(Some(IntercompanyCharge {
        charge: ChargeId::derive(&[record.as_str(), "intercompany"]),
        from: from.to_owned(),
        to: to.to_owned(),
        amount: amount.map_err(|e| broken(entry, &e))?,
        basis: price.basis,
        line: record,
        unbilled: billed.line.is_none(),
        earned_on: entry.worked_on,
        evidence: billed.evidence.clone(),
    }))
}

fn broken(entry: &TimeEntry, error: &MoneyError) -> Problem {
    Problem::new(ProblemCode::IllegalEvent, format!("entry {}: {error}", entry.entry))
}
