//! Who owns what, by declaration: what a role may change and what waits for a person.
#![allow(clippy::expect_used)]

use std::collections::BTreeSet;

use domain::customer::FIELDS;
use domain::event::RecordChanged;
use domain::ownership::{Admission, OwnershipRule, Role, admit, declared, defaults, owner_of};
use domain::problem::{Owner, ProblemCode};
use domain::sample::config;
use proptest::prelude::*;

/// Objects that must have a system of record.
const OBJECTS: [&str; 9] =
    ["customer", "contract", "project", "resource", "time", "billing", "invoice", "payment", "revenue"];

fn system(object: &str, field: &str) -> Option<Role> {
    owner_of(&defaults(), object, field).map(|rule| rule.system_of_record)
}

fn change(role: Role, fields: &[&str]) -> RecordChanged {
    RecordChanged {
        connection: "some-connection".into(),
        role,
        object: "customer".into(),
        record: "55".into(),
        fields: fields.iter().map(|f| ((*f).to_owned(), "x".to_owned())).collect(),
        changed_at: "2026-11-20T09:00:00Z".parse().expect("a moment"),
    }
}

/// Proves OWN-01 in part: every entity has its system of record, and the answer can be printed.
#[test]
fn every_entity_has_a_system_of_record() {
    for object in OBJECTS {
        assert!(system(object, "anything").is_some(), "{object}");
    }
    let printed = serde_json::to_value(declared(&config())).expect("JSON");
    let rows = printed.as_array().expect("rows");
    let customer = rows.iter().find(|r| r["object"] == "customer" && r["fields"][0] == "*").expect("a row");
    assert_eq!(customer["system_of_record"], "erp");
    assert_eq!(customer["connections"], serde_json::json!(["tryton-us"]));
}

/// Proves OWN-03: pipeline, hierarchy, relationships and negotiation are the CRM's.
#[test]
fn the_crm_owns_what_is_sold() {
    for (object, field) in [
        ("opportunity", "stage"),
        ("quote", "price"),
        ("customer", "parent"),
        ("customer", "relationships"),
        ("contract", "terms"),
    ] {
        assert_eq!(system(object, field), Some(Role::Crm), "{object} {field}");
    }
}

/// Proves OWN-04: structure, staffing, milestones, status and billable events are the PSA's.
#[test]
fn the_psa_owns_what_is_done() {
    for object in ["project", "resource", "milestone", "time", "billing"] {
        assert_eq!(system(object, "status"), Some(Role::Psa), "{object}");
    }
}

/// Proves OWN-05: the legal account, receivables, dimensions, invoices, revenue and ledger are the ERP's.
#[test]
fn the_erp_owns_the_books() {
    for object in ["customer", "receivable", "dimension", "invoice", "revenue", "ledger"] {
        assert_eq!(system(object, "name"), Some(Role::Erp), "{object}");
    }
    for field in ["tax_registration", "payment_terms", "on_hold"] {
        assert_eq!(system("customer", field), Some(Role::Erp), "{field}");
    }
}

/// Proves OWN-06 in part: a tenant may declare a billing product the record for invoices; no connector plays that role yet.
#[test]
fn a_billing_product_may_own_invoices() {
    let mut tenant = config();
    for rule in tenant.ownership.iter_mut().filter(|rule| rule.object == "invoice") {
        rule.system_of_record = Role::Billing;
    }
    let rule = owner_of(&tenant.ownership, "invoice", "number").expect("a rule");
    assert_eq!(rule.system_of_record, Role::Billing);
    assert_eq!(serde_json::to_value(rule).expect("JSON")["system_of_record"], "billing");
}

/// Proves OWN-18 in part: every rule names who governs the definition.
#[test]
fn every_definition_is_governed() {
    let governed: BTreeSet<&str> = defaults().iter().map(|rule| rule.governed_by.as_str()).collect();
    assert!(governed.len() >= 4, "{governed:?}");
    let rule = owner_of(&defaults(), "customer", "name").cloned().expect("a rule");
    assert_eq!(rule.governed_by, Owner::MasterData);
}

/// A configuration that declares nothing has the defaults, and one that declares has only its own.
#[test]
fn a_tenant_s_own_declaration_counts() {
    assert_eq!(config().ownership, defaults());
    let own = OwnershipRule {
        object: "customer".into(),
        fields: vec!["*".into()],
        system_of_record: Role::Crm,
        governed_by: Owner::SalesOperations,
    };
    let change = change(Role::Crm, &["name"]);
    assert_eq!(admit(std::slice::from_ref(&own), &change), Admission::Apply);
    assert!(matches!(admit(&defaults(), &change), Admission::Quarantine(_)));
    assert!(matches!(admit(&[], &change), Admission::Quarantine(_)), "what nobody owns nobody changes");
}

/// Proves OWN-02 in part: one field of another system's keeps all of the change out, and is named.
#[test]
fn a_foreign_field_keeps_the_whole_change_out() {
    let Admission::Quarantine(problem) = admit(&defaults(), &change(Role::Crm, &["parent", "name"])) else {
        panic!("not the CRM's")
    };
    assert_eq!(problem.code, ProblemCode::NotSystemOfRecord);
    assert_eq!(problem.detail, "some-connection (crm) changed customer 55: name belongs to the erp");
    assert_eq!(admit(&defaults(), &change(Role::Crm, &["parent", "billing_email"])), Admission::Apply);
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Crm, Role::Psa, Role::Erp, Role::Billing, Role::Payments])
}

proptest! {
    /// Proves OWN-02 in part: for any fields and any role, a change applies exactly if the role owns each of them.
    #[test]
    fn a_change_applies_exactly_if_its_role_owns_every_field(
        role in role(), fields in prop::collection::btree_set(prop::sample::select(FIELDS.as_slice()), 0..5)
    ) {
        let fields: Vec<&str> = fields.into_iter().collect();
        let owns = fields.iter().all(|f| system("customer", f) == Some(role));
        prop_assert_eq!(admit(&defaults(), &change(role, &fields)) == Admission::Apply, owns);
    }
}
