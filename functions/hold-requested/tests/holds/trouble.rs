//! The ERP, or the tax service behind it, refuses an invoice or is out of reach.

use connectors::CallErrorKind;
use domain::problem::Owner;
use domain::sample::{config, usd};
use domain::{Event, TenantConfig};
use events::Envelope;
use runtime::Outcome;

use crate::world::World;

fn rejections(told: &[Envelope]) -> usize {
    told.iter().filter(|e| matches!(e.event, Event::InvoiceRejected(_))).count()
}

/// Proves EVT-16, EXC-08 and WFC-12 in part: what the ERP refuses for good is told once, with cause and stake; corrected and
/// sent again, it is one invoice.
#[tokio::test]
async fn a_refused_invoice_is_told_once_and_reprocessed_into_one() {
    let world = World::new(config()).await;
    assert_eq!(world.deliver(&world.hour("1").0).await, Ok(Outcome::Applied));
    let _ = world.publish().await;
    *world.product.making_fails.lock().unwrap() = Some(CallErrorKind::Refused);
    let (request, invoice) = world.request("one");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Held));
    let told = world.publish().await;
    assert_eq!(rejections(&told), 1);
    for event in &told {
        if let Event::InvoiceRejected(rejected) = &event.event {
            assert_eq!((&rejected.invoice, rejected.connection.as_str()), (&invoice, "stand-in"));
            assert_eq!(rejected.at_stake, usd("180.00"));
            assert!(rejected.cause.detail.contains("on order"), "{}", rejected.cause);
        }
    }
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Held));
    assert_eq!(rejections(&world.publish().await), 0, "the same refusal is not told again");
    *world.product.making_fails.lock().unwrap() = None;
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Duplicate));
    assert_eq!(world.product.invoices.lock().unwrap().len(), 1);
    assert_eq!(*world.product.postings.lock().unwrap(), 1);
}

/// Proves SCN-12, SCN-13, EXC-07, EXC-09 and WFC-12 in part: while the ERP or its tax service is down, the invoice keeps its lines and
/// is tried again; finance is told once, after the configured time, and no more when the invoice has gone.
#[tokio::test]
async fn finance_is_told_once_that_an_invoice_is_late() {
    let mut late: TenantConfig = config();
    late.invoicing.tell_after_minutes = Some(60);
    let world = World::new(late).await;
    assert_eq!(world.deliver(&world.hour("1").0).await, Ok(Outcome::Applied));
    *world.product.making_fails.lock().unwrap() = Some(CallErrorKind::Transient { retry_after: None });
    let (request, invoice) = world.request("one");
    world.pass(59);
    assert!(world.deliver(&request).await.is_err());
    assert_eq!(world.open(), [] as [&str; 0], "not yet");
    for _ in 0..3 {
        world.pass(5);
        assert!(world.deliver(&request).await.is_err(), "its queue tries again");
    }
    let told = world.open_of(Owner::FinanceOperations).await;
    assert_eq!(told.len(), 1, "told once");
    assert_eq!(told[0].text("code"), Some("Q2C-0408"));
    assert_eq!(world.invoice(&invoice).await.unwrap().line_count, 1, "it keeps its lines");
    *world.product.making_fails.lock().unwrap() = None;
    world.pass(5);
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Applied));
    assert_eq!(world.open(), [] as [&str; 0], "settled by itself");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Duplicate));
    assert_eq!(world.product.invoices.lock().unwrap().len(), 1);
}
