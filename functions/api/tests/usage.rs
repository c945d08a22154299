//! Recorded usage that is reported by calls, and what of usage and retainers is shown.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use domain::engagement::EngagementStatus::{Active, Withdrawn};
use domain::retainer::drawn;
use domain::sample::{active, entry, quote, retainer_line, usage, usage_line};
use domain::usage::usage_recorded;
use domain::{Decision, Engagement, Event};
use journal::{Commit, Committed};
use serde_json::{Value, json};
use world::{Call, TENANT, World, now, outgoing, world};

const USAGE: &str = "/v1/engagements/{engagement}/usage";

fn to(w: &World, key: &str, body: &Value) -> Call {
    Call::post(USAGE, json!({"engagement": w.engagement.engagement}), key, body)
}

fn record(id: &str) -> Value {
    json!({"approved": true, "connection": "kantata-main", "record": id, "meter": "api-calls",
           "quantity": "12.500", "used_on": "2026-11-03"})
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut bad = record("2");
    for (name, value) in changes {
        bad[name] = value.clone();
    }
    json!({"usage": [record("1"), bad]})
}

/// Proves API-12 in part: usage that is not marked approved, or not sound, is refused with its whole call.
#[tokio::test]
async fn usage_that_is_not_sound_is_refused() {
    let w = world(Active).await;
    let mut silent = record("2");
    silent.as_object_mut().unwrap().remove("approved");
    for (body, status, said) in [
        (with(&[("approved", json!(false))]), 422, "usage: not approved: 2"),
        (with(&[("connection", json!("hubspot-main"))]), 422, "usage[1].connection: kantata-main owns"),
        (with(&[("record", json!("1"))]), 400, "usage[1]: is no ID, or comes twice"),
        (with(&[("meter", json!(" "))]), 400, "usage[1].meter"),
        (with(&[("quantity", json!("0.0000001"))]), 400, "usage[1].quantity"),
        (with(&[("quantity", json!("1000000000001"))]), 400, "usage[1].quantity"),
        (with(&[("quantity", json!(12.5))]), 400, "usage[1].quantity"),
        (with(&[("quantity", json!("-1"))]), 400, "usage[1].corrects"),
        (with(&[("quantity", json!("-1")), ("corrects", json!("2"))]), 400, "usage[1].corrects"),
        (with(&[("used_on", Value::Null)]), 400, "usage[1].used_on"),
        (with(&[("used_at", json!("2026-11-03T00:00:00Z"))]), 400, "usage[1].used_on"),
        (with(&[("used_on", json!("2027-11-03"))]), 400, "usage[1].used_on: lies in the future"),
        (json!({"usage": []}), 400, "usage: must be 1 to 100"),
        (json!({"usage": [record("1"), silent]}), 400, "usage[1]: missing field `approved`"),
    ] {
        let (answered, answer) = to(&w, "k", &body).by("operations").send(&w).await;
        assert_eq!(answered, status, "{answer}");
        assert!(answer["detail"].as_str().unwrap().starts_with(said), "{answer}");
    }
    assert!(outgoing(&w).is_empty());
    let gone = world(Withdrawn).await;
    let late = to(&gone, "k", &json!({"usage": [record("1")]})).by("operations");
    assert_eq!(late.send(&gone).await.0, 409);
}

/// Proves API-12 in part: approved usage is on its way, once a key. A moment is of the business's day: half past two in
/// the morning of 1 November in Greenwich is the evening of 31 October in New York.
#[tokio::test]
async fn approved_usage_is_on_its_way() {
    let w = world(Active).await;
    let mut evening = record("2");
    evening["used_on"] = Value::Null;
    evening["used_at"] = json!("2026-11-01T02:30:00Z");
    evening["quantity"] = json!("-3");
    evening["corrects"] = json!("1");
    let body = json!({"usage": [record("1"), evening]});
    let first = to(&w, "k", &body).by("automation").send(&w).await;
    assert_eq!(first.0, 202, "{}", first.1);
    assert_eq!(to(&w, "k", &body).by("automation").send(&w).await, first);
    let sent = outgoing(&w);
    let told: Vec<(&str, String, String, Option<&str>)> = sent
        .iter()
        .map(|e| match &e.event {
            Event::UsageRecorded(told) => {
                let (quantity, day) = (told.quantity.to_string(), told.used_on.to_string());
                (told.record.as_str(), quantity, day, told.corrects.as_deref())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        ("1", "12.5".to_owned(), "2026-11-03".to_owned(), None),
        ("2", "-3".to_owned(), "2026-10-31".to_owned(), Some("1")),
    ];
    assert_eq!(told, expected);
}

fn state_after(decision: Decision) -> Engagement {
    let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
    effects.state.expect("a state")
}

/// Proves BIL-04 in part: what of a retainer is left can be read, and what was rated of usage. Of two hours are 90 minutes
/// drawn down.
#[tokio::test]
async fn balances_are_shown() {
    let w = world(Active).await;
    let mut sold = quote();
    sold.lines.push(usage_line("8", ("U1", "api-calls"), ("2026-11-01", 2), "0", &[(None, "0.50")]));
    sold.lines.push(retainer_line(
        "7",
        ("R1", "300.00"),
        ("2026-11-01", 2),
        ("2", "100.00"),
        &["consultant"],
    ));
    let state = active(&sold);
    let record = usage("1", "api-calls", "2026-11-03", "10");
    let state = state_after(usage_recorded(Some(&state), &record, "2026-11-03".parse().unwrap()));
    let state = state_after(drawn(&state, &entry("1", "consultant", "2026-11-03", 90)).expect("covered"));
    let journal = &w.context.journal;
    let write = journal.write_state(TENANT, &state, 1, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    let parameters = json!({"engagement": w.engagement.engagement});
    let (status, shown) = Call::get("/v1/engagements/{engagement}", parameters).by("sales").send(&w).await;
    assert_eq!(status, 200, "{shown}");
    let rated = json!({"U1": {"0": {"quantity": "10", "rated": {"amount": "5.00", "currency": "USD"}}}});
    assert_eq!(shown["usage"], rated);
    let month = |period: u32, drawn: &str, forfeited: &str| {
        json!({"period": period, "granted": "120", "carried_in": "0", "drawn": drawn, "overage": "0",
               "forfeited": forfeited, "carried_out": "0"})
    };
    assert_eq!(shown["retainers"]["R1"], json!([month(0, "90", "30"), month(1, "0", "120")]));
}
