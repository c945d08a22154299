//! Whatever announces a deal, and however often: what begins, what waits, and that it begins once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests aren't seen as tests")]

mod products;
mod statements;

use std::sync::Arc;

use connectors::operation::{CreateBillingPlan, CreateCustomer, CreateProject};
use domain::activation::{ActivationPolicy, Signal};
use domain::engagement::{Engagement, EngagementStatus};
use domain::event::{
    ContractActivated, Event, OpportunityWon, QuoteApproved as Approved, SignatureCompleted, SowApproved,
};
use domain::id::EngagementId;
use domain::{TenantConfig, sample};
use events::{Envelope, Traceparent};
use futures::future::join_all;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Item, Journal};
use products::{Products, connections};
use quote_approved::QuoteApproved;
use runtime::fake::{FakeBus, FakeClock, context};
use runtime::{Context, Failure, Handler, Outcome};

const TENANT: &str = "northwind";
const CRM: &str = "hubspot-main";
const DEAL: &str = "123";

fn engagement() -> EngagementId {
    EngagementId::of_deal(TENANT, CRM, DEAL)
}

/// The announcement of a signal, told under a name.
fn announced(signal: Signal, delivery: &str) -> Envelope {
    let (connection, deal) = (CRM.to_owned(), DEAL.to_owned());
    let event: Event = match signal {
        Signal::QuoteApproved => Approved { connection, deal }.into(),
        Signal::OpportunityWon => OpportunityWon { connection, deal }.into(),
        Signal::ContractActivated => ContractActivated { connection, deal }.into(),
        Signal::SowApproved => SowApproved { connection, deal }.into(),
        Signal::SignatureCompleted => {
            let (signature_connection, envelope) = ("docusign-main".into(), "e-1".into());
            SignatureCompleted { connection, deal, signature_connection, envelope }.into()
        }
    };
    let at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    Envelope::reported(TENANT, CRM, delivery, engagement().as_str(), at, event, Traceparent::start())
}

struct World {
    table: Arc<MemoryStore>,
    products: Arc<Products>,
    bus: Arc<FakeBus>,
    clock: Arc<FakeClock>,
}

impl World {
    fn new() -> Self {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let clock = Arc::new(FakeClock::at(now));
        Self { table: Arc::default(), products: Arc::default(), bus: Arc::default(), clock }
    }

    /// What one process works with, under a policy.
    fn context(&self, policy: &ActivationPolicy) -> Context {
        let config = TenantConfig { activation: policy.clone(), ..sample::config() };
        let known = connections(&self.products, config);
        context("quote-approved", self.table.clone(), &self.bus, &self.clock, known)
    }

    /// What comes of one delivery of an event.
    async fn delivered(&self, policy: &ActivationPolicy, event: &Envelope) -> Result<Outcome, Failure> {
        QuoteApproved.handle(&self.context(policy), vec![event.clone()]).await.remove(0).1
    }

    async fn take(&self, policy: &ActivationPolicy, event: &Envelope) -> Outcome {
        self.delivered(policy, event).await.expect("dealt with")
    }

    /// Delivers until it is dealt with, as the queue does; after a failure the others have their turn.
    async fn take_in_the_end(&self, policy: &ActivationPolicy, event: &Envelope) -> Outcome {
        for _ in 0..10_000 {
            if let Ok(outcome) = self.delivered(policy, event).await {
                return outcome;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} was never dealt with", event.event.type_name());
    }

    async fn state(&self) -> Option<Engagement> {
        Journal::new(self.table.clone()).engagement(TENANT, engagement().as_str()).await.unwrap().body
    }

    fn of_kind(&self, kind: &str) -> Vec<Item> {
        self.table.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
    }

    /// What the journal says of an event.
    fn summary(&self, event: &Envelope) -> String {
        let id = event.id.to_string();
        let entries = self.of_kind("journal");
        let entry = entries.iter().find(|e| e.text("event_id") == Some(&id)).expect("an entry");
        entry.text("summary").unwrap().to_owned()
    }

    /// Codes and details of the open exceptions.
    fn open_exceptions(&self) -> Vec<(String, String)> {
        let open = self.of_kind("exception").into_iter().filter(|e| e.text("status") == Some("open"));
        let text = |e: &Item, name| e.text(name).unwrap_or_default().to_owned();
        open.map(|e| (text(&e, "code"), text(&e, "detail"))).collect()
    }

    /// One customer, one project, one billing plan, and it is active.
    async fn is_set_up_once(&self) {
        let made = (
            self.products.made::<CreateCustomer>(),
            self.products.made::<CreateProject>(),
            self.products.made::<CreateBillingPlan>(),
        );
        assert_eq!(made, (1, 1, 1), "customers, projects, billing plans");
        assert_eq!(self.state().await.unwrap().status, EngagementStatus::Active);
        assert_eq!(self.of_kind("workflow").len(), 1, "one run");
    }
}

fn policy(triggers: &[Signal], requires: &[Signal]) -> ActivationPolicy {
    ActivationPolicy {
        triggers: triggers.iter().copied().collect(),
        requires: requires.iter().copied().collect(),
    }
}

/// Proves WFA-01 and EVT-02 and EVT-03: each trigger that is configured starts by itself, and the quote that is read
/// back is checked and set up. Proves EVT-04 in part, SCN-04 in part: milestones and tax code come of it.
#[tokio::test]
async fn each_trigger_starts_by_itself() {
    for signal in Signal::ALL {
        let (world, only) = (World::new(), policy(&[signal], &[]));
        assert_eq!(world.take(&only, &announced(signal, "1")).await, Outcome::Applied, "{signal}");
        world.is_set_up_once().await;
        let contract = world.state().await.unwrap().contract;
        assert_eq!((contract.milestones.len(), contract.tax_code.as_str()), (2, "SALES-10"), "{signal}");
    }
}

/// Proves WFA-01 in part: what is no trigger of the tenant starts nothing, and is on record with the reason.
#[tokio::test]
async fn what_is_no_trigger_is_journalled_and_starts_nothing() {
    let (world, only) = (World::new(), policy(&[Signal::QuoteApproved], &[]));
    let won = announced(Signal::OpportunityWon, "1");
    assert_eq!(world.take(&only, &won).await, Outcome::NoEffect);
    assert_eq!(world.summary(&won), "opportunity-won is no trigger of this tenant");
    assert_eq!(world.take(&only, &won).await, Outcome::Duplicate);
    assert!(!world.products.made_anything() && world.state().await.is_none());
    assert!(world.of_kind("workflow").is_empty(), "no run was begun");
    assert_eq!(world.take(&only, &announced(Signal::QuoteApproved, "2")).await, Outcome::Applied);
    world.is_set_up_once().await;
}

/// Proves WFA-32 and SCN-15 in part: a deal that is told as won again and again is set up once.
#[tokio::test]
async fn a_repeated_closed_won_is_one_project() {
    let (world, all) = (World::new(), policy(&Signal::ALL, &[]));
    let first = announced(Signal::OpportunityWon, "1");
    assert_eq!(world.take(&all, &first).await, Outcome::Applied);
    assert_eq!(world.take(&all, &first).await, Outcome::Duplicate, "the same notification");
    for (delivery, signal) in
        [("2", Signal::OpportunityWon), ("3", Signal::QuoteApproved), ("4", Signal::SowApproved)]
    {
        let again = announced(signal, delivery);
        assert_eq!(world.take(&all, &again).await, Outcome::NoEffect, "{signal}");
        assert_eq!(world.summary(&again), "quote Q-900 version 1 is in force already");
    }
    world.is_set_up_once().await;
    assert!(world.open_exceptions().is_empty());
}

/// Proves WFA-32 in part: every kind of trigger for one deal at once, and twice, is one run, whoever comes first.
#[tokio::test]
async fn all_triggers_at_once_are_one_run() {
    for seed in 0..50 {
        let (world, all) = (World::new(), policy(&Signal::ALL, &[]));
        let mut events: Vec<Envelope> = Signal::ALL.iter().map(|s| announced(*s, "1")).collect();
        events.extend(Signal::ALL.iter().map(|s| announced(*s, "2")));
        events.extend(events.clone());
        fastrand::Rng::with_seed(seed).shuffle(&mut events);
        let outcomes = join_all(events.iter().map(|e| world.take_in_the_end(&all, e))).await;
        world.is_set_up_once().await;
        assert!(outcomes.contains(&Outcome::Applied), "seed {seed}: {outcomes:?}");
        assert!(!outcomes.contains(&Outcome::Held), "seed {seed}: {outcomes:?}");
        assert_eq!(world.of_kind("journal").len(), 10, "seed {seed}: one entry an event");
        assert!(world.open_exceptions().is_empty(), "seed {seed}");
    }
}

/// Proves EVT-01 in part and WFA-02 in part: a won deal is set up from an approved quote alone.
#[tokio::test]
async fn a_won_deal_whose_quote_is_not_approved_is_held() {
    let (world, all) = (World::new(), policy(&Signal::ALL, &[]));
    world.products.quote.lock().unwrap().approved = false;
    assert_eq!(world.take(&all, &announced(Signal::OpportunityWon, "1")).await, Outcome::Held);
    assert_eq!(world.open_exceptions().into_iter().map(|e| e.0).collect::<Vec<_>>(), ["Q2C-0101"]);
    assert!(!world.products.made_anything());
    world.products.quote.lock().unwrap().approved = true;
    assert_eq!(world.take(&all, &announced(Signal::QuoteApproved, "2")).await, Outcome::Applied);
    world.is_set_up_once().await;
    assert!(world.open_exceptions().is_empty(), "settled by what came next");
}

/// Proves EVT-01: what was told as won starts only where it is won, and its quote approved, when both are read back.
#[tokio::test]
async fn a_deal_that_is_not_won_is_held() {
    let (world, all) = (World::new(), policy(&Signal::ALL, &[]));
    {
        let mut quote = world.products.quote.lock().unwrap();
        quote.opportunity.standing.remove(&Signal::OpportunityWon);
        quote.opportunity.stage = Some("contractsent".into());
        quote.approved = false;
    }
    assert_eq!(world.take(&all, &announced(Signal::OpportunityWon, "1")).await, Outcome::Held);
    let (code, detail) = world.open_exceptions().remove(0);
    assert_eq!(code, "Q2C-0101");
    for said in ["opportunity-won", "contractsent", "quote Q-900 is not approved"] {
        assert!(detail.contains(said), "{detail}");
    }
    world.products.quote.lock().unwrap().opportunity.standing.insert(Signal::OpportunityWon);
    assert_eq!(world.take(&all, &announced(Signal::OpportunityWon, "2")).await, Outcome::Held, "its quote");
    assert!(!world.products.made_anything());
    world.products.quote.lock().unwrap().approved = true;
    assert_eq!(world.take(&all, &announced(Signal::OpportunityWon, "3")).await, Outcome::Applied);
    world.is_set_up_once().await;
}

/// Proves WFE-05 in part: nothing is set up before quote, contract and signature are all there, in every order.
#[tokio::test]
async fn what_is_required_is_awaited_in_every_order() {
    let required = [Signal::QuoteApproved, Signal::ContractActivated, Signal::SignatureCompleted];
    let policy = policy(&[Signal::QuoteApproved], &required);
    for [a, b, c] in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let world = World::new();
        let order = [required[a], required[b], required[c]];
        for signal in &order[..2] {
            let event = announced(*signal, "1");
            assert_eq!(world.take(&policy, &event).await, Outcome::NoEffect, "{order:?}");
            assert_eq!(world.take(&policy, &event).await, Outcome::Duplicate, "told again, {order:?}");
            assert_eq!(world.take(&policy, &announced(*signal, "2")).await, Outcome::NoEffect, "{order:?}");
            assert!(!world.products.made_anything() && world.of_kind("workflow").is_empty(), "{order:?}");
        }
        let waits = world.summary(&announced(order[1], "1"));
        assert_eq!(waits, format!("waits for {}", order[2]), "{order:?}");
        assert_eq!(world.take(&policy, &announced(order[2], "1")).await, Outcome::Applied, "{order:?}");
        world.is_set_up_once().await;
        assert_eq!(world.take(&policy, &announced(order[0], "3")).await, Outcome::NoEffect, "{order:?}");
        world.is_set_up_once().await;
    }
}

/// Of signals that meet, the later one sees the earlier: never do all of them wait for each other.
#[tokio::test]
async fn required_signals_at_once_are_one_run() {
    let required = [Signal::OpportunityWon, Signal::SowApproved, Signal::SignatureCompleted];
    let policy = policy(&[Signal::OpportunityWon], &required);
    for seed in 0..50 {
        let world = World::new();
        let mut events: Vec<Envelope> = required.iter().map(|s| announced(*s, "1")).collect();
        events.extend(events.clone());
        fastrand::Rng::with_seed(seed).shuffle(&mut events);
        join_all(events.iter().map(|e| world.take_in_the_end(&policy, e))).await;
        world.is_set_up_once().await;
        assert_eq!(world.of_kind("journal").len(), 3, "seed {seed}");
    }
}

/// What came is remembered while the activation that it let begin is held: the next approval goes on.
#[tokio::test]
async fn what_was_awaited_counts_after_a_hold() {
    let policy = policy(&[Signal::QuoteApproved], &[Signal::QuoteApproved, Signal::SignatureCompleted]);
    let world = World::new();
    world.products.quote.lock().unwrap().customer.tax_registration = None;
    let approved = announced(Signal::QuoteApproved, "1");
    assert_eq!(world.take(&policy, &approved).await, Outcome::NoEffect);
    assert_eq!(world.take(&policy, &announced(Signal::SignatureCompleted, "1")).await, Outcome::Held);
    assert_eq!(world.take(&policy, &approved).await, Outcome::Duplicate, "it waited, and has been taken");
    world.products.quote.lock().unwrap().customer.tax_registration = Some("12-3456789".into());
    assert_eq!(world.take(&policy, &announced(Signal::QuoteApproved, "2")).await, Outcome::Applied);
    world.is_set_up_once().await;
    assert!(world.open_exceptions().is_empty());
}

/// A required signal is asked of the CRM too when the last one comes.
#[tokio::test]
async fn what_was_required_must_still_hold_at_the_end() {
    let policy = policy(&[Signal::OpportunityWon], &[Signal::OpportunityWon, Signal::SignatureCompleted]);
    let world = World::new();
    assert_eq!(world.take(&policy, &announced(Signal::OpportunityWon, "1")).await, Outcome::NoEffect);
    world.products.quote.lock().unwrap().opportunity.standing.clear();
    assert_eq!(world.take(&policy, &announced(Signal::SignatureCompleted, "1")).await, Outcome::Held);
    assert_eq!(world.open_exceptions()[0].0, "Q2C-0101");
    assert!(!world.products.made_anything());
}

/// Proves WFA-26 in part, EXC-26 in part: what the ERP holds is not what was sold, so the engagement does not become
/// active and nobody is told that it is; put right, the same approval goes on and makes nothing twice.
#[tokio::test]
async fn an_engagement_that_is_set_up_otherwise_does_not_begin() {
    let (world, any) = (World::new(), ActivationPolicy::default());
    let mut plan = sample::held_plan(&sample::quote());
    plan.positions.insert("M2".into(), sample::usd("3000.00"));
    *world.products.plan.lock().unwrap() = Some(plan);
    let approved = announced(Signal::QuoteApproved, "a");
    assert_eq!(world.take(&any, &approved).await, Outcome::Held);
    assert_eq!(world.state().await.unwrap().status, EngagementStatus::Activating);
    let [(code, detail)] = &world.open_exceptions()[..] else { panic!("{:?}", world.open_exceptions()) };
    assert_eq!(code, "Q2C-0603");
    assert!(detail.contains("position M2 holds 3000.00 USD instead of 30000.00 USD"), "{detail}");
    assert!(world.of_kind("contract").is_empty(), "nothing is in force");

    *world.products.plan.lock().unwrap() = None;
    assert_eq!(world.take(&any, &approved).await, Outcome::Applied);
    world.is_set_up_once().await;
    assert_eq!(world.open_exceptions(), []);
    assert_eq!(world.of_kind("contract").len(), 1);
}

/// Proves CAN-05 in part, CAN-23 in part, EVT-05 in part: a higher version of an active engagement's quote is a change
/// order of its own, whichever trigger announces it; the version in force stays until it is carried out.
#[tokio::test]
async fn a_higher_version_is_a_change_order() {
    for signal in Signal::ALL {
        let (world, any) = (World::new(), policy(&Signal::ALL, &[]));
        assert_eq!(world.take(&any, &announced(signal, "a")).await, Outcome::Applied);
        {
            let mut quote = world.products.quote.lock().unwrap();
            (quote.version, quote.quote) = (2, "901".into());
        }
        let second = announced(signal, "b");
        assert_eq!(world.take(&any, &second).await, Outcome::Applied);
        assert_eq!(world.take(&any, &second).await, Outcome::Duplicate);
        assert!(world.summary(&second).contains("is a change order"), "{}", world.summary(&second));
        let left: Vec<String> =
            world.of_kind("journal").iter().filter_map(|i| i.text("outbox").map(str::to_owned)).collect();
        let orders = left.iter().filter(|o| o.contains("q2c.change-order.approved.v1")).count();
        assert_eq!(orders, 1, "{signal:?}");
        assert_eq!(world.state().await.unwrap().contract.version, 1);
        // An older version that comes late is nothing new.
        world.products.quote.lock().unwrap().version = 0;
        assert_eq!(world.take(&any, &announced(signal, "c")).await, Outcome::NoEffect);
    }
}
