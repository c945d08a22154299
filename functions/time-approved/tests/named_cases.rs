//! Sequences of events that made other products bill wrongly, each named after its public report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::id::{EngagementId, InvoiceId};
use domain::invoice::Invoice;
use domain::sample::{active, config, entry, quote, usd};
use domain::{Engagement, Event};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal};
use runtime::Handler;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use time_approved::TimeApproved;

const TENANT: &str = "northwind";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// Two projects of two customers, each an engagement.
async fn two_projects(journal: &Journal) -> (Engagement, Engagement) {
    let first = active(&quote());
    let mut second = active(&domain::quote::Quote { deal: "124".into(), ..quote() });
    second.records.project = Some("60".into());
    for engagement in [&first, &second] {
        let write = journal.write_state(TENANT, engagement, 0, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    }
    (first, second)
}

/// An invoice of an engagement that takes whatever is ready.
async fn invoice(journal: &Journal, engagement: &Engagement) -> Invoice {
    let (id, invoice) = (&engagement.engagement, InvoiceId::derive(&[engagement.engagement.as_str()]));
    let fresh = Invoice::request(engagement, invoice.clone(), "the month".into());
    let write = journal.write_invoice(TENANT, id, &fresh, 0, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    let known = journal.invoice(TENANT, id, &invoice).await.unwrap();
    journal.collect_lines(TENANT, id, known, &[], now()).await.unwrap().body.unwrap()
}

async fn statuses(journal: &Journal, engagement: &EngagementId) -> Vec<String> {
    let lines = journal.listed(TENANT, engagement.as_str(), "line#", 99).await.unwrap();
    lines.iter().map(|line| line.text("status").unwrap().to_owned()).collect()
}

/// frappe/erpnext #31752, and #42880 which reports it again: one timesheet has entries of two projects of two
/// customers; the first customer's invoice marked the whole timesheet as billed, and the second one's hours were
/// on no invoice. Here an entry is owned by itself: the first invoice takes its one hour, 180.00, and the second
/// its two, 360.00, whichever comes first.
#[tokio::test]
async fn a_timesheet_of_two_projects_is_not_consumed_by_the_first_invoice() {
    let table = Arc::new(MemoryStore::new());
    let journal = Journal::new(table.clone());
    let (first, second) = two_projects(&journal).await;
    let mut known = FakeConnections::default();
    known.tenants.insert(TENANT.into(), Arc::new(config()));
    let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
    let context = context("time-approved", table.clone(), &bus, &clock, known);
    // The timesheet is approved at once: its entries come as one batch.
    let told = |engagement: &Engagement, id: &str, minutes| {
        let worked = domain::work::TimeEntry {
            project: engagement.records.project.clone().unwrap(),
            ..entry(id, "consultant", "2026-11-16", minutes)
        };
        let (subject, fact) = (engagement.engagement.as_str(), Event::TimeApproved(worked));
        Envelope::reported(TENANT, "kantata-main", id, subject, now(), fact, Traceparent::start())
    };
    for group in [vec![told(&first, "71", 60)], vec![told(&second, "72", 60), told(&second, "73", 60)]] {
        for (_, outcome) in TimeApproved.handle(&context, group).await {
            outcome.unwrap();
        }
    }
    let billed = invoice(&journal, &first).await;
    assert_eq!((billed.line_count, billed.untaxed), (1, usd("180.00")));
    assert_eq!(statuses(&journal, &first.engagement).await, ["invoiced"]);
    assert_eq!(statuses(&journal, &second.engagement).await, ["ready", "ready"], "nobody billed them");
    let billed = invoice(&journal, &second).await;
    assert_eq!((billed.line_count, billed.untaxed), (2, usd("360.00")));
}
