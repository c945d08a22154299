//! The calendar's part: monthly invoices, and what is below the minimum.

use std::collections::BTreeSet;

use domain::billing::LineStatus;
use domain::invoicing::{Ask, InvoicePolicy, Invoicing, PolicyScope};
use domain::sample::{config, usd};
use domain::{Currency, Event, Money, TenantConfig};
use journal::{Expect, Item, Key, Op, Store};
use runtime::Outcome;
use serde_json::json;

use crate::world::{TENANT, World};

fn with(ask: Ask, minimum: Option<Money>) -> TenantConfig {
    let currency = Currency::from_code("USD").ok();
    let when = PolicyScope { currency, ..PolicyScope::default() };
    let policy = InvoicePolicy { when, ask, minimum, ..InvoicePolicy::default() };
    TenantConfig { invoicing: Invoicing { policies: vec![policy], ..Invoicing::default() }, ..config() }
}

/// The tenant has a connection, so that runs find it.
async fn connect(world: &World) {
    let body = json!({
        "connection": "kantata-main", "tenant": TENANT, "product": "kantata", "role": "psa",
        "base_url": "https://product.example", "secret_id": "q2c/connection/kantata-main",
        "webhook_url": "https://api.example/v1/webhooks/kantata-main", "settings": {},
    });
    let item =
        Item::new(&Key::connection("kantata-main"), "config", TENANT, &json!({"body": body.to_string()}))
            .unwrap()
            .with("status_key", "config#connection")
            .with("status_at", "kantata-main");
    world.store.write(vec![Op::Put { item, expect: Expect::Anything }]).await.unwrap();
}

async fn run(world: &World) -> (usize, usize) {
    let ran = invoice_run::run_all(&world.function("invoice-run")).await.and_then(runtime::verdict);
    let ran = ran.unwrap();
    (ran[0].asked, ran[0].released)
}

/// Proves SCN-18 in part: the month's run asks once for what was earned in time, however often it runs and however
/// late; held lines are looked at by the same run.
#[tokio::test]
async fn a_monthly_run_asks_once_a_month() {
    let mut world = World::new(with(Ask::Monthly { on_day: 1 }, None)).await;
    connect(&world).await;
    assert_eq!(world.deliver(&world.hour("1").0).await, Ok(Outcome::Applied));
    let none = world.publish().await;
    assert!(!none.iter().any(|e| matches!(e.event, Event::InvoiceRequested(_))));
    assert_eq!(run(&world).await, (0, 0), "November is not over");
    // The run of the first is missed; it comes on the fourth, when December has work of its own.
    world.pass(60 * 24 * 13);
    let mut december = domain::sample::entry("2", "consultant", "2026-12-02", 60);
    december.person = "Ada Lovelace".into();
    let later = world.about("2", Event::TimeApproved(december));
    assert_eq!(world.deliver(&later).await, Ok(Outcome::Applied));
    assert_eq!(run(&world).await, (1, 0));
    assert_eq!(run(&world).await, (0, 0), "and once");
    let asked = world.publish().await;
    let asked: Vec<_> = asked.iter().filter(|e| matches!(e.event, Event::InvoiceRequested(_))).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(world.deliver(asked[0]).await, Ok(Outcome::Applied));
    let of = |id: &str| domain::billing::line_of("kantata-main", "time", id);
    assert_eq!(world.status(&of("1")).await, LineStatus::Invoiced);
    assert_eq!(world.status(&of("2")).await, LineStatus::Ready, "December waits for its own run");
    // A held line is looked at whatever the policy.
    world.config.cost_centres.clear();
    assert_eq!(world.deliver(&world.hour("3").0).await, Ok(Outcome::Applied));
    world.config.cost_centres = config().cost_centres;
    assert_eq!(run(&world).await, (0, 1));
    world.pass(60 * 24 * 31);
    assert_eq!(run(&world).await, (1, 0));
}

/// At once: each line asks, and lines below the minimum wait for each other. 180.00 is too little, 360.00 is not.
#[tokio::test]
async fn lines_below_the_minimum_wait_for_more() {
    let world = World::new(with(Ask::AtOnce, Some(usd("200.00")))).await;
    let requests = |told: Vec<events::Envelope>| {
        let asked = told.into_iter().filter(|e| matches!(e.event, Event::InvoiceRequested(_)));
        asked.collect::<Vec<_>>()
    };
    assert_eq!(world.deliver(&world.hour("1").0).await, Ok(Outcome::Applied));
    let first = requests(world.publish().await);
    assert_eq!(first.len(), 1);
    assert_eq!(world.deliver(&first[0]).await, Ok(Outcome::NoEffect));
    assert_eq!(world.deliver(&first[0]).await, Ok(Outcome::Duplicate));
    assert!(world.product.invoices.lock().unwrap().is_empty());
    assert_eq!(world.deliver(&world.hour("2").0).await, Ok(Outcome::Applied));
    let second = requests(world.publish().await);
    assert_eq!(world.deliver(&second[0]).await, Ok(Outcome::Applied));
    let sums: BTreeSet<String> =
        world.product.invoices.lock().unwrap().values().map(|i| i.untaxed.to_string()).collect();
    assert_eq!(sums, BTreeSet::from(["360.00 USD".to_owned()]));
    // By hand there is no least.
    assert_eq!(world.deliver(&world.hour("3").0).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&requests(world.publish().await)[0]).await, Ok(Outcome::NoEffect));
    assert_eq!(world.deliver(&world.request("final").0).await, Ok(Outcome::Applied));
    assert_eq!(world.product.invoices.lock().unwrap().len(), 2);
}
