//! What the PSA reports of a project and of who is on it: taken over once and in order, told to others,
//! and never silent where an active engagement stops.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::delivery::{Delivery, PROJECT, RESOURCE};
use domain::event::RecordChanged as Changed;
use domain::ownership::Role;
use domain::sample::{active, config, quote};
use domain::{Engagement, EngagementStatus, Event};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Journal};
use record_changed::RecordChanged;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Handler, Outcome};

const TENANT: &str = "northwind";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

/// A table with an engagement of a status.
async fn table(status: EngagementStatus) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    let engagement = Engagement { status, ..active(&quote()) };
    let write = journal.write_state(TENANT, &engagement, 0, at(0)).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    store
}

fn report(object: &str, role: Role, fields: &[(&str, &str)], minute: i64) -> Envelope {
    let changed = Changed {
        connection: "kantata-main".into(),
        role,
        object: object.into(),
        record: "6".into(),
        fields: fields.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect(),
        changed_at: at(minute),
    };
    let (delivery, subject) = (format!("{fields:?}:{minute}"), active(&quote()).engagement.to_string());
    let trace = Traceparent::start();
    Envelope::reported(TENANT, "kantata-main", &delivery, &subject, at(minute), changed.into(), trace)
}

fn stands(status: &str, minute: i64) -> Envelope {
    report(PROJECT, Role::Psa, &[("status", status), ("archived", "false")], minute)
}

async fn take(store: &Arc<MemoryStore>, event: &Envelope) -> Outcome {
    let mut known = FakeConnections::default();
    known.tenants.insert(TENANT.into(), Arc::new(config()));
    let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(at(60))));
    let context = context("record-changed", store.clone(), &bus, &clock, known);
    RecordChanged.handle(&context, vec![event.clone()]).await.remove(0).1.expect("is dealt with")
}

async fn kept(store: &Arc<MemoryStore>) -> Option<Delivery> {
    let engagement = active(&quote()).engagement;
    Journal::new(store.clone()).delivery(TENANT, engagement.as_str()).await.unwrap().body
}

fn of_kind(store: &MemoryStore, kind: &str) -> Vec<Item> {
    store.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
}

/// What was told to others, in the order of the table.
fn told(store: &MemoryStore) -> Vec<Event> {
    let outboxes = store.items().into_iter().filter_map(|i| i.text("outbox").map(str::to_owned));
    let events = outboxes.flat_map(|text| serde_json::from_str::<Vec<Envelope>>(&text).unwrap());
    events.map(|envelope| envelope.event).collect()
}

fn open(store: &MemoryStore) -> Vec<String> {
    let open = of_kind(store, "exception").into_iter().filter(|i| i.text("status") == Some("open"));
    open.map(|i| i.text("code").unwrap_or_default().to_owned()).collect()
}

/// Proves EVT-07 in part: the PSA's word on where a project stands is journalled and told to others once; a repeated
/// report is a duplicate, an older one that comes late has no effect.
#[tokio::test]
async fn a_status_is_taken_over_and_told_once() {
    let store = table(EngagementStatus::Active).await;
    let event = stands("In Progress", 5);
    assert_eq!(take(&store, &event).await, Outcome::Applied);
    assert_eq!(take(&store, &event).await, Outcome::Duplicate);
    assert_eq!(take(&store, &stands("Estimate", 4)).await, Outcome::NoEffect);
    assert_eq!(take(&store, &stands("In Progress", 6)).await, Outcome::Applied);
    let events = told(&store);
    let [Event::ProjectStatusChanged(changed)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((changed.project.as_str(), changed.status.status.as_str()), ("6", "In Progress"));
    let status = kept(&store).await.and_then(|d| d.status).expect("is kept");
    assert_eq!((status.status.as_str(), status.as_of), ("In Progress", at(6)));
    assert_eq!(of_kind(&store, "journal").len(), 3, "each has a fate that can be looked up");
    assert!(open(&store).is_empty());
}

/// Proves EVT-24 in part: a person who is named in the PSA is told to others once, by an ID and never by a name.
#[tokio::test]
async fn a_named_person_is_told_once() {
    let store = table(EngagementStatus::Active).await;
    let event = report(RESOURCE, Role::Psa, &[("role", "consultant"), ("person", "77")], 1);
    assert_eq!(take(&store, &event).await, Outcome::Applied);
    assert_eq!(take(&store, &event).await, Outcome::Duplicate);
    let events = told(&store);
    let [Event::StaffingChanged(changed)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(changed.assignments[0].person.as_deref(), Some("77"));
    let summary = of_kind(&store, "journal")[0].text("summary").unwrap().to_owned();
    assert!(summary.contains("named") && !summary.contains("77"), "{summary}");
}

/// A stop is an exception in the same commit, told once, and settled by the report that work goes on; what this
/// function keeps out meanwhile stays.
#[tokio::test]
async fn a_stop_of_an_active_engagement_waits_for_a_person_until_it_goes_on() {
    let store = table(EngagementStatus::Active).await;
    let foreign = report(PROJECT, Role::Crm, &[("status", "Cancelled")], 1);
    assert_eq!(take(&store, &foreign).await, Outcome::Held, "the CRM does not own the project");
    let stop = stands("On Hold", 2);
    assert_eq!(take(&store, &stop).await, Outcome::Applied);
    assert_eq!(take(&store, &stop).await, Outcome::Duplicate);
    let mut codes = open(&store);
    codes.sort_unstable();
    assert_eq!(codes, ["Q2C-0205", "Q2C-0604"]);
    assert_eq!(take(&store, &stands("In Progress", 3)).await, Outcome::Applied);
    assert_eq!(open(&store), ["Q2C-0205"]);
    assert_eq!(take(&store, &stands("Cancelled", 2)).await, Outcome::NoEffect, "it came late");
    assert_eq!(open(&store), ["Q2C-0205"]);
}

/// What is not active yet is judged when it is to become active; the report is kept until then.
#[tokio::test]
async fn a_report_that_comes_before_activation_is_kept() {
    let store = table(EngagementStatus::Activating).await;
    assert_eq!(take(&store, &stands("On Hold", 1)).await, Outcome::Applied);
    assert!(open(&store).is_empty());
    assert!(kept(&store).await.is_some_and(|d| d.status.is_some()));
    let before = of_kind(&store, "state");
    let resource = report(RESOURCE, Role::Psa, &[("role", "consultant")], 2);
    assert_eq!(take(&store, &resource).await, Outcome::Applied);
    assert_eq!(of_kind(&store, "state"), before, "nothing that is billed by is touched");
}
