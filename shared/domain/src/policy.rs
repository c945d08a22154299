//! A tenant's configuration: entities, catalog, policies and which product serves which role.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::ActivationPolicy;
use crate::approval::ApprovalRule;
use crate::contract::{BillingMethod, RevenueTreatment};
use crate::money::{Currency, Money};
use crate::ownership::{self, OwnershipRule};

/// Everything that a firm decides about its own flows. A version of it is written to the
/// table by `infra/configure.py`; functions read it once per minute at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantConfig {
    /// The tenant.
    pub tenant: String,
    /// Grows by one with each change.
    pub version: u32,
    /// IANA time zone in which the business counts its days.
    pub time_zone: String,
    /// Which connection serves which role.
    pub routing: Routing,
    /// Legal entities that sell.
    pub legal_entities: Vec<LegalEntity>,
    /// Agreed payment terms.
    pub payment_terms: Vec<PaymentTerms>,
    /// Service catalog.
    pub services: Vec<Service>,
    /// Project templates.
    pub project_templates: Vec<ProjectTemplate>,
    /// Floors of prices and rates.
    pub price_policy: PricePolicy,
    /// Tax policy.
    pub tax: TaxPolicy,
    /// What begins an activation.
    #[serde(default)]
    pub activation: ActivationPolicy,
    /// What a person may approve, and who; what is not listed stays refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalRule>,
    /// Who may answer for the delivery of what was sold; empty where quotes need not say.
    #[serde(default)]
    pub delivery_owners: Vec<DeliveryOwner>,
    /// Which system owns which fields; where it is left out, the defaults of
    /// `infra/config/ownership.json`.
    #[serde(default = "ownership::defaults")]
    pub ownership: Vec<OwnershipRule>,
}

/// Somebody who answers for the delivery of what was sold: a person or a practice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryOwner {
    /// Code, as quotes name them.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Where they are reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Which connection serves which role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// The CRM.
    pub crm: String,
    /// The PSA.
    pub psa: String,
    /// The payment product.
    pub payments: String,
    /// The ERP of each legal entity, by the entity's code.
    pub erp: BTreeMap<String, String>,
}

/// A legal entity that sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LegalEntity {
    /// Its code, as quotes and the ERP's routing name it.
    pub code: String,
    /// Its registered name.
    pub name: String,
    /// Currencies it sells in.
    pub currencies: Vec<Currency>,
    /// Countries (ISO 3166 alpha-2) in which it is registered for tax.
    pub tax_jurisdictions: Vec<String>,
    /// The tax code that its services carry.
    pub tax_code: String,
}

/// Payment terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentTerms {
    /// Code, as quotes name them.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Days from invoice to due date.
    pub days: u16,
}

/// A service that may be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Code (SKU) on quote lines.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Ways in which it may be billed.
    pub billing_methods: Vec<BillingMethod>,
    /// Template of the project that delivers it.
    pub project_template: String,
    /// Further elements of the work breakdown structure that delivering it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<String>,
    /// How its revenue is recognised; where absent, no revenue schedule is kept for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<RevenueTreatment>,
}

/// A project template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectTemplate {
    /// Code.
    pub code: String,
    /// Tasks that every project of this template has.
    pub tasks: Vec<String>,
}

/// Floors below which a quote needs another approval than the one it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricePolicy {
    /// Lowest hourly rate by role and currency.
    pub minimum_rates: Vec<MinimumRate>,
    /// Lowest fixed fee of one milestone.
    pub minimum_fixed_fee: Money,
}

/// Lowest hourly rate of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MinimumRate {
    /// Role.
    pub role: String,
    /// Rate for an hour.
    pub rate: Money,
}

/// Tax policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxPolicy {
    /// Whether a customer must have a tax registration before anything is set up.
    pub registration_required: bool,
}

impl TenantConfig {
    /// The legal entity of a code.
    #[must_use]
    pub fn legal_entity(&self, code: &str) -> Option<&LegalEntity> {
        self.legal_entities.iter().find(|e| e.code == code)
    }

    /// The service of a code.
    #[must_use]
    pub fn service(&self, code: &str) -> Option<&Service> {
        self.services.iter().find(|s| s.code == code)
    }

    /// The project template of a code.
    #[must_use]
    pub fn project_template(&self, code: &str) -> Option<&ProjectTemplate> {
        self.project_templates.iter().find(|t| t.code == code)
    }

    /// The rule by which a kind of thing is approved.
    #[must_use]
    pub fn approval_rule(&self, what: &str) -> Option<&ApprovalRule> {
        self.approvals.iter().find(|r| r.what == what)
    }
}
