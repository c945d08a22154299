//! Which systems an engagement is set up in, and how it is posted there.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::contract::Accounting;
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};
use crate::quote::Quote;
use crate::routing::{AssignedSystems, Selects, Sold};

/// What the rules in force give to a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its systems.
    pub systems: AssignedSystems,
    /// The project template, where a rule gives one.
    pub project_template: Option<String>,
    /// How each service sold is posted, by its code.
    pub accounting: BTreeMap<String, Accounting>,
}

/// Assigns a quote that a CRM reported. None where it names no configured legal entity: that is a
/// finding of [`super::check`].
///
/// # Errors
/// [`ProblemCode::LegalEntityInvalid`] when the rules in force leave a system open, or give the
/// legal entity another CRM than the one that reports its deal.
#[must_use]
pub fn assign(
    quote: &Quote,
    crm: &str,
    config: &TenantConfig,
    on: Date,
) -> Option<Result<Assignment, Problem>> {
    let sold = Sold::by_quote(quote)?;
    config.legal_entity(sold.legal_entity)?;
    let invalid = |detail: String| Problem::new(ProblemCode::LegalEntityInvalid, detail);
    let systems = match AssignedSystems::of(&sold, config, on) {
        Ok(systems) => systems,
        Err(none) => return Some(Err(invalid(none.to_string()))),
    };
    if systems.crm != crm {
        return Some(Err(invalid(format!(
            "quote {} was approved in {crm}, but legal entity `{}` sells through {}",
            quote.number, sold.legal_entity, systems.crm
        ))));
    }
    let project_template = match sold.choose_if_any(Selects::ProjectTemplate, config, on) {
        Ok(template) => template,
        Err(none) => return Some(Err(invalid(none.to_string()))),
    };
    let accounting = accounting_of(sold.services.iter().copied(), systems.posting_rules.as_deref(), config);
    Some(Ok(Assignment { systems, project_template, accounting }))
}

/// The catalog's accounting of each service, in place of which the posting rules' own stands.
pub(crate) fn accounting_of<'a>(
    services: impl IntoIterator<Item = &'a str>,
    posting_rules: Option<&str>,
    config: &TenantConfig,
) -> BTreeMap<String, Accounting> {
    let rules = posting_rules.and_then(|code| config.posting_rules(code));
    let of = |code: &str| {
        let own = rules.and_then(|r| r.services.get(code));
        own.or_else(|| config.service(code).and_then(|s| s.accounting.as_ref())).cloned()
    };
    services.into_iter().filter_map(|code| Some((code.to_owned(), of(code)?))).collect()
}
