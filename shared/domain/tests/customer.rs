//! The customer as we hold it: made of a deal, kept by later ones, changed by the systems of record.
#![allow(clippy::expect_used)]

use std::collections::BTreeMap;

use domain::activation::CustomerFacts;
use domain::customer::{GlobalCustomer, Learned, Parent, Purpose};
use domain::event::RecordChanged;
use domain::id::CustomerId;
use domain::ownership::{Role, defaults};
use domain::policy::TenantConfig;
use domain::quote::Customer;
use domain::sample::{config, quote, usd};
use jiff::Timestamp;
use proptest::prelude::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).expect("a moment")
}

fn ours() -> CustomerId {
    CustomerId::of_company("northwind", "hubspot-main", "55")
}

fn above() -> Parent {
    Parent { customer: CustomerId::of_company("northwind", "hubspot-main", "54"), company: "54".into() }
}

fn learned<'a>(
    record: &'a Customer,
    config: &'a TenantConfig,
    facts: &'a CustomerFacts,
    minute: i64,
) -> Learned<'a> {
    Learned {
        record,
        entity: &config.legal_entities[0],
        payment_terms: "net-30",
        facts: Some(facts),
        parent: Some(above()),
        records: BTreeMap::from([
            ("hubspot-main".to_owned(), "55".to_owned()),
            ("tryton-us".to_owned(), "3".to_owned()),
        ]),
        at: at(minute),
    }
}

fn globex() -> GlobalCustomer {
    let facts = CustomerFacts { on_hold: false, credit_limit: Some(usd("50000.00")), receivable: None };
    GlobalCustomer::new(ours(), &learned(&quote().customer, &config(), &facts, 0))
}

fn change(fields: &[(&str, &str)], minute: i64) -> RecordChanged {
    RecordChanged {
        connection: "hubspot-main".into(),
        role: Role::Crm,
        object: "customer".into(),
        record: "55".into(),
        fields: fields.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect(),
        changed_at: at(minute),
    }
}

/// Proves CAN-01 in part, CAN-03 in part, CAN-24 in part: all of it is held in one record, the tax treatment of the
/// customer among it; contract and invoice carry their own.
#[test]
fn a_customer_is_held_whole() {
    let customer = globex();
    assert_eq!(customer.parent, Some(above()));
    assert!(customer.legal_entities.contains("NW-US"));
    assert_eq!(customer.payment_terms.as_deref(), Some("net-30"));
    assert_eq!(customer.tax.registration.as_deref(), Some("12-3456789"));
    assert_eq!(customer.tax.jurisdiction.as_deref(), Some("US"));
    assert!(customer.tax.nexus.contains("NW-US"));
    assert_eq!(customer.tax.attributes["NW-US"], "SALES-10");
    assert_eq!((customer.credit.limit, customer.credit.as_of), (Some(usd("50000.00")), Some(at(0))));
    assert_eq!(customer.records["tryton-us"], "3");
    let [contact] = customer.contacts.as_slice() else { panic!("one contact") };
    assert_eq!((&contact.customer, contact.purpose), (&ours(), Purpose::Billing));
    assert_eq!(contact.email, "ap@globex.example");
    let written = serde_json::to_value(&customer).expect("JSON");
    assert_eq!(serde_json::from_value::<GlobalCustomer>(written).expect("is read"), customer);
}

/// Proves OWN-02 in part: a later deal names the customer otherwise, and what the ERP owns stays.
#[test]
fn another_deal_changes_only_what_the_crm_owns() {
    let mut record = quote().customer;
    record.name = "Globex Renamed".into();
    record.tax_registration = Some("98-7654321".into());
    record.billing_email = Some("new@globex.example".into());
    let facts = CustomerFacts { on_hold: true, ..CustomerFacts::default() };
    let config = config();
    let mut again = learned(&record, &config, &facts, 5);
    again.parent = None;
    let customer = globex().again(&again, &defaults());
    assert_eq!(customer.name, "Globex Corporation");
    assert_eq!(customer.tax.registration.as_deref(), Some("12-3456789"));
    assert_eq!(customer.contacts[0].email, "new@globex.example");
    assert_eq!(customer.parent, None);
    assert!(customer.credit.on_hold);
    let stale = globex().again(&learned(&record, &config, &facts, -5), &defaults());
    assert_eq!(stale.contacts[0].email, "ap@globex.example", "an older reading");
    assert!(!stale.credit.on_hold, "an older answer of the ERP's");
}

/// Proves CAN-02 in part: the hierarchy is data that a report of its owner changes.
#[test]
fn a_report_is_applied_by_field_and_only_if_it_is_newer() {
    let mut customer = globex();
    let fields = [("name", "Globex AG"), ("parent", "60"), ("phone", "555")];
    assert_eq!(customer.apply("northwind", &change(&fields, 2)), ["name", "parent"]);
    assert_eq!(customer.parent.as_ref().map(|p| p.company.as_str()), Some("60"));
    assert_eq!(customer.apply("northwind", &change(&[("name", "Globex Inc")], 1)), Vec::<String>::new());
    assert_eq!(
        customer.apply("northwind", &change(&[("name", "Globex Inc"), ("city", "Berlin")], 1)),
        ["city"]
    );
    assert_eq!((customer.name.as_str(), customer.address.city.as_deref()), ("Globex AG", Some("Berlin")));
    assert_eq!(customer.apply("northwind", &change(&[("parent", ""), ("billing_email", "")], 3)).len(), 2);
    assert_eq!((customer.parent, customer.contacts.len()), (None, 0));
}

proptest! {
    /// In whatever order reports come, and however often, the newest of each field stands in the end.
    #[test]
    fn the_order_of_reports_makes_no_difference(
        reports in prop::collection::vec((1_i64..1_000, prop::sample::select(vec!["name", "city", "payment_terms"])), 1..12),
        turn in any::<prop::sample::Index>(),
    ) {
        let mut at_most_one: Vec<(i64, &str)> = Vec::new();
        for (minute, field) in reports {
            if !at_most_one.iter().any(|(m, _)| *m == minute) {
                at_most_one.push((minute, field));
            }
        }
        let play = |order: &[(i64, &str)]| {
            let mut customer = globex();
            for (minute, field) in order {
                customer.apply("northwind", &change(&[(field, &minute.to_string())], *minute));
            }
            customer
        };
        let mut other = at_most_one.clone();
        let by = turn.index(other.len());
        other.rotate_left(by);
        other.push(at_most_one[0]);
        prop_assert_eq!(play(&at_most_one), play(&other));
        let newest = at_most_one.iter().filter(|(_, f)| *f == "name").max();
        let expected = newest.map_or("Globex Corporation".to_owned(), |(minute, _)| minute.to_string());
        prop_assert_eq!(play(&at_most_one).name, expected);
    }
}
