//! The command that writes lines off: looked at before it is taken, and again when it is done.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use domain::engagement::EngagementStatus::Active;
use domain::event::Event;
use domain::sample::{entry, usd};
use runtime::{Handler, Outcome};
use serde_json::{Value, json};
use time_approved::TimeApproved;
use world::{Call, World, outgoing, world};

const TIME: &str = "/v1/engagements/{engagement}/time";
const WRITE_OFFS: &str = "/v1/engagements/{engagement}/write-offs";

async fn post(w: &World, path: &'static str, key: &str, role: &str, body: &Value) -> (i64, Value) {
    Call::post(path, json!({"engagement": w.engagement.engagement}), key, body).by(role).send(w).await
}

/// An hour of a consultant at 180.00 and one of a principal at 260.00, as lines.
async fn worked(w: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for (n, role) in [("1", "consultant"), ("2", "principal")] {
        let mut time = serde_json::to_value(entry(n, role, "2026-11-16", 60)).unwrap();
        time["approved"] = true.into();
        assert_eq!(post(w, TIME, n, "operations", &json!({"entries": [time]})).await.0, 202);
        lines.push(domain::billing::line_of("kantata-main", "time", n).to_string());
    }
    for event in outgoing(w) {
        let answers = TimeApproved.handle(&w.context, vec![event]).await;
        assert_eq!(*answers[0].1.as_ref().unwrap(), Outcome::Applied);
    }
    lines
}

/// Proves BIL-11 in part: 180.00 + 260.00 = 440.00, asked for by finance with a reason; a repetition is answered alike
/// and asks for nothing more.
#[tokio::test]
async fn finance_writes_lines_off() {
    let w = world(Active).await;
    let lines = worked(&w).await;
    let body = json!({"lines": lines, "reason": "goodwill"});
    let (status, answer) = post(&w, WRITE_OFFS, "k", "finance", &body).await;
    assert_eq!((status, &answer["amount"]), (202, &json!(usd("440.00"))), "{answer}");
    assert_eq!(post(&w, WRITE_OFFS, "k", "finance", &body).await, (202, answer.clone()));
    let asked: Vec<_> = outgoing(&w)
        .into_iter()
        .filter_map(|e| match e.event {
            Event::WriteOffRequested(asked) => Some(asked),
            _ => None,
        })
        .collect();
    let [asked] = &asked[..] else { panic!("one request: {asked:?}") };
    assert_eq!(json!(asked.write_off), answer["write_off"]);
    assert_eq!((asked.requested_by.as_str(), asked.reason.as_str()), ("finance-app", "goodwill"));
    assert_eq!(json!(asked.lines), json!(lines));
}

/// What can't be written off is refused at once, with the line that stands against it.
#[tokio::test]
async fn a_line_that_is_not_there_is_refused_at_once() {
    let w = world(Active).await;
    let mut lines = worked(&w).await;
    lines.push("lin_unknown".into());
    let (status, answer) =
        post(&w, WRITE_OFFS, "k", "finance", &json!({"lines": lines, "reason": "goodwill"})).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("lin_unknown is no line"), "{answer}");
    for (body, expected) in [
        (json!({"lines": [], "reason": "goodwill"}), 400),
        (json!({"lines": ["lin_1"], "reason": " "}), 400),
        (json!({"lines": ["inv_1"], "reason": "goodwill"}), 400),
        (json!({"lines": vec!["lin_1"; 81], "reason": "goodwill"}), 400),
    ] {
        assert_eq!(post(&w, WRITE_OFFS, "k2", "finance", &body).await.0, expected, "{body}");
    }
    assert_eq!(
        post(&w, WRITE_OFFS, "k3", "operations", &json!({"lines": lines, "reason": "x"})).await.0,
        403
    );
}
