//! An approved quote puts the roles that were sold on its project, once, and tells them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "customers/products.rs"]
mod products;

use std::sync::Arc;

use domain::Event;
use domain::delivery::{AssignmentStatus, Delivery, RESOURCE};
use domain::event::{QuoteApproved as Approved, RecordChanged, StaffingChanged};
use domain::id::EngagementId;
use domain::ownership::Role;
use domain::quote::Quote;
use domain::sample::quote;
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal};
use products::{Product, connections};
use quote_approved::QuoteApproved;
use runtime::fake::{FakeBus, FakeClock, context};
use runtime::{Handler, Outcome};

const TENANT: &str = "northwind";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn engagement() -> EngagementId {
    EngagementId::of_deal(TENANT, "hubspot-main", &quote().deal)
}

struct World {
    store: Arc<MemoryStore>,
    product: Arc<Product>,
}

impl World {
    fn new(quote: Quote) -> Self {
        Self { store: Arc::new(MemoryStore::new()), product: Product::new(quote) }
    }

    async fn approve(&self, delivery: &str) -> Outcome {
        let approved = Approved { connection: "hubspot-main".into(), deal: quote().deal };
        let (subject, trace) = (engagement().to_string(), Traceparent::start());
        let event =
            Envelope::reported(TENANT, "hubspot-main", delivery, &subject, now(), approved.into(), trace);
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let context = context("quote-approved", self.store.clone(), &bus, &clock, connections(&self.product));
        QuoteApproved.handle(&context, vec![event]).await.remove(0).1.expect("is dealt with")
    }

    async fn delivery(&self) -> Option<Delivery> {
        let journal = Journal::new(self.store.clone());
        journal.delivery(TENANT, engagement().as_str()).await.unwrap().body
    }

    fn told(&self) -> Vec<StaffingChanged> {
        let outboxes = self.store.items().into_iter().filter_map(|i| i.text("outbox").map(str::to_owned));
        let events = outboxes.flat_map(|text| serde_json::from_str::<Vec<Envelope>>(&text).unwrap());
        events
            .filter_map(|e| match e.event {
                Event::StaffingChanged(changed) => Some(changed),
                _ => None,
            })
            .collect()
    }

    fn created(&self) -> usize {
        self.product.written().iter().filter(|written| written.starts_with("create assignments")).count()
    }
}

/// Proves WFA-20 in part and EVT-24 in part: one step for all roles, after the project is there; kept with what was
/// sold, and told once, however often the quote is approved.
#[tokio::test]
async fn the_roles_that_were_sold_are_on_the_project_once() {
    let world = World::new(quote());
    assert_eq!(world.approve("1").await, Outcome::Applied);
    assert_eq!(world.approve("2").await, Outcome::NoEffect);
    assert_eq!(world.created(), 1);
    let written = world.product.written();
    let place = |what: &str| written.iter().position(|w| w.starts_with(what));
    assert!(place("create project") < place("create assignments"), "{written:?}");
    let kept = world.delivery().await.expect("is kept").assignments;
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|a| a.status == AssignmentStatus::Open && a.planned.is_some()));
    let told = world.told();
    let [once] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((once.contract_version, &once.assignments), (Some(1), &kept));
}

/// A quote that does not pass its checks puts nobody anywhere.
#[tokio::test]
async fn a_quote_that_is_held_staffs_nothing() {
    let mut flawed = quote();
    flawed.customer.tax_registration = None;
    let world = World::new(flawed);
    assert_eq!(world.approve("1").await, Outcome::Held);
    assert_eq!((world.created(), world.delivery().await), (0, None));
}

/// What the PSA reported while the engagement was being set up is still so when it is active.
#[tokio::test]
async fn a_person_who_was_named_meanwhile_stays() {
    let world = World::new(quote());
    let mut known = Delivery::new(engagement());
    known.apply(&RecordChanged {
        connection: "kantata-main".into(),
        role: Role::Psa,
        object: RESOURCE.into(),
        record: "resource-ADVISORY-principal".into(),
        fields: [("role", "principal"), ("person", "77")].map(|(f, v)| (f.to_owned(), v.to_owned())).into(),
        changed_at: now(),
    });
    let journal = Journal::new(world.store.clone());
    let write = journal.write_delivery(TENANT, &known, 0, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    assert_eq!(world.approve("1").await, Outcome::Applied);
    let kept = world.delivery().await.expect("is kept").assignments;
    let principal = kept.iter().find(|a| a.record == "resource-ADVISORY-principal").expect("is kept");
    assert_eq!((principal.status, principal.planned.is_some()), (AssignmentStatus::Named, true));
}
