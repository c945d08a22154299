//! Which connection serves an engagement and which codes it is booked under: dated rules, the most
//! specific of which counts.
//!
//! No workflow knows an entity. Another entity, region, service line or ERP is another rule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::Contract;
use crate::money::Currency;
use crate::policy::TenantConfig;
use crate::quote::{Customer, Quote};

/// What a rule selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selects {
    /// The connection of the CRM that holds the deal.
    Crm,
    /// The connection of the PSA that delivers.
    Psa,
    /// The connection of the ERP that invoices.
    Erp,
    /// The connection that takes payments.
    Payments,
    /// The code of the engine that computes tax.
    TaxEngine,
    /// The code of the posting rules.
    PostingRules,
    /// The code of the invoice's layout.
    InvoiceFormat,
    /// The code of the project template, where the quote names none.
    ProjectTemplate,
}

impl Selects {
    /// What each legal entity needs, in all that it sells.
    pub const CONNECTIONS: [Self; 4] = [Self::Crm, Self::Psa, Self::Erp, Self::Payments];

    /// The selection as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crm => "crm",
            Self::Psa => "psa",
            Self::Erp => "erp",
            Self::Payments => "payments",
            Self::TaxEngine => "tax-engine",
            Self::PostingRules => "posting-rules",
            Self::InvoiceFormat => "invoice-format",
            Self::ProjectTemplate => "project-template",
        }
    }
}

impl std::fmt::Display for Selects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A routing rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it selects.
    pub selects: Selects,
    /// The connection or code that it selects.
    pub gives: String,
    /// For whom. Every condition given must hold; none given means for all.
    #[serde(default, skip_serializing_if = "When::is_empty")]
    pub when: When,
    /// First day on which it is in force; none means from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last day on which it is in force; none means without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// The conditions of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Code of the selling legal entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_entity: Option<String>,
    /// Currency of the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Country of the customer (ISO 3166 alpha-2), where it is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_jurisdiction: Option<String>,
    /// Region of the selling legal entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Service line of what is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_line: Option<String>,
}

/// What rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Code of the selling legal entity.
    pub legal_entity: &'a str,
    /// Currency of the contract.
    pub currency: Currency,
    /// Country of the customer.
    pub tax_jurisdiction: Option<&'a str>,
    /// Region of the selling legal entity.
    pub region: Option<&'a str>,
    /// Service line of what is sold.
    pub service_line: Option<&'a str>,
}

impl When {
    /// How many conditions it has: of two rules, the one with more is the more specific.
    #[must_use]
    pub fn conditions(&self) -> usize {
        let texts = [&self.legal_entity, &self.tax_jurisdiction, &self.region, &self.service_line];
        texts.into_iter().flatten().count() + usize::from(self.currency.is_some())
    }

    /// Whether it has no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions() == 0
    }

    /// Whether every condition holds.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let same = |wanted: &Option<String>, is: Option<&str>| wanted.is_none() || wanted.as_deref() == is;
        same(&self.legal_entity, Some(facts.legal_entity))
            && self.currency.is_none_or(|wanted| wanted == facts.currency)
            && same(&self.tax_jurisdiction, facts.tax_jurisdiction)
            && same(&self.region, facts.region)
            && same(&self.service_line, facts.service_line)
    }
}

impl Rule {
    /// Whether it is in force on a day.
    #[must_use]
    pub fn is_in_force(&self, on: Date) -> bool {
        self.from.is_none_or(|from| from <= on) && self.until.is_none_or(|until| on <= until)
    }

    /// Whether there is a day on which both are in force.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let before =
            |a: &Self, b: &Self| matches!((a.until, b.from), (Some(until), Some(from)) if until < from);
        !before(self, other) && !before(other, self)
    }
}

/// Why no rule, or more than one, decides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No rule in force speaks about it.
    #[error("no {selects} is configured for legal entity `{legal_entity}` on {on}")]
    Nothing {
        /// What was to be selected.
        selects: Selects,
        /// For whom.
        legal_entity: String,
        /// When.
        on: Date,
    },
    /// Two rules that are equally specific give different results.
    #[error("the rules for {selects} give both `{one}` and `{other}` to legal entity `{legal_entity}`")]
    Ambiguous {
        /// What was to be selected.
        selects: Selects,
        /// For whom.
        legal_entity: String,
        /// What one rule gives.
        one: String,
        /// What the other gives.
        other: String,
    },
    /// The service lines that are sold together lead to different systems.
    #[error("what is sold together leads to two of {selects}: `{one}` and `{other}`")]
    Divided {
        /// What was to be selected.
        selects: Selects,
        /// What one service line leads to.
        one: String,
        /// What another leads to.
        other: String,
    },
}

/// The rules of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Value", into = "Vec<Rule>")]
#[schemars(with = "Vec<Rule>")]
pub struct Routing(pub Vec<Rule>);

/// Routing as it was written before rules were dated: one connection for each role, and an ERP for each
/// legal entity.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByRole {
    crm: String,
    psa: String,
    payments: String,
    erp: BTreeMap<String, String>,
}

impl TryFrom<Value> for Routing {
    type Error = serde_json::Error;

    fn try_from(stored: Value) -> Result<Self, serde_json::Error> {
        if stored.is_array() {
            return serde_json::from_value(stored).map(Self);
        }
        let ByRole { crm, psa, payments, erp } = serde_json::from_value(stored)?;
        let rule = |selects, gives, legal_entity| Rule {
            selects,
            gives,
            when: When { legal_entity, ..When::default() },
            from: None,
            until: None,
        };
        let everybody = [(Selects::Crm, crm), (Selects::Psa, psa), (Selects::Payments, payments)];
        let everybody = everybody.into_iter().map(|(selects, gives)| rule(selects, gives, None));
        let each = erp.into_iter().map(|(entity, gives)| rule(Selects::Erp, gives, Some(entity)));
        Ok(Self(everybody.chain(each).collect()))
    }
}

impl From<Routing> for Vec<Rule> {
    fn from(routing: Routing) -> Self {
        routing.0
    }
}

impl Routing {
    /// What the most specific rule in force on a day gives.
    ///
    /// # Errors
    /// [`NoRoute`] when there is none, or two that are equally specific disagree.
    pub fn choose(&self, selects: Selects, facts: &Facts<'_>, on: Date) -> Result<&str, NoRoute> {
        let applies = |r: &&Rule| r.selects == selects && r.is_in_force(on) && r.when.holds(facts);
        let most = self.0.iter().filter(applies).map(|r| r.when.conditions()).max();
        let mut found = self.0.iter().filter(applies).filter(|r| Some(r.when.conditions()) == most);
        let legal_entity = || facts.legal_entity.to_owned();
        let Some(chosen) = found.next() else {
            return Err(NoRoute::Nothing { selects, legal_entity: legal_entity(), on });
        };
        match found.find(|other| other.gives != chosen.gives) {
            None => Ok(&chosen.gives),
            Some(other) => Err(NoRoute::Ambiguous {
                selects,
                legal_entity: legal_entity(),
                one: chosen.gives.clone(),
                other: other.gives.clone(),
            }),
        }
    }

    /// Whether a rule that is in force on a day gives it.
    #[must_use]
    pub fn gives(&self, selects: Selects, given: &str, on: Date) -> bool {
        self.0.iter().any(|r| r.selects == selects && r.gives == given && r.is_in_force(on))
    }

    /// Everything that any rule gives, whenever it is in force, each once: records of what was
    /// routed by a rule that has ended are still there.
    #[must_use]
    pub fn ever_given(&self, selects: Selects) -> BTreeSet<&str> {
        self.0.iter().filter(|r| r.selects == selects).map(|r| r.gives.as_str()).collect()
    }
}

/// What is sold, as far as routing looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sold<'a> {
    /// Code of the selling legal entity.
    pub legal_entity: &'a str,
    /// Currency of the contract.
    pub currency: Currency,
    /// Country of the customer.
    pub country: Option<&'a str>,
    /// Codes of the services.
    pub services: Vec<&'a str>,
}

impl<'a> Sold<'a> {
    /// What a quote sells; none where it names no legal entity.
    #[must_use]
    pub fn by_quote(quote: &'a Quote) -> Option<Self> {
        Some(Self {
            legal_entity: quote.legal_entity.as_deref()?,
            currency: quote.currency,
            country: quote.customer.country.as_deref(),
            services: quote.lines.iter().map(|l| l.service.as_str()).collect(),
        })
    }

    /// What a contract has sold.
    #[must_use]
    pub fn by_contract(contract: &'a Contract, customer: &'a Customer) -> Self {
        let milestones = contract.milestones.iter().map(|m| m.service.as_str());
        let recurring = contract.recurring.iter().map(|c| c.service.as_str());
        let rates = contract.rate_card.rates.iter().map(|r| r.service.as_str());
        let expenses = contract.expenses.iter().map(|e| e.service.as_str());
        Self {
            legal_entity: &contract.legal_entity,
            currency: contract.currency,
            country: customer.country.as_deref(),
            services: milestones.chain(recurring).chain(rates).chain(expenses).collect(),
        }
    }

    /// What the rules give to all of it.
    ///
    /// # Errors
    /// [`NoRoute`], also when parts of it lead to different systems.
    pub fn choose(&self, selects: Selects, config: &TenantConfig, on: Date) -> Result<String, NoRoute> {
        let line_of = |code: &&str| config.service(code).and_then(|s| s.service_line.as_deref());
        let mut lines: BTreeSet<Option<&str>> = self.services.iter().map(line_of).collect();
        if lines.is_empty() {
            lines.insert(None);
        }
        let mut chosen: Option<&str> = None;
        for service_line in lines {
            let facts = Facts {
                legal_entity: self.legal_entity,
                currency: self.currency,
                tax_jurisdiction: self.country,
                region: config.legal_entity(self.legal_entity).and_then(|e| e.region.as_deref()),
                service_line,
            };
            let gives = config.routing.choose(selects, &facts, on)?;
            if let Some(one) = chosen.filter(|one| *one != gives) {
                return Err(NoRoute::Divided { selects, one: one.to_owned(), other: gives.to_owned() });
            }
            chosen = Some(gives);
        }
        let legal_entity = self.legal_entity.to_owned();
        chosen.map(str::to_owned).ok_or(NoRoute::Nothing { selects, legal_entity, on })
    }

    /// The same for what need not be configured.
    ///
    /// # Errors
    /// [`NoRoute`] when rules disagree.
    pub fn choose_if_any(
        &self,
        selects: Selects,
        config: &TenantConfig,
        on: Date,
    ) -> Result<Option<String>, NoRoute> {
        match self.choose(selects, config, on) {
            Ok(gives) => Ok(Some(gives)),
            Err(NoRoute::Nothing { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// The systems and codes that an engagement was given when it was set up. They stay, whatever the
/// rules say later: what was begun in one ERP is ended in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssignedSystems {
    /// The CRM's connection.
    pub crm: String,
    /// The PSA's connection.
    pub psa: String,
    /// The ERP's connection.
    pub erp: String,
    /// Code of the tax engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_engine: Option<String>,
    /// Code of the posting rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posting_rules: Option<String>,
    /// Code of the invoice's layout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_format: Option<String>,
    /// Version of the configuration that decided.
    pub config_version: u32,
}

impl AssignedSystems {
    /// What the rules in force on a day give to what is sold.
    ///
    /// # Errors
    /// [`NoRoute`] when they leave one of the systems open.
    pub fn of(sold: &Sold<'_>, config: &TenantConfig, on: Date) -> Result<Self, NoRoute> {
        let choose = |selects| sold.choose(selects, config, on);
        let if_any = |selects| sold.choose_if_any(selects, config, on);
        Ok(Self {
            crm: choose(Selects::Crm)?,
            psa: choose(Selects::Psa)?,
            erp: choose(Selects::Erp)?,
            tax_engine: if_any(Selects::TaxEngine)?,
            posting_rules: if_any(Selects::PostingRules)?,
            invoice_format: if_any(Selects::InvoiceFormat)?,
            config_version: config.version,
        })
    }
}
