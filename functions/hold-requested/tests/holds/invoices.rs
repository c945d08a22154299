//! Invoices that wait: by a person, and by policy.

use domain::billing::hold::HoldTarget;
use domain::invoice::InvoiceStatus;
use domain::invoicing::{InvoicePolicy, Invoicing, Release};
use domain::problem::Owner;
use domain::sample::{config, usd};
use domain::{Event, TenantConfig};
use runtime::Outcome;

use crate::world::World;

fn by_hand() -> TenantConfig {
    let policy = InvoicePolicy { release: Release::Manual, ..InvoicePolicy::default() };
    TenantConfig { invoicing: Invoicing { policies: vec![policy], ..Invoicing::default() }, ..config() }
}

/// Proves BIL-17 and EVT-15 in part: an invoice whose policy wants a release is drafted, told and waits; it is in the
/// ERP once, after the release, however often each is told.
#[tokio::test]
async fn a_draft_waits_for_its_release() {
    let world = World::new(by_hand()).await;
    assert_eq!(world.deliver(&world.hour("1").0).await, Ok(Outcome::Applied));
    let (request, invoice) = world.request("one");
    for _ in 0..2 {
        assert_eq!(world.deliver(&request).await, Ok(Outcome::Parked));
    }
    let draft = world.invoice(&invoice).await.unwrap();
    let hold = draft.hold.clone().unwrap();
    assert_eq!((draft.status, hold.owner), (InvoiceStatus::Drafted, Owner::FinanceOperations));
    assert!(world.product.invoices.lock().unwrap().is_empty(), "nothing is sent");
    let told = world.publish().await;
    let generated = told.iter().find_map(|e| match &e.event {
        Event::InvoiceGenerated(generated) => Some(generated.clone()),
        _ => None,
    });
    let generated = generated.expect("generated");
    assert_eq!((generated.line_count, generated.untaxed, generated.held), (1, usd("180.00"), true));
    let release = world.release("r1", HoldTarget::Invoice(invoice.clone()));
    for expected in [Outcome::Applied, Outcome::Duplicate] {
        assert_eq!(world.deliver(&release).await, Ok(expected));
    }
    let again = world.release("r2", HoldTarget::Invoice(invoice.clone()));
    assert_eq!(world.deliver(&again).await, Ok(Outcome::NoEffect));
    let back = world.publish().await;
    let back: Vec<_> = back.iter().filter(|e| e.id == request.id).collect();
    assert_eq!(back.len(), 1, "what waited is on the bus");
    assert_eq!(world.deliver(back[0]).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Duplicate));
    let sent = world.invoice(&invoice).await.unwrap();
    assert_eq!(sent.status, InvoiceStatus::Submitted);
    let end = sent.hold.unwrap().released.unwrap();
    assert_eq!((end.released_by.as_str(), end.reason.as_str()), ("controller", "it is settled"));
    assert_eq!(*world.product.postings.lock().unwrap(), 1);
    let too_late = world.hold("h1", HoldTarget::Invoice(invoice));
    assert_eq!(world.deliver(&too_late).await, Ok(Outcome::Held), "refused with the reason");
    assert_eq!(world.open(), ["Q2C-0407"]);
}

/// Held again between release and posting, it waits again; the second release is not mistaken for the first.
#[tokio::test]
async fn an_invoice_that_is_held_again_waits_again() {
    let world = World::new(by_hand()).await;
    assert_eq!(world.deliver(&world.hour("1").0).await, Ok(Outcome::Applied));
    let (request, invoice) = world.request("one");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Parked));
    let target = || HoldTarget::Invoice(invoice.clone());
    assert_eq!(world.deliver(&world.release("r1", target())).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&world.hold("h1", target())).await, Ok(Outcome::Applied));
    // The request comes back by the first release, and before the second.
    assert!(world.publish().await.iter().any(|e| e.id == request.id));
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Parked));
    assert!(world.product.invoices.lock().unwrap().is_empty());
    assert_eq!(world.deliver(&world.release("r2", target())).await, Ok(Outcome::Applied));
    assert!(world.publish().await.iter().any(|e| e.id == request.id));
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Applied));
    assert_eq!(*world.product.postings.lock().unwrap(), 1);
    let parked = world.store.items().iter().any(|i| i.text("kind") == Some("parked"));
    assert!(!parked, "nothing is left behind");
}

/// Held while the ERP is out of reach, it is not made when the ERP is back.
#[tokio::test]
async fn an_invoice_is_held_while_it_is_tried() {
    let world = World::new(config()).await;
    assert_eq!(world.deliver(&world.hour("1").0).await, Ok(Outcome::Applied));
    *world.product.making_fails.lock().unwrap() =
        Some(connectors::CallErrorKind::Transient { retry_after: None });
    let (request, invoice) = world.request("one");
    assert!(world.deliver(&request).await.is_err());
    let target = || HoldTarget::Invoice(invoice.clone());
    assert_eq!(world.deliver(&world.hold("h1", target())).await, Ok(Outcome::Applied));
    *world.product.making_fails.lock().unwrap() = None;
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Parked));
    assert!(world.product.invoices.lock().unwrap().is_empty());
    assert_eq!(world.deliver(&world.release("r1", target())).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Applied));
    assert_eq!(*world.product.postings.lock().unwrap(), 1);
}
