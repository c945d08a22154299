//! Expenses: the terms that HubSpot's quote line has, and what Kantata's log leads to.

use connectors::inbound::Translated;
use connectors::{CallError, CallErrorKind, registry};
use domain::contract::BillingMethod;
use domain::event::Event;
use domain::expense::{Expense, ExpenseStatus};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer};

use crate::hubspot::deal_with;
use crate::kantata::page;
use crate::support::{
    ENGAGEMENT, answer, connection, hubspot_settings, kantata_settings, on, sent, usd, vendor,
};

const EXPENSES: &str = "/api/v1/expenses";
const REPORTS: &str = "/api/v1/expense_report_submissions";

async fn with_expenses(server: &MockServer, change: impl FnOnce(&mut Value)) {
    let mut quote = vendor("hubspot/quote.json");
    quote["associations"]["line items"]["results"] = json!([{ "id": "4", "type": "quote_to_line_item" }]);
    let mut lines = vendor("hubspot/line_items_expenses.json");
    change(&mut lines["results"][0]["properties"]);
    deal_with(server, quote, lines).await;
}

/// Proves OWN-14 in part: a line that passes expenses on says how, in HubSpot's own properties.
#[tokio::test]
async fn a_line_says_how_expenses_are_passed_on() {
    let server = MockServer::start().await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    with_expenses(&server, |_| {}).await;
    let line = crm.quote_of("123").await.expect("is read").lines.remove(0);
    assert_eq!(
        (line.billing_method, line.unit_price),
        (Some(BillingMethod::PassThroughExpense), usd("0.00"))
    );
    let terms = line.expenses.expect("terms");
    assert_eq!((terms.markup_percent, terms.cap), ("7.5".parse().ok(), Some(usd("5000.00"))));
    assert_eq!(terms.categories, ["Lodging".to_owned(), "Travel".to_owned()].into());
    let asked = sent(&server, "POST", "/crm/v3/objects/line_items/batch/read").await;
    for property in ["q2c_markup_percent", "q2c_expense_cap", "q2c_expense_categories"] {
        let names = asked[0]["properties"].as_array().expect("names");
        assert!(names.contains(&property.into()), "{property}");
    }

    server.reset().await;
    with_expenses(&server, |line| {
        for property in ["q2c_markup_percent", "q2c_expense_cap", "q2c_expense_categories"] {
            line[property] = Value::Null;
        }
    })
    .await;
    let terms = crm.quote_of("123").await.expect("is read").lines.remove(0).expenses.expect("terms");
    assert_eq!(terms, Default::default(), "at cost, all of it, without a limit");

    for (property, value, said) in [
        ("q2c_markup_percent", "a tenth", "q2c_markup_percent `a tenth` can't be read"),
        ("q2c_expense_cap", "much", "q2c_expense_cap: `much` is not a decimal amount"),
        ("q2c_expense_cap", "0.001", "q2c_expense_cap: 0.001 has more decimal places"),
    ] {
        server.reset().await;
        with_expenses(&server, |line| line[property] = value.into()).await;
        let error = crm.quote_of("123").await.expect_err(property);
        assert_eq!(error.kind, CallErrorKind::Mismatch, "{property}");
        assert!(error.detail.contains(&format!("line 4: {said}")), "{}", error.detail);
    }
}

fn log(entries: &[(&str, u32)]) -> Value {
    let entries: Vec<Value> = entries
        .iter()
        .zip(1..)
        .map(|((kind, subject), n)| {
            json!({"id": n.to_string(), "event_type": "any", "subject_type": kind, "subject_id": subject})
        })
        .collect();
    page("subscribed_events", &entries)
}

/// What a log leads to where the product holds these expenses.
async fn polled(server: &MockServer, log: &Value, expenses: &Value) -> Result<Vec<Translated>, CallError> {
    on(server, "GET", "/api/v1/subscribed_events", answer(log), 1).await;
    let reports = Mock::given(method("GET")).and(path(REPORTS));
    reports.respond_with(answer(&vendor("kantata/expense_report_submissions.json"))).mount(server).await;
    let held =
        Mock::given(method("GET")).and(path(EXPENSES)).and(query_param("include", "user,active_submission"));
    held.respond_with(answer(expenses)).mount(server).await;
    let projects = Mock::given(method("GET")).and(path("/api/v1/workspaces"));
    projects.respond_with(answer(&vendor("kantata/workspaces.json"))).mount(server).await;
    let mut settings = kantata_settings();
    settings["expense_events"] = json!(["expense:updated", "expense_report_submission:updated"]);
    let psa = registry::psa(&connection("kantata", &server.uri(), settings)).expect("opens");
    psa.changes_since("2026-11-21T05:00:00Z".parse().expect("a moment")).await
}

fn told(translated: &Translated) -> &Expense {
    assert_eq!(translated.subject.as_str(), ENGAGEMENT);
    match &translated.event {
        Event::ExpenseApproved(expense) => expense,
        other => panic!("{}", other.type_name()),
    }
}

/// Proves EVT-10 in part, WFC-01 in part, WFC-02 in part: of what the log names, expenses and reports alike, those are
/// told whose report is approved, of our projects alone; each once, with whether the customer bears it.
#[tokio::test]
async fn the_log_leads_to_approved_expenses_of_ours_alone() {
    let server = MockServer::start().await;
    let entries = [
        ("Expense", 301),
        ("Expense", 302),
        ("Expense", 303),
        ("Expense", 305),
        ("ExpenseReportSubmission", 310),
        ("expense_report_submission", 310),
    ];
    let found = polled(&server, &log(&entries), &vendor("kantata/expenses.json")).await.expect("is read");
    let asked = server.received_requests().await.expect("recorded");
    let only = |at: &str| {
        let of = asked.iter().filter(|r| r.url.path() == at);
        of.filter_map(|r| r.url.query_pairs().find(|(k, _)| k == "only").map(|(_, v)| v.into_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (only(REPORTS), only(EXPENSES)),
        (vec!["310".to_owned()], vec!["301,302,303,304,305".to_owned()])
    );
    let names = asked.iter().find_map(|r| r.url.query_pairs().find(|(k, _)| k == "event_types"));
    assert!(names.is_some_and(|(_, v)| v.contains("expense:updated,expense_report_submission:updated")));
    let [hotel, internal] = found.as_slice() else { panic!("{found:?}") };
    assert!(hotel.delivery.starts_with("expense:301:2026-11-21T05:59:26Z:"), "{}", hotel.delivery);
    let (hotel, internal) = (told(hotel), told(internal));
    assert_eq!((hotel.expense.as_str(), hotel.person.as_str()), ("301", "Ada Lindqvist"));
    assert_eq!((hotel.category.as_str(), hotel.cost, hotel.pass_through), ("Lodging", usd("240.00"), true));
    assert_eq!(
        (hotel.incurred_on.to_string().as_str(), hotel.status),
        ("2026-11-03", ExpenseStatus::Approved)
    );
    assert_eq!(
        (internal.expense.as_str(), internal.person.as_str()),
        ("304", "99"),
        "a person that nobody names"
    );
    assert!(!internal.pass_through);
}

/// The amount is in the unit that Kantata says, whatever the currency's own is: 24,000 of 1 are 24,000 JPY, of 1,000 are
/// 24.000 KWD.
#[tokio::test]
async fn an_amount_is_in_the_unit_that_it_names() {
    for (currency, unit, cost) in [
        ("JPY", json!(1), "24000 JPY"),
        ("KWD", json!(1000), "24.000 KWD"),
        ("JPY", json!(100), "240 JPY"),
        ("KWD", Value::Null, "24.000 KWD"),
    ] {
        let mut expenses = vendor("kantata/expenses.json");
        expenses["expenses"]["301"]["currency"] = currency.into();
        expenses["expenses"]["301"]["currency_base_unit"] = unit;
        let found =
            polled(&MockServer::start().await, &log(&[("Expense", 301)]), &expenses).await.expect("is read");
        assert_eq!(told(&found[0]).cost.to_string(), cost);
    }
    for (currency, unit) in [("USD", 0), ("USD", 100_000), ("XYZ", 100)] {
        let mut expenses = vendor("kantata/expenses.json");
        expenses["expenses"]["301"]["currency"] = currency.into();
        expenses["expenses"]["301"]["currency_base_unit"] = unit.into();
        expenses["expenses"]["301"]["amount_in_cents"] = 24_001.into();
        let error =
            polled(&MockServer::start().await, &log(&[("Expense", 301)]), &expenses).await.expect_err("odd");
        assert_eq!(error.kind, CallErrorKind::Mismatch);
        assert!(error.detail.starts_with("expense 301: "), "{}", error.detail);
    }
}

/// Told again it is the same delivery; corrected, another, even within the same second.
#[tokio::test]
async fn a_corrected_expense_is_another_delivery() {
    let delivery = async |change: &dyn Fn(&mut Value)| {
        let mut expenses = vendor("kantata/expenses.json");
        change(&mut expenses["expenses"]["301"]);
        let found =
            polled(&MockServer::start().await, &log(&[("Expense", 301)]), &expenses).await.expect("is read");
        found[0].delivery.clone()
    };
    let first = delivery(&|_| {}).await;
    assert_eq!(delivery(&|_| {}).await, first);
    assert_ne!(delivery(&|e| e["amount_in_cents"] = 25_000.into()).await, first);
    assert_ne!(delivery(&|e| e["is_billable"] = false.into()).await, first);
}
