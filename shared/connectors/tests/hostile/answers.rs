//! Products that are asked, and answer with anything: a broken page of their own log, another status,
//! any header, no JSON. What comes back is facts or an error that names no secret; never a panic.

use std::collections::BTreeMap;
use std::time::Duration;

use connectors::{CallError, CallErrorKind, Connection, registry};
use events::{Envelope, Traceparent};
use proptest::prelude::*;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::mutation::broken;
use crate::products::connection;

const TOKEN: &str = "a-token-that-nobody-may-see";
/// What a function waits at most for such a log; a product that never comes to an end is an error too.
const LONGEST: Duration = Duration::from_secs(20);

/// What each product answers to, and with what when all is well.
fn answers(product: &str) -> BTreeMap<&'static str, &'static str> {
    match product {
        "kantata" => BTreeMap::from([
            (
                "/subscribed_events",
                include_str!("../../../../tests/fixtures/vendors/kantata/subscribed_events_of_expenses.json"),
            ),
            ("/time_entries", include_str!("../../../../tests/fixtures/vendors/kantata/time_entries.json")),
            ("/expenses", include_str!("../../../../tests/fixtures/vendors/kantata/expenses.json")),
            (
                "/expense_report_submissions",
                include_str!("../../../../tests/fixtures/vendors/kantata/expense_report_submissions.json"),
            ),
            ("/workspaces", include_str!("../../../../tests/fixtures/vendors/kantata/workspaces.json")),
            ("/stories", include_str!("../../../../tests/fixtures/vendors/kantata/stories.json")),
        ]),
        _ => BTreeMap::from([(
            "/erp/rest/model/account.invoice",
            include_str!("../../../../tests/fixtures/vendors/tryton/invoices_changed.json"),
        )]),
    }
}

fn asked(product: &str, base: &str) -> Connection {
    let mut connection = connection(product, &[], &[]);
    base.clone_into(&mut connection.config.base_url);
    connection.credentials =
        serde_json::from_value(serde_json::json!({"api_token": TOKEN})).expect("credentials");
    connection.config.settings = match product {
        "kantata" => serde_json::json!({
            "service_name": "q2c", "acceptance_field": "Client acceptance", "acceptance_value": "Accepted",
            "overlap_minutes": 30, "settles_within_seconds": 60, "expense_events": ["expense:updated"]}),
        _ => serde_json::json!({
            "database": "erp", "company": 1, "receivable_account": 39, "revenue_account": 99, "journal": 1,
            "statement_journal": 1, "currencies": {"USD": 1}, "taxes": {"SALES-10": 1},
            "payment_terms": {"net-30": 4}, "fixed_product": 1, "fixed_unit": 36, "hour_product": 2, "hour_unit": 9,
            "project_status_open": 1, "overlap_minutes": 30, "settles_within_seconds": 60}),
    };
    connection
}

/// What a product's log says when one of its answers is replaced.
async fn read(product: &str, at: usize, reply: ResponseTemplate) -> Result<Vec<Envelope>, CallError> {
    let server = MockServer::start().await;
    for (number, (place, text)) in answers(product).into_iter().enumerate() {
        let reply =
            if number == at { reply.clone() } else { ResponseTemplate::new(200).set_body_string(text) };
        Mock::given(method("GET"))
            .and(path(format!("/api/v1{place}")))
            .respond_with(reply.clone())
            .mount(&server)
            .await;
        Mock::given(method("GET")).and(path(place)).respond_with(reply).mount(&server).await;
    }
    let base = server.uri();
    let polled = registry::polled(&asked(product, &base))?;
    let since = "2025-11-24T15:00:00Z".parse().expect("a moment");
    let found =
        tokio::time::timeout(LONGEST, polled.changes_since(since)).await.expect("it comes to an end")?;
    let facts = found.into_iter().map(|t| {
        let subject = t.subject.as_str().to_owned();
        Envelope::reported(
            "northwind",
            "a",
            &t.delivery,
            &subject,
            t.occurred_at,
            t.event,
            Traceparent::start(),
        )
    });
    Ok(facts.collect())
}

fn waited_for(
    work: impl Future<Output = Result<Vec<Envelope>, CallError>>,
) -> Result<Vec<Envelope>, CallError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// A product, which of its answers is replaced, and by what.
fn broken_answer() -> impl Strategy<Value = (&'static str, usize, Vec<u8>)> {
    let all: Vec<(&str, usize, &str)> = ["kantata", "tryton"]
        .into_iter()
        .flat_map(|product| {
            answers(product).into_values().enumerate().map(move |(at, text)| (product, at, text))
        })
        .collect();
    prop::sample::select(all).prop_flat_map(|(product, at, text)| (Just(product), Just(at), broken(text)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Proves CON-40 in part: a product's broken answer is an error of its own or sound facts.
    #[test]
    fn a_broken_answer_is_sound_facts_or_an_error((product, at, body) in broken_answer()) {
        match waited_for(read(product, at, ResponseTemplate::new(200).set_body_bytes(body))) {
            Ok(facts) => for fact in facts {
                let text = serde_json::to_string(&fact).expect("an event is always written");
                prop_assert!(text.len() < 16 * 1024, "an event of {} bytes", text.len());
                prop_assert_eq!(serde_json::from_str::<Envelope>(&text).expect("and always read again"), fact);
            },
            Err(error) => {
                prop_assert_eq!(error.kind, CallErrorKind::Mismatch);
                prop_assert!(error.to_string().len() < 1_000 && !error.to_string().contains(TOKEN), "{}", error);
            }
        }
    }

    /// Any status with any `Retry-After`: classified, and no wait is longer than a queue can hide a message.
    #[test]
    fn any_status_and_any_retry_after_is_classified(
        product in prop::sample::select(["kantata", "tryton"].as_slice()), status in 300_u16..=599,
        wait in prop_oneof![any::<u64>().prop_map(|n| n.to_string()), "[ -~]{0,40}",
            Just("Fri, 31 Dec 9999 23:59:59 GMT".to_owned()), Just("Thu, 01 Jan 1970 00:00:00 GMT".to_owned())],
        body in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let reply = ResponseTemplate::new(status).insert_header("Retry-After", wait.trim()).set_body_bytes(body);
        let error = waited_for(read(product, 0, reply)).expect_err("no success");
        if let CallErrorKind::Transient { retry_after: Some(wait) } = error.kind {
            prop_assert!(wait <= Duration::from_secs(12 * 60 * 60), "{wait:?}");
        }
        prop_assert!(error.to_string().chars().count() < 1_000 && !error.to_string().contains(TOKEN), "{}", error);
    }
}

/// The answers are read to events before they are broken: else nothing above would ever meet one.
#[test]
fn the_answers_become_facts_before_they_are_broken() {
    for product in ["kantata", "tryton"] {
        let none = ResponseTemplate::new(200);
        let facts = waited_for(read(product, usize::MAX, none)).expect("is read");
        assert!(!facts.is_empty(), "{product}");
    }
}

/// Ninety entries share one item of the ledger, and an ID becomes part of a key: what a product may write
/// as long as it likes is cut, or is no answer of the documented form. At the limit and one past it.
#[test]
fn names_and_ids_of_any_length_make_no_event_larger_than_an_item_takes() {
    let (at, text) = answers("kantata")
        .into_iter()
        .enumerate()
        .find(|(_, (p, _))| *p == "/time_entries")
        .map(|(i, (_, t))| (i, t))
        .expect("entries");
    let replied = |from: &str, to: String| {
        assert!(text.contains(from), "the fixture has {from}");
        waited_for(read("kantata", at, ResponseTemplate::new(200).set_body_string(text.replace(from, &to))))
    };
    let largest =
        |facts: Vec<Envelope>| facts.iter().map(|f| serde_json::to_string(f).expect("JSON").len()).max();
    for name in ["\"full_name\": \"", "\"name\": \"", "\"notes\": \""] {
        let facts = replied(name, format!("{name}{}", "é".repeat(100_000))).expect("is read");
        assert!(largest(facts).expect("entries") < 4_096, "{name}");
    }
    let id = |length: usize| replied("\"story_id\": \"", format!("\"story_id\": \"{}", "7".repeat(length)));
    let given = text.split("\"story_id\": \"").nth(1).and_then(|t| t.find('"')).expect("an ID");
    assert!(id(64 - given).is_ok());
    assert_eq!(id(65 - given).expect_err("too long").kind, CallErrorKind::Mismatch);
}
