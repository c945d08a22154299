//! What can't be billed yet is held, as a line or an invoice, and goes on once.
#![allow(unreachable_pub, dead_code, clippy::unwrap_used, clippy::expect_used)]

mod beside;
mod interleaved;
mod invoices;
#[path = "../../../invoice-posted/tests/named_cases/products.rs"]
mod products;
mod runs;
mod trouble;
mod world;

use domain::TenantConfig;
use domain::billing::LineStatus;
use domain::billing::hold::{HoldReason, HoldTarget};
use domain::invoicing::{Ask, InvoicePolicy, Invoicing};
use domain::problem::Owner;
use domain::sample::{config, usd};
use journal::Journal;
use runtime::Outcome;
use world::{TENANT, World};

const READY: &str = "q2c.billing.ready.v1";
const REQUESTED: &str = "q2c.invoice.requested.v1";
const RAISED: &str = "q2c.exception.raised.v1";

/// Proves SCN-17, EXC-17 and WFC-05 in part: approved time that can't be billed is a line with its cause, told to its owner
/// in the same commit, on no invoice, and billed once when the cause is corrected, however often that is looked at.
#[tokio::test]
async fn time_that_can_not_be_billed_is_held_until_the_cause_is_corrected() {
    let mut world = World::new(World::closed()).await;
    let (hour, line) = world.hour("1");
    for expected in [Outcome::Applied, Outcome::Duplicate] {
        assert_eq!(world.deliver(&hour).await, Ok(expected));
    }
    let record = world.line(&line).await;
    let hold = record.hold.unwrap();
    assert_eq!(
        (record.status, hold.reason, hold.at_stake),
        (LineStatus::Held, HoldReason::CostCentre, usd("180.00"))
    );
    assert_eq!(world.open_of(Owner::FinanceOperations).await.len(), 1);
    assert_eq!(world.told().await, [RAISED], "and not as ready");
    let (request, invoice) = world.request("too early");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::NoEffect));
    assert_eq!(world.invoice(&invoice).await.unwrap().line_count, 0);
    // Looked at without a correction, it stays.
    let release = world.release("r1", HoldTarget::Line(line.clone()));
    assert_eq!(world.deliver(&release).await, Ok(Outcome::NoEffect));
    let run = invoice_run::run_all(&world.function("invoice-run")).await.unwrap();
    assert_eq!(run.len(), 0, "no connection, no tenant");
    assert_eq!((world.status(&line).await, world.held_lines().await), (LineStatus::Held, 1));
    let _ = world.publish().await;
    // Corrected, the next work of the engagement takes it along.
    world.config = config();
    let (next, _) = world.hour("2");
    assert_eq!(world.deliver(&next).await, Ok(Outcome::Applied));
    assert_eq!((world.status(&line).await, world.held_lines().await), (LineStatus::Ready, 0));
    assert_eq!((world.open(), world.told().await), (vec![], vec![READY, READY]));
    for delivery in ["r2", "r1", "r2"] {
        let again = world.release(delivery, HoldTarget::Line(line.clone()));
        assert!(matches!(world.deliver(&again).await, Ok(Outcome::NoEffect | Outcome::Duplicate)));
    }
    assert_eq!(world.told().await, [] as [&str; 0], "ready once");
    let (request, invoice) = world.request("now");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Applied));
    assert_eq!(world.invoice(&invoice).await.unwrap().untaxed, usd("360.00"));
}

/// A release looks at once.
#[tokio::test]
async fn a_release_by_hand_looks_at_the_configuration_of_now() {
    let mut world = World::new(World::closed()).await;
    let (hour, line) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    world.config = config();
    let _ = world.publish().await;
    let release = world.release("r1", HoldTarget::Line(line.clone()));
    assert_eq!(world.deliver(&release).await, Ok(Outcome::Applied));
    assert_eq!((world.status(&line).await, world.open()), (LineStatus::Ready, vec![]));
    assert_eq!(world.told().await, [READY]);
}

/// Proves BIL-17 in part: a person holds a line with reason and owner; it is on no invoice until somebody releases it.
#[tokio::test]
async fn a_line_is_held_by_a_person() {
    let world = World::new(config()).await;
    let ((hour, line), (other, free)) = (world.hour("1"), world.hour("2"));
    for event in [&hour, &other] {
        assert_eq!(world.deliver(event).await, Ok(Outcome::Applied));
    }
    let _ = world.publish().await;
    let hold = world.hold("h1", HoldTarget::Line(line.clone()));
    for expected in [Outcome::Applied, Outcome::Duplicate] {
        assert_eq!(world.deliver(&hold).await, Ok(expected));
    }
    let again = world.hold("h2", HoldTarget::Line(line.clone()));
    assert_eq!(world.deliver(&again).await, Ok(Outcome::NoEffect));
    let kept = world.line(&line).await.hold.unwrap();
    assert_eq!((kept.held_by.as_deref(), kept.owner), (Some("finance-bot"), Owner::SalesOperations));
    assert!(kept.detail.contains("the customer disputes it"));
    assert_eq!((world.open_of(Owner::SalesOperations).await.len(), world.told().await), (1, vec![RAISED]));
    let (request, invoice) = world.request("without it");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Applied));
    assert_eq!(world.invoice(&invoice).await.unwrap().untaxed, usd("180.00"));
    assert_eq!(world.status(&free).await, LineStatus::Invoiced);
    let too_late = world.hold("h3", HoldTarget::Line(free));
    assert_eq!(world.deliver(&too_late).await, Ok(Outcome::Held));
    assert_eq!(world.open().iter().filter(|c| *c == "Q2C-0407").count(), 1);
    let release = world.release("r1", HoldTarget::Line(line.clone()));
    assert_eq!(world.deliver(&release).await, Ok(Outcome::Applied));
    assert_eq!((world.status(&line).await, world.held_lines().await), (LineStatus::Ready, 0));
    assert_eq!(world.open(), ["Q2C-0407"], "the hold's own exception is settled");
}

/// What a person releases, and something else keeps from being billed, stays held for that.
#[tokio::test]
async fn a_release_does_not_override_what_does_not_agree() {
    let mut world = World::new(config()).await;
    let (hour, line) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&world.hold("h1", HoldTarget::Line(line.clone()))).await, Ok(Outcome::Applied));
    world.config = World::closed();
    assert_eq!(
        world.deliver(&world.release("r1", HoldTarget::Line(line.clone()))).await,
        Ok(Outcome::Applied)
    );
    assert_eq!(world.line(&line).await.hold.unwrap().reason, HoldReason::CostCentre);
    assert_eq!((world.open(), world.held_lines().await), (vec!["Q2C-0403".to_owned()], 1));
    world.config = config();
    let context = world.function("invoice-run");
    let journal: Journal = world.journal();
    let released = runtime::recheck(&context, TENANT, world.engagement.as_str(), &world.config).await;
    assert_eq!(released.unwrap(), 1);
    assert_eq!(journal.held_lines(TENANT, world.engagement.as_str(), 9).await.unwrap(), []);
    assert_eq!((world.open(), world.held_lines().await), (vec![], 0));
}

/// A milestone that is held asks for its invoice when it is released.
#[tokio::test]
async fn a_released_milestone_asks_for_its_invoice() {
    let mut world = World::new(config()).await;
    world.config.cost_centres.clear();
    let done = domain::sample::completion("M1");
    let event = world.about("M1", domain::Event::MilestoneCompleted(done));
    assert_eq!(world.deliver(&event).await, Ok(Outcome::Applied));
    assert_eq!(world.told().await, [RAISED]);
    world.config = config();
    let line = domain::billing::line_of(world.engagement.as_str(), "milestone", "M1");
    let release = world.release("r1", HoldTarget::Line(line));
    assert_eq!(world.deliver(&release).await, Ok(Outcome::Applied));
    let told = world.publish().await;
    let names: Vec<_> = told.iter().map(|e| e.event.type_name()).collect();
    assert_eq!(names, [READY, REQUESTED]);
    assert_eq!(world.deliver(&told[1]).await, Ok(Outcome::Applied));
    assert_eq!(world.product.invoices.lock().unwrap().len(), 1);
}

/// A line that asked for an invoice, and was held when that was made, asks for another when it is released.
#[tokio::test]
async fn a_line_that_missed_its_invoice_asks_for_another() {
    let policy = InvoicePolicy { ask: Ask::AtOnce, ..InvoicePolicy::default() };
    let invoicing = Invoicing { policies: vec![policy], ..Invoicing::default() };
    let world = World::new(TenantConfig { invoicing, ..config() }).await;
    let (hour, line) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    let first = world.publish().await.pop().expect("the request");
    for n in 1..3 {
        let (hold, release) = (format!("h{n}"), format!("r{n}"));
        let target = || HoldTarget::Line(line.clone());
        assert_eq!(world.deliver(&world.hold(&hold, target())).await, Ok(Outcome::Applied));
        if n == 1 {
            assert_eq!(world.deliver(&first).await, Ok(Outcome::NoEffect), "it is gone without the line");
        }
        assert_eq!(world.deliver(&world.release(&release, target())).await, Ok(Outcome::Applied));
    }
    let asked: Vec<_> =
        world.publish().await.into_iter().filter(|e| e.event.type_name() == REQUESTED).collect();
    assert_eq!(asked.len(), 2, "each release asks");
    assert_eq!(world.deliver(&asked[0]).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&asked[1]).await, Ok(Outcome::NoEffect));
    assert_eq!(world.product.invoices.lock().unwrap().len(), 1);
}
