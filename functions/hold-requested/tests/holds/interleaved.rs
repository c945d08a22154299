//! Holds, releases and invoices in any order: no line is on two invoices, and none is lost.

use std::collections::BTreeMap;

use domain::billing::LineStatus;
use domain::billing::hold::HoldTarget;
use domain::sample::config;
use journal::LinePage;
use proptest::prelude::*;

use crate::world::World;

/// What happens next; the number names a line or a request.
#[derive(Debug, Clone, Copy)]
enum Step {
    Work(u8),
    Hold(u8),
    Release(u8),
    Invoice(u8),
    /// Cost centres are closed, or opened again.
    Configure(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..6).prop_map(Step::Work),
        3 => (0_u8..6).prop_map(Step::Hold),
        3 => (0_u8..6).prop_map(Step::Release),
        2 => (0_u8..4).prop_map(Step::Invoice),
        1 => any::<bool>().prop_map(Step::Configure),
    ]
}

async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::new(config()).await;
    let (mut worked, mut n) = (BTreeMap::new(), 0);
    for step in steps {
        n += 1;
        let line = |of: u8| HoldTarget::Line(world.hour(&of.to_string()).1);
        let event = match step {
            Step::Work(of) => {
                let (event, line) = world.hour(&of.to_string());
                worked.insert(line.to_string(), line);
                event
            }
            Step::Hold(of) => world.hold(&format!("h{n}"), line(of)),
            Step::Release(of) => world.release(&format!("r{n}"), line(of)),
            Step::Invoice(of) => world.request(&of.to_string()).0,
            Step::Configure(open) => {
                world.config = if open { config() } else { World::closed() };
                continue;
            }
        };
        prop_assert!(world.deliver(&event).await.is_ok());
    }
    // In the end all is corrected, released and invoiced.
    world.config = config();
    for (i, line) in worked.values().enumerate() {
        let release = world.release(&format!("e{i}"), HoldTarget::Line(line.clone()));
        prop_assert!(world.deliver(&release).await.is_ok());
    }
    prop_assert_eq!(world.held_lines().await, 0);
    prop_assert!(world.deliver(&world.request("the end").0).await.is_ok());
    let mut owners: BTreeMap<String, u32> = BTreeMap::new();
    for page in world.store.items().iter().filter(|i| i.text("kind") == Some("invoice-page")) {
        for line in page.body::<LinePage>().unwrap().lines {
            *owners.entry(line.line.to_string()).or_default() += 1;
        }
    }
    for line in worked.values() {
        prop_assert_eq!(owners.remove(line.as_str()), Some(1));
        prop_assert_eq!(world.status(line).await, LineStatus::Invoiced);
    }
    prop_assert!(owners.is_empty());
    let open: Vec<String> = world.open().into_iter().filter(|code| code != "Q2C-0407").collect();
    prop_assert_eq!(open, Vec::<String>::new());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Proves BIL-17 in part: whatever is held and released when.
    #[test]
    fn no_line_is_on_two_invoices_and_none_is_lost(steps in proptest::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(Box::pin(play(steps)))?;
    }
}
