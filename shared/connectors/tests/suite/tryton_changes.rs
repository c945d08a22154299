//! Tryton's billing plan when the contract changes.

use std::time::Duration;

use connectors::operation::{AmendBillingPlan, Operation, Reference, Undone};
use connectors::{CallErrorKind, Idempotency, Performs};
use domain::contract::{Contract, Milestone};
use domain::id::EngagementId;
use domain::money::Currency;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{ENGAGEMENT, answer, dollars, on, sent, silent, usd, vendor};
use crate::tryton_set_up::{WORK, erp, plan};

const PLAN: &str = "/erp/rest/model/project.work/4";

fn engagement() -> EngagementId {
    EngagementId::try_from(ENGAGEMENT.to_owned()).expect("an ID")
}

fn milestone(key: &str, name: &str, amount: &str) -> Milestone {
    Milestone {
        key: key.into(),
        name: name.into(),
        service: "IMPL".into(),
        quote_line: "1".into(),
        amount: usd(amount),
        planned_on: None,
        holdback: None,
    }
}

/// What the plan of the fixture holds.
fn signed() -> Contract {
    let milestones = vec![milestone("M1", "Design", "20000.00"), milestone("M2", "Go-live", "30000.00")];
    Contract { milestones, recurring: vec![], ..plan().contract }
}

/// One milestone changed, one dropped, one and a recurring charge added.
fn changed() -> Contract {
    let milestones = vec![milestone("M1", "Design", "25000.00"), milestone("M3", "Training", "5000.00")];
    Contract { milestones, version: 2, quote_number: "Q-2".into(), ..plan().contract }
}

fn order() -> AmendBillingPlan {
    AmendBillingPlan { engagement: engagement(), plan: "4".into(), from: signed(), to: changed() }
}

fn position(id: i64, key: &str, name: &str, price: &str) -> Value {
    json!({
        "id": id, "__name__": "project.work", "external_id": format!("{ENGAGEMENT}/{key}"), "name": name,
        "list_price": { "__class__": "Decimal", "decimal": price },
    })
}

/// The plan as it is when the change is done.
fn amended() -> Value {
    json!({ "id": 4, "__name__": "project.work", "name": "Globex ERP roll-out (Q-2)", "children": [
        position(5, "M1", "M1 Design", "25000.00"), position(7, "time", "Time and materials", "180.00"),
        vendor("tryton/plan.json")["children"][3], position(9, "M3", "M3 Training", "5000.00"),
        position(10, "S1", "S1 Managed support", "2500"),
    ]})
}

fn held(plan: &Value) -> ResponseTemplate {
    answer(&json!([plan]))
}

#[tokio::test]
async fn a_plan_is_amended_in_one_call_that_holds_everything_that_differs() {
    let server = MockServer::start().await;
    on(&server, "GET", WORK, held(&vendor("tryton/plan.json")), 2).await;
    on(&server, "PUT", PLAN, answer(&amended()), 1).await;
    let erp = erp(&server.uri());
    let settles = Idempotency::Upsert { settles_within: Duration::from_secs(60) };
    assert_eq!(Performs::<AmendBillingPlan>::idempotency(&*erp), settles);
    assert_eq!(erp.find(&order()).await, Ok(None), "it holds what it held before");
    let done = erp.perform(&order(), "key").await.expect("is amended");
    assert_eq!(order().verify(&done), Ok(()));
    let new = |key: &str, name: &str, price: &str| {
        json!({
            "external_id": format!("{ENGAGEMENT}/{key}"), "company": 1, "type": "task", "name": name,
            "product": 1, "list_price": price, "timesheet_available": false, "status": 1,
        })
    };
    let expected = json!({ "name": "Globex ERP roll-out (Q-2)", "children": [
        ["create", [new("M3", "M3 Training", "5000.00"), new("S1", "S1 Managed support", "2500.00")]],
        ["write", [5], { "name": "M1 Design", "list_price": "25000.00" }],
        ["delete", [6]],
    ]});
    assert_eq!(sent(&server, "PUT", PLAN).await, [expected], "what a person added and time stay");
}

#[tokio::test]
async fn a_plan_that_holds_the_change_is_left_alone() {
    let server = MockServer::start().await;
    on(&server, "GET", WORK, held(&amended()), 1).await;
    on(&server, "PUT", PLAN, answer(&amended()), 0).await;
    let done = erp(&server.uri()).perform(&order(), "key").await;
    assert_eq!(done, Ok(Reference { record: "4".into() }));
}

#[tokio::test]
async fn an_amendment_is_undone_by_what_differs_the_other_way() {
    let server = MockServer::start().await;
    on(&server, "GET", WORK, held(&amended()), 2).await;
    on(&server, "PUT", PLAN, answer(&vendor("tryton/plan.json")), 1).await;
    let record = Reference { record: "4".into() };
    let left = erp(&server.uri()).find(&order()).await;
    assert_eq!(left, Ok(Some(record.clone())), "an attempt that nobody answered for");
    assert_eq!(erp(&server.uri()).undo(&order(), &record).await, Ok(Undone::Removed));
    let body = &sent(&server, "PUT", PLAN).await[0];
    assert_eq!(body["name"], "Globex ERP roll-out (Q-1)");
    let [made, written, dropped] = body["children"].as_array().expect("commands").as_slice() else {
        panic!("three commands in {body}")
    };
    assert_eq!(made[1][0]["external_id"], format!("{ENGAGEMENT}/M2"), "comes back");
    assert_eq!(*written, json!(["write", [5], { "name": "M1 Design", "list_price": "20000.00" }]));
    assert_eq!(*dropped, json!(["delete", [9, 10]]));
}

#[tokio::test]
async fn a_plan_that_keeps_what_was_written_out_of_it_is_a_mismatch() {
    let server = MockServer::start().await;
    let mut other = amended();
    other["children"][0]["list_price"]["decimal"] = "25000.01".into();
    on(&server, "GET", WORK, held(&vendor("tryton/plan.json")), 1).await;
    on(&server, "PUT", PLAN, answer(&other), 1).await;
    let error = erp(&server.uri()).perform(&order(), "key").await.expect_err("differs");
    assert_eq!(error.kind, CallErrorKind::Mismatch);
}

#[tokio::test]
async fn what_tryton_refuses_to_delete_is_a_refusal_and_undoing_it_impossible() {
    let server = MockServer::start().await;
    let refused = || ResponseTemplate::new(400).set_body_json(vendor("tryton/not_valid.json"));
    on(&server, "GET", WORK, held(&vendor("tryton/plan.json")), 1).await;
    on(&server, "PUT", PLAN, refused(), 1).await;
    let there = erp(&server.uri());
    assert_eq!(there.perform(&order(), "key").await.expect_err("refused").kind, CallErrorKind::Refused);
    server.reset().await;
    on(&server, "GET", WORK, held(&amended()), 1).await;
    on(&server, "PUT", PLAN, refused(), 1).await;
    let record = Reference { record: "4".into() };
    let undone = there.undo(&order(), &record).await.expect("is known");
    assert!(matches!(undone, Undone::Impossible(_)), "{undone:?}");
}

#[tokio::test]
async fn a_position_that_came_in_between_is_read_the_next_time() {
    let server = MockServer::start().await;
    on(&server, "GET", WORK, held(&vendor("tryton/plan.json")), 1).await;
    let duplicate = ResponseTemplate::new(400).set_body_json(vendor("tryton/not_unique.json"));
    on(&server, "PUT", PLAN, duplicate, 1).await;
    let error = erp(&server.uri()).perform(&order(), "key").await.expect_err("came in between");
    assert_eq!(error.kind, CallErrorKind::Transient { retry_after: None });
}

#[tokio::test]
async fn another_plan_than_was_set_up_is_not_touched() {
    let server = MockServer::start().await;
    let other = json!({ "id": 99, "name": "Another", "children": [] });
    for found in [answer(&json!([])), held(&other)] {
        server.reset().await;
        on(&server, "GET", WORK, found, 1).await;
        let error = erp(&server.uri()).perform(&order(), "key").await.expect_err("not it");
        assert_eq!(error.kind, CallErrorKind::Refused);
    }
}

#[tokio::test]
async fn an_unanswered_amendment_is_unknown() {
    let server = MockServer::start().await;
    on(&server, "GET", WORK, held(&vendor("tryton/plan.json")), 1).await;
    on(&server, "PUT", PLAN, ResponseTemplate::new(502), 1).await;
    let lost = erp(&server.uri()).perform(&order(), "key").await.expect_err("no answer of its own");
    assert_eq!(lost.kind, CallErrorKind::Unknown);
    let asking = erp(&silent().await).perform(&order(), "key").await.expect_err("no answer");
    assert_eq!(asking.kind, CallErrorKind::Transient { retry_after: None }, "nothing was written yet");
}

#[tokio::test]
async fn a_plan_is_read_by_the_contracts_keys_without_time_and_what_people_added() {
    let server = MockServer::start().await;
    on(&server, "GET", WORK, held(&vendor("tryton/plan.json")), 1).await;
    let there = erp(&server.uri());
    let plan = there.held_plan(&engagement(), dollars()).await.expect("is read").expect("is there");
    let positions: Vec<_> = plan.positions.iter().map(|(key, price)| (key.as_str(), *price)).collect();
    assert_eq!(positions, [("M1", usd("20000.00")), ("M2", usd("30000.00"))]);
    server.reset().await;
    on(&server, "GET", WORK, answer(&json!([])), 1).await;
    assert_eq!(there.held_plan(&engagement(), dollars()).await, Ok(None));
    server.reset().await;
    let mut finer = vendor("tryton/plan.json");
    finer["children"][0]["list_price"]["decimal"] = "20000.50".into();
    on(&server, "GET", WORK, held(&finer), 1).await;
    let yen = Currency::from_code("JPY").expect("JPY");
    let error = there.held_plan(&engagement(), yen).await.expect_err("finer than a yen");
    assert_eq!(error.kind, CallErrorKind::Mismatch);
}
