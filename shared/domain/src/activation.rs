//! From an approved quote to a contract: every check, before the first write anywhere.

mod checks;

pub use checks::{CustomerFacts, check};

use std::collections::BTreeSet;

use crate::contract::{BillingMethod, Contract, Milestone, Rate, RateCard};
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};
use crate::quote::{Quote, QuoteLine};

/// Cuts the contract from a quote whose checks all passed.
///
/// # Errors
/// The problems that the checks would have found; a caller that checked first never sees them.
pub fn cut_contract(quote: &Quote, config: &TenantConfig) -> Result<Contract, Vec<Problem>> {
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
    let (milestones, rates) = split(quote)?;
    Ok(Contract {
        quote: quote.quote.clone(),
        quote_number: quote.number.clone(),
        version: quote.version,
        title: quote.title.clone(),
        legal_entity: entity_code,
        currency: quote.currency,
        payment_terms,
        tax_code: entity.tax_code.clone(),
        purchase_order: quote.purchase_order.clone(),
        project_template,
        milestones,
        rate_card: RateCard { rates },
        time_ceiling: quote.time_ceiling,
    })
}

/// The quote's own template, else that of the first service sold.
fn template_of(quote: &Quote, config: &TenantConfig) -> Option<String> {
    quote.project_template.clone().or_else(|| {
        quote.lines.iter().find_map(|l| config.service(&l.service)).map(|s| s.project_template.clone())
    })
}

/// Splits the sold package into the billing schedule and the rate card: no rekeying.
fn split(quote: &Quote) -> Result<(Vec<Milestone>, Vec<Rate>), Vec<Problem>> {
    let mut problems = Vec::new();
    let (mut milestones, mut rates, mut keys) = (Vec::new(), Vec::new(), BTreeSet::new());
    if quote.lines.is_empty() {
        problems.push(Problem::new(
            ProblemCode::BillingModelInvalid,
            format!("quote {} sells nothing", quote.number),
        ));
    }
    for line in &quote.lines {
        match line.billing_method {
            Some(BillingMethod::FixedFee) => match milestone(line) {
                Ok(m) if keys.insert(m.key.clone()) => milestones.push(m),
                Ok(m) => problems.push(invalid(line, &format!("repeats milestone `{}`", m.key))),
                Err(p) => problems.push(p),
            },
            Some(BillingMethod::TimeAndMaterials) => match line.role.clone() {
                Some(role) => rates.push(Rate {
                    role,
                    service: line.service.clone(),
                    quote_line: line.line.clone(),
                    hourly: line.unit_price,
                    effective_from: line.effective_from,
                }),
                None => problems.push(invalid(line, "names no role for its rate")),
            },
            None => problems.push(invalid(line, "does not say how it is billed")),
        }
    }
    if problems.is_empty() { Ok((milestones, rates)) } else { Err(problems) }
}

fn milestone(line: &QuoteLine) -> Result<Milestone, Problem> {
    let key = line.milestone.clone().ok_or_else(|| invalid(line, "names no milestone"))?;
    let amount = line.unit_price.times(line.quantity).map_err(|e| invalid(line, &e.to_string()))?;
    Ok(Milestone {
        key,
        name: line.name.clone(),
        service: line.service.clone(),
        quote_line: line.line.clone(),
        amount,
        planned_on: line.planned_on,
    })
}

fn invalid(line: &QuoteLine, what: &str) -> Problem {
    Problem::new(ProblemCode::BillingModelInvalid, format!("quote line {} ({}) {what}", line.line, line.name))
}
