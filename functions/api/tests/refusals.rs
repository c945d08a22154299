//! Who is let in, and what a call that is not taken is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::Arc;

use api::{Kind, MOST_BYTES, ROUTES};
use domain::engagement::EngagementStatus;
use domain::sample::{active, quote};
use serde_json::{Value, json};
use world::{Call, ROLES, TENANT, token, world};

/// Each route with the roles it admits: sales, finance, operations, automation.
const ADMITTED: &[(&str, &str, [bool; 4])] = &[
    ("GET", "/v1/catalog", [true; 4]),
    ("GET", "/v1/engagements/{engagement}", [true; 4]),
    ("GET", "/v1/engagements/{engagement}/timeline", [false, true, true, true]),
    ("GET", "/v1/engagements/{engagement}/staffing", [true; 4]),
    ("GET", "/v1/engagements/{engagement}/payments", [false, true, true, true]),
    ("GET", "/v1/engagements/{engagement}/figures", [false, true, true, true]),
    ("GET", "/v1/engagements/{engagement}/revenue-events", [false, true, true, true]),
    ("GET", "/v1/revenue-events", [false, true, true, true]),
    ("GET", "/v1/deals/{connection}/{deal}", [true; 4]),
    ("GET", "/v1/customers/{customer}", [true; 4]),
    ("GET", "/v1/quotes/{connection}/{deal}/checks", [true; 4]),
    ("GET", "/v1/invoices/{invoice}", [false, true, true, true]),
    ("GET", "/v1/payments/unmatched", [false, true, true, true]),
    ("GET", "/v1/payments/{payment}", [false, true, true, true]),
    ("GET", "/v1/invoices/{invoice}/disputes", [false, true, true, true]),
    ("GET", "/v1/exceptions", [true; 4]),
    ("POST", "/v1/engagements", [true, false, true, true]),
    ("POST", "/v1/engagements/{engagement}/withdrawal", [false, false, true, false]),
    ("POST", "/v1/engagements/{engagement}/invoices", [false, true, false, true]),
    ("GET", "/v1/engagements/{engagement}/billing-readiness", [false, true, true, true]),
    ("POST", "/v1/invoices/{invoice}/hold", [false, true, false, false]),
    ("POST", "/v1/invoices/{invoice}/release", [false, true, false, false]),
    ("POST", "/v1/engagements/{engagement}/lines/{line}/hold", [false, true, true, false]),
    ("POST", "/v1/engagements/{engagement}/lines/{line}/release", [false, true, true, false]),
    ("POST", "/v1/engagements/{engagement}/write-offs", [false, true, false, false]),
    ("POST", "/v1/invoices/{invoice}/credit-memos", [false, true, false, false]),
    ("POST", "/v1/invoices/{invoice}/disputes", [false, true, false, false]),
    ("POST", "/v1/invoices/{invoice}/disputes/{dispute}/resolution", [false, true, false, false]),
    ("POST", "/v1/engagements/{engagement}/time", [false, false, true, true]),
    ("POST", "/v1/engagements/{engagement}/expenses", [false, false, true, true]),
    ("POST", "/v1/engagements/{engagement}/usage", [false, false, true, true]),
    ("POST", "/v1/engagements/{engagement}/milestones", [false, false, true, true]),
    ("POST", "/v1/payments/{payment}/applications", [false, true, false, false]),
];

fn parameters() -> Value {
    let engagement = active(&quote());
    json!({"engagement": engagement.engagement, "customer": engagement.customer, "invoice": "inv_1", "line": "lin_1",
           "dispute": "dsp_1", "payment": "pay_1", "connection": "hubspot-main", "deal": "123"})
}

/// Proves SEC-04 in part, SEC-05 in part and API-18 in part: each role is admitted to its routes and refused at
/// every other; who does not see invoices and payments is told so and nothing more.
#[tokio::test]
async fn a_role_opens_its_routes_and_no_other() {
    let listed: Vec<_> = ADMITTED.iter().map(|(m, p, _)| (*m, *p)).collect();
    assert_eq!(listed, ROUTES.iter().map(|r| (r.method, r.path)).collect::<Vec<_>>());
    for (method, path, admitted) in ADMITTED {
        for (role, may) in ROLES.iter().zip(admitted) {
            let w = world(EngagementStatus::Active).await;
            let before = w.store.items().len();
            let mut call = Call::post(path, parameters(), "k", &json!({"unknown": 1})).by(role);
            call.method = method;
            let (status, body) = call.send(&w).await;
            assert_eq!(status != 403, *may, "{method} {path} {role}: {body}");
            assert_ne!(status, 401);
            if !may {
                assert_eq!(body["code"], "Q2C-1002");
                assert_eq!(body["detail"], "the call is not permitted");
            }
            assert_eq!(w.store.items().len(), before, "nothing was written");
        }
    }
}

/// Proves SEC-01 in part: no call without a token that is known, whatever is wrong with it; which is not told.
#[tokio::test]
async fn a_call_without_an_acceptable_token_learns_nothing() {
    let w = world(EngagementStatus::Active).await;
    let good = token(TENANT, "finance");
    let bearer = |t: &str| vec![format!("Bearer {t}")];
    let wrong = [
        vec![],
        vec![good.clone()],
        vec![format!("Basic {good}")],
        vec![format!("Bearer {good}"), format!("Bearer {good}")],
        bearer(&good[..good.len() - 1]),
        bearer(&format!("{good}0")),
        bearer(&good.replace("finance-app", "sales-app")),
        bearer(&good.replace("finance-app", "nobody")),
        bearer(&good.replace("northwind", "eastwind")),
        bearer(&good.replace("northwind", "southwind")),
        bearer("q2c_northwind.finance-app."),
        bearer("q2c_northwind#x.finance-app.0123456789abcdef0123456789abcdef"),
        bearer(&"x".repeat(5_000)),
    ];
    for values in wrong {
        let mut call = Call::get("/v1/catalog", json!({}));
        call.headers = values.iter().map(|v| ("Authorization", v.clone())).collect();
        let (status, body) = call.send(&w).await;
        assert_eq!(status, 401, "{values:?}");
        assert_eq!(body["detail"], "the call is not authenticated");
    }
    assert_eq!(Call::get("/v1/catalog", json!({})).by("finance").send(&w).await.0, 200);
}

fn has_the_one_form(body: &Value) {
    let mut names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["code", "detail", "owner", "remedy", "retryable"], "{body}");
    assert!(body["remedy"].as_str().is_some_and(|r| !r.is_empty()), "{body}");
}

/// Proves API-22: whatever is wrong is told as code, owner, retryable, remedy and detail.
#[tokio::test]
async fn every_refusal_has_one_form() {
    let w = world(EngagementStatus::Active).await;
    let post = || {
        let body = json!({"connection": "hubspot-main", "deal": "9"});
        Call::post("/v1/engagements", json!({}), "k", &body).by("sales")
    };
    let text = |body: &str| Call { body: Some(body.to_owned()), ..post() };
    let large = || " ".repeat(MOST_BYTES + 1);
    let cases = [
        (Kind::Unauthenticated, post().without("Authorization")),
        (Kind::NoSuchRoute, Call { path: "/v1/nothing", ..post() }),
        (Kind::MethodNotAllowed, Call { method: "DELETE", ..post() }),
        (Kind::MethodNotAllowed, Call { path: "/v1/catalog", ..post() }),
        (
            Kind::NotFound,
            Call::get("/v1/engagements/{engagement}", json!({"engagement": "eng_0"})).by("sales"),
        ),
        (
            Kind::NotFound,
            Call::get("/v1/engagements/{engagement}", json!({"engagement": "eng_#x"})).by("sales"),
        ),
        (Kind::NotFound, Call::get("/v1/invoices/{invoice}", json!({"invoice": "eng_0"})).by("finance")),
        (Kind::NotFound, text(r#"{"connection": "hubspot-south", "deal": "9"}"#)),
        (Kind::TooLarge, text(&large())),
        (Kind::TooLarge, Call { encoded: true, ..text(&"A".repeat(MOST_BYTES * 2)) }),
        (Kind::Malformed, Call { encoded: true, ..text("%%%") }),
        (Kind::UnsupportedMedia, post().without("Content-Type")),
        (Kind::UnsupportedMedia, post().without("Content-Type").with("Content-Type", "text/xml")),
        (Kind::KeyMissing, post().without("Idempotency-Key")),
        (Kind::KeyMissing, post().with("Idempotency-Key", "second")),
        (Kind::KeyMissing, post().without("Idempotency-Key").with("Idempotency-Key", "a#b")),
        (Kind::KeyMissing, post().without("Idempotency-Key").with("Idempotency-Key", &"k".repeat(129))),
        (Kind::Malformed, Call { body: None, ..post() }),
        (Kind::Malformed, text("{")),
        (Kind::Malformed, text(r#"{"connection": "hubspot-main", "deal": "9"} {}"#)),
        (Kind::Malformed, text(r#"{"connection": "hubspot-main", "deal": "9#1"}"#)),
        (Kind::Malformed, Call::get("/v1/exceptions", json!({})).by("sales")),
    ];
    let before = w.store.items().len();
    for (kind, call) in cases {
        let (status, body) = call.send(&w).await;
        assert_eq!((status, body["code"].as_str()), (kind.status(), Some(kind.code())), "{kind:?} {body}");
        assert_eq!(body["retryable"], kind.retryable());
        has_the_one_form(&body);
    }
    assert_eq!(w.store.items().len(), before);
    let answer = Call { method: "DELETE", ..post() }.answer(&w).await;
    assert_eq!(answer.headers["allow"], "POST");
    let disputes = Call::get("/v1/invoices/{invoice}/disputes", parameters()).by("finance");
    let answer = Call { method: "DELETE", ..disputes }.answer(&w).await;
    assert_eq!(answer.headers["allow"], "GET, POST");
}

/// A field that nobody knows, one that is missing and one of another type are named with their path.
#[tokio::test]
async fn what_is_wrong_in_a_body_is_named_with_its_path() {
    let w = world(EngagementStatus::Active).await;
    let engagement = json!({"engagement": w.engagement.engagement});
    for (body, path) in [
        (json!({"entries": [{"approved": "yes"}]}), "entries[0].approved: "),
        (json!({"entries": [{"aproved": true}]}), "entries[0].aproved: "),
        (json!({"entries": {}}), "entries: "),
        (json!({"entries": [{"approved": true}]}), "entries[0]: missing field `connection`"),
    ] {
        let call = Call::post("/v1/engagements/{engagement}/time", engagement.clone(), "k", &body);
        let (status, answer) = call.by("operations").send(&w).await;
        assert_eq!(status, 400);
        assert!(answer["detail"].as_str().unwrap().starts_with(path), "{answer}");
    }
}

/// Our own failures are told as such, to be tried again, and not how they came about.
#[tokio::test]
async fn nothing_of_our_insides_is_told() {
    let mut w = world(EngagementStatus::Active).await;
    let down = journal::Journal::new(Arc::new(Down(w.store.clone())));
    w.context.journal = down;
    let path = "/v1/engagements/{engagement}";
    let call = Call::get(path, json!({"engagement": w.engagement.engagement})).by("sales");
    let (status, body) = call.send(&w).await;
    assert_eq!((status, body["code"].as_str()), (503, Some("Q2C-1013")));
    has_the_one_form(&body);
    assert!(!body.to_string().contains("table-of-the-stack"), "{body}");
    assert_eq!(call.answer(&w).await.headers["retry-after"], "10");
}

/// A table that knows the callers and nothing else.
struct Down(Arc<journal::memory::MemoryStore>);

#[async_trait::async_trait]
impl journal::Store for Down {
    async fn get(&self, key: &journal::Key) -> Result<Option<journal::Item>, journal::StoreError> {
        if key.pk.starts_with("connection#") { self.0.get(key).await } else { Err(unavailable()) }
    }
    async fn get_many(&self, _: &[journal::Key]) -> Result<Vec<journal::Item>, journal::StoreError> {
        Err(unavailable())
    }
    async fn write(&self, _: Vec<journal::Op>) -> Result<(), journal::StoreError> {
        Err(unavailable())
    }
    async fn query(&self, _: &str, _: &str, _: usize) -> Result<Vec<journal::Item>, journal::StoreError> {
        Err(unavailable())
    }
    async fn by_status(&self, _: &str, _: usize) -> Result<Vec<journal::Item>, journal::StoreError> {
        Err(unavailable())
    }
}

fn unavailable() -> journal::StoreError {
    journal::StoreError::Unavailable("table-of-the-stack".into())
}
