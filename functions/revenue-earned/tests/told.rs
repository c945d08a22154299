//! Revenue events out of the real flows: work, invoices, schedules and the clock, in any order, twice, dying.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use domain::Event;
use domain::billing::{BillableLine, Evidence};
use domain::contract::RevenueTreatment;
use domain::problem::ProblemCode;
use domain::revenue::{RevenueEarned, RevenueEvidence};
use domain::sample::{completion, entry, usd};
use journal::LineRecord;
use journal::dying::DyingStore;
use proptest::prelude::*;
use runtime::Outcome;
use std::sync::Arc;
use world::{TENANT, World};

/// Proves SCN-27, WFC-11 in part, REV-03: a milestone that the PSA reports is billed and told as revenue of its day,
/// and approved time likewise, each by one event however often it is announced.
#[tokio::test]
async fn work_is_told_once() {
    let world = World::new(|_| {}).await;
    world.complete(&completion("M1")).await;
    world.approve(&entry("901", "consultant", "2026-11-17", 90)).await;
    assert_eq!(world.deliver_all().await, [Outcome::Applied, Outcome::Applied]);
    assert_eq!(world.deliver_all().await, [Outcome::Duplicate, Outcome::Duplicate]);
    let told = world.told();
    let shown: Vec<_> =
        told.iter().map(|e| (e.element.to_string(), e.amount, e.earned_on.to_string())).collect();
    assert_eq!(
        shown,
        [
            ("milestone M1".into(), usd("20000.00"), "2026-11-20".into()),
            ("time of consultant".into(), usd("270.00"), "2026-11-17".into())
        ]
    );
    // What is kept is what is on its way to the bus.
    assert_eq!(world.announced(), told);
}

/// Proves REV-07: from a revenue event by what it names to the contract version, the line, the entry or completion, and the
/// quote line that sold it, each as it is kept.
#[tokio::test]
async fn each_event_leads_back_to_what_was_sold_and_delivered() {
    let world = World::new(|engagement| {
        engagement.contract.revenue.insert("SUPPORT".into(), RevenueTreatment::StraightLine);
    })
    .await;
    world.complete(&completion("M1")).await;
    world.approve(&entry("901", "consultant", "2026-11-17", 90)).await;
    world.deliver_all().await;
    world.plan().await;
    world.pass_to("2027-06-01T12:00:00Z");
    world.recognise().await;
    let told = world.told();
    assert_eq!(told.len(), 4, "a milestone, an entry, and April and May of support: {told:?}");
    for event in told {
        let journal = &world.context("test").journal;
        let contract =
            journal.contract(TENANT, &event.engagement, event.contract_version).await.unwrap().unwrap();
        assert_eq!(contract.revenue[&event.service], event.treatment);
        let quote_lines: Vec<&str> = contract
            .milestones
            .iter()
            .map(|m| m.quote_line.as_str())
            .chain(contract.recurring.iter().map(|c| c.quote_line.as_str()))
            .chain(contract.rate_card.rates.iter().map(|r| r.quote_line.as_str()))
            .collect();
        assert!(quote_lines.contains(&event.quote_line.as_str()), "{event:?}");
        let Some(line) = &event.line else {
            let RevenueEvidence::Schedule { contract_version } = event.evidence else { panic!("{event:?}") };
            let schedule =
                journal.revenue_schedule(TENANT, &event.engagement, contract_version).await.unwrap();
            let entries = schedule.unwrap().entries;
            assert!(
                entries
                    .iter()
                    .any(|e| e.element == event.element.key() && e.planned_on == Some(event.earned_on))
            );
            continue;
        };
        let lines =
            journal.lines(TENANT, event.engagement.as_str(), std::slice::from_ref(line)).await.unwrap();
        let [LineRecord { line: BillableLine { evidence, quote_line, amount, .. }, .. }] = &lines[..] else {
            panic!("{line}")
        };
        assert_eq!((quote_line, *amount), (&event.quote_line, event.amount));
        match (evidence, &event.evidence) {
            (Evidence::Time { entry, .. }, RevenueEvidence::TimeEntry { entry: named, .. }) => {
                assert_eq!((&entry.entry, entry.entry.as_str()), (named, "901"));
            }
            (Evidence::Milestone { completion, .. }, RevenueEvidence::MilestoneCompletion { record, .. }) => {
                assert_eq!(&completion.record, record);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Proves REV-03 in part: what is recognised as it is billed is told when its invoice was confirmed, on the invoice's day, and
/// not before; also of a hundred lines, whoever dies in between.
#[tokio::test]
async fn as_billed_follows_the_invoice() {
    for (calls, after) in
        [(0, false), (5, false), (6, true), (7, true), (8, false), (9, true), (1_000, false)]
    {
        let world = World::new(|engagement| {
            engagement.contract.revenue.insert("ADVISORY".into(), RevenueTreatment::AsBilled);
        })
        .await;
        for n in 0..100 {
            world.approve(&entry(&format!("{n:03}"), "consultant", "2026-11-17", 60)).await;
        }
        world.deliver_all().await;
        assert_eq!(world.told(), [], "nothing is billed yet");
        let confirmed = world.invoice("2026-12-02").await;
        let dying = Arc::new(DyingStore::new(world.store.clone(), calls, after));
        let _ = world.deliver_over(dying, &confirmed).await;
        let outcome = world.deliver(&confirmed).await.unwrap();
        assert!(matches!(outcome, Outcome::Applied | Outcome::Duplicate), "{outcome:?}");
        assert_eq!(world.deliver(&confirmed).await.unwrap(), Outcome::Duplicate);
        let told = world.told();
        assert_eq!(told.len(), 100, "{calls} calls");
        assert!(told.iter().all(|e| (e.amount, e.period.to_string()) == (usd("180.00"), "2026-12".into())));
        assert_eq!(world.announced().len(), 100, "each is announced once");
    }
}

/// Proves REV-09: what comes late for a closed month is kept and flagged, never moved, and finance has one exception for the
/// month with the sum: 180.00 + 90.00 = 270.00. Once that is settled, what comes after it opens it again with its own.
#[tokio::test]
async fn a_closed_month_is_one_exception_with_the_sum() {
    let world = World::closed("2026-10").await;
    world.approve(&entry("901", "consultant", "2026-10-30", 60)).await;
    world.approve(&entry("902", "consultant", "2026-10-29", 30)).await;
    world.approve(&entry("903", "consultant", "2026-11-02", 60)).await;
    assert_eq!(world.deliver_all().await, [Outcome::Applied; 3]);
    assert_eq!(world.deliver_all().await, [Outcome::Duplicate; 3]);
    let late: Vec<RevenueEarned> = world.told().into_iter().filter(|e| e.late.is_some()).collect();
    let months = late.iter().map(|e| (e.period.to_string(), e.post_in().to_string()));
    assert_eq!(
        months.collect::<Vec<_>>(),
        [("2026-10".to_owned(), "2026-11".to_owned()), ("2026-10".into(), "2026-11".into())]
    );
    let stakes = || world.exceptions(ProblemCode::RevenueLate);
    assert_eq!(stakes(), [("open".to_owned(), usd("270.00"))]);
    world.settle().await;
    assert_eq!(stakes(), [("resolved".to_owned(), usd("270.00"))]);
    world.approve(&entry("904", "consultant", "2026-10-28", 20)).await;
    world.deliver_all().await;
    assert_eq!(stakes(), [("open".to_owned(), usd("60.00"))]);
    let raised = world.sent().into_iter().filter(|e| matches!(e.event, Event::ExceptionRaised(_))).count();
    assert_eq!(raised, 2, "told when it is opened, and when it is opened again");
}

/// A run of the clock is missed for months, comes twice, or dies at any call: each month is told once.
#[tokio::test]
async fn each_month_of_a_schedule_is_told_once() {
    for call in 0..40 {
        for after in [false, true] {
            let world = World::new(|_| {}).await;
            world.plan().await;
            assert_eq!(world.recognise().await, 0, "April is not over");
            world.pass_to("2027-08-01T03:59:59Z");
            let dying = Arc::new(DyingStore::new(world.store.clone(), call, after));
            world.recognise_over(dying).await;
            world.recognise().await;
            assert_eq!(world.recognise().await, 0);
            let months: Vec<String> = world.told().iter().map(|e| e.period.to_string()).collect();
            assert_eq!(
                months,
                ["2027-04", "2027-05", "2027-06"],
                "in New York July ends at four in the morning"
            );
            assert_eq!(world.announced().len(), 3, "call {call}, {after}");
            world.pass_to("2027-08-01T04:00:00Z");
            assert_eq!(world.recognise().await, 1);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The n-th event that is on its way is delivered.
    Deliver(usize),
    /// The clock's run comes.
    Tick,
}

fn order() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![4 => (0usize..9).prop_map(Step::Deliver), 1 => Just(Step::Tick)];
    prop::collection::vec(step, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Proves REV-03 in part and REV-07 in part: lines, invoices, schedules and ticks in any order, with repetitions, come to the
    /// same set of revenue events.
    #[test]
    fn any_order_comes_to_the_same(order in order()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = World::new(|engagement| {
                engagement.contract.revenue.insert("ADVISORY".into(), RevenueTreatment::AsBilled);
            })
            .await;
            world.approve(&entry("901", "consultant", "2026-11-17", 90)).await;
            world.approve(&entry("902", "principal", "2026-11-18", 30)).await;
            world.complete(&completion("M1")).await;
            let mut events = world.ready();
            events.push(world.invoice("2026-12-02").await);
            events.push(world.planned());
            world.pass_to("2027-08-01T12:00:00Z");
            for step in order {
                match step {
                    Step::Deliver(n) => {
                        let event = &events[n % events.len()];
                        world.deliver(event).await.unwrap();
                    }
                    Step::Tick => {
                        world.recognise().await;
                    }
                }
            }
            for event in &events {
                world.deliver(event).await.unwrap();
            }
            world.recognise().await;
            let shown = world.told().into_iter();
            let shown: Vec<_> = shown.map(|e| (e.element.to_string(), e.period.to_string(), e.amount)).collect();
            let row = |element: &str, month: &str, amount| (element.to_owned(), month.to_owned(), usd(amount));
            assert_eq!(shown, [
                row("milestone M1", "2026-11", "20000.00"),
                row("time of consultant", "2026-12", "270.00"),
                row("time of principal", "2026-12", "130.00"),
                row("charge S1", "2027-04", "1500.00"),
                row("charge S1", "2027-05", "1500.00"),
                row("charge S1", "2027-06", "1500.00"),
                row("charge S1", "2027-07", "1500.00"),
            ]);
            assert_eq!(world.announced().len(), 7);
        });
    }
}
