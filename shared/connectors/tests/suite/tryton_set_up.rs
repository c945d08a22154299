//! Tryton before the first invoice: customer accounts and billing plans.

use std::time::Duration;

use std::sync::Arc;

use connectors::operation::{CreateBillingPlan, CreateCustomer, CustomerRecord, Operation, Undone};
use connectors::role::Erp;
use connectors::{CallErrorKind, Idempotency, Performs, registry};
use domain::contract::{ChargeTiming, Contract, Milestone, Period, Rate, RateCard, RecurringCharge};
use domain::id::{CustomerId, EngagementId};
use domain::quote::Customer;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{
    ENGAGEMENT, answer, connection, dollars, on, sent, silent, tryton_settings, usd, vendor,
};

const PARTY: &str = "/erp/rest/model/party.party";
pub(crate) const WORK: &str = "/erp/rest/model/project.work";

pub(crate) fn erp(base: &str) -> Arc<dyn Erp> {
    registry::erp(&connection("tryton", base, tryton_settings())).expect("opens")
}

fn customer() -> CreateCustomer {
    CreateCustomer {
        customer: CustomerId::derive(&["globex"]),
        record: Customer {
            company: "55".into(),
            name: "Globex Corporation".into(),
            tax_registration: Some("12-3456789".into()),
            street: Some("1 Cypress Creek Road".into()),
            city: Some("Springfield".into()),
            postal_code: Some("97477".into()),
            country: Some("US".into()),
            billing_email: Some("payables@globex.example".into()),
            parent: None,
        },
        payment_terms: "net-30".into(),
        account: None,
    }
}

fn party_of_ours() -> Value {
    let mut party = vendor("tryton/party.json")[0].clone();
    party["external_id"] = customer().customer.as_str().into();
    party
}

fn none() -> ResponseTemplate {
    answer(&json!([]))
}

#[tokio::test]
async fn an_account_with_the_same_registration_is_adopted() {
    let server = MockServer::start().await;
    on(&server, "GET", PARTY, none(), 1).await;
    on(&server, "GET", PARTY, answer(&vendor("tryton/party.json")), 1).await;
    let found = erp(&server.uri()).find(&customer()).await.expect("is asked").expect("is there");
    assert!(found.adopted);
    assert_eq!(
        (found.record.as_str(), found.address.as_str()),
        ("3", "3"),
        "the address for invoices, not the first"
    );
    assert_eq!(customer().verify(&found), Ok(()));
    let another = CustomerRecord { tax_registration: Some("98-7654321".into()), ..found.clone() };
    assert!(customer().verify(&another).is_err(), "another firm");
    let undone = erp(&server.uri()).undo(&customer(), &found).await.expect("undoes");
    assert!(matches!(undone, Undone::Kept(_)));
}

#[tokio::test]
async fn two_accounts_with_the_same_registration_are_for_a_person() {
    let server = MockServer::start().await;
    let party = vendor("tryton/party.json")[0].clone();
    on(&server, "GET", PARTY, none(), 1).await;
    on(&server, "GET", PARTY, answer(&json!([party, party])), 1).await;
    let error = erp(&server.uri()).find(&customer()).await.expect_err("which one?");
    assert_eq!(error.kind, CallErrorKind::Refused);
    assert!(!error.detail.contains("3456789"), "no registration in {}", error.detail);
}

#[tokio::test]
async fn an_unknown_customer_is_created_with_everything_an_invoice_needs() {
    let server = MockServer::start().await;
    on(&server, "GET", PARTY, none(), 2).await;
    on(&server, "GET", "/erp/rest/model/country.country", answer(&json!([{ "id": 7 }])), 1).await;
    on(&server, "POST", PARTY, answer(&party_of_ours()), 1).await;
    let erp = erp(&server.uri());
    assert_eq!(
        Performs::<CreateCustomer>::idempotency(&*erp),
        Idempotency::RefusedTwice { settles_within: Duration::from_secs(60) }
    );
    let made = erp.perform(&customer(), "key").await.expect("is created");
    assert!(!made.adopted);
    let body = &sent(&server, "POST", PARTY).await[0];
    assert_eq!(body["external_id"], customer().customer.as_str());
    assert_eq!(body["customer_payment_term"], 4);
    assert_eq!(body["identifiers"][0][1][0], json!({ "type": "us_ein", "code": "12-3456789" }));
    assert_eq!(body["addresses"][0][1][0]["country"], 7);
}

#[tokio::test]
async fn whoever_was_quicker_is_adopted_and_a_missing_address_is_added() {
    let server = MockServer::start().await;
    let mut bare = party_of_ours();
    bare["addresses"] = json!([]);
    on(&server, "GET", PARTY, none(), 2).await;
    on(&server, "GET", PARTY, answer(&json!([bare])), 1).await;
    on(&server, "GET", "/erp/rest/model/country.country", none(), 2).await;
    let duplicate = ResponseTemplate::new(400).set_body_json(vendor("tryton/not_unique.json"));
    on(&server, "POST", PARTY, duplicate, 1).await;
    let address = json!({ "id": 8, "__name__": "party.address", "invoice": true });
    on(&server, "POST", "/erp/rest/model/party.address", answer(&address), 1).await;
    let made = erp(&server.uri()).perform(&customer(), "key").await.expect("is adopted");
    assert_eq!((made.record.as_str(), made.address.as_str()), ("3", "8"));
}

#[tokio::test]
async fn facts_are_the_books_and_an_account_that_is_gone_is_for_a_person() {
    let server = MockServer::start().await;
    on(&server, "GET", PARTY, none(), 1).await;
    let error = erp(&server.uri()).customer_facts("3").await.expect_err("is gone");
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (CallErrorKind::Refused, "account 3 is not there any more")
    );
    server.reset().await;
    let mut party = party_of_ours();
    party["credit_limit_amount"] = json!({ "__class__": "Decimal", "decimal": "50000" });
    on(&server, "GET", PARTY, answer(&json!([party])), 1).await;
    let facts = erp(&server.uri()).customer_facts("3").await.expect("are read");
    assert_eq!((facts.credit_limit, facts.receivable), (Some(usd("50000")), Some(usd("1135.50"))));
}

#[tokio::test]
async fn refusals_name_no_one_and_a_missing_right_is_no_refusal() {
    let server = MockServer::start().await;
    for (payload, kind, detail) in [
        (
            "tryton/not_valid.json",
            CallErrorKind::Refused,
            "400: The European VAT Number \"…\" for party \"…\" is not valid.",
        ),
        (
            "tryton/no_access.json",
            CallErrorKind::Unauthorised,
            "400: You are not allowed to access \"Party.Credit Limit Amount\".",
        ),
    ] {
        server.reset().await;
        on(&server, "GET", PARTY, ResponseTemplate::new(400).set_body_json(vendor(payload)), 1).await;
        let error = erp(&server.uri()).find(&customer()).await.expect_err(payload);
        assert_eq!((error.kind, error.detail.as_str()), (kind, detail));
    }
}

pub(crate) fn plan() -> CreateBillingPlan {
    let rate = |role: &str, hourly: &str| Rate {
        role: role.into(),
        person: None,
        service: "ADVISORY".into(),
        quote_line: "2".into(),
        hourly: usd(hourly),
        effective_from: None,
        effective_until: None,
    };
    CreateBillingPlan {
        engagement: EngagementId::try_from(ENGAGEMENT.to_owned()).expect("an ID"),
        customer: CustomerRecord {
            record: "3".into(),
            address: "4".into(),
            tax_registration: None,
            adopted: false,
        },
        contract: Contract {
            accounting: Default::default(),
            quote_version: None,
            statements: Default::default(),
            statement_of: Default::default(),
            staffing: vec![],
            quote: "900".into(),
            quote_number: "Q-1".into(),
            version: 1,
            title: "Globex ERP roll-out".into(),
            legal_entity: "NW-US".into(),
            currency: dollars(),
            payment_terms: "net-30".into(),
            tax_code: "SALES-10".into(),
            purchase_order: None,
            project_template: "implementation".into(),
            milestones: vec![Milestone {
                key: "M1".into(),
                name: "Design".into(),
                service: "IMPL".into(),
                quote_line: "1".into(),
                amount: usd("20000.00"),
                planned_on: None,
                holdback: None,
            }],
            rate_card: RateCard { rates: vec![rate("consultant", "180.00"), rate("principal", "260.00")] },
            expenses: None,
            retainers: vec![],
            usage: vec![],
            deposits: vec![],
            time_ceiling: None,
            recurring: vec![RecurringCharge {
                key: "S1".into(),
                name: "Managed support".into(),
                service: "SUPPORT".into(),
                quote_line: "3".into(),
                fee: usd("2500.00"),
                period: Period::Monthly,
                starts_on: "2027-01-01".parse().expect("a day"),
                term: 12,
                timing: ChargeTiming::Advance,
                aligned: false,
                ends_on: None,
            }],
            work: vec![],
            revenue: Default::default(),
        },
    }
}

#[tokio::test]
async fn a_plan_is_one_tree_with_a_position_a_milestone_a_charge_and_one_for_time() {
    let server = MockServer::start().await;
    on(&server, "POST", WORK, answer(&json!({ "id": 4 })), 1).await;
    let made = erp(&server.uri()).perform(&plan(), "key").await.expect("is created");
    assert_eq!(made.record, "4");
    let body = &sent(&server, "POST", WORK).await[0];
    assert_eq!((body["external_id"].as_str(), body["party"].as_i64()), (Some(ENGAGEMENT), Some(3)));
    let positions = body["children"][0][1].as_array().expect("positions");
    let named: Vec<(&str, &str)> = positions
        .iter()
        .map(|p| {
            (p["external_id"].as_str().expect("an ID"), p["list_price"].as_str().expect("a price as text"))
        })
        .collect();
    let [m1, s1, time] = ["M1", "S1", "time"].map(|key| format!("{ENGAGEMENT}/{key}"));
    assert_eq!(
        named,
        [(m1.as_str(), "20000.00"), (s1.as_str(), "2500.00"), (time.as_str(), "180.00")],
        "a recurring charge by the fee of a period"
    );
    assert_eq!(positions[1]["name"], "S1 Managed support");
}

#[tokio::test]
async fn a_plan_that_is_there_is_found_and_undone_from_below() {
    let server = MockServer::start().await;
    let duplicate = ResponseTemplate::new(400).set_body_json(vendor("tryton/not_unique.json"));
    on(&server, "POST", WORK, duplicate, 1).await;
    on(&server, "GET", WORK, answer(&json!([{ "id": 4 }])), 1).await;
    let found = erp(&server.uri()).perform(&plan(), "key").await.expect("is found");
    server.reset().await;
    on(&server, "GET", WORK, answer(&json!([{ "id": 5 }, { "id": 6 }])), 1).await;
    on(&server, "GET", WORK, answer(&json!([{ "id": 4 }])), 1).await;
    for id in [5, 6, 4] {
        on(&server, "DELETE", &format!("{WORK}/{id}"), ResponseTemplate::new(204), 1).await;
    }
    assert_eq!(erp(&server.uri()).undo(&plan(), &found).await, Ok(Undone::Removed));
}

#[tokio::test]
async fn an_unanswered_create_is_unknown() {
    let erp = erp(&silent().await);
    assert_eq!(erp.perform(&plan(), "key").await.expect_err("no answer").kind, CallErrorKind::Unknown);
    let asking = Performs::<CreateBillingPlan>::find(&*erp, &plan()).await.expect_err("no answer");
    assert_eq!(asking.kind, CallErrorKind::Transient { retry_after: None });
}
