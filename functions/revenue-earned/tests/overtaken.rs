//! Two events of one schedule at a time: whoever read before the other wrote does not write over it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use std::sync::Arc;

use domain::contract::RevenueTreatment;
use domain::sample::{completion, usd};
use journal::overtaken::OvertakenStore;
use world::World;

/// An event of the schedule stands still after any of its reads, while a milestone without a planned day is completed
/// and told: the milestone's month is told all the same.
#[tokio::test]
async fn a_late_writer_does_not_hide_a_completed_milestone() {
    let mut kept = 0;
    loop {
        let world = World::new(|engagement| {
            let contract = &mut engagement.contract;
            let service = contract.milestone("M1").unwrap().service.clone();
            contract.revenue.insert(service, RevenueTreatment::StraightLine);
            contract.milestones.iter_mut().for_each(|m| m.planned_on = None);
        })
        .await;
        let slow = Arc::new(OvertakenStore::new(world.store.clone(), kept));
        let planned = world.planned();
        let completing = async {
            world.complete(&completion("M1")).await;
            world.deliver_all().await;
        };
        let (late, overtaken) = slow.overtake(world.deliver_over(slow.clone(), &planned), completing).await;
        late.unwrap();
        if !overtaken {
            break;
        }
        world.pass_to("2026-12-02T12:00:00Z");
        world.recognise().await;
        let told: Vec<_> = world.told().iter().map(|e| (e.element.to_string(), e.amount)).collect();
        assert_eq!(told, [("milestone M1".to_owned(), usd("20000.00"))], "kept read {kept}");
        kept += 1;
    }
    assert!(kept >= 3, "the engagement, its schedule and how far it was told are read");
}
