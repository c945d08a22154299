//! An approved expense is taken once: early or late, alone or in a batch, however often and under whatever name.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::engagement::EngagementStatus;
use domain::expense::{Expense, ExpenseStatus};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::sample::{active, entry, expense, quote_with_expenses, usd};
use domain::{Engagement, Event};
use events::{Envelope, Traceparent};
use expense_approved::ExpenseApproved;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Handler, Outcome};

const TENANT: &str = "northwind";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

struct World {
    table: Arc<MemoryStore>,
    engagement: Engagement,
}

impl World {
    async fn new(cap: Option<&str>, status: EngagementStatus) -> Self {
        let engagement = Engagement { status, ..active(&quote_with_expenses("10", cap)) };
        let world = Self { table: Arc::new(MemoryStore::new()), engagement };
        world.write(&world.engagement, 0).await;
        world
    }

    async fn write(&self, state: &Engagement, expected: u64) {
        let journal = Journal::new(self.table.clone());
        let write = journal.write_state(TENANT, state, expected, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    }

    async fn take(&self, told: &[(&str, Event)]) -> Vec<Outcome> {
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let context =
            context("expense-approved", self.table.clone(), &bus, &clock, FakeConnections::default());
        let event = |(delivery, fact): &(&str, Event)| {
            let subject = self.engagement.engagement.as_str();
            Envelope::reported(
                TENANT,
                "kantata-main",
                delivery,
                subject,
                now(),
                fact.clone(),
                Traceparent::start(),
            )
        };
        let group: Vec<Envelope> = told.iter().map(event).collect();
        let order: Vec<_> = group.iter().map(|e| e.id).collect();
        let answers = ExpenseApproved.handle(&context, group).await;
        let answer = |id| answers.iter().find(|(of, _)| *of == id).unwrap().1.as_ref().copied().unwrap();
        order.into_iter().map(answer).collect()
    }

    fn texts(&self, kind: &str, field: &str) -> Vec<String> {
        let items = self.table.items();
        let of_kind = items.iter().filter(|item| item.text("kind") == Some(kind));
        of_kind.map(|item| item.text(field).unwrap_or_default().to_owned()).collect()
    }

    fn billed(&self) -> Money {
        let items = self.table.items();
        let lines = items.iter().filter(|item| item.text("kind") == Some("line"));
        let amounts = lines.map(|item| item.body::<domain::billing::BillableLine>().unwrap().amount);
        Money::total(usd("0").currency(), amounts).unwrap()
    }
}

fn told(id: &str, cost: &str) -> Event {
    expense(id, usd(cost)).into()
}

/// Proves BIL-08 in part: 240.00 + 10 % = 264.00 and 18.50 + 10 % = 20.35 come to 284.35, in one batch or one by one, under
/// a cap or without, and however often each is told.
#[tokio::test]
async fn each_expense_is_billed_once_however_often_it_is_told() {
    for cap in [None, Some("1000.00")] {
        let world = World::new(cap, EngagementStatus::Active).await;
        let both = [("a", told("1", "240.00")), ("b", told("2", "18.50"))];
        assert_eq!(world.take(&both).await, [Outcome::Applied; 2]);
        assert_eq!(world.take(&both).await, [Outcome::Duplicate; 2]);
        let renamed = [("c", told("2", "18.50")), ("d", told("1", "240.00"))];
        assert_eq!(world.take(&renamed).await, [Outcome::Duplicate; 2]);
        assert_eq!((world.billed(), world.texts("line", "status")), (usd("284.35"), vec!["ready".into(); 2]));
        assert!(world.texts("exception", "code").is_empty(), "{cap:?}");
    }
}

/// An expense that is corrected, or whose approval is taken back, after it became a line is shown to a person; the line
/// stands as it was. One whose approval was told too early is billed when it is approved.
#[tokio::test]
async fn what_changed_after_it_was_billed_is_shown_to_a_person() {
    let world = World::new(Some("1000.00"), EngagementStatus::Active).await;
    let submitted = Expense { status: ExpenseStatus::Submitted, ..expense("1", usd("240.00")) };
    assert_eq!(world.take(&[("submitted", submitted.into())]).await, [Outcome::NoEffect]);
    assert_eq!(world.take(&[("approved", told("1", "240.00"))]).await, [Outcome::Applied]);
    let withdrawn = Expense { status: ExpenseStatus::Withdrawn, ..expense("1", usd("240.00")) };
    let later = [("withdrawn", withdrawn.into()), ("dearer", told("1", "999.00"))];
    assert_eq!(world.take(&later).await, [Outcome::Held; 2]);
    assert_eq!(world.billed(), usd("264.00"));
    let codes = world.texts("exception", "code");
    assert_eq!(codes, vec![ProblemCode::EntryChanged.as_str().to_owned(); 2]);
}

/// An early expense waits, and is billed when the engagement is active.
#[tokio::test]
async fn an_early_expense_waits_for_its_engagement() {
    let world = World::new(Some("1000.00"), EngagementStatus::Activating).await;
    let early = [("a", told("1", "240.00"))];
    assert_eq!(world.take(&early).await, [Outcome::Parked]);
    assert_eq!(world.texts("parked", "condition"), ["engagement-active"]);
    let activated = Engagement { status: EngagementStatus::Active, ..world.engagement.clone() };
    world.write(&activated, 2).await;
    assert_eq!(world.take(&early).await, [Outcome::Applied]);
    assert_eq!(world.billed(), usd("264.00"));
}

/// What is over the cap waits; once a change order has raised it, the same event is billed.
#[tokio::test]
async fn what_is_over_the_cap_is_billed_once_the_cap_is_raised() {
    let world = World::new(Some("100.00"), EngagementStatus::Active).await;
    let event = [("a", told("1", "240.00"))];
    assert_eq!(world.take(&event).await, [Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::CeilingExceeded.as_str()]);
    let mut raised = world.engagement.clone();
    raised.contract.version = 2;
    raised.contract.expenses.as_mut().unwrap().cap = Some(usd("264.00"));
    world.write(&raised, 1).await;
    assert_eq!(world.take(&event).await, [Outcome::Applied]);
    assert_eq!(world.billed(), usd("264.00"));
}

/// An event of another kind is no expense.
#[tokio::test]
async fn another_event_is_held() {
    let world = World::new(None, EngagementStatus::Active).await;
    let time = entry("1", "consultant", "2026-11-16", 60);
    assert_eq!(world.take(&[("a", time.into())]).await, [Outcome::Held]);
    assert_eq!(world.texts("exception", "code"), [ProblemCode::IllegalEvent.as_str()]);
}
