//! What of a quote's findings a person may overrule, and what exactly is approved with it.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::activation::{CustomerFacts, approvable, check};
use domain::approval::{PRICE_BELOW_POLICY, Request};
use domain::money::Currency;
use domain::policy::TenantConfig;
use domain::quote::Quote;
use domain::sample::{config, quote, usd};

/// A quote with one rate and one fee below the policy.
fn low() -> Quote {
    let mut quote = quote();
    quote.lines[2].unit_price = usd("90.00");
    quote
}

fn asked(quote: &Quote, config: &TenantConfig) -> Option<Request> {
    let findings = check(quote, &CustomerFacts::default(), config);
    approvable(quote, &findings, config).map(|(request, _)| request)
}

/// Proves WFA-12 in part: a price below the policy needs another approval, by the one the tenant names.
#[test]
fn a_price_below_the_policy_may_be_approved() {
    let (low, config) = (low(), config());
    let findings = check(&low, &CustomerFacts::default(), &config);
    let (request, rule) = approvable(&low, &findings, &config).expect("approvable");
    assert_eq!((request.what.as_str(), rule), (PRICE_BELOW_POLICY, &config.approvals[0]));
    assert!(request.detail.contains("90.00") && request.detail.contains("Globex"), "{}", request.detail);
    // 20,000 + 30,000 + 100 h at 90 + 100 h at 260.
    assert_eq!(request.at_stake, Some(usd("85000.00")));
}

#[test]
fn a_quote_without_findings_needs_nothing() {
    assert_eq!(asked(&quote(), &config()), None);
}

#[test]
fn without_a_rule_it_stays_refused() {
    let strict = TenantConfig { approvals: vec![], ..config() };
    assert_eq!(asked(&low(), &strict), None);
    let mut other = config();
    other.approvals[0].what = "change-order".into();
    assert_eq!(asked(&low(), &other), None);
}

/// Any other finding is a refusal as a whole: nobody approves half a quote.
#[test]
fn beside_any_other_finding_nothing_is_approved() {
    let edits: [fn(&mut Quote); 5] = [
        |q| q.approved = false,
        |q| q.customer.tax_registration = None,
        |q| q.payment_terms = None,
        |q| q.lines[0].service = "PIANO".into(),
        |q| q.lines[3].role = None,
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut quote = low();
        edit(&mut quote);
        assert_eq!(asked(&quote, &config()), None, "edit {number}");
    }
}

/// What is no price has the same number, and nobody can approve it.
#[test]
fn what_is_no_price_is_not_approved() {
    for price in ["0.00", "-5.00"] {
        let mut quote = low();
        quote.lines[2].unit_price = usd(price);
        assert_eq!(asked(&quote, &config()), None, "{price}");
    }
    let mut foreign = low();
    let euros = Currency::from_code("EUR").unwrap();
    foreign.lines[3].unit_price = domain::Money::parse("260.00", euros).unwrap();
    assert_eq!(asked(&foreign, &config()), None, "another currency");
}

/// Proves WFA-12 in part: an approval is of one price on one set of terms; any other needs another.
#[test]
fn changed_terms_need_another_approval() {
    let content = |quote: &Quote| asked(quote, &config()).expect("approvable").content;
    let edits: [fn(&mut Quote); 9] = [
        |q| q.lines[2].unit_price = usd("89.99"),
        |q| q.lines[3].unit_price = usd("300.00"),
        |q| q.lines[2].quantity = 101.into(),
        |q| q.lines.truncate(3),
        |q| q.version = 2,
        |q| q.quote = "901".into(),
        |q| q.payment_terms = Some("net-60".into()),
        |q| q.time_ceiling = Some(usd("5000.00")),
        |q| q.customer.company = "56".into(),
    ];
    let mut known = vec![content(&low())];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut quote = low();
        edit(&mut quote);
        let content = content(&quote);
        assert!(!known.contains(&content), "edit {number}");
        known.push(content);
    }
}

/// A corrected address, or an approval in the CRM that is told again, asks nobody again.
#[test]
fn what_makes_no_other_price_needs_no_other_approval() {
    let content = |quote: &Quote| asked(quote, &config()).expect("approvable").content;
    let mut again = low();
    again.customer.street = Some("2 Main Street".into());
    again.approved_at = Some("2026-11-03T15:00:00Z".parse().unwrap());
    assert_eq!(content(&again), content(&low()));
}
