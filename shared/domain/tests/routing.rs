//! Routing: the most specific rule in force, and configurations that contradict themselves.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::TenantConfig;
use domain::activation::{CustomerFacts, assign, check, cut_contract};
use domain::consistency::faults;
use domain::money::Currency;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::routing::{AssignedSystems, Facts, NoRoute, Routing, Selects, Sold};
use domain::sample::{config, quote, rate_line};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::{Value, json};

fn routing(rules: Value) -> Routing {
    serde_json::from_value(rules).expect("rules")
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

fn facts() -> Facts<'static> {
    Facts {
        legal_entity: "NW-US",
        currency: currency("USD"),
        tax_jurisdiction: Some("US"),
        region: Some("americas"),
        service_line: Some("consulting"),
    }
}

/// A change of a configuration, as JSON.
type Edit = fn(&mut Value);

const DAY: Date = date(2026, 11, 20);

/// Proves MEC-09 in part: the instance is chosen by entity and by region.
#[test]
fn the_most_specific_rule_counts() {
    let rules = routing(json!([
        {"selects": "erp", "gives": "everyone"},
        {"selects": "erp", "gives": "americas", "when": {"region": "americas"}},
        {"selects": "erp", "gives": "entity", "when": {"region": "americas", "legal_entity": "NW-US"}},
        {"selects": "psa", "gives": "other", "when": {
            "legal_entity": "NW-US", "region": "americas", "currency": "USD", "tax_jurisdiction": "US",
            "service_line": "consulting",
        }},
    ]));
    let erp = |facts: Facts<'_>| rules.choose(Selects::Erp, &facts, DAY).map(str::to_owned);
    assert_eq!(erp(facts()), Ok("entity".into()));
    assert_eq!(erp(Facts { legal_entity: "NW-CA", ..facts() }), Ok("americas".into()));
    assert_eq!(
        erp(Facts { legal_entity: "NW-EU", region: Some("europe"), ..facts() }),
        Ok("everyone".into())
    );
    let psa = |facts: Facts<'_>| rules.choose(Selects::Psa, &facts, DAY).is_ok();
    assert!(psa(facts()));
    for other in [
        Facts { legal_entity: "NW-CA", ..facts() },
        Facts { currency: currency("CAD"), ..facts() },
        Facts { tax_jurisdiction: Some("CA"), ..facts() },
        Facts { region: None, ..facts() },
        Facts { service_line: None, ..facts() },
    ] {
        assert!(!psa(other), "{other:?}");
    }
}

/// A rule is in force from its first to its last day, both included.
#[test]
fn a_rule_counts_on_its_days() {
    let rules = routing(json!([
        {"selects": "erp", "gives": "old", "until": "2026-12-31"},
        {"selects": "erp", "gives": "new", "from": "2027-01-01", "until": "2027-06-30"},
    ]));
    let on = |day: Date| rules.choose(Selects::Erp, &facts(), day).map(str::to_owned);
    assert_eq!(on(date(2026, 12, 31)), Ok("old".into()));
    assert_eq!(on(date(2027, 1, 1)), Ok("new".into()));
    assert_eq!(on(date(2027, 6, 30)), Ok("new".into()));
    assert!(matches!(on(date(2027, 7, 1)), Err(NoRoute::Nothing { .. })));
    assert_eq!(rules.ever_given(Selects::Erp).len(), 2);
}

/// Who sold it is never guessed: two rules that are equally specific decide nothing.
#[test]
fn rules_that_disagree_decide_nothing() {
    let rules = routing(json!([
        {"selects": "erp", "gives": "one", "when": {"currency": "USD"}},
        {"selects": "erp", "gives": "two", "when": {"region": "americas"}},
    ]));
    assert!(matches!(rules.choose(Selects::Erp, &facts(), DAY), Err(NoRoute::Ambiguous { .. })));
}

/// A tenant with a second entity in Europe: all of it configuration.
fn two_entities() -> TenantConfig {
    let mut whole = serde_json::to_value(config()).expect("JSON");
    whole["legal_entities"].as_array_mut().unwrap().push(json!({
        "code": "NW-EU", "name": "Northwind GmbH", "region": "europe", "currencies": ["EUR"],
        "tax_jurisdictions": ["DE", "FR"], "tax_code": "VAT-19", "tax_codes": {"FR": "VAT-20"},
    }));
    for code in ["VAT-19", "VAT-20"] {
        whole["tax_codes"].as_array_mut().unwrap().push(json!({"code": code, "name": code}));
    }
    whole["posting_rules"] = json!([{"code": "hgb", "services": {
        "ADVISORY": {"revenue_account": "4400", "cost_centre": "4200", "dimensions": {"segment": "dach"}},
    }}]);
    let rules = whole["routing"].as_array_mut().unwrap();
    rules.push(json!({"selects": "erp", "gives": "erp-eu", "when": {"legal_entity": "NW-EU"}}));
    rules.push(json!({"selects": "tax-engine", "gives": "engine-eu", "when": {"region": "europe"}}));
    rules.push(json!({"selects": "tax-engine", "gives": "engine-us", "when": {"region": "americas"}}));
    rules.push(json!({"selects": "posting-rules", "gives": "hgb", "when": {"region": "europe"}}));
    rules.push(json!({"selects": "invoice-format", "gives": "zugferd", "when": {"tax_jurisdiction": "DE"}}));
    serde_json::from_value(whole).expect("a configuration")
}

/// The same deal, sold by the European entity to a country.
fn sold_to(country: &str) -> Quote {
    let mut quote = quote();
    quote.legal_entity = Some("NW-EU".into());
    quote.currency = currency("EUR");
    quote.customer.country = Some(country.into());
    quote
}

/// Proves MEC-01 in part, MEC-03 in part and MEC-04 in part: engine, tax code, posting and layout follow
/// entity and region; that an engine other than the ERP's computes anything is a connector's business.
#[test]
fn tax_posting_and_layout_follow_entity_and_region() {
    let config = two_entities();
    assert_eq!(faults(&config), []);
    let assigned = |quote: &Quote| assign(quote, "hubspot-main", &config, DAY).unwrap().expect("assigned");
    let (here, there) = (assigned(&quote()), assigned(&sold_to("DE")));
    let codes = |systems: &AssignedSystems| {
        let code = |code: &Option<String>| code.clone().unwrap_or_default();
        [
            systems.erp.clone(),
            code(&systems.tax_engine),
            code(&systems.posting_rules),
            code(&systems.invoice_format),
        ]
    };
    assert_eq!(codes(&here.systems), ["tryton-us", "engine-us", "", ""]);
    assert_eq!(codes(&there.systems), ["erp-eu", "engine-eu", "hgb", "zugferd"]);
    assert_eq!(codes(&assigned(&sold_to("FR")).systems), ["erp-eu", "engine-eu", "hgb", ""]);
    let tax = |quote: &Quote| cut_contract(quote, &config).expect("a contract").tax_code;
    assert_eq!([tax(&quote()), tax(&sold_to("DE")), tax(&sold_to("FR"))], ["SALES-10", "VAT-19", "VAT-20"]);
    // The posting rules' own accounting stands in place of the catalog's, service by service.
    assert_eq!(here.accounting["ADVISORY"].revenue_account, None);
    assert_eq!(there.accounting["ADVISORY"].revenue_account.as_deref(), Some("4400"));
    assert_eq!(there.accounting["IMPL"], here.accounting["IMPL"]);
    assert_eq!(here.accounting["IMPL"].cost_centre, "4100");
}

/// Proves MEC-05 in part: an entity sells where it is registered, and to customers who are.
#[test]
fn registration_is_looked_at_by_entity_and_customer() {
    let config = two_entities();
    let stops = |quote: &Quote| {
        let found = check(quote, &CustomerFacts::default(), &config);
        found.iter().any(|p| p.code == ProblemCode::TaxRegistrationMissing)
    };
    let to = |quote: &Quote, country: &str| {
        let mut quote = quote.clone();
        quote.customer.country = Some(country.into());
        quote
    };
    assert!(!stops(&quote()) && !stops(&sold_to("DE")) && !stops(&sold_to("FR")));
    assert!(stops(&to(&quote(), "DE")), "NW-US is not registered there");
    assert!(stops(&sold_to("US")), "NW-EU is not registered there");
    let mut unregistered = sold_to("DE");
    unregistered.customer.tax_registration = None;
    assert!(stops(&unregistered));
}

/// Two service lines of one deal that lead to two PSAs are not cut apart silently.
#[test]
fn what_is_sold_together_goes_to_one_system() {
    let mut config = config();
    let rule = json!([{"selects": "psa", "gives": "psa-two", "when": {"service_line": "consulting"}}]);
    config.routing.0.extend(routing(rule).0);
    let decided = |quote: &Quote| Sold::by_quote(quote).unwrap().choose(Selects::Psa, &config, DAY);
    assert!(matches!(decided(&quote()), Err(NoRoute::Divided { .. })));
    let consulting = Quote { lines: vec![rate_line("1", "consultant", "180.00")], ..quote() };
    assert_eq!(decided(&consulting), Ok("psa-two".into()));
}

/// Proves OWN-16 in part, CAN-25 in part and CAN-26 in part: entities, service lines, cost centres and
/// tax codes are one set of reference data that is refused when its parts do not agree.
#[test]
fn reference_data_that_does_not_agree_is_refused() {
    assert_eq!(faults(&config()), []);
    let broken: [(&str, Edit); 10] = [
        ("routing[4]: contradicts routing[3]", |c| {
            let rule =
                json!({"selects": "erp", "gives": "two", "when": {"currency": "USD"}, "from": "2027-01-01"});
            c["routing"].as_array_mut().unwrap().push(rule);
        }),
        ("routing[3].until: is before", |c| {
            c["routing"][3]["from"] = "2027-01-01".into();
            c["routing"][3]["until"] = "2026-01-01".into();
        }),
        ("routing[0].when: no legal entity", |c| c["routing"][0]["when"] = json!({"region": "mars"})),
        ("legal_entities[0]: no routing rule ever gives it a erp", |c| {
            c["routing"].as_array_mut().unwrap().pop();
        }),
        ("services[0]: `sport` is no listed service line", |c| {
            c["services"][0]["service_line"] = "sport".into()
        }),
        ("services[1]: `9` is no listed cost centre", |c| {
            c["services"][1]["accounting"]["cost_centre"] = "9".into()
        }),
        ("legal_entities[0]: `VAT` is no listed tax code", |c| {
            c["legal_entities"][0]["tax_code"] = "VAT".into()
        }),
        ("services[0]: `none` is no project template", |c| {
            c["services"][0]["project_template"] = "none".into()
        }),
        ("resources[0]: a subcontractor needs a cost rate", |c| {
            c["resources"] = json!([{"name": "Ada", "legal_entity": "NW-US", "employment": "subcontractor"}]);
        }),
        ("transfer_prices[0]: `NW-EU` is no legal entity", |c| {
            c["transfer_prices"] = json!([{"from": "NW-US", "to": "NW-EU", "basis": {"percent": "80"}}]);
        }),
    ];
    for (expected, edit) in broken {
        let mut whole = serde_json::to_value(config()).expect("JSON");
        edit(&mut whole);
        let found = faults(&serde_json::from_value(whole).expect("a configuration"));
        assert!(found.iter().any(|f| f.to_string().starts_with(expected)), "{expected}: {found:?}");
    }
}

fn drawn_rules() -> impl Strategy<Value = Vec<Value>> {
    let rule = (
        0..3_usize,
        proptest::option::of(prop::sample::select(vec!["NW-US", "NW-EU"])),
        proptest::option::of(prop::sample::select(vec!["USD", "EUR"])),
        proptest::option::of(prop::sample::select(vec!["americas", "europe"])),
        (0..4_i16, 0..4_i16),
    );
    let rule = rule.prop_map(|(gives, entity, currency, region, (from, until))| {
        let mut when = serde_json::Map::new();
        for (name, wanted) in [("legal_entity", entity), ("currency", currency), ("region", region)] {
            when.extend(wanted.map(|w| (name.to_owned(), Value::from(w))));
        }
        let day = |year: i16| date(2026 + year, 1, 1).to_string();
        json!({"selects": "erp", "gives": format!("erp-{gives}"), "when": when, "from": day(from), "until": day(until)})
    });
    prop::collection::vec(rule, 1..8)
}

proptest! {
    /// A configuration without faults never leaves the choice to chance, on whatever day.
    #[test]
    fn a_sound_configuration_is_never_ambiguous(rules in drawn_rules(), year in 0_i16..5) {
        let mut config = two_entities();
        config.routing = routing(rules.into());
        let contradicts = faults(&config).iter().any(|f| f.rule.contains("contradicts"));
        for (entity, currency_code, country) in [("NW-US", "USD", "US"), ("NW-EU", "EUR", "DE")] {
            let sold = Sold {
                legal_entity: entity,
                currency: currency(currency_code),
                country: Some(country),
                services: vec!["IMPL"],
            };
            let chosen = sold.choose(Selects::Erp, &config, date(2026 + year, 1, 1));
            prop_assert!(contradicts || !matches!(chosen, Err(NoRoute::Ambiguous { .. })), "{chosen:?}");
        }
    }
}
