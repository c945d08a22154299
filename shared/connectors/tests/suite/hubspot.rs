//! HubSpot: notifications, the quote that is read back, and the deal that is written to.

use std::time::Duration;

use connectors::inbound::{Delivery, Subject, Translated, Untranslatable, translate};
use connectors::operation::WriteDealStatus;
use connectors::{CallErrorKind, Idempotency, registry};
use domain::activation::Signal;
use domain::collections::{Age, CollectionsStatus, Exposure, Risk};
use domain::contract::{BillingMethod, ChargeTiming, Period};
use domain::engagement::EngagementStatus;
use domain::event::{ContractActivated, Event, OpportunityWon, QuoteApproved, SowApproved};
use domain::id::EngagementId;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{ENGAGEMENT, answer, connection, hubspot_settings, on, sent, silent, usd, vendor};

const DEAL: &str = "/crm/v3/objects/deals/123";
const QUOTE: &str = "/crm/v3/objects/quotes/900";

fn translated(notifications: &Value) -> Result<Vec<Translated>, Untranslatable> {
    let body = serde_json::to_vec(notifications).expect("JSON");
    let delivery = Delivery { method: "POST", headers: &[], body: &body };
    translate(&connection("hubspot", "https://api.hubapi.com", hubspot_settings()), &delivery)
}

#[test]
fn only_the_configured_change_is_of_interest() {
    let events = translated(&vendor("hubspot/notifications.json")).expect("translates");
    let [one] = events.as_slice() else { panic!("one of three") };
    assert_eq!(one.delivery, "62515:12345:3816279480:123:1764000000000:quote_status");
    assert_eq!(one.subject, Subject::Engagement(EngagementId::of_deal("northwind", "hubspot-main", "123")));
    assert_eq!(one.occurred_at.to_string(), "2025-11-24T16:00:00Z");
    let approved = QuoteApproved { connection: "hubspot-main".into(), deal: "123".into() };
    assert_eq!(one.event, Event::QuoteApproved(approved));
}

/// Proves EVT-02 and EVT-03 and EVT-04 in part, EVT-01 in part: each change that is configured is announced as
/// what it means, with the deal and nothing of what the notification says of it.
#[test]
fn each_trigger_announces_what_it_means() {
    let (connection, deal) = (|| "hubspot-main".to_owned(), || "123".to_owned());
    let announced: [(&str, &str, Event); 4] = [
        ("quote_status", "APPROVED", QuoteApproved { connection: connection(), deal: deal() }.into()),
        ("dealstage", "closedwon", OpportunityWon { connection: connection(), deal: deal() }.into()),
        ("contract_status", "ACTIVATED", ContractActivated { connection: connection(), deal: deal() }.into()),
        ("sow_status", "APPROVED", SowApproved { connection: connection(), deal: deal() }.into()),
    ];
    let mut notifications = vendor("hubspot/notifications.json");
    for (property, value, event) in announced {
        notifications[0]["propertyName"] = property.into();
        notifications[0]["propertyValue"] = value.into();
        let events = translated(&notifications).expect("translates");
        let [one] = events.as_slice() else { panic!("one event of {property}") };
        assert_eq!(one.event, event);
        let engagement = EngagementId::of_deal("northwind", "hubspot-main", "123");
        assert_eq!(one.subject, Subject::Engagement(engagement), "whatever announces it");
        notifications[0]["propertyValue"] = "contractsent".into();
        assert_eq!(translated(&notifications), Ok(Vec::new()), "{property} with another value");
    }
}

#[test]
fn a_retry_is_the_same_delivery_and_another_portal_is_none() {
    let mut again = vendor("hubspot/notifications.json");
    again[0]["attemptNumber"] = 3.into();
    assert_eq!(translated(&again), translated(&vendor("hubspot/notifications.json")));
    again[0]["portalId"] = 1.into();
    assert_eq!(translated(&again), Ok(Vec::new()));
    assert!(translated(&json!({ "objectId": 123 })).is_err(), "not an array");
}

pub(crate) async fn deal_with(server: &MockServer, quote: Value, lines: Value) {
    sold(server, vendor("hubspot/deal.json"), quote, lines).await;
}

async fn sold(server: &MockServer, deal: Value, quote: Value, lines: Value) {
    on(server, "GET", DEAL, answer(&deal), 1).await;
    on(server, "GET", QUOTE, answer(&quote), 1).await;
    on(server, "GET", "/crm/v3/objects/companies/55", answer(&vendor("hubspot/company.json")), 1).await;
    on(server, "POST", "/crm/v3/objects/line_items/batch/read", answer(&lines), 1).await;
}

/// Proves OWN-14 in part: HubSpot's quote, in HubSpot's own properties, becomes ours.
#[tokio::test]
async fn a_quote_is_read_back_with_its_lines_and_customer() {
    let server = MockServer::start().await;
    deal_with(&server, vendor("hubspot/quote.json"), vendor("hubspot/line_items.json")).await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    let quote = crm.quote_of("123").await.expect("is read");
    assert!(quote.approved);
    assert_eq!(quote.opportunity.stage.as_deref(), Some("closedwon"));
    assert_eq!(quote.opportunity.standing, [Signal::QuoteApproved, Signal::OpportunityWon].into());
    assert_eq!((quote.quote.as_str(), quote.version, quote.number.as_str()), ("900", 1, "Q-20261121-123"));
    assert_eq!(quote.customer.tax_registration.as_deref(), Some("12-3456789"));
    assert_eq!(quote.time_ceiling, None);
    let [fee, time] = quote.lines.as_slice() else { panic!("two lines") };
    assert_eq!((fee.line.as_str(), fee.milestone.as_deref()), ("1", Some("M1")), "in order of their IDs");
    assert_eq!((fee.billing_method, fee.unit_price), (Some(BillingMethod::FixedFee), usd("20000.00")));
    assert_eq!(
        (time.billing_method, time.unit_price),
        (Some(BillingMethod::TimeAndMaterials), usd("180.00"))
    );
    assert_eq!(time.role.as_deref(), Some("consultant"));
}

async fn with_a_recurring_line(server: &MockServer, change: impl FnOnce(&mut Value)) {
    let mut quote = vendor("hubspot/quote.json");
    quote["associations"]["line items"]["results"] = json!([{ "id": "3", "type": "quote_to_line_item" }]);
    let mut lines = vendor("hubspot/line_items_recurring.json");
    change(&mut lines["results"][0]["properties"]);
    deal_with(server, quote, lines).await;
}

#[tokio::test]
async fn a_recurring_line_says_how_it_recurs() {
    let server = MockServer::start().await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    with_a_recurring_line(&server, |_| {}).await;
    let line = crm.quote_of("123").await.expect("is read").lines.remove(0);
    assert_eq!((line.billing_method, line.unit_price), (Some(BillingMethod::Recurring), usd("2500.00")));
    assert_eq!((line.quantity, line.amount), (12.into(), Some(usd("30000.00"))));
    let terms = line.recurrence.expect("terms");
    assert_eq!((terms.key.as_deref(), terms.period), (Some("S1"), Some(Period::Monthly)));
    assert_eq!((terms.starts_on, terms.timing), ("2027-01-01".parse().ok(), Some(ChargeTiming::Advance)));
    let asked = sent(&server, "POST", "/crm/v3/objects/line_items/batch/read").await;
    assert_eq!((terms.aligned, terms.ends_on), (false, None));
    for property in [
        "q2c_charge",
        "q2c_period",
        "q2c_starts_on",
        "q2c_charge_timing",
        "q2c_charge_aligned",
        "q2c_ends_on",
    ] {
        assert!(
            asked[0]["properties"].as_array().is_some_and(|p| p.contains(&property.into())),
            "{property}"
        );
    }

    server.reset().await;
    with_a_recurring_line(&server, |line| {
        line["q2c_period"] = Value::Null;
        line["q2c_charge"] = Value::Null;
        line["q2c_charge_timing"] = Value::Null;
    })
    .await;
    let terms = crm.quote_of("123").await.expect("is read").lines.remove(0).recurrence.expect("terms");
    assert_eq!((terms.key, terms.period, terms.timing), (None, None, None), "for the checks to find");

    server.reset().await;
    with_a_recurring_line(&server, |line| {
        line["q2c_charge_aligned"] = "true".into();
        line["q2c_ends_on"] = "2027-06-10".into();
    })
    .await;
    let terms = crm.quote_of("123").await.expect("is read").lines.remove(0).recurrence.expect("terms");
    assert_eq!((terms.aligned, terms.ends_on), (true, "2027-06-10".parse().ok()));

    for (property, value) in [
        ("q2c_period", "weekly"),
        ("q2c_starts_on", "soon"),
        ("q2c_charge_timing", "never"),
        ("q2c_charge_aligned", "perhaps"),
        ("q2c_ends_on", "never"),
    ] {
        server.reset().await;
        with_a_recurring_line(&server, |line| line[property] = value.into()).await;
        let error = crm.quote_of("123").await.expect_err(property);
        assert_eq!(error.kind, CallErrorKind::Mismatch, "{property}");
        assert!(error.detail.contains(&format!("line 3: {property} `{value}`")), "{}", error.detail);
    }
}

/// Proves CAN-04 in part: stage and whether it is won come from the deal as it is now.
#[tokio::test]
async fn what_the_deal_no_longer_holds_does_not_stand() {
    let server = MockServer::start().await;
    let mut deal = vendor("hubspot/deal.json");
    deal["properties"]["dealstage"] = "contractsent".into();
    deal["properties"]["sow_status"] = "APPROVED".into();
    sold(&server, deal, vendor("hubspot/quote.json"), vendor("hubspot/line_items.json")).await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    let quote = crm.quote_of("123").await.expect("is read");
    assert!(!quote.opportunity.is_won());
    assert_eq!(quote.opportunity.stage.as_deref(), Some("contractsent"));
    assert_eq!(quote.opportunity.standing, [Signal::QuoteApproved, Signal::SowApproved].into());
    let requests = server.received_requests().await.expect("recorded");
    let asked = requests.iter().find(|r| r.url.path() == DEAL).expect("the deal is read");
    let asked = asked.url.query_pairs().find(|(name, _)| name == "properties").expect("properties").1;
    let names = "dealname,dealstage,q2c_approved_statements,quote_status,contract_status,sow_status";
    assert_eq!(asked, names, "each once");
}

/// Proves CAN-07 in part, EVT-04 in part: which statement a line belongs to, and which are approved, is what the CRM
/// holds when it is read back; a list of them that changes announces an approval, one that is cleared does not.
#[tokio::test]
async fn statements_of_work_are_read_back_by_name() {
    let server = MockServer::start().await;
    let (mut deal, mut lines) = (vendor("hubspot/deal.json"), vendor("hubspot/line_items.json"));
    deal["properties"]["q2c_approved_statements"] = "SOW-2; SOW-1;;SOW-2".into();
    lines["results"][0]["properties"]["q2c_statement_of_work"] = " SOW-1 ".into();
    sold(&server, deal, vendor("hubspot/quote.json"), lines).await;
    let mut settings = hubspot_settings();
    settings["triggers"][3] = json!({ "property": "q2c_approved_statements", "means": "sow-approved" });
    let hubspot = connection("hubspot", &server.uri(), settings.clone());
    let quote = registry::crm(&hubspot).expect("opens").quote_of("123").await.expect("is read");
    assert_eq!(quote.approved_statements, ["SOW-1".to_owned(), "SOW-2".to_owned()].into());
    let named: Vec<Option<&str>> = quote.lines.iter().map(|l| l.statement.as_deref()).collect();
    assert_eq!(named, [None, Some("SOW-1")]);
    assert!(quote.opportunity.standing.contains(&Signal::SowApproved));
    let asked = sent(&server, "POST", "/crm/v3/objects/line_items/batch/read").await;
    assert!(asked[0]["properties"].as_array().is_some_and(|p| p.contains(&"q2c_statement_of_work".into())));

    let mut notifications = vendor("hubspot/notifications.json");
    notifications[0]["propertyName"] = "q2c_approved_statements".into();
    for (value, announced) in [("SOW-1", 1), ("SOW-1;SOW-2", 1), ("", 0), (" ", 0)] {
        notifications[0]["propertyValue"] = value.into();
        let body = serde_json::to_vec(&notifications).expect("JSON");
        let delivery = Delivery { method: "POST", headers: &[], body: &body };
        let events = translate(&hubspot, &delivery).expect("translates");
        assert_eq!(events.len(), announced, "`{value}`");
        let approved = SowApproved { connection: "hubspot-main".into(), deal: "123".into() };
        assert!(events.iter().all(|e| e.event == Event::SowApproved(approved.clone())));
    }
}

#[tokio::test]
async fn what_was_left_out_is_for_the_checks_and_what_is_wrong_is_an_error() {
    let server = MockServer::start().await;
    let mut quote = vendor("hubspot/quote.json");
    quote["properties"]["q2c_payment_terms"] = Value::Null;
    quote["properties"]["hs_status"] = "DRAFT".into();
    deal_with(&server, quote, vendor("hubspot/line_items.json")).await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    let read = crm.quote_of("123").await.expect("is read");
    assert_eq!((read.payment_terms, read.approved), (None, false));

    for (property, value) in
        [("price", "180.001"), ("q2c_billing_method", "barter"), ("q2c_planned_date", "soon")]
    {
        server.reset().await;
        let mut lines = vendor("hubspot/line_items.json");
        lines["results"][0]["properties"][property] = value.into();
        deal_with(&server, vendor("hubspot/quote.json"), lines).await;
        let error = crm.quote_of("123").await.expect_err(property);
        assert_eq!(error.kind, CallErrorKind::Mismatch, "{property}");
        assert!(error.detail.starts_with("quote Q-20261121-123: line 2:"), "{}", error.detail);
    }
    server.reset().await;
    let mut lines = vendor("hubspot/line_items.json");
    lines["results"].as_array_mut().expect("lines").pop();
    deal_with(&server, vendor("hubspot/quote.json"), lines).await;
    let error = crm.quote_of("123").await.expect_err("a line is missing");
    assert_eq!(error.detail, "1 of 2 line_items came back");
}

#[tokio::test]
async fn among_several_quotes_the_highest_approved_version_counts() {
    let server = MockServer::start().await;
    let mut deal = vendor("hubspot/deal.json");
    let quotes = ["898", "899", "900", "901"].map(|id| json!({ "id": id, "type": "deal_to_quote" }));
    deal["associations"]["quotes"]["results"] = json!(quotes);
    on(&server, "GET", DEAL, answer(&deal), 1).await;
    let candidate = |id: &str, status: &str, version: &str| json!({ "id": id, "properties": { "hs_status": status, "q2c_version": version } });
    let candidates = json!({ "results": [
        candidate("898", "APPROVED", "9"), candidate("900", "APPROVED", "10"), candidate("899", "APPROVED", "2"),
        candidate("901", "DRAFT", "11"),
    ]});
    on(&server, "POST", "/crm/v3/objects/quotes/batch/read", answer(&candidates), 1).await;
    on(&server, "GET", QUOTE, answer(&vendor("hubspot/quote.json")), 1).await;
    on(&server, "GET", "/crm/v3/objects/companies/55", answer(&vendor("hubspot/company.json")), 1).await;
    on(
        &server,
        "POST",
        "/crm/v3/objects/line_items/batch/read",
        answer(&vendor("hubspot/line_items.json")),
        1,
    )
    .await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    assert_eq!(crm.quote_of("123").await.expect("is read").quote, "900");
}

#[tokio::test]
async fn a_deal_without_a_quote_is_refused() {
    let server = MockServer::start().await;
    on(&server, "GET", DEAL, answer(&json!({ "id": "123", "properties": {} })), 1).await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    assert_eq!(crm.quote_of("123").await.expect_err("no quote").kind, CallErrorKind::Refused);
}

fn status() -> WriteDealStatus {
    WriteDealStatus {
        deal: "123".into(),
        engagement: EngagementId::try_from(ENGAGEMENT.to_owned()).expect("an ID"),
        customer: None,
        engagement_status: Some(EngagementStatus::Active),
        contract_version: Some(2),
        contract_value: Some(usd("55000.00")),
        invoice_number: Some("INV2026-00001".into()),
        invoice_status: Some("posted".into()),
        invoice_total: Some(usd("1100.00")),
        tax: Some(usd("100.00")),
        paid: None,
        credited: None,
        collections: None,
    }
}

/// What account teams see of collections: statuses, amounts and the risk, each in a property of its own.
#[tokio::test]
async fn what_collections_says_is_on_the_deal() {
    let server = MockServer::start().await;
    on(&server, "PATCH", DEAL, answer(&json!({ "id": "123", "properties": {} })), 1).await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    let collections = Some(Exposure {
        status: CollectionsStatus::Overdue,
        open: usd("1100.00"),
        disputed: usd("100.00"),
        overdue: usd("600.00"),
        oldest: Age::UpTo60,
        risk: Risk::High,
    });
    crm.perform(&WriteDealStatus { collections, ..status() }, "key").await.expect("is written");
    let written = &sent(&server, "PATCH", DEAL).await[0]["properties"];
    let shown =
        ["collections_status", "collections_age", "collections_risk", "open_amount", "overdue_amount"];
    let shown = shown.map(|name| written[format!("q2c_{name}")].as_str().unwrap_or_default().to_owned());
    assert_eq!(shown, ["overdue", "31-60", "high", "1100.00", "600.00"]);
    assert_eq!(written["q2c_disputed_amount"], "100.00");
}

#[tokio::test]
async fn a_deal_is_written_with_absolute_values_and_what_is_unknown_is_left_alone() {
    let server = MockServer::start().await;
    let held = json!({ "id": "123", "properties": { "q2c_invoice_total": "1100", "q2c_engagement_id": ENGAGEMENT } });
    on(&server, "PATCH", DEAL, answer(&held), 1).await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    assert_eq!(crm.idempotency(), Idempotency::Upsert { settles_within: Duration::from_secs(15) });
    assert_eq!(crm.perform(&status(), "key").await.expect("is written").record, "123");
    let expected = json!({ "properties": {
        "q2c_engagement_id": ENGAGEMENT, "q2c_engagement_status": "active",
        "q2c_contract_version": "2", "q2c_contract_value": "55000.00", "q2c_invoice_number": "INV2026-00001",
        "q2c_invoice_status": "posted", "q2c_invoice_total": "1100.00", "q2c_tax_amount": "100.00",
    }});
    assert_eq!(sent(&server, "PATCH", DEAL).await, [expected]);
}

#[tokio::test]
async fn each_way_to_fail_is_told_apart() {
    let server = MockServer::start().await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    let limited = ResponseTemplate::new(429).set_body_json(vendor("hubspot/rate_limited.json"));
    let refused = ResponseTemplate::new(400).set_body_json(vendor("hubspot/error.json"));
    let held = json!({ "id": "123", "properties": { "q2c_invoice_total": "1101.00" } });
    let seconds = std::time::Duration::from_secs;
    for (reply, kind, detail) in [
        (
            limited.insert_header("retry-after", "10"),
            CallErrorKind::Transient { retry_after: Some(seconds(10)) },
            "429: ",
        ),
        (ResponseTemplate::new(423), CallErrorKind::Transient { retry_after: None }, "423"),
        (ResponseTemplate::new(502), CallErrorKind::Transient { retry_after: None }, "502"),
        (ResponseTemplate::new(401), CallErrorKind::Unauthorised, "401"),
        (refused, CallErrorKind::Refused, "400: VALIDATION_ERROR: Property values were not valid"),
        (answer(&held), CallErrorKind::Mismatch, "q2c_invoice_total was written as `1100.00`"),
    ] {
        server.reset().await;
        on(&server, "PATCH", DEAL, reply, 1).await;
        let error = crm.perform(&status(), "key").await.expect_err(detail);
        assert_eq!(error.kind, kind);
        assert!(error.detail.starts_with(detail), "{}", error.detail);
    }
    let crm = registry::crm(&connection("hubspot", &silent().await, hubspot_settings())).expect("opens");
    assert_eq!(crm.perform(&status(), "key").await.expect_err("no answer").kind, CallErrorKind::Unknown);
    let reading = crm.quote_of("123").await.expect_err("no answer");
    assert_eq!(reading.kind, CallErrorKind::Transient { retry_after: None });
}

#[test]
fn settings_and_roles_have_no_default() {
    for settings in [json!({}), json!({ "signature_versions": ["v3"] })] {
        let opened = registry::crm(&connection("hubspot", "https://api.hubapi.com", settings));
        assert_eq!(opened.err().map(|e| e.kind), Some(CallErrorKind::Unauthorised));
    }
    let wrong = registry::psa(&connection("hubspot", "https://api.hubapi.com", hubspot_settings()));
    assert_eq!(wrong.err().map(|e| e.kind), Some(CallErrorKind::Unauthorised));
}
