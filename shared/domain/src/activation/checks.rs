//! The checks. Each looks at one thing and all report together, so that a person fixes a
//! quote once and not once per finding.

use serde::{Deserialize, Serialize};

use crate::contract::BillingMethod;
use crate::money::Money;
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};
use crate::quote::{Quote, QuoteLine};

/// What the ERP knows of the customer, read before anything is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerFacts {
    /// Whether the ERP has the customer on hold.
    pub on_hold: bool,
    /// The ERP's credit limit; none means unlimited.
    pub credit_limit: Option<Money>,
    /// What the customer owes there now.
    pub receivable: Option<Money>,
}

/// Every finding about a quote; an empty list means that writing may begin.
#[must_use]
pub fn check(quote: &Quote, facts: &CustomerFacts, config: &TenantConfig) -> Vec<Problem> {
    check_beside(quote, facts, config, Money::zero(quote.currency), &|_| false)
}

/// The same for a further version of a quote: a part of its fixed fee may be billed, which the customer owes
/// already, and a price that was accepted with an earlier version is not asked about again.
pub(crate) fn check_beside(
    quote: &Quote,
    facts: &CustomerFacts,
    config: &TenantConfig,
    billed: Money,
    agreed: &dyn Fn(&QuoteLine) -> bool,
) -> Vec<Problem> {
    let quote = &quote.clone().in_force();
    let mut findings = Vec::new();
    findings.extend(approval(quote));
    findings.extend(customer(quote));
    findings.extend(entity_and_currency(quote, config));
    findings.extend(tax(quote, config));
    findings.extend(payment_terms(quote, config));
    findings.extend(credit(quote, facts, billed));
    findings.extend(quote.lines.iter().flat_map(|line| catalog(line, config)));
    findings.extend(quote.lines.iter().filter_map(amount));
    let asked = quote.lines.iter().filter(|line| !agreed(line));
    findings.extend(asked.filter_map(|line| price(quote, line, config)));
    findings.extend(template(quote, config));
    findings.extend(delivery_owner(quote, config));
    match super::split(quote) {
        Ok(_) => {}
        Err(problems) => findings.extend(problems),
    }
    findings
}

fn approval(quote: &Quote) -> Option<Problem> {
    (!quote.approved).then(|| {
        Problem::new(
            ProblemCode::QuoteNotApproved,
            format!("quote {} is not approved in the CRM", quote.number),
        )
    })
}

fn customer(quote: &Quote) -> Option<Problem> {
    let c = &quote.customer;
    let blank = |field: &Option<String>| field.as_deref().is_none_or(|v| v.trim().is_empty());
    let mut missing: Vec<&str> = [("street", &c.street), ("city", &c.city), ("country", &c.country)]
        .into_iter()
        .filter(|(_, field)| blank(field))
        .map(|(name, _)| name)
        .collect();
    if c.name.trim().is_empty() {
        missing.insert(0, "name");
    }
    (!missing.is_empty()).then(|| {
        Problem::new(
            ProblemCode::CustomerIncomplete,
            format!("company {} ({}) lacks {}", c.company, c.name, missing.join(", ")),
        )
    })
}

fn entity_and_currency(quote: &Quote, config: &TenantConfig) -> Option<Problem> {
    let Some(code) = &quote.legal_entity else {
        return Some(Problem::new(
            ProblemCode::LegalEntityInvalid,
            format!("quote {} names no selling legal entity", quote.number),
        ));
    };
    let Some(entity) = config.legal_entity(code) else {
        return Some(Problem::new(
            ProblemCode::LegalEntityInvalid,
            format!("legal entity `{code}` is not configured"),
        ));
    };
    (!entity.currencies.contains(&quote.currency)).then(|| {
        Problem::new(
            ProblemCode::CurrencyNotAllowed,
            format!("{} does not sell in {}", entity.name, quote.currency),
        )
    })
}

fn tax(quote: &Quote, config: &TenantConfig) -> Option<Problem> {
    let c = &quote.customer;
    if config.tax.registration_required && c.tax_registration.as_deref().is_none_or(|r| r.trim().is_empty()) {
        return Some(Problem::new(
            ProblemCode::TaxRegistrationMissing,
            format!("company {} ({}) has no tax registration", c.company, c.name),
        ));
    }
    let entity = config.legal_entity(quote.legal_entity.as_deref()?)?;
    let country = c.country.as_deref()?;
    (!entity.tax_jurisdictions.iter().any(|j| j == country)).then(|| {
        Problem::new(
            ProblemCode::TaxRegistrationMissing,
            format!("{} is not registered for tax in {country}, where {} is", entity.name, c.name),
        )
    })
}

fn payment_terms(quote: &Quote, config: &TenantConfig) -> Option<Problem> {
    let known =
        quote.payment_terms.as_ref().is_some_and(|code| config.payment_terms.iter().any(|t| &t.code == code));
    (!known).then(|| {
        let given = quote.payment_terms.as_deref().unwrap_or("none");
        Problem::new(ProblemCode::PaymentTermsUnknown, format!("payment terms `{given}` are not configured"))
    })
}

/// Halts on a hold, and where what is owed plus the fixed fee that is not billed yet exceeds the limit.
fn credit(quote: &Quote, facts: &CustomerFacts, billed: Money) -> Option<Problem> {
    let name = &quote.customer.name;
    if facts.on_hold {
        return Some(Problem::new(ProblemCode::CreditHold, format!("{name} is on credit hold in the ERP")));
    }
    let limit = facts.credit_limit?;
    let fee = quote
        .lines
        .iter()
        .filter(|l| l.billing_method == Some(BillingMethod::FixedFee))
        .try_fold(Money::zero(quote.currency), |sum, l| sum.plus(l.unit_price.times(l.quantity)?))
        .and_then(|fee| fee.minus(billed))
        .ok()?;
    let owed = facts.receivable.unwrap_or(Money::zero(limit.currency()));
    match owed.plus(fee).and_then(|exposure| exposure.exceeds(limit).map(|over| (over, exposure))) {
        Ok((false, _)) => None,
        Ok((true, exposure)) => Some(
            Problem::new(
                ProblemCode::CreditHold,
                format!(
                    "{name} owes {owed}; with this deal {exposure} would exceed the credit limit of {limit}"
                ),
            )
            .with_stake(fee),
        ),
        // A limit in another currency can't be compared: a person decides, it is never skipped.
        Err(e) => Some(Problem::new(ProblemCode::CreditHold, format!("{name}: {e}"))),
    }
}

fn catalog(line: &QuoteLine, config: &TenantConfig) -> Option<Problem> {
    let Some(service) = config.service(&line.service) else {
        return Some(Problem::new(
            ProblemCode::ServiceUnknown,
            format!(
                "quote line {} sells `{}`, which the service catalog does not have",
                line.line, line.service
            ),
        ));
    };
    let method = line.billing_method?;
    (!service.billing_methods.contains(&method)).then(|| {
        Problem::new(
            ProblemCode::ServiceUnknown,
            format!("quote line {}: {} may not be billed as {method:?}", line.line, service.name),
        )
    })
}

/// What the quote shows must be what will be billed.
fn amount(line: &QuoteLine) -> Option<Problem> {
    if line.quantity.is_sign_negative() || (line.quantity.is_zero() && line.role.is_none()) {
        return Some(Problem::new(
            ProblemCode::BillingModelInvalid,
            format!(
                "quote line {} ({}): a quantity of {} can't be billed",
                line.line, line.name, line.quantity
            ),
        ));
    }
    if let (Some(net), Ok(gross)) = (line.amount, line.unit_price.times(line.quantity))
        && net != gross
    {
        return Some(Problem::new(
            ProblemCode::BillingModelInvalid,
            format!(
                "quote line {} ({}): the quote shows {net}, price × quantity is {gross}; enter the price after discount",
                line.line, line.name
            ),
        ));
    }
    None
}

/// Whether a line's price is one at all. What expenses and usage come to nobody knows yet, so theirs may be nothing.
pub(super) fn is_price(quote: &Quote, line: &QuoteLine) -> bool {
    let price = line.unit_price;
    let estimated =
        matches!(line.billing_method, Some(BillingMethod::PassThroughExpense | BillingMethod::Usage));
    price.currency() == quote.currency && (price.is_positive() || (estimated && price.is_zero()))
}

fn price(quote: &Quote, line: &QuoteLine, config: &TenantConfig) -> Option<Problem> {
    let below = |floor: Money| {
        Problem::new(
            ProblemCode::PriceBelowPolicy,
            format!(
                "quote line {} ({}): {} is below the policy's {floor}",
                line.line, line.name, line.unit_price
            ),
        )
    };
    if !is_price(quote, line) {
        return Some(Problem::new(
            ProblemCode::PriceBelowPolicy,
            format!("quote line {}: {} is no price in {}", line.line, line.unit_price, quote.currency),
        ));
    }
    let floor = match line.billing_method? {
        BillingMethod::FixedFee => Some(config.price_policy.minimum_fixed_fee),
        // The policy has no floor for a recurring fee, for usage or for what is paid in advance, and none for what is
        // not ours to price.
        BillingMethod::Recurring
        | BillingMethod::PassThroughExpense
        | BillingMethod::Usage
        | BillingMethod::Deposit => None,
        BillingMethod::TimeAndMaterials => config
            .price_policy
            .minimum_rates
            .iter()
            .find(|m| Some(&m.role) == line.role.as_ref() && m.rate.currency() == quote.currency)
            .map(|m| m.rate),
    }?;
    // What is billed counts: a milestone's whole amount, the rate of an hour.
    let billed = match line.billing_method? {
        BillingMethod::FixedFee => line.unit_price.times(line.quantity).ok()?,
        BillingMethod::TimeAndMaterials
        | BillingMethod::Recurring
        | BillingMethod::PassThroughExpense
        | BillingMethod::Usage
        | BillingMethod::Deposit => line.unit_price,
    };
    match floor.exceeds(billed) {
        Ok(true) => Some(below(floor)),
        // A floor in another currency does not speak about this price.
        Ok(false) | Err(_) => None,
    }
}

fn template(quote: &Quote, config: &TenantConfig) -> Option<Problem> {
    match super::template_of(quote, config) {
        Some(code) if config.project_template(&code).is_some() => None,
        Some(code) => Some(Problem::new(
            ProblemCode::ProjectTemplateMissing,
            format!("project template `{code}` does not exist"),
        )),
        None => Some(Problem::new(
            ProblemCode::ProjectTemplateMissing,
            format!("quote {} leads to no project template", quote.number),
        )),
    }
}

/// Somebody must answer for the delivery, where the configuration says who may.
fn delivery_owner(quote: &Quote, config: &TenantConfig) -> Option<Problem> {
    let known = |code: &str| config.delivery_owners.iter().any(|owner| owner.code == code);
    let detail = match quote.delivery_owner.as_deref() {
        _ if config.delivery_owners.is_empty() => return None,
        Some(code) if known(code) => return None,
        Some(code) => format!("delivery owner `{code}` is not configured"),
        None => format!("quote {} names nobody who answers for its delivery", quote.number),
    };
    Some(Problem::new(ProblemCode::DeliveryOwnerInvalid, detail))
}
