//! Which findings a person may overrule, and what exactly is approved then.

use sha2::{Digest, Sha256};

use crate::approval::{ApprovalRule, PRICE_BELOW_POLICY, Request};
use crate::money::Money;
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};
use crate::quote::Quote;

/// What must be approved for a quote to go on in spite of its findings, and by which rule; none where
/// some finding can't be approved, or the tenant has no rule for it.
#[must_use]
pub fn approvable<'c>(
    quote: &Quote,
    findings: &[Problem],
    config: &'c TenantConfig,
) -> Option<(Request, &'c ApprovalRule)> {
    let rule = config.approval_rule(PRICE_BELOW_POLICY)?;
    // What is no price at all has the same code and is nothing to be approved.
    let priced = |line: &crate::quote::QuoteLine| super::checks::is_price(quote, line);
    let low = |finding: &Problem| finding.code == ProblemCode::PriceBelowPolicy;
    if findings.is_empty() || !findings.iter().all(low) || !quote.lines.iter().all(priced) {
        return None;
    }
    let details: Vec<&str> = findings.iter().map(|f| f.detail.as_str()).collect();
    let request = Request {
        what: PRICE_BELOW_POLICY.to_owned(),
        content: content(quote),
        detail: format!(
            "quote {} version {} for {}: {}",
            quote.number,
            quote.version,
            quote.customer.name,
            details.join("; ")
        ),
        at_stake: value(quote),
    };
    Some((request, rule))
}

/// Stands for everything that makes a price what it is: to whom, by whom, what, how much, on which terms.
fn content(quote: &Quote) -> String {
    let terms = (
        (&quote.quote, &quote.number, quote.version, &quote.customer.company),
        (&quote.legal_entity, quote.currency, &quote.payment_terms, quote.time_ceiling),
        &quote.lines,
    );
    hex::encode(Sha256::digest(serde_json::to_vec(&terms).unwrap_or_default()))
}

/// The value of everything on the quote, time as estimated.
fn value(quote: &Quote) -> Option<Money> {
    quote
        .lines
        .iter()
        .try_fold(Money::zero(quote.currency), |sum, l| sum.plus(l.unit_price.times(l.quantity)?))
        .ok()
}
