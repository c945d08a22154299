//! Which system owns which fields, who governs them, and whether a change that comes in may apply.
//!
//! Ownership is data: a tenant declares it, and where it does not, `infra/config/ownership.json`
//! stands. Nothing here knows a product; a connection speaks for the role that it plays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::RecordChanged;
use crate::policy::TenantConfig;
use crate::problem::{Owner, Problem, ProblemCode};
use crate::routing::Selects;

/// Every field of an object that no other rule names.
const ALL_FIELDS: &str = "*";

/// The role that a system plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Pipeline, quotes, relationships.
    Crm,
    /// Projects, staffing, time.
    Psa,
    /// Customer accounts, receivables, the books.
    Erp,
    /// A billing product of its own, beside the ERP.
    Billing,
    /// Payments.
    Payments,
}

impl Role {
    /// The role as configuration and events write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crm => "crm",
            Self::Psa => "psa",
            Self::Erp => "erp",
            Self::Billing => "billing",
            Self::Payments => "payments",
        }
    }
}

/// Which system owns some fields of an object, and who in the firm governs what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnershipRule {
    /// The canonical object: `customer`, `project`, `invoice` and so on.
    pub object: String,
    /// Its fields by our names; `*` for all that no other rule of the object names.
    pub fields: Vec<String>,
    /// The role whose system is right about them.
    pub system_of_record: Role,
    /// Who governs their definition, whatever the source systems call them.
    pub governed_by: Owner,
}

/// The rules that ship with the product.
#[must_use]
pub fn defaults() -> Vec<OwnershipRule> {
    // It is compiled in and a test reads it; were it broken, nobody would own anything and every
    // change would wait for a person.
    serde_json::from_str(include_str!("../../../infra/config/ownership.json")).unwrap_or_default()
}

/// The rule for a field of an object: the one that names the field, else the one for all others.
#[must_use]
pub fn owner_of<'a>(rules: &'a [OwnershipRule], object: &str, field: &str) -> Option<&'a OwnershipRule> {
    let of_object = || rules.iter().filter(|rule| rule.object == object);
    let naming = |name: &str| of_object().find(|rule| rule.fields.iter().any(|f| f == name));
    naming(field).or_else(|| naming(ALL_FIELDS))
}

/// What becomes of a change that a system reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// The system owns every field of it.
    Apply,
    /// It does not, or nobody does: a person looks at it and nothing is applied.
    Quarantine(Problem),
}

/// Whether a reported change may apply, by the role that reports it. One field that the role does
/// not own keeps all of the change out: half a change is none that anybody made.
#[must_use]
pub fn admit(rules: &[OwnershipRule], change: &RecordChanged) -> Admission {
    let foreign: Vec<String> = change
        .fields
        .keys()
        .filter_map(|field| match owner_of(rules, &change.object, field) {
            Some(rule) if rule.system_of_record == change.role => None,
            Some(rule) => Some(format!("{field} belongs to the {}", rule.system_of_record.as_str())),
            None => Some(format!("{field} belongs to no system")),
        })
        .collect();
    if foreign.is_empty() {
        return Admission::Apply;
    }
    let detail = format!(
        "{} ({}) changed {} {}: {}",
        change.connection,
        change.role.as_str(),
        change.object,
        change.record,
        foreign.join(", ")
    );
    Admission::Quarantine(Problem::new(ProblemCode::NotSystemOfRecord, detail))
}

/// One line of the answer to who owns what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declared {
    /// The rule.
    #[serde(flatten)]
    pub rule: OwnershipRule,
    /// The connections that play the role in this tenant; empty where none is configured.
    pub connections: Vec<String>,
}

/// Who owns what in a tenant: the rules in their order, with the connections that they come down to.
#[must_use]
pub fn declared(config: &TenantConfig) -> Vec<Declared> {
    let rules = config.ownership.iter();
    rules
        .map(|rule| Declared { rule: rule.clone(), connections: serving(config, rule.system_of_record) })
        .collect()
}

fn serving(config: &TenantConfig, role: Role) -> Vec<String> {
    let selects = match role {
        Role::Crm => Selects::Crm,
        Role::Psa => Selects::Psa,
        Role::Payments => Selects::Payments,
        Role::Erp => Selects::Erp,
        Role::Billing => return vec![],
    };
    config.routing.ever_given(selects).into_iter().map(str::to_owned).collect()
}
