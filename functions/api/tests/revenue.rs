//! Revenue events and figures by the API: what each shows, page by page, and that nothing is written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use domain::billing::{milestone_completed, time_approved};
use domain::engagement::EngagementStatus::Active;
use domain::revenue::{AccountingPeriod, RevenueEarned, earned_by_line, schedule};
use domain::sample::{completion, entry, usd};
use domain::{Decision, Effects};
use events::{Envelope, Traceparent};
use journal::{Commit, Committed, apply_group};
use serde_json::{Value, json};
use uuid::Uuid;
use world::{Call, TENANT, World, now, world};

/// Takes work as the functions do, and tells its revenue.
async fn delivered(w: &World, entries: usize, closed: Option<AccountingPeriod>) -> Vec<RevenueEarned> {
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let mut events = vec![domain::Event::MilestoneCompleted(completion("M1"))];
    let of = |n: usize| entry(&format!("{n:04}"), "consultant", "2026-10-30", 90);
    events.extend((0..entries).map(|n| domain::Event::TimeApproved(of(n))));
    let mut told = Vec::new();
    let effects = |decision: Decision| -> Effects {
        let Decision::Apply(effects) = decision else { panic!("{decision:?}") };
        *effects
    };
    let day = "2026-11-20".parse().unwrap();
    for event in events {
        let state = journal.engagement(TENANT, id.as_str()).await.unwrap().body;
        let decide = |state: Option<&domain::Engagement>, event: &Envelope| match &event.event {
            domain::Event::MilestoneCompleted(done) => milestone_completed(state, done, day),
            domain::Event::TimeApproved(entry) => time_approved(state, entry),
            other => panic!("{other:?}"),
        };
        let delivery = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{event:?}").as_bytes()).to_string();
        let trace = Traceparent::start();
        let event = Envelope::reported(TENANT, "kantata-main", &delivery, id.as_str(), now(), event, trace);
        let line = effects(decide(state.as_ref(), &event)).lines.remove(0);
        apply_group(journal, "time-approved", std::slice::from_ref(&event), now(), &decide).await.unwrap();
        let revenue = earned_by_line(&w.engagement, &w.engagement.contract, &line, closed).unwrap();
        let write = journal.write_revenue(TENANT, &revenue, None, event.id, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        told.push(revenue);
    }
    let schedule = schedule(&w.engagement.contract, day).unwrap();
    let write = journal.write_revenue_schedule(TENANT, id, &schedule, Uuid::nil(), now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    told
}

async fn read(w: &World, path: &'static str, parameters: Value, query: Value, role: &str) -> (i64, Value) {
    let before = w.store.items();
    let mut call = Call::get(path, parameters).by(role);
    call.query = query;
    let answer = call.send(w).await;
    assert_eq!(w.store.items(), before, "a read writes nothing");
    answer
}

/// Proves WFC-11, REV-05, BIL-21 and SCN-27 in part: contracted are 50,000.00, of which a milestone of 20,000.00 is earned and not
/// billed; 270.00 of time are earned; 30,000.00 are backlog and, without a planned day, forecast last.
#[tokio::test]
async fn figures_are_worked_out_of_what_is_kept() {
    let w = world(Active).await;
    delivered(&w, 1, None).await;
    let id = json!({"engagement": w.engagement.engagement});
    let path = "/v1/engagements/{engagement}/figures";
    let (status, shown) = read(&w, path, id.clone(), Value::Null, "finance").await;
    assert_eq!((status, &shown["currency"], &shown["legal_entity"]), (200, &json!("USD"), &json!("NW-US")));
    let total = &shown["figures"]["total"];
    for (name, amount) in [
        ("contracted", "50000.00"),
        ("earned", "20270.00"),
        ("billable", "20270.00"),
        ("not_billed", "20270.00"),
        ("billed", "0.00"),
        ("deferred", "0.00"),
        ("unbilled", "20270.00"),
        ("backlog", "30000.00"),
    ] {
        assert_eq!(total[name]["amount"], amount, "{name}: {total}");
    }
    let last = json!([{"period": null, "amount": usd("30000.00")}]);
    assert_eq!(shown["figures"]["forecast"], last);
    assert_eq!(read(&w, path, id, Value::Null, "sales").await.0, 403);
}

/// Proves API-11 and REV-08 in part: an engagement's revenue events with all that they lead back to, and those of a month page
/// by page: what was late is listed in the month in which it should be posted.
#[tokio::test]
async fn revenue_events_are_listed_for_whoever_recognises() {
    let w = world(Active).await;
    let told = delivered(&w, 600, Some("2026-10".parse().unwrap())).await;
    let id = json!({"engagement": w.engagement.engagement});
    let path = "/v1/engagements/{engagement}/revenue-events";
    let (status, shown) = read(&w, path, id.clone(), json!({"period": "2026-11"}), "automation").await;
    assert_eq!((status, shown["events"].as_array().unwrap().len()), (200, 1));
    assert_eq!(serde_json::from_value::<RevenueEarned>(shown["events"][0].clone()).unwrap(), told[0]);
    let (_, shown) = read(&w, path, id.clone(), Value::Null, "finance").await;
    assert_eq!((shown["events"].as_array().unwrap().len(), &shown["truncated"]), (500, &json!(true)));
    assert_eq!(read(&w, path, id, json!({"period": "October"}), "finance").await.0, 400);

    let mut seen: Vec<RevenueEarned> = Vec::new();
    let (mut after, mut pages) = (Value::Null, 0);
    loop {
        let query = json!({"period": "2026-11", "after": after.as_str().unwrap_or_default()});
        let (status, page) = read(&w, "/v1/revenue-events", json!({}), query, "automation").await;
        assert_eq!(status, 200, "{page}");
        let events: Vec<RevenueEarned> = serde_json::from_value(page["events"].clone()).unwrap();
        (pages, after) = (pages + 1, page["next"].clone());
        seen.extend(events);
        if page["truncated"] == json!(false) {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (2, 601), "each once, over two pages");
    let moment = after.as_str().unwrap().split_once('#').unwrap().0;
    assert_eq!(moment, "2026-11-21T12:00:00.000000000Z", "of one length, so that texts sort as moments do");
    let query = json!({"period": "2026-11", "after": after.as_str().unwrap()});
    let (_, page) = read(&w, "/v1/revenue-events", json!({}), query, "automation").await;
    assert_eq!((&page["events"], &page["next"]), (&json!([]), &after), "whoever polls goes on from there");
    let (_, october) =
        read(&w, "/v1/revenue-events", json!({}), json!({"period": "2026-10"}), "finance").await;
    assert_eq!(
        (&october["events"], &october["next"]),
        (&json!([]), &Value::Null),
        "nothing is posted in a closed month"
    );
    for query in
        [json!({}), json!({"period": "2026-13"}), json!({"period": "2026-11", "after": "x".repeat(101)})]
    {
        assert_eq!(read(&w, "/v1/revenue-events", json!({}), query, "finance").await.0, 400);
    }
    assert_eq!(read(&w, "/v1/revenue-events", json!({}), json!({"period": "2026-11"}), "sales").await.0, 403);
}
