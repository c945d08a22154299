//! A tenant's configuration: entities, catalog, policies and which product serves which role.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::ActivationPolicy;
use crate::approval::ApprovalRule;
use crate::contract::{Accounting, BillingMethod, RevenueTreatment};
use crate::invoice::PaymentTolerance;
use crate::invoicing::Invoicing;
use crate::money::{Currency, Money};
use crate::ownership::{self, OwnershipRule};
use crate::revenue::{AccountingPeriod, ClosedPeriods};
use crate::routing::Routing;
use crate::staffing::{Resource, TransferPrice, UnknownResources};

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
    /// Which connection serves whom, and which codes apply.
    pub routing: Routing,
    /// Legal entities that sell.
    pub legal_entities: Vec<LegalEntity>,
    /// Agreed payment terms.
    pub payment_terms: Vec<PaymentTerms>,
    /// Service lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_lines: Vec<ReferenceCode>,
    /// Cost centres.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cost_centres: Vec<ReferenceCode>,
    /// Tax codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tax_codes: Vec<ReferenceCode>,
    /// Posting rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub posting_rules: Vec<PostingRules>,
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
    /// People who deliver work, as far as it matters who employs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// What legal entities charge each other for their people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfer_prices: Vec<TransferPrice>,
    /// What becomes of time of people who are not among the resources.
    #[serde(default)]
    pub unknown_resources: UnknownResources,
    /// Statuses, as the PSA names them, in which a project is stopped. One that is archived always is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped_statuses: Vec<String>,
    /// When invoices are asked for.
    #[serde(default, skip_serializing_if = "Invoicing::is_default")]
    pub invoicing: Invoicing,
    /// Up to which month the books of each legal entity are closed; one that is not listed has none closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounting_periods: Vec<ClosedPeriods>,
    /// How much an invoice may be paid short, or too much, without anybody being asked: one for each currency. In a
    /// currency without one, every cent counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment_tolerances: Vec<PaymentTolerance>,
    /// Who approved how revenue is recognised and posted; needed for every change of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue_mapping: Option<MappingApproval>,
}

/// That somebody in finance approved the revenue mapping: for each service its treatment and its posting, and
/// the posting rules. It is bound to the mapping's hash, which `infra/configure.py` computes and checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingApproval {
    /// Who approved it.
    pub approved_by: String,
    /// The day on which it was approved.
    pub approved_on: Date,
    /// SHA-256 of the mapping that was approved, in hex.
    pub sha256: String,
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

/// A code of the reference data that every mapping uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceCode {
    /// The code.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// First day on which something may be earned under it; none means from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last such day; none means without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl ReferenceCode {
    /// Whether something that was earned on a day may be booked under it.
    #[must_use]
    pub fn is_in_force(&self, on: Date) -> bool {
        self.from.is_none_or(|from| from <= on) && self.until.is_none_or(|until| on <= until)
    }
}

/// Posting rules: how services are posted where a routing rule selects them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostingRules {
    /// Code, as routing rules name them.
    pub code: String,
    /// By the service's code; what is missing is posted as the catalog says.
    pub services: BTreeMap<String, Accounting>,
}

/// A legal entity that sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LegalEntity {
    /// Its code, as quotes and routing rules name it.
    pub code: String,
    /// Its registered name.
    pub name: String,
    /// Its region, for routing rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Currencies it sells in.
    pub currencies: Vec<Currency>,
    /// Countries (ISO 3166 alpha-2) in which it is registered for tax.
    pub tax_jurisdictions: Vec<String>,
    /// The tax code that its services carry, where their customer's country has none of its own.
    pub tax_code: String,
    /// Tax codes by the customer's country.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tax_codes: BTreeMap<String, String>,
}

impl LegalEntity {
    /// The tax code of what is sold to a country.
    #[must_use]
    pub fn tax_code_in(&self, country: Option<&str>) -> &str {
        country.and_then(|c| self.tax_codes.get(c)).unwrap_or(&self.tax_code)
    }
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
    /// Code of its service line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_line: Option<String>,
    /// How it is posted; none means by the ERP's own rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting: Option<Accounting>,
    /// Roles that deliver it where a fee is paid for it; what is sold by time names its roles itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<ServiceRole>,
}

/// A role that delivers a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceRole {
    /// Role, as the PSA names it.
    pub role: String,
    /// Hours to plan for it in an engagement, where the firm has a usual number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Decimal>,
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

    /// The last month that is closed in the books of a legal entity.
    #[must_use]
    pub fn closed_until(&self, legal_entity: &str) -> Option<AccountingPeriod> {
        let closed = self.accounting_periods.iter().find(|p| p.legal_entity == legal_entity);
        closed.map(|periods| periods.closed_until)
    }

    /// The posting rules of a code.
    #[must_use]
    pub fn posting_rules(&self, code: &str) -> Option<&PostingRules> {
        self.posting_rules.iter().find(|p| p.code == code)
    }

    /// What is too little to be asked for in a currency; none where every cent counts.
    #[must_use]
    pub fn payment_tolerance(&self, currency: Currency) -> Option<&PaymentTolerance> {
        self.payment_tolerances.iter().find(|t| t.amount.currency() == currency)
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
