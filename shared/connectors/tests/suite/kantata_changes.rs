//! Kantata when the contract changes: budget, milestones, rates, and what is held of them.

use std::time::Duration;

use connectors::operation::{ChangeMilestone, Reference, SetBudget, SetRateCard, Undone};
use connectors::{CallErrorKind, Idempotency, Performs};
use domain::contract::{Milestone, Rate, RateCard};
use domain::money::Currency;
use jiff::civil::Date;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::kantata::{REFERENCES, empty, engagement, milestone, page, psa, reference};
use crate::support::{ENGAGEMENT, answer, dollars, on, sent, silent, usd, vendor};

const PROJECT: &str = "/api/v1/workspaces/42";
const STORIES: &str = "/api/v1/stories";
const STORY: &str = "/api/v1/stories/48";
const BILLINGS: &str = "/api/v1/billing_milestones";
const BILLING: &str = "/api/v1/billing_milestones/51";

fn settles() -> Idempotency {
    Idempotency::Upsert { settles_within: Duration::from_secs(60) }
}

fn at(id: &str) -> Reference {
    Reference { record: id.into() }
}

fn budget() -> SetBudget {
    SetBudget { project: "42".into(), before: usd("50000.00"), after: usd("55000.00") }
}

fn budgeted(cents: i64) -> ResponseTemplate {
    answer(&page("workspaces", &[json!({ "id": "42", "budgeted": true, "price_in_cents": cents })]))
}

#[tokio::test]
async fn a_budget_is_set_again_and_back_as_often_as_needed() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    assert_eq!(Performs::<SetBudget>::idempotency(&*psa), settles());
    on(&server, "PUT", PROJECT, budgeted(5_500_000), 2).await;
    on(&server, "PUT", PROJECT, budgeted(5_000_000), 1).await;
    let workspaces = "/api/v1/workspaces";
    on(&server, "GET", workspaces, budgeted(5_000_000), 1).await;
    on(&server, "GET", workspaces, budgeted(5_500_000), 1).await;
    assert_eq!(psa.find(&budget()).await, Ok(None), "nothing of it stands");
    assert_eq!(psa.find(&budget()).await, Ok(Some(at("42"))), "an attempt that nobody answered for");
    for _ in 0..2 {
        assert_eq!(psa.perform(&budget(), "key").await, Ok(at("42")));
    }
    assert_eq!(psa.undo(&budget(), &at("42")).await, Ok(Undone::Removed));
    let body = |price: &str| json!({ "workspace": { "budgeted": true, "price": price } });
    assert_eq!(sent(&server, "PUT", PROJECT).await, [body("55000.00"), body("55000.00"), body("50000.00")]);
}

#[tokio::test]
async fn another_budget_than_was_sent_is_a_mismatch_and_one_that_is_not_shown_is_none() {
    let server = MockServer::start().await;
    let psa_there = psa(&server.uri());
    on(&server, "PUT", PROJECT, budgeted(5_000_000), 1).await;
    let error = psa_there.perform(&budget(), "key").await.expect_err("differs");
    let told = "the project's budget is 5000000 instead of 5500000";
    assert_eq!((error.kind, error.detail.as_str()), (CallErrorKind::Mismatch, told));
    let hidden = page("workspaces", &[json!({ "id": "42" })]);
    on(&server, "PUT", PROJECT, answer(&hidden), 1).await;
    assert_eq!(psa_there.perform(&budget(), "key").await, Ok(at("42")));
    let error = psa(&silent().await).perform(&budget(), "key").await.expect_err("no answer");
    assert_eq!(error.kind, CallErrorKind::Unknown);
}

fn as_signed() -> Milestone {
    milestone().milestone
}

fn order(before: Option<Milestone>, after: Option<Milestone>) -> ChangeMilestone {
    ChangeMilestone { engagement: engagement(), project: "42".into(), before, after }
}

fn key() -> String {
    format!("{ENGAGEMENT}/M1")
}

fn story(archived: bool, state: &str) -> ResponseTemplate {
    let story = json!({
        "id": "48", "story_type": "milestone", "state": state, "archived": archived,
        "updated_at": "2026-11-21T05:59:26Z",
    });
    answer(&page("stories", &[story]))
}

fn billing(cents: i64) -> ResponseTemplate {
    answer(&page("billing_milestones", &[json!({ "id": "51", "amount_in_cents": cents })]))
}

async fn both_are_found(server: &MockServer) {
    on(server, "GET", REFERENCES, reference("milestone", &key(), "48"), 1).await;
    on(server, "GET", REFERENCES, reference("billing-milestone", &key(), "51"), 1).await;
    on(server, "GET", BILLINGS, billing(2_000_000), 1).await;
}

async fn neither_is_found(server: &MockServer) {
    on(server, "GET", REFERENCES, empty("external_references"), 2).await;
}

#[tokio::test]
async fn a_milestone_that_is_added_is_a_story_and_its_billing() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    assert_eq!(Performs::<ChangeMilestone>::idempotency(&*psa), settles());
    let added = order(None, Some(as_signed()));
    assert_eq!(psa.find(&added).await, Ok(Some(at("42"))), "some of it may stand");
    neither_is_found(&server).await;
    on(&server, "POST", STORIES, story(false, "not started"), 1).await;
    on(&server, "POST", BILLINGS, billing(2_000_000), 1).await;
    assert_eq!(psa.perform(&added, "key").await, Ok(at("48")));
    let made = &sent(&server, "POST", STORIES).await[0]["story"];
    assert_eq!(made["external_reference"]["service_model_ref"], key());
    let made = &sent(&server, "POST", BILLINGS).await[0]["billing_milestone"];
    assert_eq!((made["amount_in_cents"].as_i64(), made["story_id"].as_str()), (Some(2_000_000), Some("48")));
}

#[tokio::test]
async fn a_milestone_is_changed_in_both_records_and_changed_back() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let day: Option<Date> = "2027-02-01".parse().ok();
    let after = Milestone { amount: usd("25000.00"), planned_on: day, ..as_signed() };
    let change = order(Some(as_signed()), Some(after));
    both_are_found(&server).await;
    both_are_found(&server).await;
    on(&server, "PUT", STORY, story(false, "started"), 2).await;
    on(&server, "PUT", BILLING, billing(2_500_000), 1).await;
    on(&server, "PUT", BILLING, billing(2_000_000), 1).await;
    assert_eq!(psa.perform(&change, "key").await, Ok(at("48")));
    assert_eq!(psa.undo(&change, &at("48")).await, Ok(Undone::Removed));
    let stories = sent(&server, "PUT", STORY).await;
    let of_story =
        |day: &str| json!({ "story": { "title": "M1 Design", "due_date": day, "archived": false } });
    assert_eq!(stories, [of_story("2027-02-01"), of_story("2026-12-01")]);
    let of_billing = |day: &str, cents: i64| {
        let fields = json!({ "title": "M1 Design", "date_to_invoice": day, "amount_in_cents": cents });
        json!({ "billing_milestone": fields })
    };
    let billings = sent(&server, "PUT", BILLING).await;
    assert_eq!(billings, [of_billing("2027-02-01", 2_500_000), of_billing("2026-12-01", 2_000_000)]);
}

#[tokio::test]
async fn a_changed_milestone_that_holds_another_amount_is_a_mismatch() {
    let server = MockServer::start().await;
    let after = Milestone { amount: usd("25000.00"), ..as_signed() };
    both_are_found(&server).await;
    on(&server, "PUT", STORY, story(false, "started"), 1).await;
    on(&server, "PUT", BILLING, billing(2_000_000), 1).await;
    let error = psa(&server.uri()).perform(&order(Some(as_signed()), Some(after)), "key").await;
    assert_eq!(error.expect_err("differs").kind, CallErrorKind::Mismatch);
}

#[tokio::test]
async fn a_dropped_milestone_is_archived_its_billing_deleted_and_both_come_back() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let dropped = order(Some(as_signed()), None);
    both_are_found(&server).await;
    on(&server, "GET", STORIES, story(false, "started"), 1).await;
    on(&server, "PUT", STORY, story(true, "started"), 1).await;
    on(&server, "DELETE", BILLING, ResponseTemplate::new(204), 1).await;
    assert_eq!(psa.perform(&dropped, "key").await, Ok(at("48")));
    assert_eq!(sent(&server, "PUT", STORY).await, [json!({ "story": { "archived": true } })]);

    server.reset().await;
    on(&server, "GET", REFERENCES, reference("milestone", &key(), "48"), 1).await;
    on(&server, "GET", REFERENCES, empty("external_references"), 1).await;
    on(&server, "GET", STORIES, story(true, "started"), 1).await;
    assert_eq!(psa.perform(&dropped, "key").await, Ok(at("48")), "repeated, it changes nothing");
    assert!(sent(&server, "PUT", STORY).await.is_empty());

    on(&server, "GET", REFERENCES, reference("milestone", &key(), "48"), 1).await;
    on(&server, "GET", REFERENCES, empty("external_references"), 1).await;
    on(&server, "PUT", STORY, story(false, "started"), 1).await;
    on(&server, "POST", BILLINGS, billing(2_000_000), 1).await;
    assert_eq!(psa.undo(&dropped, &at("48")).await, Ok(Undone::Removed));
    let back = &sent(&server, "PUT", STORY).await[0]["story"];
    assert_eq!(back["archived"], false, "the same story, found by its reference");
    assert!(sent(&server, "POST", STORIES).await.is_empty());
}

#[tokio::test]
async fn a_completed_milestone_is_not_dropped_and_its_addition_not_undone() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    for _ in 0..2 {
        on(&server, "GET", REFERENCES, reference("milestone", &key(), "48"), 1).await;
        on(&server, "GET", STORIES, story(false, "completed"), 1).await;
    }
    let error = psa.perform(&order(Some(as_signed()), None), "key").await.expect_err("is completed");
    let told = "milestone M1 is completed and can't be dropped";
    assert_eq!((error.kind, error.detail.as_str()), (CallErrorKind::Refused, told));
    let undone = psa.undo(&order(None, Some(as_signed())), &at("48")).await;
    assert_eq!(undone, Ok(Undone::Impossible(told.into())));
    for (verb, path) in [("PUT", STORY), ("DELETE", BILLING)] {
        assert!(sent(&server, verb, path).await.is_empty(), "{verb} {path}");
    }
}

/// Once one of the two records is written, no failure says that nothing happened.
#[tokio::test]
async fn a_milestone_that_is_half_changed_is_unknown_and_continued() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let later = || ResponseTemplate::new(429);
    both_are_found(&server).await;
    on(&server, "PUT", STORY, story(false, "started"), 1).await;
    on(&server, "PUT", BILLING, later(), 1).await;
    let change = order(Some(as_signed()), Some(as_signed()));
    assert_eq!(psa.perform(&change, "key").await.expect_err("half").kind, CallErrorKind::Unknown);

    server.reset().await;
    let dropped = order(Some(as_signed()), None);
    both_are_found(&server).await;
    on(&server, "GET", STORIES, story(false, "started"), 1).await;
    on(&server, "PUT", STORY, story(true, "started"), 1).await;
    on(&server, "DELETE", BILLING, later(), 1).await;
    assert_eq!(psa.perform(&dropped, "key").await.expect_err("half").kind, CallErrorKind::Unknown);
    both_are_found(&server).await;
    on(&server, "GET", STORIES, story(true, "started"), 1).await;
    on(&server, "DELETE", BILLING, ResponseTemplate::new(204), 1).await;
    assert_eq!(psa.perform(&dropped, "key").await, Ok(at("48")));
}

fn rate(role: &str, hourly: &str, from: Option<&str>, until: Option<&str>) -> Rate {
    Rate {
        role: role.into(),
        person: None,
        service: "ADVISORY".into(),
        quote_line: "1".into(),
        hourly: usd(hourly),
        effective_from: from.map(|d| d.parse().expect("a day")),
        effective_until: until.map(|d| d.parse().expect("a day")),
    }
}

/// From 2027 on the consultant costs more, and there is no principal any more but an architect.
fn rates() -> SetRateCard {
    SetRateCard {
        engagement: engagement(),
        project: "42".into(),
        currency: dollars(),
        before: RateCard {
            rates: vec![rate("consultant", "180.00", None, None), rate("principal", "260.00", None, None)],
        },
        after: RateCard {
            rates: vec![
                rate("consultant", "180.00", None, Some("2027-01-01")),
                rate("consultant", "200.00", Some("2027-01-01"), None),
                rate("principal", "260.00", None, Some("2027-02-01")),
                rate("architect", "300.00", Some("2027-02-01"), None),
            ],
        },
    }
}

fn versions(days: &[(&str, &str)]) -> ResponseTemplate {
    let held: Vec<Value> = days.iter().map(|(id, day)| json!({ "id": id, "effective_date": day })).collect();
    answer(&page("rate_card_versions", &held))
}

fn role_rates(rates: &[(&str, &str, i64)]) -> ResponseTemplate {
    let held: Vec<Value> =
        rates.iter().map(|(id, role, rate)| json!({ "id": id, "role_id": role, "rate": rate })).collect();
    answer(&page("rate_card_roles", &held))
}

async fn card_is_there(server: &MockServer) {
    let sets = page("rate_card_sets", &[json!({ "id": "55", "title": ENGAGEMENT })]);
    on(server, "GET", "/api/v1/rate_card_sets", answer(&sets), 1).await;
    let cards = page("rate_cards", &[json!({ "id": "56", "currency": "USD" })]);
    on(server, "GET", "/api/v1/rate_cards", answer(&cards), 1).await;
    let roles = [json!({ "id": "66", "name": "consultant" }), json!({ "id": "67", "name": "principal" })];
    on(server, "GET", "/api/v1/roles", answer(&page("roles", &roles)), 1).await;
    let set = page("workspaces", &[json!({ "id": "42", "rate_card_id": "56" })]);
    on(server, "PUT", PROJECT, answer(&set), 1).await;
}

const VERSIONS: &str = "/api/v1/rate_card_versions";
const ROLE_RATES: &str = "/api/v1/rate_card_roles";

#[tokio::test]
async fn rates_begin_and_end_with_versions_of_their_own() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    assert_eq!(Performs::<SetRateCard>::idempotency(&*psa), settles());
    assert_eq!(psa.find(&rates()).await, Ok(Some(at("42"))), "some of it may stand");
    card_is_there(&server).await;
    on(&server, "GET", VERSIONS, versions(&[("58", "2000-01-01")]), 1).await;
    on(&server, "POST", VERSIONS, versions(&[("59", "2027-01-01")]), 1).await;
    on(&server, "POST", VERSIONS, versions(&[("60", "2027-02-01")]), 1).await;
    let architect = page("roles", &[json!({ "id": "68", "name": "architect" })]);
    on(&server, "POST", "/api/v1/roles", answer(&architect), 1).await;
    on(&server, "GET", ROLE_RATES, role_rates(&[("1", "66", 18_000), ("2", "67", 26_000)]), 1).await;
    on(&server, "GET", ROLE_RATES, role_rates(&[]), 2).await;
    for (id, role, rate) in
        [("3", "66", 20_000), ("4", "67", 26_000), ("5", "68", 30_000), ("6", "66", 20_000)]
    {
        on(&server, "POST", ROLE_RATES, role_rates(&[(id, role, rate)]), 1).await;
    }
    assert_eq!(psa.perform(&rates(), "key").await, Ok(at("56")));
    let told: Vec<_> = sent(&server, "POST", ROLE_RATES)
        .await
        .iter()
        .map(|r| &r["rate_card_role"])
        .map(|r| (r["rate_card_version_id"].to_string(), r["role_id"].to_string(), r["rate"].as_i64()))
        .collect();
    let of = |version: &str, role: &str, rate| (format!("{version:?}"), format!("{role:?}"), Some(rate));
    assert_eq!(
        told,
        [of("59", "66", 20_000), of("59", "67", 26_000), of("60", "68", 30_000), of("60", "66", 20_000)],
        "the first version is as it was, and the last without the principal"
    );
}

#[tokio::test]
async fn rates_that_are_set_already_are_left_alone() {
    let server = MockServer::start().await;
    card_is_there(&server).await;
    let days = [("58", "2000-01-01"), ("59", "2027-01-01"), ("60", "2027-02-01")];
    on(&server, "GET", VERSIONS, versions(&days), 1).await;
    on(&server, "GET", ROLE_RATES, role_rates(&[("1", "66", 18_000), ("2", "67", 26_000)]), 1).await;
    on(&server, "GET", ROLE_RATES, role_rates(&[("3", "66", 20_000), ("4", "67", 26_000)]), 1).await;
    on(&server, "GET", ROLE_RATES, role_rates(&[("5", "68", 30_000), ("6", "66", 20_000)]), 1).await;
    let architect = page("roles", &[json!({ "id": "68", "name": "architect" })]);
    on(&server, "POST", "/api/v1/roles", answer(&architect), 1).await;
    assert_eq!(psa(&server.uri()).perform(&rates(), "key").await, Ok(at("56")));
    assert!(sent(&server, "POST", ROLE_RATES).await.is_empty());
}

#[tokio::test]
async fn rates_are_undone_in_the_versions_that_stay() {
    let server = MockServer::start().await;
    card_is_there(&server).await;
    on(&server, "GET", VERSIONS, versions(&[("58", "2000-01-01"), ("60", "2027-02-01")]), 1).await;
    on(&server, "GET", ROLE_RATES, role_rates(&[("1", "66", 18_000), ("2", "67", 26_000)]), 1).await;
    on(&server, "GET", ROLE_RATES, role_rates(&[("5", "68", 30_000), ("6", "66", 20_000)]), 1).await;
    on(&server, "PUT", "/api/v1/rate_card_roles/6", role_rates(&[("6", "66", 18_000)]), 1).await;
    on(&server, "POST", ROLE_RATES, role_rates(&[("7", "67", 26_000)]), 1).await;
    on(&server, "PUT", "/api/v1/rate_card_roles/5", role_rates(&[("5", "68", 0)]), 1).await;
    let undone = psa(&server.uri()).undo(&rates(), &at("56")).await;
    assert_eq!(undone, Ok(Undone::Removed));
    let nought = sent(&server, "PUT", "/api/v1/rate_card_roles/5").await;
    assert_eq!(nought, [json!({ "rate_card_role": { "rate": 0 } })], "the architect was not sold");
}

#[tokio::test]
async fn a_rate_that_is_held_otherwise_is_a_mismatch_and_a_lost_answer_unknown() {
    for (reply, kind) in [
        (role_rates(&[("1", "66", 17_000)]), CallErrorKind::Mismatch),
        (ResponseTemplate::new(429), CallErrorKind::Unknown),
        (ResponseTemplate::new(401), CallErrorKind::Unknown),
    ] {
        let server = MockServer::start().await;
        let psa = psa(&server.uri());
        let sets = page("rate_card_sets", &[json!({ "id": "55", "title": ENGAGEMENT })]);
        on(&server, "GET", "/api/v1/rate_card_sets", answer(&sets), 1).await;
        let cards = page("rate_cards", &[json!({ "id": "56", "currency": "USD" })]);
        on(&server, "GET", "/api/v1/rate_cards", answer(&cards), 1).await;
        let roles = page("roles", &[json!({ "id": "66", "name": "consultant" })]);
        on(&server, "GET", "/api/v1/roles", answer(&roles), 1).await;
        on(&server, "GET", VERSIONS, versions(&[("58", "2000-01-01")]), 1).await;
        on(&server, "GET", ROLE_RATES, role_rates(&[("1", "66", 17_000)]), 1).await;
        on(&server, "PUT", "/api/v1/rate_card_roles/1", reply, 1).await;
        let one = RateCard { rates: vec![rate("consultant", "180.00", None, None)] };
        let order = SetRateCard { after: one, ..rates() };
        assert_eq!(psa.perform(&order, "key").await.expect_err("fails").kind, kind);
    }
}

async fn project_is_read(server: &MockServer, workspace: &Value) {
    on(server, "GET", REFERENCES, answer(&vendor("kantata/external_references.json")), 1).await;
    on(server, "GET", "/api/v1/workspaces", answer(workspace), 1).await;
}

fn day(day: &str) -> Date {
    day.parse().expect("a day")
}

#[tokio::test]
async fn a_project_is_read_with_its_budget_milestones_and_the_rates_of_a_day() {
    for (on_day, version) in [("2026-11-21", "58"), ("2027-01-01", "59")] {
        let server = MockServer::start().await;
        project_is_read(&server, &vendor("kantata/workspaces.json")).await;
        on(&server, "GET", BILLINGS, answer(&vendor("kantata/billing_milestones.json")), 1).await;
        on(&server, "GET", VERSIONS, versions(&[("59", "2027-01-01"), ("58", "2000-01-01")]), 1).await;
        let roles = page("roles", &[json!({ "id": "66", "name": "consultant" })]);
        on(&server, "GET", "/api/v1/roles", answer(&roles), 1).await;
        on(&server, "GET", ROLE_RATES, answer(&vendor("kantata/rate_card_roles.json")), 1).await;
        let held = psa(&server.uri()).held_project(&engagement(), dollars(), day(on_day)).await;
        let held = held.expect("is read").expect("is there");
        assert_eq!(held.budget, Some(usd("50000.00")));
        let milestones: Vec<_> = held.milestones.iter().map(|(key, m)| (key.as_str(), *m)).collect();
        assert_eq!(milestones, [("M1", usd("20000.00")), ("M2", usd("30000.00"))], "those of ours");
        assert_eq!(held.rates.get("consultant"), Some(&usd("180.00")));
        let asked = server.received_requests().await.expect("recorded");
        let query = asked.iter().find(|r| r.url.path() == ROLE_RATES).and_then(|r| r.url.query());
        let query = query.expect("a filter");
        assert!(query.contains(&format!("rate_card_version_id={version}")), "{on_day}: {query}");
    }
}

#[tokio::test]
async fn a_project_without_budget_or_rates_has_none_and_an_archived_one_is_none() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let bare = page("workspaces", &[json!({ "id": "42", "budgeted": false, "price_in_cents": 1 })]);
    project_is_read(&server, &bare).await;
    on(&server, "GET", BILLINGS, empty("billing_milestones"), 1).await;
    let held = psa.held_project(&engagement(), dollars(), day("2026-11-21")).await;
    let held = held.expect("is read").expect("is there");
    assert_eq!((held.budget, held.milestones.len(), held.rates.len()), (None, 0, 0));
    server.reset().await;
    let archived = page("workspaces", &[json!({ "id": "42", "archived": true })]);
    project_is_read(&server, &archived).await;
    assert_eq!(psa.held_project(&engagement(), dollars(), day("2026-11-21")).await, Ok(None));
    server.reset().await;
    on(&server, "GET", REFERENCES, empty("external_references"), 1).await;
    assert_eq!(psa.held_project(&engagement(), dollars(), day("2026-11-21")).await, Ok(None));
}

#[tokio::test]
async fn a_project_in_another_currency_is_a_mismatch() {
    let server = MockServer::start().await;
    project_is_read(&server, &vendor("kantata/workspaces.json")).await;
    let euros = Currency::from_code("EUR").expect("EUR");
    let error = psa(&server.uri()).held_project(&engagement(), euros, day("2026-11-21")).await;
    let error = error.expect_err("is in dollars");
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (CallErrorKind::Mismatch, "project 42 is in USD instead of EUR")
    );
}
