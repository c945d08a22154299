//! Kantata: projects and what is below them, and the log of delivered work.

use std::sync::Arc;

use connectors::operation::{
    CreateMilestone, CreateProject, CreateRateCard, CreateTask, Undone, WriteInvoiceStatus,
};
use connectors::role::Psa;
use connectors::{CallErrorKind, registry};
use domain::collections::{Age, Collections, CollectionsStatus};
use domain::contract::{Milestone, Rate, RateCard};
use domain::event::Event;
use domain::id::{EngagementId, InvoiceId};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{
    ENGAGEMENT, INVOICE, answer, connection, dollars, kantata_settings, on, sent, silent, usd, vendor,
};

pub(crate) const REFERENCES: &str = "/api/v1/external_references";

pub(crate) fn psa(base: &str) -> Arc<dyn Psa> {
    registry::psa(&connection("kantata", base, kantata_settings())).expect("opens")
}

pub(crate) fn engagement() -> EngagementId {
    EngagementId::try_from(ENGAGEMENT.to_owned()).expect("an ID")
}

/// A page of one collection.
pub(crate) fn page(collection: &str, records: &[Value]) -> Value {
    let results: Vec<Value> = records.iter().map(|r| json!({ "key": collection, "id": r["id"] })).collect();
    let by_id: serde_json::Map<String, Value> =
        records.iter().map(|r| (r["id"].as_str().expect("an ID").to_owned(), r.clone())).collect();
    json!({ "count": records.len(), "meta": { "page_count": 1 }, "results": results, collection: by_id })
}

pub(crate) fn empty(collection: &str) -> ResponseTemplate {
    answer(&page(collection, &[]))
}

pub(crate) fn reference(model: &str, key: &str, subject: &str) -> ResponseTemplate {
    answer(&page(
        "external_references",
        &[json!({
            "id": "1", "service_name": "q2c", "service_model": model, "service_model_ref": key, "subject_type": "Story",
            "subject_id": subject,
        })],
    ))
}

fn project() -> CreateProject {
    CreateProject { engagement: engagement(), title: "Globex ERP roll-out".into(), budget: usd("50000.00") }
}

#[tokio::test]
async fn a_project_is_created_once_with_our_reference_in_the_same_call() {
    let server = MockServer::start().await;
    on(&server, "GET", REFERENCES, empty("external_references"), 2).await;
    let made = json!({ "id": "42", "archived": false, "budgeted": true, "price_in_cents": 5_000_000 });
    on(&server, "POST", "/api/v1/workspaces", answer(&page("workspaces", &[made])), 1).await;
    let psa = psa(&format!("{}/api/v1", server.uri()));
    assert_eq!(psa.find(&project()).await, Ok(None));
    assert_eq!(psa.perform(&project(), "key").await.expect("is created").record, "42");
    let body = &sent(&server, "POST", "/api/v1/workspaces").await[0]["workspace"];
    assert_eq!((body["creator_role"].as_str(), body["currency"].as_str()), (Some("maven"), Some("USD")));
    assert_eq!((body["budgeted"].as_bool(), body["price"].as_str()), (Some(true), Some("50000.00")));
    let ours =
        json!({ "service_name": "q2c", "service_model": "engagement", "service_model_ref": ENGAGEMENT });
    assert_eq!(body["external_reference"], ours);
}

#[tokio::test]
async fn a_project_is_undone_by_archiving_it_and_comes_back_when_resumed() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let archived = |is: bool| answer(&page("workspaces", &[json!({ "id": "42", "archived": is })]));
    on(&server, "PUT", "/api/v1/workspaces/42", archived(true), 1).await;
    let record = connectors::operation::Reference { record: "42".into() };
    assert_eq!(psa.undo(&project(), &record).await, Ok(Undone::Removed));
    on(&server, "GET", REFERENCES, answer(&vendor("kantata/external_references.json")), 2).await;
    on(&server, "GET", "/api/v1/workspaces", archived(true), 1).await;
    assert_eq!(psa.find(&project()).await, Ok(None));
    on(&server, "PUT", "/api/v1/workspaces/42", archived(false), 1).await;
    assert_eq!(psa.perform(&project(), "key").await, Ok(record));
    let set: Vec<Value> = sent(&server, "PUT", "/api/v1/workspaces/42").await;
    let back = json!({ "archived": false, "budgeted": true, "price": "50000.00" });
    assert_eq!(set, [json!({ "workspace": { "archived": true } }), json!({ "workspace": back })]);
    assert!(sent(&server, "POST", "/api/v1/workspaces").await.is_empty());
}

#[tokio::test]
async fn a_task_that_is_there_is_found() {
    let server = MockServer::start().await;
    let key = format!("{ENGAGEMENT}/delivery");
    on(&server, "GET", REFERENCES, reference("task", &key, "45"), 1).await;
    let task = CreateTask {
        engagement: engagement(),
        project: "42".into(),
        key: "delivery".into(),
        title: "Delivery".into(),
    };
    assert_eq!(psa(&server.uri()).find(&task).await.expect("is asked").expect("is there").record, "45");
}

pub(crate) fn milestone() -> CreateMilestone {
    CreateMilestone {
        engagement: engagement(),
        project: "42".into(),
        milestone: Milestone {
            key: "M1".into(),
            name: "Design".into(),
            service: "IMPL".into(),
            quote_line: "1".into(),
            amount: usd("20000.00"),
            planned_on: "2026-12-01".parse().ok(),
            holdback: None,
        },
    }
}

#[tokio::test]
async fn a_milestone_whose_billing_is_missing_gets_only_that() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let key = format!("{ENGAGEMENT}/M1");
    for _ in 0..2 {
        on(&server, "GET", REFERENCES, reference("milestone", &key, "48"), 1).await;
        on(&server, "GET", REFERENCES, empty("external_references"), 1).await;
    }
    assert_eq!(psa.find(&milestone()).await, Ok(None), "half of it isn't it");
    on(&server, "POST", "/api/v1/billing_milestones", answer(&vendor("kantata/billing_milestone.json")), 1)
        .await;
    assert_eq!(psa.perform(&milestone(), "key").await.expect("is completed").record, "48");
    assert!(sent(&server, "POST", "/api/v1/stories").await.is_empty(), "the story is there");
    let body = &sent(&server, "POST", "/api/v1/billing_milestones").await[0]["billing_milestone"];
    assert_eq!((body["amount_in_cents"].as_i64(), body["story_id"].as_str()), (Some(2_000_000), Some("48")));
}

#[tokio::test]
async fn another_amount_than_was_sent_is_a_mismatch() {
    let server = MockServer::start().await;
    let key = format!("{ENGAGEMENT}/M1");
    on(&server, "GET", REFERENCES, reference("milestone", &key, "48"), 1).await;
    on(&server, "GET", REFERENCES, empty("external_references"), 1).await;
    let mut made = vendor("kantata/billing_milestone.json");
    made["billing_milestones"]["51"]["amount_in_cents"] = 2_000_100.into();
    on(&server, "POST", "/api/v1/billing_milestones", answer(&made), 1).await;
    let error = psa(&server.uri()).perform(&milestone(), "key").await.expect_err("differs");
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (CallErrorKind::Mismatch, "billing milestone 51 holds 2000100 instead of 2000000")
    );
}

#[tokio::test]
async fn a_milestone_that_is_there_is_found_unless_it_holds_another_amount() {
    let server = MockServer::start().await;
    let key = format!("{ENGAGEMENT}/M1");
    let made = vendor("kantata/billing_milestone.json");
    let mut other = made.clone();
    other["billing_milestones"]["51"]["amount_in_cents"] = 1.into();
    for held in [made, other] {
        on(&server, "GET", REFERENCES, reference("milestone", &key, "48"), 1).await;
        on(&server, "GET", REFERENCES, reference("billing-milestone", &key, "51"), 1).await;
        on(&server, "GET", "/api/v1/billing_milestones", answer(&held), 1).await;
    }
    let psa = psa(&server.uri());
    assert_eq!(psa.find(&milestone()).await.expect("is asked").expect("is there").record, "48");
    assert_eq!(psa.find(&milestone()).await.expect_err("differs").kind, CallErrorKind::Mismatch);
}

fn rate_card() -> CreateRateCard {
    let rate = |role: &str, hourly: &str, from: Option<&str>| Rate {
        role: role.into(),
        person: None,
        service: "ADVISORY".into(),
        quote_line: "1".into(),
        hourly: usd(hourly),
        effective_from: from.map(|d| d.parse().expect("a day")),
        effective_until: None,
    };
    CreateRateCard {
        engagement: engagement(),
        project: "42".into(),
        currency: dollars(),
        rate_card: RateCard {
            rates: vec![
                rate("consultant", "180.00", None),
                rate("principal", "260.00", None),
                rate("consultant", "200.00", Some("2027-01-01")),
            ],
        },
    }
}

/// Set, card and first version are there from an attempt that was cut off; the rest follows.
#[tokio::test]
async fn a_rate_card_is_continued_and_set_on_the_project_last() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let sets = page("rate_card_sets", &[json!({ "id": "55", "title": ENGAGEMENT })]);
    on(&server, "GET", "/api/v1/rate_card_sets", answer(&sets), 2).await;
    let cards = page("rate_cards", &[json!({ "id": "56", "currency": "USD" })]);
    on(&server, "GET", "/api/v1/rate_cards", answer(&cards), 2).await;
    let unset = page("workspaces", &[json!({ "id": "42", "rate_card_id": null })]);
    on(&server, "GET", "/api/v1/workspaces", answer(&unset), 1).await;
    assert_eq!(psa.find(&rate_card()).await, Ok(None), "not set on the project yet");

    on(
        &server,
        "GET",
        "/api/v1/roles",
        answer(&page("roles", &[json!({ "id": "66", "name": "consultant" })])),
        1,
    )
    .await;
    on(
        &server,
        "POST",
        "/api/v1/roles",
        answer(&page("roles", &[json!({ "id": "67", "name": "principal" })])),
        1,
    )
    .await;
    let first = page("rate_card_versions", &[json!({ "id": "58", "effective_date": "2000-01-01" })]);
    on(&server, "GET", "/api/v1/rate_card_versions", answer(&first), 2).await;
    let second = page("rate_card_versions", &[json!({ "id": "59", "effective_date": "2027-01-01" })]);
    on(&server, "POST", "/api/v1/rate_card_versions", answer(&second), 1).await;
    on(&server, "GET", "/api/v1/rate_card_roles", answer(&vendor("kantata/rate_card_roles.json")), 1).await;
    on(&server, "GET", "/api/v1/rate_card_roles", empty("rate_card_roles"), 1).await;
    for (id, role, rate) in [("61", "67", 26_000), ("62", "66", 20_000), ("63", "67", 26_000)] {
        let made = page("rate_card_roles", &[json!({ "id": id, "role_id": role, "rate": rate })]);
        on(&server, "POST", "/api/v1/rate_card_roles", answer(&made), 1).await;
    }
    let set = page("workspaces", &[json!({ "id": "42", "rate_card_id": "56" })]);
    on(&server, "PUT", "/api/v1/workspaces/42", answer(&set), 1).await;
    assert_eq!(psa.perform(&rate_card(), "key").await.expect("is set").record, "56");
    let rates = sent(&server, "POST", "/api/v1/rate_card_roles").await;
    let told: Vec<_> = rates
        .iter()
        .map(|r| &r["rate_card_role"])
        .map(|r| (r["rate_card_version_id"].as_str(), r["role_id"].as_str(), r["rate"].as_i64()))
        .collect();
    let of = |version, role, rate| (Some(version), Some(role), Some(rate));
    assert_eq!(
        told,
        [of("58", "67", 26_000), of("59", "66", 20_000), of("59", "67", 26_000)],
        "a version has every role"
    );
}

#[tokio::test]
async fn an_invoices_status_is_upserted_on_the_project() {
    let server = MockServer::start().await;
    let mut held = vendor("kantata/external_references.json");
    held["external_references"]["343"]["service_model"] = "invoice".into();
    on(&server, "POST", "/api/v1/external_references/create_or_update", answer(&held), 2).await;
    let status = WriteInvoiceStatus {
        project: "42".into(),
        invoice: InvoiceId::try_from(INVOICE.to_owned()).expect("an ID"),
        number: "INV2026-00001".into(),
        status: "part-paid".into(),
        total: usd("1100.00"),
        tax: usd("100.00"),
        paid: usd("300.00"),
        credited: None,
        written_off: None,
        collections: None,
    };
    assert_eq!(psa(&server.uri()).perform(&status, "key").await.expect("is written").record, "343");
    let body =
        &sent(&server, "POST", "/api/v1/external_references/create_or_update").await[0]["external_reference"];
    assert_eq!(body["external_message"], "INV2026-00001 1100.00 USD (tax 100.00), paid 300.00");
    let (credited, written_off) = (Some(usd("799.00")), Some(usd("1.00")));
    let collections = Some(Collections {
        status: CollectionsStatus::Overdue,
        open: usd("800.00"),
        due_on: Some("2026-12-01".parse().expect("a date")),
        disputed: Some(usd("50.00")),
        days_overdue: 31,
        age: Some(Age::UpTo60),
    });
    let settled = WriteInvoiceStatus { credited, written_off, collections, ..status.clone() };
    psa(&server.uri()).perform(&settled, "key").await.expect("is written");
    let body =
        &sent(&server, "POST", "/api/v1/external_references/create_or_update").await[1]["external_reference"];
    assert_eq!(
        body["external_message"],
        "INV2026-00001 1100.00 USD (tax 100.00), paid 300.00, credited 799.00, open 0.00, 1.00 written off as a small difference"
    );
    assert_eq!(body["external_status"], "overdue 31-60 days, 800.00 open, due 2026-12-01, 50.00 disputed");
    let body =
        &sent(&server, "POST", "/api/v1/external_references/create_or_update").await[0]["external_reference"];
    assert_eq!(
        (body["service_model"].as_str(), body["status"].as_str()),
        (Some("invoice"), Some("part-paid"))
    );
}

#[tokio::test]
async fn the_log_leads_to_approved_time_and_accepted_milestones_of_ours_alone() {
    let server = MockServer::start().await;
    let mut first = vendor("kantata/subscribed_events.json");
    first["meta"]["page_count"] = 2.into();
    on(&server, "GET", "/api/v1/subscribed_events", answer(&first), 1).await;
    on(&server, "GET", "/api/v1/subscribed_events", answer(&vendor("kantata/subscribed_events.json")), 1)
        .await;
    on(&server, "GET", "/api/v1/time_entries", answer(&vendor("kantata/time_entries.json")), 1).await;
    on(&server, "GET", "/api/v1/workspaces", answer(&vendor("kantata/workspaces.json")), 1).await;
    on(&server, "GET", "/api/v1/stories", answer(&vendor("kantata/stories.json")), 1).await;
    let found = psa(&server.uri())
        .changes_since("2026-11-21T05:00:00Z".parse().expect("a moment"))
        .await
        .expect("is read");
    let (mut time, mut milestones) = (Vec::new(), Vec::new());
    for translated in &found {
        assert_eq!(translated.subject.as_str(), ENGAGEMENT);
        match &translated.event {
            Event::TimeApproved(entry) => time.push((translated, entry)),
            Event::MilestoneCompleted(completion) => milestones.push((translated, completion)),
            other => panic!("{}", other.type_name()),
        }
    }
    let [(told, entry), (_, bare)] = time.as_slice() else { panic!("two of four entries") };
    assert!(told.delivery.starts_with("time_entry:75:2026-11-21T05:59:26Z:"));
    assert_eq!(
        (entry.person.as_str(), entry.role.as_str(), entry.minutes),
        ("Ada Consultant", "consultant", 450)
    );
    assert_eq!((entry.worked_on.to_string().as_str(), entry.billable), ("2026-11-16", true));
    assert_eq!((bare.entry.as_str(), bare.person.as_str(), bare.role.as_str()), ("78", "99", ""));
    assert_eq!((&bare.notes, &bare.task, bare.billable), (&None, &None, false));
    let keys: Vec<&str> = milestones.iter().map(|(_, m)| m.milestone.as_str()).collect();
    assert_eq!(keys, ["M1", "M4"]);
    assert_eq!(milestones[0].0.delivery, "story:48:2026-11-21T05:59:26Z");
}

#[tokio::test]
async fn a_redelivered_entry_is_the_same_delivery_and_a_changed_one_another() {
    let poll = async |entries: &Value| {
        let server = MockServer::start().await;
        let log =
            page("subscribed_events", &[json!({ "id": "1", "subject_type": "TimeEntry", "subject_id": 75 })]);
        on(&server, "GET", "/api/v1/subscribed_events", answer(&log), 1).await;
        on(&server, "GET", "/api/v1/time_entries", answer(entries), 1).await;
        on(&server, "GET", "/api/v1/workspaces", answer(&vendor("kantata/workspaces.json")), 1).await;
        let psa = psa(&server.uri());
        let found =
            psa.changes_since("2026-11-21T05:00:00Z".parse().expect("a moment")).await.expect("is read");
        found[0].delivery.clone()
    };
    let entries = vendor("kantata/time_entries.json");
    let first = poll(&entries).await;
    assert_eq!(poll(&entries).await, first);
    let mut changed = entries.clone();
    changed["time_entries"]["75"]["time_in_minutes"] = 480.into();
    assert_ne!(poll(&changed).await, first, "even within the same second");
}

#[tokio::test]
async fn each_way_to_fail_is_told_apart() {
    let server = MockServer::start().await;
    let psa_there = psa(&server.uri());
    let task =
        CreateTask { engagement: engagement(), project: "42".into(), key: "k".into(), title: "T".into() };
    let refused = ResponseTemplate::new(422).set_body_json(vendor("kantata/error.json"));
    let wait = std::time::Duration::from_secs(30);
    for (reply, kind, detail) in [
        (
            ResponseTemplate::new(429).insert_header("retry-after", "30"),
            CallErrorKind::Transient { retry_after: Some(wait) },
            "429",
        ),
        (ResponseTemplate::new(401), CallErrorKind::Unauthorised, "401"),
        (ResponseTemplate::new(500), CallErrorKind::Unknown, "500"),
        (refused, CallErrorKind::Refused, "422: title can't be blank; workspace_id must exist"),
        (
            answer(&json!({ "results": [] })),
            CallErrorKind::Mismatch,
            "answered stories of another form than documented",
        ),
    ] {
        server.reset().await;
        on(&server, "POST", "/api/v1/stories", reply, 1).await;
        let error = psa_there.perform(&task, "key").await.expect_err(detail);
        assert_eq!((error.kind, error.detail.as_str()), (kind, detail));
    }
    let error = psa(&silent().await).perform(&task, "key").await.expect_err("no answer");
    assert_eq!(error.kind, CallErrorKind::Unknown);
}
