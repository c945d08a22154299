//! Corrections may take back more than is ready: then nobody is billed, and nothing is lost.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::billing::time_approved;
use domain::decision::Decision;
use domain::event::InvoiceRequested as Requested;
use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{active, config, entry, quote, usd};
use domain::work::TimeEntry;
use domain::{Engagement, Event};
use events::{Envelope, Traceparent};
use invoice_requested::InvoiceRequested;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, apply_group};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Handler, Outcome};

const TENANT: &str = "northwind";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

struct World {
    table: Arc<MemoryStore>,
    context: Context,
    engagement: Engagement,
}

impl World {
    async fn new() -> Self {
        let (table, engagement) = (Arc::new(MemoryStore::new()), active(&quote()));
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(at(100))));
        // No ERP is configured: whoever calls one fails.
        let tenants = BTreeMap::from([(TENANT.to_owned(), Arc::new(config()))]);
        let known = FakeConnections { tenants, ..FakeConnections::default() };
        let context = context("invoice-requested", table.clone(), &bus, &clock, known);
        let write = context.journal.write_state(TENANT, &engagement, 0, at(0)).unwrap();
        assert!(matches!(
            context.journal.commit(Commit::default().write(write)).await.unwrap(),
            Committed::Done
        ));
        Self { table, context, engagement }
    }

    fn about(&self, delivery: &str, time: Timestamp, event: Event) -> Envelope {
        let subject = self.engagement.engagement.as_str();
        Envelope::reported(TENANT, "kantata-main", delivery, subject, time, event, Traceparent::start())
    }

    /// A version of the entry, approved in some minute.
    async fn approved(&self, minute: i64, worked: TimeEntry) {
        let event = self.about(&minute.to_string(), at(minute), Event::TimeApproved(worked));
        let decide = |state: Option<&Engagement>, event: &Envelope| match &event.event {
            Event::TimeApproved(entry) => time_approved(state, entry),
            _ => Decision::NoEffect("no time".into()),
        };
        apply_group(&self.context.journal, "time-approved", &[event], at(minute), &decide).await.unwrap();
    }

    /// An earlier invoice takes whatever is ready.
    async fn invoiced(&self) {
        let (journal, id) = (&self.context.journal, &self.engagement.engagement);
        let invoice = InvoiceId::derive(&["earlier"]);
        let fresh = Invoice::request(&self.engagement, invoice.clone(), "earlier".into());
        let write = journal.write_invoice(TENANT, id, &fresh, 0, at(0)).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        let known = journal.invoice(TENANT, id, &invoice).await.unwrap();
        journal.collect_lines(TENANT, id, known, &[], at(50)).await.unwrap();
    }

    async fn request(&self, event: &Envelope) -> Outcome {
        *InvoiceRequested.handle(&self.context, vec![event.clone()]).await[0].1.as_ref().unwrap()
    }

    fn statuses(&self) -> Vec<String> {
        let items = self.table.items();
        let lines = items.iter().filter(|i| i.text("kind") == Some("line"));
        let mut found: Vec<String> = lines.map(|l| l.text("status").unwrap().to_owned()).collect();
        found.sort();
        found
    }
}

/// An hour at 180.00 is invoiced and then corrected to half an hour, 90.00: what is ready comes to −90.00. The
/// request ends without a bill, and the line waits; asked again, it ends the same.
#[tokio::test]
async fn what_comes_to_less_than_nothing_waits_for_more() {
    let w = World::new().await;
    w.approved(1, entry("1", "consultant", "2026-11-16", 60)).await;
    w.invoiced().await;
    w.approved(2, entry("1", "consultant", "2026-11-16", 30)).await;
    let invoice = InvoiceId::derive(&["the month"]);
    let requested = Requested::of(invoice.clone(), vec![], "the month".into());
    let event = w.about("request", at(90), requested.into());
    assert_eq!(w.request(&event).await, Outcome::NoEffect);
    assert_eq!(w.statuses(), ["invoiced", "ready"]);
    let known = w.context.journal.invoice(TENANT, &w.engagement.engagement, &invoice).await.unwrap();
    let known = known.body.unwrap();
    assert_eq!((known.status, known.untaxed), (InvoiceStatus::Withdrawn, usd("-90.00")));
    let awaited = format!("invoice-posted:{invoice}");
    let released =
        |item: &Item| item.text("release").is_some_and(|release| release.contains(invoice.as_str()));
    assert_eq!(
        w.table.matching(released).len(),
        1,
        "whoever waits for {awaited} hears that there will be none"
    );
    assert_eq!(w.request(&event).await, Outcome::Duplicate);
    assert_eq!(w.statuses(), ["invoiced", "ready"]);
}
