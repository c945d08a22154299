//! What is concluded from each way in which a call can end.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::connection::{ConnectionConfig, Credentials};

const QUICK: Timeouts = Timeouts {
    connect: Duration::from_millis(500),
    read: Duration::from_millis(150),
    write: Duration::from_millis(150),
};
static PLAIN: Dialect = Dialect { exceptions: |_, _| None, words: |body| Some(body.to_owned()) };

const EFFECTS: [Effect; 3] = [Effect::None, Effect::Keyed, Effect::Once];

fn connection(base_url: &str) -> Connection {
    let config = json!({
        "connection": "c", "tenant": "t", "product": "hubspot", "role": "crm", "base_url": base_url,
        "webhook_url": "https://q2c.example.com/", "secret_id": "s",
    });
    Connection {
        config: serde_json::from_value::<ConnectionConfig>(config).expect("config"),
        credentials: serde_json::from_value::<Credentials>(json!({ "api_token": "token" }))
            .expect("credentials"),
    }
}

async fn outcome(base: &str, effect: Effect) -> Result<Value, CallError> {
    let api = Api::new(&connection(base), base.to_owned(), QUICK, &PLAIN, &[]).expect("opens");
    let call = Call { operation: "try", method: Method::POST, path: "/x", query: &[], effect };
    api.send(&call, Some(&json!({}))).await
}

async fn kind(answer: ResponseTemplate, effect: Effect) -> CallErrorKind {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    outcome(&server.uri(), effect).await.expect_err("does not end well").kind
}

#[tokio::test]
async fn a_server_error_is_unknown_only_where_a_repetition_has_another_effect() {
    for status in [408, 500, 502, 503, 504] {
        for effect in EFFECTS {
            let expected = match effect {
                Effect::Once => CallErrorKind::Unknown,
                Effect::None | Effect::Keyed => CallErrorKind::Transient { retry_after: None },
            };
            assert_eq!(kind(ResponseTemplate::new(status), effect).await, expected, "{status} {effect:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_a_refusal_whatever_the_effect() {
    for effect in EFFECTS {
        for (status, expected) in [
            (400, CallErrorKind::Refused),
            (404, CallErrorKind::Refused),
            (409, CallErrorKind::Refused),
            (422, CallErrorKind::Refused),
            (301, CallErrorKind::Refused),
            (401, CallErrorKind::Unauthorised),
            (403, CallErrorKind::Unauthorised),
        ] {
            assert_eq!(kind(ResponseTemplate::new(status), effect).await, expected, "{status}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_and_as_a_date() {
    for status in [429, 503] {
        let answer = ResponseTemplate::new(status).insert_header("retry-after", "7");
        let seven = CallErrorKind::Transient { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(kind(answer, Effect::Once).await, seven, "{status}");
    }
    let in_a_minute =
        jiff::Timestamp::try_from(SystemTime::now() + Duration::from_secs(60)).expect("a moment");
    let date = in_a_minute.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let answer = ResponseTemplate::new(429).insert_header("retry-after", date.as_str());
    let CallErrorKind::Transient { retry_after: Some(wait) } = kind(answer, Effect::Once).await else {
        panic!("a date is understood: {date}");
    };
    assert!((50..=60).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(outcome::retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "past: at once");
    assert_eq!(
        outcome::retry_after("99999999"),
        Some(Duration::from_secs(43_200)),
        "never longer than a queue can wait"
    );
    assert_eq!(outcome::retry_after("soon"), None);
}

#[tokio::test]
async fn no_connection_is_transient_because_nothing_was_sent() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    for effect in EFFECTS {
        let error = outcome(&format!("http://{free}"), effect).await.expect_err("nobody there");
        assert_eq!(error.kind, CallErrorKind::Transient { retry_after: None });
    }
}

#[tokio::test]
async fn no_answer_in_time_is_unknown_unless_the_call_only_reads() {
    let slow = || ResponseTemplate::new(200).set_delay(Duration::from_secs(5));
    assert_eq!(kind(slow(), Effect::None).await, CallErrorKind::Transient { retry_after: None });
    assert_eq!(kind(slow(), Effect::Keyed).await, CallErrorKind::Unknown);
    assert_eq!(kind(slow(), Effect::Once).await, CallErrorKind::Unknown);
}

#[tokio::test]
async fn an_answer_of_another_form_is_a_mismatch() {
    let api_error = kind(ResponseTemplate::new(200).set_body_string("<html>"), Effect::Once).await;
    assert_eq!(api_error, CallErrorKind::Mismatch);
}

#[test]
fn a_connection_without_a_token_or_with_a_broken_address_does_not_open() {
    let mut without = connection("https://api.example.com");
    without.credentials.api_token = secrecy::SecretString::default();
    let opened = Api::new(&without, "https://api.example.com".into(), QUICK, &PLAIN, &[]);
    assert_eq!(opened.err().map(|e| e.kind), Some(CallErrorKind::Unauthorised));
    let broken = Api::new(&connection("nowhere"), "nowhere".into(), QUICK, &PLAIN, &[]);
    assert_eq!(broken.err().map(|e| e.kind), Some(CallErrorKind::Unauthorised));
}

#[test]
fn a_products_words_are_short_and_hold_nothing_personal() {
    let words =
        "Contact ada@northwind.example or 555-123-4567 about 12-3456789, invoice INV2026-00001 of 2 lines";
    assert_eq!(
        scrubbed(words),
        "Contact <address> or <number> about <number> invoice INV2026-00001 of 2 lines"
    );
    assert_eq!(scrubbed(&"é ".repeat(500)).chars().count(), 301);
}

/// An error's detail ends in an exception and on the bus.
#[tokio::test]
async fn a_products_words_never_quote_our_credentials() {
    let server = MockServer::start().await;
    let token = "never-to-be-seen/again";
    // So long that the last one would be cut in its middle.
    let filler = "word ".repeat(43);
    let said = format!("never-to-be-seen%2Fagain is not {token}, nor whsec_retired. {filler} {token}");
    Mock::given(any()).respond_with(ResponseTemplate::new(422).set_body_string(said)).mount(&server).await;
    let mut connection = connection(&server.uri());
    let credentials = json!({ "api_token": token, "signing_secrets": ["current", "whsec_retired"] });
    connection.credentials = serde_json::from_value(credentials).expect("credentials");
    let api = Api::new(&connection, server.uri(), QUICK, &PLAIN, &[]).expect("opens");
    let refused = api.get::<Value>("try", "/x", &[]).await.expect_err("refused").detail;
    assert!(
        refused.starts_with("422: <credential> is not <credential>, nor <credential>. word"),
        "{refused}"
    );
    assert!(refused.ends_with("word <credential>") && !refused.contains("never"), "{refused}");
    let ours = api.error(CallErrorKind::Mismatch, "try", format!("record {token} instead of 1")).detail;
    assert_eq!(ours, "record <credential> instead of 1");
}

#[test]
fn tls_is_set_up_without_a_process_wide_provider() {
    assert!(Lazy::new(QUICK).get().is_ok());
}
