//! Disputes are recorded once with their evidence, end once, and never contest the same twice, whatever meets at the
//! invoice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use dispute_requested::DisputeRequested;
use domain::Event;
use domain::billing::{BillableLine, time_approved};
use domain::decision::Decision;
use domain::dispute::{
    Dispute, DisputeKind, DisputeOutcome, DisputeRequested as Requested, DisputeResolutionRequested,
    DisputeStatus, SourceRecord,
};
use domain::engagement::Engagement;
use domain::id::{CreditMemoId, DisputeId, InvoiceId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::sample::{active, entry, quote, usd};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Journal, apply_group};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Handler, Outcome};
use uuid::Uuid;

const TENANT: &str = "northwind";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

struct World {
    table: Arc<MemoryStore>,
    context: Context,
    engagement: Engagement,
    lines: Vec<BillableLine>,
    invoice: InvoiceId,
}

/// An invoice of four hours at 180.00, and with ten percent of tax of 792.00 where it is posted.
async fn world(is_posted: bool) -> World {
    let (table, engagement) = (Arc::new(MemoryStore::new()), active(&quote()));
    let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
    let context = context("dispute-requested", table.clone(), &bus, &clock, FakeConnections::default());
    let (journal, id) = (context.journal.clone(), engagement.engagement.clone());
    let invoice = InvoiceId::derive(&["the month"]);
    let fresh = Invoice::request(&engagement, invoice.clone(), "the month".into());
    let set_up = Commit::default()
        .write(journal.write_state(TENANT, &engagement, 0, now()).unwrap())
        .write(journal.write_contract(TENANT, &id, &engagement.contract, Uuid::nil(), now()).unwrap())
        .write(journal.write_invoice(TENANT, &id, &fresh, 0, now()).unwrap());
    done(&journal, set_up).await;
    let mut world = World { table, context, engagement, lines: vec![], invoice: invoice.clone() };
    for record in ["1", "2", "3", "4"] {
        world.work(record).await;
    }
    let known = journal.invoice(TENANT, &id, &invoice).await.unwrap();
    let known = journal.collect_lines(TENANT, &id, known, &[], now()).await.unwrap();
    world.lines = journal.invoice_lines(TENANT, &id, &invoice).await.unwrap();
    if is_posted {
        let posted = Invoice {
            status: InvoiceStatus::Posted,
            tax: Some(usd("72.00")),
            total: Some(usd("792.00")),
            number: Some("INV2026-00001".into()),
            ..known.body.unwrap()
        };
        let write = journal.write_invoice(TENANT, &id, &posted, known.version, now()).unwrap();
        done(&journal, Commit::default().write(write)).await;
    }
    world
}

async fn done(journal: &Journal, commit: Commit) {
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
}

impl World {
    async fn work(&self, record: &str) {
        let worked = entry(record, "consultant", "2026-11-16", 60);
        let event = self.envelope(record, Event::TimeApproved(worked));
        let decide = |state: Option<&Engagement>, event: &Envelope| match &event.event {
            Event::TimeApproved(entry) => time_approved(state, entry),
            _ => Decision::NoEffect("no time".into()),
        };
        apply_group(&self.context.journal, "time-approved", &[event], now(), &decide).await.unwrap();
    }

    fn envelope(&self, delivery: &str, event: Event) -> Envelope {
        let subject = self.engagement.engagement.as_str();
        Envelope::reported(TENANT, "console", delivery, subject, now(), event, Traceparent::start())
    }

    fn asked(&self, key: &str, dispute_kind: DisputeKind, lines: &[usize]) -> Envelope {
        let requested = Requested {
            dispute: DisputeId::derive(&[key]),
            invoice: self.invoice.clone(),
            dispute_kind,
            lines: lines.iter().map(|n| self.lines[*n].line.clone()).collect(),
            amount: None,
            reason: "the senior rate was not agreed".into(),
            requested_by: "finance-app".into(),
        };
        self.envelope(key, requested.into())
    }

    fn end(&self, key: &str, of: &str, outcome: DisputeOutcome, memo: Option<&str>) -> Envelope {
        let requested = DisputeResolutionRequested {
            dispute: DisputeId::derive(&[of]),
            invoice: self.invoice.clone(),
            outcome,
            reason: "looked at".into(),
            credit_memo: memo.map(|name| CreditMemoId::derive(&[name])),
            resolved_by: "finance-app".into(),
        };
        self.envelope(key, requested.into())
    }

    async fn take(&self, event: &Envelope) -> Outcome {
        let answers = DisputeRequested.handle(&self.context, vec![event.clone()]).await;
        *answers[0].1.as_ref().unwrap()
    }

    fn kind(&self, kind: &str) -> Vec<Item> {
        self.table.items().into_iter().filter(|item| item.text("kind") == Some(kind)).collect()
    }

    async fn billed(&self) -> Invoice {
        let (journal, id) = (&self.context.journal, &self.engagement.engagement);
        journal.invoice(TENANT, id, &self.invoice).await.unwrap().body.unwrap()
    }

    async fn dispute(&self, key: &str) -> Dispute {
        let (journal, id) = (&self.context.journal, &self.engagement.engagement);
        journal.dispute(TENANT, id, &DisputeId::derive(&[key])).await.unwrap().body.unwrap()
    }

    /// How often an event of a type was left to be sent.
    fn told(&self, kind: &str) -> usize {
        let outbox: String = self.table.items().iter().filter_map(|i| i.text("outbox")).collect();
        outbox.matches(&format!("\"type\":\"{kind}\"")).count()
    }
}

/// Proves BIL-22 in part: two of four hours are contested, 360.00 × 792.00 ÷ 720.00 = 396.00, with each one's time entry,
/// contract version, quote line and quote; once, however often it is reported. Its end is kept and told once.
#[tokio::test]
async fn a_dispute_is_recorded_with_its_evidence_and_ends_once() {
    let w = world(true).await;
    let before = w.billed().await;
    let asked = w.asked("d1", DisputeKind::Rate, &[0, 1]);
    assert_eq!(w.take(&asked).await, Outcome::Applied);
    assert_eq!(w.take(&asked).await, Outcome::Duplicate);
    let dispute = w.dispute("d1").await;
    assert_eq!((dispute.contested, dispute.status), (usd("396.00"), DisputeStatus::Open));
    assert_eq!(w.billed().await, Invoice { contested: Some(usd("396.00")), ..before.clone() });
    assert_eq!(w.told("q2c.dispute.recorded.v1"), 1);

    let (evidence, is_more) = w.context.journal.evidence(TENANT, &dispute, 500).await.unwrap();
    assert!(!is_more && evidence.cash.is_empty());
    assert_eq!((evidence.lines.len(), w.kind("dispute-evidence").len()), (2, 1));
    for (n, traced) in evidence.lines.iter().enumerate() {
        assert_eq!((&traced.line, traced.amount), (&w.lines[n].line, usd("180.00")));
        let SourceRecord::TimeEntry { connection, record, minutes, hourly, .. } = &traced.source else {
            panic!("{traced:?}")
        };
        assert_eq!((connection.as_str(), *minutes, *hourly), ("kantata-main", 60, usd("180.00")));
        assert!(["1", "2", "3", "4"].contains(&record.as_str()));
        let quote = traced.quote.as_ref().unwrap();
        assert_eq!((traced.contract_version, &quote.quote), (1, &w.engagement.contract.quote));
        assert_eq!(traced.quote_line, w.lines[n].quote_line);
    }

    let upheld = w.end("r1", "d1", DisputeOutcome::Upheld, None);
    assert_eq!(w.take(&upheld).await, Outcome::Applied);
    assert_eq!(w.take(&upheld).await, Outcome::Duplicate);
    assert_eq!(w.billed().await, before, "a dispute that is upheld credits nothing itself");
    assert_eq!(w.take(&w.end("r2", "d1", DisputeOutcome::Upheld, None)).await, Outcome::NoEffect);
    assert_eq!(w.take(&w.end("r3", "d1", DisputeOutcome::Rejected, None)).await, Outcome::Held);
    assert_eq!(w.dispute("d1").await.status, DisputeStatus::Upheld);
    assert_eq!(w.told("q2c.dispute.resolved.v1"), 1);
    let [exception] = &w.kind("exception")[..] else { panic!("one exception") };
    assert_eq!(exception.text("code"), Some("Q2C-0522"));
    // Told again after its end, it stays as it ended.
    assert_eq!(w.take(&asked).await, Outcome::Duplicate);
    assert_eq!(w.dispute("d1").await.status, DisputeStatus::Upheld);
}

/// Proves BIL-22 in part: an invoice that is not posted is not contested, and a person is told why.
#[tokio::test]
async fn what_is_not_posted_is_not_contested() {
    let w = world(false).await;
    let asked = w.asked("d1", DisputeKind::Scope, &[]);
    assert_eq!(w.take(&asked).await, Outcome::Held);
    assert_eq!(w.take(&asked).await, Outcome::Duplicate);
    let [exception] = &w.kind("exception")[..] else { panic!("one exception") };
    assert_eq!(exception.text("code"), Some("Q2C-0521"));
    assert!(exception.text("detail").unwrap().contains("not posted"), "{exception:?}");
    assert!(w.kind("dispute").is_empty() && w.kind("dispute-evidence").is_empty());
    assert_eq!(w.billed().await.contested, None);
    let unknown = w.end("r1", "d1", DisputeOutcome::Upheld, None);
    assert_eq!(w.take(&unknown).await, Outcome::Held, "there is no such dispute");
    let elsewhere = World { invoice: InvoiceId::derive(&["none"]), ..w };
    assert_eq!(elsewhere.take(&elsewhere.asked("d2", DisputeKind::Scope, &[])).await, Outcome::Held);
}

/// Proves BIL-22 in part: two at once that name the same line: one is recorded, the other refused; the line is free again
/// once the first has ended. A dispute of the whole invoice waits for that too, one of the balance does not.
#[tokio::test]
async fn of_several_at_once_one_contests_the_line() {
    let w = world(true).await;
    let asked = [w.asked("d1", DisputeKind::Rate, &[0, 1]), w.asked("d2", DisputeKind::Scope, &[1, 2])];
    let (one, other) = futures::join!(w.take(&asked[0]), w.take(&asked[1]));
    let first = if one == Outcome::Applied { "d1" } else { "d2" };
    assert!([(one, other), (other, one)].contains(&(Outcome::Applied, Outcome::Held)), "{one:?} {other:?}");
    assert_eq!(w.billed().await.contested, Some(usd("396.00")));
    assert_eq!(w.take(&w.asked("d3", DisputeKind::Pricing, &[])).await, Outcome::Held);
    assert_eq!(w.take(&w.asked("d4", DisputeKind::Balance, &[])).await, Outcome::Applied);
    assert_eq!(w.dispute("d4").await.contested, usd("396.00"), "792.00 less what is contested already");
    let ends = [
        w.end("r1", first, DisputeOutcome::Rejected, None),
        w.end("r2", "d4", DisputeOutcome::Settled, None),
    ];
    let (one, other) = futures::join!(w.take(&ends[0]), w.take(&ends[1]));
    assert_eq!((one, other), (Outcome::Applied, Outcome::Applied));
    assert_eq!(w.billed().await.contested, None);
    assert_eq!(w.take(&w.asked("d5", DisputeKind::Pricing, &[])).await, Outcome::Applied);
    assert_eq!(w.billed().await.contested, Some(usd("792.00")));
    let ends =
        [w.end("r3", "d5", DisputeOutcome::Rejected, None), w.end("r4", "d5", DisputeOutcome::Upheld, None)];
    let (one, other) = futures::join!(w.take(&ends[0]), w.take(&ends[1]));
    assert!([(one, other), (other, one)].contains(&(Outcome::Applied, Outcome::Held)), "{one:?} {other:?}");
    assert_eq!(w.told("q2c.dispute.resolved.v1"), 3);
}

/// A credit memo that the invoice does not have settles nothing.
#[tokio::test]
async fn a_credit_memo_that_is_not_there_ends_no_dispute() {
    let w = world(true).await;
    assert_eq!(w.take(&w.asked("d1", DisputeKind::Pricing, &[])).await, Outcome::Applied);
    assert_eq!(w.take(&w.end("r1", "d1", DisputeOutcome::Settled, Some("none"))).await, Outcome::Held);
    assert_eq!(w.dispute("d1").await.status, DisputeStatus::Open);
    assert_eq!(w.billed().await.contested, Some(usd("792.00")));
    assert_eq!(w.told("q2c.dispute.resolved.v1"), 0);
}
