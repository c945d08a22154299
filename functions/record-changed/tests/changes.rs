//! Changes that systems report: taken over from the system of record, kept out from any other.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::customer::{GlobalCustomer, Learned};
use domain::event::RecordChanged as Changed;
use domain::id::CustomerId;
use domain::ownership::Role;
use domain::sample::{config, quote};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, CrosswalkEntry, Item, Journal};
use record_changed::RecordChanged;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Handler, Outcome};
use uuid::Uuid;

const TENANT: &str = "northwind";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

fn customer() -> CustomerId {
    CustomerId::of_company(TENANT, "hubspot-main", "55")
}

/// A table in which Globex is kept, as an activation leaves it.
async fn table() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let journal = Journal::new(store.clone());
    let (config, record) = (config(), quote().customer);
    let learned = Learned {
        record: &record,
        entity: &config.legal_entities[0],
        payment_terms: "net-30",
        facts: None,
        parent: None,
        records: BTreeMap::new(),
        at: at(0),
    };
    let kept = GlobalCustomer::new(customer(), &learned);
    let mut commit = Commit::default().write(journal.write_customer(TENANT, &kept, 0, at(0)).unwrap());
    for (connection, local) in [("hubspot-main", "55"), ("tryton-us", "3")] {
        let pair = CrosswalkEntry {
            global_id: customer().to_string(),
            connection: connection.into(),
            record_kind: "customer".into(),
            local_id: local.into(),
            engagement: "eng_1".into(),
        };
        commit.writes.extend(pair.writes(TENANT, Uuid::nil()).unwrap());
    }
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    store
}

fn change(connection: &str, role: Role, record: &str, fields: &[(&str, &str)], minute: i64) -> Envelope {
    let changed = Changed {
        connection: connection.into(),
        role,
        object: "customer".into(),
        record: record.into(),
        fields: fields.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect(),
        changed_at: at(minute),
    };
    let (delivery, subject) = (format!("{record}:{minute}"), customer().to_string());
    Envelope::reported(
        TENANT,
        connection,
        &delivery,
        &subject,
        at(minute),
        changed.into(),
        Traceparent::start(),
    )
}

fn by_erp(fields: &[(&str, &str)], minute: i64) -> Envelope {
    change("tryton-us", Role::Erp, "3", fields, minute)
}

fn by_crm(fields: &[(&str, &str)], minute: i64) -> Envelope {
    change("hubspot-main", Role::Crm, "55", fields, minute)
}

async fn take(store: &Arc<MemoryStore>, event: &Envelope) -> Outcome {
    let mut known = FakeConnections::default();
    known.tenants.insert(TENANT.into(), Arc::new(config()));
    let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(at(60))));
    let context = context("record-changed", store.clone(), &bus, &clock, known);
    RecordChanged.handle(&context, vec![event.clone()]).await.remove(0).1.expect("is dealt with")
}

async fn kept(store: &Arc<MemoryStore>) -> (u64, GlobalCustomer) {
    let found = Journal::new(store.clone()).customer(TENANT, &customer()).await.unwrap();
    (found.version, found.body.expect("is kept"))
}

fn of_kind(store: &MemoryStore, kind: &str) -> Vec<Item> {
    store.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
}

/// Proves CAN-01 in part: the system of record's word is taken over, once, under the next version.
#[tokio::test]
async fn what_the_owner_reports_is_taken_over_once() {
    let store = table().await;
    let event = by_erp(&[("name", "Globex AG"), ("payment_terms", "net-60")], 1);
    assert_eq!(take(&store, &event).await, Outcome::Applied);
    let (version, customer) = kept(&store).await;
    assert_eq!((version, customer.name.as_str()), (2, "Globex AG"));
    assert_eq!(customer.payment_terms.as_deref(), Some("net-60"));
    assert_eq!(take(&store, &event).await, Outcome::Duplicate);
    assert_eq!(kept(&store).await.0, 2);
    assert_eq!(of_kind(&store, "journal").len(), 1);
    assert_eq!(of_kind(&store, "exception").len(), 0);
}

/// Proves CAN-02 in part: the hierarchy is the CRM's, and its word changes it.
#[tokio::test]
async fn the_crm_changes_the_hierarchy() {
    let store = table().await;
    assert_eq!(take(&store, &by_crm(&[("parent", "54")], 1)).await, Outcome::Applied);
    let parent = kept(&store).await.1.parent.expect("a parent");
    assert_eq!(parent.customer, CustomerId::of_company(TENANT, "hubspot-main", "54"));
}

/// Proves OWN-02: what a system does not own is not applied, no field of it, and is kept whole for
/// whoever governs it; told again it is the same exception.
#[tokio::test]
async fn what_another_system_owns_waits_for_a_person() {
    let store = table().await;
    let before = kept(&store).await;
    let event = by_crm(&[("name", "Globex Renamed"), ("parent", "54")], 1);
    assert_eq!(take(&store, &event).await, Outcome::Held);
    assert_eq!(take(&store, &event).await, Outcome::Held);
    assert_eq!(kept(&store).await, before, "not even the field that it owns");
    let exceptions = of_kind(&store, "exception");
    let [one] = exceptions.as_slice() else { panic!("one") };
    assert_eq!((one.text("code"), one.text("owner")), (Some("Q2C-0205"), Some("master-data")));
    let payload: Envelope = serde_json::from_str(one.text("payload").unwrap()).unwrap();
    assert_eq!(payload, event, "the whole report");
    for role in [Role::Psa, Role::Payments, Role::Billing] {
        let event = change("another", role, "55", &[("parent", "54")], 2);
        assert_eq!(take(&store, &event).await, Outcome::Held, "{role:?}");
    }
    assert_eq!(kept(&store).await, before);
}

#[tokio::test]
async fn what_is_stale_or_about_nobody_changes_nothing() {
    let store = table().await;
    assert_eq!(take(&store, &by_erp(&[("city", "Berlin")], 5)).await, Outcome::Applied);
    let before = kept(&store).await;
    assert_eq!(take(&store, &by_erp(&[("city", "Bonn")], 4)).await, Outcome::NoEffect);
    assert_eq!(take(&store, &by_erp(&[("city", "Bonn"), ("phone", "1")], 3)).await, Outcome::NoEffect);
    let nobody = change("tryton-us", Role::Erp, "4711", &[("city", "Bonn")], 6);
    assert_eq!(take(&store, &nobody).await, Outcome::NoEffect);
    assert_eq!(kept(&store).await, before);
    assert_eq!(of_kind(&store, "journal").len(), 4, "each has a fate that can be looked up");
}
