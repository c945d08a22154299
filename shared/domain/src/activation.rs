//! From an approved quote to a contract: every check, before the first write anywhere.

mod accounts;
mod approval;
mod assign;
mod checks;
mod package;
mod schedule;
mod staffing;
mod trigger;

pub use accounts::{Matched, MatchedParent, match_accounts};
pub use approval::approvable;
pub(crate) use assign::accounting_of;
pub use assign::{Assignment, assign};
pub(crate) use checks::check_beside;
pub use checks::{CustomerFacts, check};
pub(crate) use package::{Package, split};
pub(crate) use schedule::milestones;
pub use trigger::{ActivationPolicy, Signal, Trigger, Verdict, unconfirmed};

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Contract, RateCard, RevenueTreatment, WorkElement};
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};
use crate::quote::Quote;

/// Cuts the contract from a quote whose checks all passed. Lines of statements of work that are not
/// approved are left out.
///
/// # Errors
/// The problems that the checks would have found; a caller that checked first never sees them.
pub fn cut_contract(quote: &Quote, config: &TenantConfig) -> Result<Contract, Vec<Problem>> {
    let quote = &quote.clone().in_force();
    let missing =
        |code, what: &str| vec![Problem::new(code, format!("quote {} has no {what}", quote.number))];
    let entity_code =
        quote.legal_entity.clone().ok_or_else(|| missing(ProblemCode::LegalEntityInvalid, "legal entity"))?;
    let entity = config
        .legal_entity(&entity_code)
        .ok_or_else(|| missing(ProblemCode::LegalEntityInvalid, "legal entity that is configured"))?;
    let payment_terms = quote
        .payment_terms
        .clone()
        .ok_or_else(|| missing(ProblemCode::PaymentTermsUnknown, "payment terms"))?;
    let project_template = template_of(quote, config)
        .ok_or_else(|| missing(ProblemCode::ProjectTemplateMissing, "project template"))?;
    let package = split(quote)?;
    let work = work_of(quote, &project_template, config);
    Ok(Contract {
        quote: quote.quote.clone(),
        quote_number: quote.number.clone(),
        version: quote.version,
        title: quote.title.clone(),
        legal_entity: entity_code,
        currency: quote.currency,
        payment_terms,
        tax_code: entity.tax_code_in(quote.customer.country.as_deref()).to_owned(),
        purchase_order: quote.purchase_order.clone(),
        project_template,
        milestones: package.milestones,
        rate_card: RateCard { rates: package.rates },
        time_ceiling: quote.time_ceiling,
        recurring: package.recurring,
        expenses: package.expenses,
        retainers: package.retainers,
        usage: package.usage,
        deposits: package.deposits,
        work,
        revenue: revenue_of(quote, config),
        accounting: BTreeMap::new(),
        quote_version: None,
        statements: quote.statements(),
        statement_of: quote
            .lines
            .iter()
            .filter_map(|l| Some((l.line.clone(), l.statement.clone()?)))
            .collect(),
        staffing: staffing::of(quote, config),
    })
}

/// The quote's own template, else that of the first service sold.
fn template_of(quote: &Quote, config: &TenantConfig) -> Option<String> {
    quote.project_template.clone().or_else(|| {
        let mut lines = quote.lines.iter().chain(&quote.pending);
        lines.find_map(|l| config.service(&l.service)).map(|s| s.project_template.clone())
    })
}

/// What the template has, then what each sold service needs beyond it; each title once.
fn work_of(quote: &Quote, template: &str, config: &TenantConfig) -> Vec<WorkElement> {
    let template = config.project_template(template).map_or(&[][..], |t| &t.tasks);
    let sold = quote.lines.iter().filter_map(|l| config.service(&l.service)).flat_map(|s| &s.work);
    let mut seen = BTreeSet::new();
    let titles = template.iter().chain(sold).filter(|title| seen.insert(title.as_str()));
    (1..).zip(titles).map(|(n, title)| WorkElement { key: format!("T{n}"), title: title.clone() }).collect()
}

/// The treatment of each service sold, as the catalog has it now; later changes of the catalog do
/// not reach a signed contract.
fn revenue_of(quote: &Quote, config: &TenantConfig) -> BTreeMap<String, RevenueTreatment> {
    let services: BTreeSet<&str> = quote.lines.iter().map(|l| l.service.as_str()).collect();
    services.into_iter().filter_map(|code| Some((code.to_owned(), config.service(code)?.revenue?))).collect()
}
