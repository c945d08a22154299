//! What a notification of DocuSign Connect becomes, and whose signatures are believed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::inbound::{Delivery, Subject, Translated, Untranslatable, Unverified, translate, verify};
use connectors::{Connection, registry};
use domain::event::{Event, SignatureCompleted};
use domain::id::EngagementId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{connection, docusign_settings, vendor};

const ENVELOPE: &str = "7f4c2b9e-2d53-4b0c-8a43-6f0f6a8d1c55";
const ACCOUNT: &str = "0b5a1c1e-5c39-4f3b-9d3f-2f1b7c7a9e10";
const FIELDS: &str = "/data/envelopeSummary/customFields/textCustomFields";

fn signing(settings: Value) -> Connection {
    connection("docusign", "https://eu.docusign.net", settings)
}

fn translated_with(settings: Value, notification: &Value) -> Result<Vec<Translated>, Untranslatable> {
    let body = serde_json::to_vec(notification).expect("JSON");
    translate(&signing(settings), &Delivery { method: "POST", headers: &[], body: &body })
}

fn translated(notification: &Value) -> Result<Vec<Translated>, Untranslatable> {
    translated_with(docusign_settings(), notification)
}

fn set(notification: &mut Value, pointer: &str, value: Value) {
    *notification.pointer_mut(pointer).expect("it is there") = value;
}

/// Proves WFE-05 in part: a completed envelope is told of the deal that it carries.
#[test]
fn a_completed_envelope_is_a_signature_completed() {
    let events = translated(&vendor("docusign/envelope_completed.json")).expect("translates");
    let [one] = events.as_slice() else { panic!("one event") };
    assert_eq!(one.delivery, format!("envelope:{ENVELOPE}:completed"));
    let engagement = EngagementId::of_deal("northwind", "hubspot-main", "123");
    assert_eq!(one.subject, Subject::Engagement(engagement), "the engagement of the CRM's deal");
    assert_eq!(one.occurred_at.to_string(), "2025-11-24T15:59:58.57Z");
    let expected = SignatureCompleted {
        connection: "hubspot-main".into(),
        deal: "123".into(),
        signature_connection: "docusign-main".into(),
        envelope: ENVELOPE.into(),
    };
    assert_eq!(one.event, Event::SignatureCompleted(expected));
}

/// No moment is signed, so this is what makes a delivery that is played again harmless.
#[test]
fn an_envelope_is_completed_once_however_it_is_told() {
    let first = vendor("docusign/envelope_completed.json");
    let mut second = first.clone();
    set(&mut second, "/retryCount", 7.into());
    set(&mut second, "/configurationId", 99.into());
    set(&mut second, "/generatedDateTime", "2026-01-01T00:00:00Z".into());
    assert_eq!(translated(&first), translated(&second));
    set(&mut second, "/data/envelopeId", "another-envelope".into());
    assert_ne!(
        translated(&first).map(|t| t[0].delivery.clone()),
        translated(&second).map(|t| t[0].delivery.clone())
    );
}

#[test]
fn other_events_and_other_accounts_are_of_no_interest() {
    assert_eq!(translated(&vendor("docusign/recipient_completed.json")), Ok(Vec::new()));
    assert_eq!(translated(&json!({ "event": "envelope-something-new" })), Ok(Vec::new()));
    let of = |account: &str| {
        let mut settings = docusign_settings();
        settings["account_id"] = account.into();
        translated_with(settings, &vendor("docusign/envelope_completed.json")).map(|events| events.len())
    };
    assert_eq!((of(ACCOUNT), of("another")), (Ok(1), Ok(0)));
}

#[test]
fn the_deal_may_be_chosen_from_a_list_and_carry_blanks() {
    let mut notification = vendor("docusign/envelope_completed.json");
    set(&mut notification, &format!("{FIELDS}/0/name"), "other".into());
    set(&mut notification, "/data/envelopeSummary/customFields/listCustomFields/0/name", "q2c_deal".into());
    set(&mut notification, "/data/envelopeSummary/customFields/listCustomFields/0/value", " 456 ".into());
    let events = translated(&notification).expect("translates");
    let Event::SignatureCompleted(signed) = &events[0].event else { panic!("a signature") };
    assert_eq!(signed.deal, "456");
}

/// Proves EXC-14 in part: what can't be related to a deal is kept for a person and not guessed.
#[test]
fn an_envelope_that_names_no_deal_is_untranslatable() {
    assert!(translated(&vendor("docusign/envelope_without_data.json")).is_err());
    assert!(translated(&json!([])).is_err());
    assert!(translated(&json!({ "event": 7 })).is_err());
    let changes: [(&str, Value); 8] = [
        ("/0/name", "q2c_quote".into()),
        ("/0/value", Value::Null),
        ("/0/value", " ".into()),
        ("/0/value", "../companies/55".into()),
        ("/0/value", "1 OR 1".into()),
        ("/0/value", "x".repeat(65).into()),
        ("/1/name", "q2c_deal".into()),
        ("", json!([])),
    ];
    for (pointer, value) in changes {
        let mut notification = vendor("docusign/envelope_completed.json");
        set(&mut notification, &format!("{FIELDS}{pointer}"), value.clone());
        assert!(translated(&notification).is_err(), "{pointer} {value}");
    }
    for (pointer, value) in [
        ("/data/envelopeSummary/status", "sent"),
        ("/data/envelopeSummary/completedDateTime", "yesterday"),
        ("/data/envelopeId", ""),
        ("/data/envelopeId", "a/b"),
    ] {
        let mut notification = vendor("docusign/envelope_completed.json");
        set(&mut notification, pointer, value.into());
        assert!(translated(&notification).is_err(), "{pointer} {value}");
    }
}

#[test]
fn it_is_listened_to_only() {
    let connection = signing(docusign_settings());
    assert!(registry::crm(&connection).is_err() && registry::psa(&connection).is_err());
    assert!(registry::erp(&connection).is_err() && registry::polled(&connection).is_err());
}

fn signed(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

fn verified(headers: &[(&str, String)], body: &[u8]) -> Result<(), Unverified> {
    let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
    let now = Timestamp::from_second(1_764_000_000).expect("a moment");
    verify(&signing(docusign_settings()), &Delivery { method: "POST", headers: &headers, body }, now)
}

/// One header for each active key, of which ours may be any: the current secret or the one being retired.
#[test]
fn any_key_by_any_secret_will_do() {
    let body = br#"{"event":"envelope-completed"}"#;
    let stranger = signed("a key of somebody else", body);
    for secret in ["current", "previous"] {
        for name in ["X-DocuSign-Signature-1", "x-docusign-signature-2", "X-DOCUSIGN-SIGNATURE-100"] {
            assert_eq!(verified(&[(name, signed(secret, body))], body), Ok(()), "{name}");
        }
        let beside =
            [("X-DocuSign-Signature-7", stranger.clone()), ("X-DocuSign-Signature-8", signed(secret, body))];
        assert_eq!(verified(&beside, body), Ok(()));
    }
    assert_eq!(verified(&[("X-DocuSign-Signature-1", stranger)], body), Err(Unverified::WrongSignature));
}

#[test]
fn what_is_no_signature_header_decides_nothing() {
    let body = br#"{"event":"envelope-completed"}"#;
    let right = || signed("current", body);
    for name in [
        "X-DocuSign-Signature",
        "X-DocuSign-Signature-",
        "X-DocuSign-Signature-0",
        "X-DocuSign-Signature-01",
        "X-DocuSign-Signature-101",
        "X-DocuSign-Signature-999",
        "X-DocuSign-Signature-+1",
        "X-Authorization-Digest",
    ] {
        assert_eq!(verified(&[(name, right())], body), Err(Unverified::Malformed), "{name}");
    }
    let twice = [("X-DocuSign-Signature-1", right()), ("x-docusign-signature-1", right())];
    assert_eq!(verified(&twice, body), Err(Unverified::Malformed), "the same key twice");
    let garbled =
        [("X-DocuSign-Signature-1", "!not base64!".to_owned()), ("X-DocuSign-Signature-2", right())];
    assert_eq!(verified(&garbled, body), Ok(()), "another key's garbage is not ours");
}
