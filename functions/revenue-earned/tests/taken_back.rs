//! What credit memos and write-offs take back, out of the real flows: in any order, twice, dying.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::Arc;

use domain::contract::RevenueTreatment;
use domain::credit_memo::Reduction;
use domain::id::LineId;
use domain::sample::{completion, entry, usd};
use events::Envelope;
use journal::dying::DyingStore;
use proptest::prelude::*;
use runtime::Outcome;
use world::World;

fn off(line: Option<LineId>, amount: &str) -> Option<Reduction> {
    Some(Reduction { line, amount: usd(amount) })
}

/// An invoice of a milestone of 20,000.00 and of entries of 270.00 and 130.00, of which 50.00 are taken off the first
/// entry's price, the second entry is credited for good, and 40.00 come off as a whole; the first entry is then to be
/// billed anew. An entry of 180.00 is on no invoice, and written off.
///
/// In the end 20,000.00 − 40.00 of the milestone and 270.00 of the first entry are earned where they are as delivered.
async fn undone(world: &World) -> Vec<Envelope> {
    world.complete(&completion("M1")).await;
    world.approve(&entry("901", "consultant", "2026-11-17", 90)).await;
    world.approve(&entry("902", "principal", "2026-11-18", 30)).await;
    let mut events = vec![world.invoice("2026-12-02").await];
    world.approve(&entry("903", "consultant", "2026-11-19", 60)).await;
    world.credit("1", &[], off(Some(world.line("901")), "50.00"), false).await;
    world.credit("2", &[world.line("902")], None, false).await;
    world.credit("3", &[], off(None, "40.00"), false).await;
    world.credit("4", &[world.line("901")], None, true).await;
    world.write_off(&world.line("903")).await;
    events.extend(world.ready());
    events.extend(world.undoing());
    assert_eq!(events.len(), 1 + 4 + 5);
    events
}

/// Proves BIL-11 in part, REV-03 in part: what is written off is told as earned once and taken back once, whichever is
/// announced first.
#[tokio::test]
async fn a_write_off_takes_back_what_was_earned() {
    for late in [false, true] {
        let world = World::new(|_| {}).await;
        world.approve(&entry("903", "consultant", "2026-11-19", 60)).await;
        world.write_off(&world.line("903")).await;
        let (ready, undoing) = (world.ready().remove(0), world.undoing().remove(0));
        let order = if late { [&ready, &undoing] } else { [&undoing, &ready] };
        for event in order.into_iter().chain(order) {
            world.deliver(event).await.unwrap();
        }
        let told: Vec<_> = world.told().iter().map(|e| (e.is_undoing(), e.amount)).collect();
        assert!(told.contains(&(false, usd("180.00"))) && told.contains(&(true, usd("-180.00"))));
        assert_eq!((told.len(), world.announced().len()), (2, 2));
        assert_eq!(world.deliver(&undoing).await.unwrap(), Outcome::Duplicate);
    }
}

/// Whoever dies at whichever call while he takes a credit memo: it is told once.
#[tokio::test]
async fn a_credit_memo_is_taken_once_whoever_dies() {
    for call in 0..14 {
        for after in [false, true] {
            let world = World::new(|_| {}).await;
            let events = undone(&world).await;
            for event in &events {
                let dying = Arc::new(DyingStore::new(world.store.clone(), call, after));
                let _ = world.deliver_over(dying, event).await;
                world.deliver(event).await.unwrap();
            }
            assert_eq!(world.earned(), usd("20230.00"), "call {call}, {after}");
            assert_eq!(world.announced().len(), world.told().len());
        }
    }
}

/// A straight line plans less of what was taken off, once, whoever dies.
#[tokio::test]
async fn a_schedule_plans_less_once() {
    for call in 0..14 {
        let world = World::new(|engagement| {
            engagement.contract.revenue.insert("IMPL".into(), RevenueTreatment::StraightLine);
            engagement.contract.milestones.retain(|milestone| milestone.key == "M1");
            engagement.contract.recurring.clear();
        })
        .await;
        let mut events = undone(&world).await;
        events.push(world.planned());
        for event in &events {
            let dying = Arc::new(DyingStore::new(world.store.clone(), call, call % 2 == 0));
            let _ = world.deliver_over(dying, event).await;
            world.deliver(event).await.unwrap();
        }
        world.pass_to("2028-08-01T12:00:00Z");
        world.recognise().await;
        assert_eq!(world.earned(), usd("20230.00"), "call {call}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Proves REV-03 in part: lines, invoices, credit memos and write-offs, announced in any order and again, come to the same set
    /// of revenue events under each treatment: as billed, of what is still billed, 20,000.00 of the milestone, and nothing of
    /// time.
    #[test]
    fn any_order_takes_back_the_same(
        order in prop::collection::vec(0usize..10, 0..30), as_billed in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let treatment = if as_billed { RevenueTreatment::AsBilled } else { RevenueTreatment::AsDelivered };
            let new = || World::new(move |engagement| {
                engagement.contract.revenue.insert("ADVISORY".into(), treatment);
            });
            let (world, plain) = (new().await, new().await);
            let (events, in_order) = (undone(&world).await, undone(&plain).await);
            for n in order {
                world.deliver(&events[n]).await.unwrap();
            }
            for event in &events {
                world.deliver(event).await.unwrap();
            }
            for event in &in_order {
                plain.deliver(event).await.unwrap();
            }
            assert_eq!(world.told(), plain.told());
            let earned = if as_billed { usd("19960.00") } else { usd("20230.00") };
            assert_eq!(world.earned(), earned);
            assert_eq!(world.announced().len(), world.told().len());
        });
    }
}
