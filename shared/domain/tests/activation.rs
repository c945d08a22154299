//! The checks before the first write, one at a time and all together.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::activation::{CustomerFacts, assign, check, cut_contract};
use domain::contract::{Period, RevenueTreatment};
use domain::money::{Currency, Money};
use domain::policy::TenantConfig;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::routing::Selects;
use domain::sample::{config, milestone_line, quote, rate_line, support_line, usd};

fn codes(edit: impl FnOnce(&mut Quote)) -> Vec<ProblemCode> {
    let mut quote = quote();
    edit(&mut quote);
    check(&quote, &CustomerFacts::default(), &config()).into_iter().map(|p| p.code).collect()
}

fn codes_of(facts: &CustomerFacts, config: &TenantConfig) -> Vec<ProblemCode> {
    check(&quote(), facts, config).into_iter().map(|p| p.code).collect()
}

#[test]
fn a_complete_quote_passes() {
    assert_eq!(codes(|_| {}), []);
}

/// Proves WFA-03.
#[test]
fn a_quote_that_is_not_approved_stops() {
    assert_eq!(codes(|q| q.approved = false), [ProblemCode::QuoteNotApproved]);
}

#[test]
fn a_customer_without_address_stops() {
    assert_eq!(codes(|q| q.customer.street = Some(" ".into())), [ProblemCode::CustomerIncomplete]);
    assert_eq!(codes(|q| q.customer.name = String::new()), [ProblemCode::CustomerIncomplete]);
}

/// Proves WFA-06: also one that no system serves, or that sells through another CRM, and SCN-08 in part.
#[test]
fn an_unknown_or_missing_entity_stops() {
    assert!(codes(|q| q.legal_entity = None).contains(&ProblemCode::LegalEntityInvalid));
    assert!(codes(|q| q.legal_entity = Some("NW-XX".into())).contains(&ProblemCode::LegalEntityInvalid));
    let mut unrouted = config();
    unrouted.routing.0.retain(|rule| rule.selects != Selects::Erp);
    assert_eq!(assigned(&unrouted, "hubspot-main"), Err(ProblemCode::LegalEntityInvalid));
    assert_eq!(assigned(&config(), "hubspot-west"), Err(ProblemCode::LegalEntityInvalid));
    assert_eq!(assigned(&config(), "hubspot-main"), Ok("tryton-us".into()));
}

/// The ERP that a quote of a CRM is assigned to, or why there is none.
fn assigned(config: &TenantConfig, crm: &str) -> Result<String, ProblemCode> {
    let found = assign(&quote(), crm, config, jiff::civil::date(2026, 11, 20)).expect("an entity");
    found.map(|a| a.systems.erp).map_err(|p| p.code)
}

/// Proves WFA-07.
#[test]
fn a_currency_that_the_entity_does_not_sell_in_stops() {
    let mut narrow = config();
    narrow.legal_entities[0].currencies = vec![Currency::from_code("EUR").expect("EUR")];
    assert_eq!(codes_of(&CustomerFacts::default(), &narrow), [ProblemCode::CurrencyNotAllowed]);
}

/// Proves WFA-08.
#[test]
fn a_missing_tax_registration_or_jurisdiction_stops() {
    assert_eq!(codes(|q| q.customer.tax_registration = None), [ProblemCode::TaxRegistrationMissing]);
    assert_eq!(codes(|q| q.customer.country = Some("FR".into())), [ProblemCode::TaxRegistrationMissing]);
}

/// Proves WFA-09.
#[test]
fn unknown_payment_terms_stop() {
    assert_eq!(codes(|q| q.payment_terms = Some("net-365".into())), [ProblemCode::PaymentTermsUnknown]);
    assert_eq!(codes(|q| q.payment_terms = None), [ProblemCode::PaymentTermsUnknown]);
}

/// Proves WFA-10: a hold, and a limit that this deal would exceed by a cent.
#[test]
fn credit_stops_at_a_hold_and_one_cent_past_the_limit() {
    let facts = |limit, owed| CustomerFacts {
        on_hold: false,
        credit_limit: Some(usd(limit)),
        receivable: Some(usd(owed)),
    };
    assert_eq!(
        codes_of(&CustomerFacts { on_hold: true, ..CustomerFacts::default() }, &config()),
        [ProblemCode::CreditHold]
    );
    assert_eq!(codes_of(&facts("60000.00", "10000.00"), &config()), []);
    assert_eq!(codes_of(&facts("60000.00", "10000.01"), &config()), [ProblemCode::CreditHold]);
}

/// Proves WFA-11.
#[test]
fn a_service_outside_the_catalog_stops() {
    assert_eq!(codes(|q| q.lines[0].service = "MAGIC".into()), [ProblemCode::ServiceUnknown]);
    assert_eq!(codes(|q| q.lines[0].service = "ADVISORY".into()), [ProblemCode::ServiceUnknown]);
}

/// Proves WFA-12.
#[test]
fn a_price_below_policy_stops_and_the_floor_itself_passes() {
    assert_eq!(codes(|q| q.lines[2].unit_price = usd("119.99")), [ProblemCode::PriceBelowPolicy]);
    assert_eq!(codes(|q| q.lines[2].unit_price = usd("120.00")), []);
    assert_eq!(codes(|q| q.lines[0].unit_price = usd("999.99")), [ProblemCode::PriceBelowPolicy]);
}

/// Each role has a floor of its own: what is enough for one is not for another.
#[test]
fn a_role_s_own_floor_counts() {
    assert_eq!(codes(|q| q.lines[3].unit_price = usd("121.00")), [ProblemCode::PriceBelowPolicy]);
}

/// Also where no floor speaks about it, nothing is no price, and neither is another currency.
#[test]
fn a_price_of_nothing_or_in_another_currency_stops() {
    let without_floor = |price: Money| {
        move |q: &mut Quote| {
            q.lines[3].role = Some("architect".into());
            q.lines[3].unit_price = price;
        }
    };
    let euros = Money::parse("260.00", Currency::from_code("EUR").expect("EUR")).expect("amount");
    assert_eq!(codes(without_floor(usd("0.01"))), []);
    assert_eq!(codes(without_floor(usd("0.00"))), [ProblemCode::PriceBelowPolicy]);
    assert_eq!(codes(without_floor(euros)), [ProblemCode::PriceBelowPolicy]);
}

/// What was sold is what is billed: a discount that the price does not show, or a quantity that
/// makes nothing or less of a milestone, stops.
#[test]
fn an_amount_that_would_not_be_billed_stops() {
    assert_eq!(codes(|q| q.lines[0].amount = Some(usd("18000.00"))), [ProblemCode::BillingModelInvalid]);
    assert_eq!(codes(|q| q.lines[0].amount = Some(usd("20000.00"))), []);
    assert!(codes(|q| q.lines[0].quantity = 0.into()).contains(&ProblemCode::BillingModelInvalid));
    assert!(codes(|q| q.lines[0].quantity = (-1).into()).contains(&ProblemCode::BillingModelInvalid));
    let sliver = |q: &mut Quote| q.lines[0].quantity = "0.01".parse().expect("decimal");
    assert_eq!(codes(sliver), [ProblemCode::PriceBelowPolicy]);
}

/// Proves WFA-13.
#[test]
fn a_project_template_that_does_not_exist_stops() {
    assert_eq!(
        codes(|q| q.project_template = Some("moonshot".into())),
        [ProblemCode::ProjectTemplateMissing]
    );
}

/// Proves WFA-15: somebody who is configured answers for the delivery, where the configuration says who may.
#[test]
fn a_delivery_owner_that_is_missing_or_unknown_stops() {
    assert_eq!(codes(|q| q.delivery_owner = None), [ProblemCode::DeliveryOwnerInvalid]);
    assert_eq!(codes(|q| q.delivery_owner = Some("nobody".into())), [ProblemCode::DeliveryOwnerInvalid]);
    let mut quote = quote();
    quote.delivery_owner = None;
    let open = TenantConfig { delivery_owners: vec![], ..config() };
    assert_eq!(check(&quote, &CustomerFacts::default(), &open), []);
}

/// Proves WFA-14.
#[test]
fn lines_that_form_no_billing_model_stop() {
    assert!(codes(|q| q.lines.clear()).contains(&ProblemCode::BillingModelInvalid));
    assert_eq!(codes(|q| q.lines[1].milestone = Some("M1".into())), [ProblemCode::BillingModelInvalid]);
    assert_eq!(codes(|q| q.lines[0].milestone = None), [ProblemCode::BillingModelInvalid]);
    assert_eq!(codes(|q| q.lines[2].role = None), [ProblemCode::BillingModelInvalid]);
    assert_eq!(codes(|q| q.lines[2].billing_method = None), [ProblemCode::BillingModelInvalid]);
}

/// Proves WFA-16 in part: everything that is wrong is found at once.
#[test]
fn all_findings_are_reported_together() {
    let found = codes(|q| {
        q.approved = false;
        q.customer.tax_registration = None;
        q.payment_terms = None;
        q.lines[2].unit_price = usd("1.00");
    });
    for code in [
        ProblemCode::QuoteNotApproved,
        ProblemCode::TaxRegistrationMissing,
        ProblemCode::PaymentTermsUnknown,
        ProblemCode::PriceBelowPolicy,
    ] {
        assert!(found.contains(&code), "{code:?} in {found:?}");
    }
}

/// Proves WFA-22 in part: the package splits into milestones and rates without rekeying.
#[test]
fn the_contract_carries_every_sold_line() {
    let contract = cut_contract(&quote(), &config()).expect("contract");
    assert_eq!(contract.fixed_fee().expect("sum"), usd("50000.00"));
    let lines: Vec<&str> = contract
        .milestones
        .iter()
        .map(|m| m.quote_line.as_str())
        .chain(contract.rate_card.rates.iter().map(|r| r.quote_line.as_str()))
        .collect();
    assert_eq!(lines, ["1", "2", "3", "4"]);
}

/// Proves CAN-06 in part, CAN-09 in part, CAN-15 in part, CAN-28 in part: terms, value, ceiling, billing
/// methods, rate card, work, tax, posting and revenue of a sold package are one record, and what
/// configuration says of it is cut into it.
#[test]
fn a_sold_package_is_one_record() {
    let mut sold = quote();
    sold.lines.push(support_line("5", "S1", "1500.00", "2027-04-01", 12));
    sold.time_ceiling = Some(usd("40000.00"));
    let contract = cut_contract(&sold, &config()).expect("contract");
    assert_eq!((contract.quote.as_str(), contract.version), ("900", 1));
    assert_eq!((contract.legal_entity.as_str(), contract.currency), ("NW-US", usd("0").currency()));
    assert_eq!((contract.payment_terms.as_str(), contract.tax_code.as_str()), ("net-30", "SALES-10"));
    assert_eq!(contract.purchase_order.as_deref(), Some("PO-77"));
    assert_eq!(contract.time_ceiling, Some(usd("40000.00")));
    let billed: Vec<(&str, Money)> = contract.milestones.iter().map(|m| (m.key.as_str(), m.amount)).collect();
    assert_eq!(billed, [("M1", usd("20000.00")), ("M2", usd("30000.00"))]);
    let [charge] = contract.recurring.as_slice() else { panic!("one charge") };
    assert_eq!((charge.fee, charge.period, charge.term), (usd("1500.00"), Period::Monthly, 12));
    assert_eq!(contract.value().expect("adds up"), usd("68000.00"));
    let roles: Vec<&str> = contract.rate_card.rates.iter().map(|r| r.role.as_str()).collect();
    assert_eq!(roles, ["consultant", "principal"]);
    let work: Vec<&str> = contract.work.iter().map(|w| w.title.as_str()).collect();
    assert_eq!(
        work,
        ["Project management", "Delivery", "Configuration", "Acceptance tests", "Managed support"]
    );
    let assigned = assign(&sold, "hubspot-main", &config(), jiff::civil::date(2026, 11, 20));
    let posted = assigned.expect("an entity").expect("systems").accounting;
    let centre = |service: &str| posted[service].cost_centre.as_str();
    assert_eq!([centre("IMPL"), centre("ADVISORY"), centre("SUPPORT")], ["4100", "4200", "4100"]);
    assert_eq!(contract.revenue["IMPL"], RevenueTreatment::Milestone);
    assert_eq!(contract.revenue["SUPPORT"], RevenueTreatment::StraightLine);
}

#[test]
fn the_helpers_make_distinct_lines() {
    assert_ne!(milestone_line("1", "M1", "a", "1000.00"), rate_line("1", "a", "1000.00"));
}
