//! Lines are written off whole requests at a time, once, and never under an invoice that owns them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use domain::Event;
use domain::billing::{BillableLine, time_approved};
use domain::decision::Decision;
use domain::engagement::Engagement;
use domain::id::{InvoiceId, LineId, WriteOffId};
use domain::invoice::Invoice;
use domain::sample::{active, entry, quote, usd};
use domain::write_off::WriteOffRequested as Requested;
use events::{Envelope, Traceparent};
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::overtaken::OvertakenStore;
use journal::{Commit, Committed, Item, Journal, apply_group};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Handler, Outcome};
use write_off_requested::WriteOffRequested;

const TENANT: &str = "northwind";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

struct World {
    table: Arc<MemoryStore>,
    context: Context,
    engagement: Engagement,
    lines: Vec<LineId>,
}

/// An engagement with a ceiling on time and four ready lines of 180.00 each.
async fn world() -> World {
    world_below(Some("720.00")).await
}

async fn world_below(ceiling: Option<&str>) -> World {
    let mut quote = quote();
    quote.time_ceiling = ceiling.map(usd);
    let (table, engagement) = (Arc::new(MemoryStore::new()), active(&quote));
    let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
    let context = context("write-off-requested", table.clone(), &bus, &clock, FakeConnections::default());
    let write = context.journal.write_state(TENANT, &engagement, 0, now()).unwrap();
    done(&context.journal, Commit::default().write(write)).await;
    let mut world = World { table, context, engagement, lines: vec![] };
    for id in ["1", "2", "3", "4"] {
        let line = world.work(id).await.expect("below the ceiling");
        world.lines.push(line.line);
    }
    world
}

async fn done(journal: &Journal, commit: Commit) {
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
}

impl World {
    /// An hour at 180.00; gives its line where it is billed.
    async fn work(&self, id: &str) -> Option<BillableLine> {
        self.approve(id, 60, now()).await
    }

    /// A version of an entry, approved at a moment.
    async fn approve(&self, id: &str, minutes: u32, at: Timestamp) -> Option<BillableLine> {
        let worked = entry(id, "consultant", "2026-11-16", minutes);
        let delivery = format!("{id} at {at}");
        let event = Envelope { time: at, ..self.envelope(&delivery, Event::TimeApproved(worked)) };
        let decide = |state: Option<&Engagement>, event: &Envelope| match &event.event {
            Event::TimeApproved(entry) => time_approved(state, entry),
            _ => Decision::NoEffect("no time".into()),
        };
        apply_group(&self.context.journal, "time-approved", &[event], now(), &decide).await.unwrap();
        let id = domain::billing::line_of("kantata-main", "time", id);
        let engagement = self.engagement.engagement.as_str();
        let found = self.context.journal.lines(TENANT, engagement, &[id]).await.unwrap();
        found.into_iter().next().map(|known| known.line)
    }

    fn envelope(&self, delivery: &str, event: Event) -> Envelope {
        let subject = self.engagement.engagement.as_str();
        Envelope::reported(TENANT, "console", delivery, subject, now(), event, Traceparent::start())
    }

    fn asked(&self, key: &str, lines: &[LineId]) -> Envelope {
        let requested = Requested {
            write_off: WriteOffId::derive(&[key]),
            lines: lines.to_vec(),
            requested_by: "finance-app".into(),
            reason: "the customer does not accept it".into(),
        };
        self.envelope(key, requested.into())
    }

    async fn take(&self, event: &Envelope) -> Outcome {
        let answers = WriteOffRequested.handle(&self.context, vec![event.clone()]).await;
        *answers[0].1.as_ref().unwrap()
    }

    async fn billed_by_time(&self) -> String {
        let engagement = self.engagement.engagement.as_str();
        let state = self.context.journal.engagement(TENANT, engagement).await.unwrap().body.unwrap();
        state.time_billed.unwrap().amount().to_string()
    }

    fn kind(&self, kind: &str) -> Vec<Item> {
        self.table.items().into_iter().filter(|item| item.text("kind") == Some(kind)).collect()
    }

    fn standing(&self) -> Vec<String> {
        let of = |id: &LineId| {
            let lines = self.kind("line");
            let line = lines.iter().find(|l| l.text("line") == Some(id.as_str())).unwrap();
            line.text("status").unwrap().to_owned()
        };
        self.lines.iter().map(of).collect()
    }

    /// An invoice that takes whatever is ready.
    async fn invoice(&self) -> Invoice {
        let (journal, id) = (&self.context.journal, &self.engagement.engagement);
        let invoice = InvoiceId::derive(&["the month"]);
        let fresh = Invoice::request(&self.engagement, invoice.clone(), "the month".into());
        done(journal, Commit::default().write(journal.write_invoice(TENANT, id, &fresh, 0, now()).unwrap()))
            .await;
        let known = journal.invoice(TENANT, id, &invoice).await.unwrap();
        journal.collect_lines(TENANT, id, known, &[], now()).await.unwrap().body.unwrap()
    }
}

/// Proves BIL-11 and EVT-14: two of four lines of 180.00 leave the work in progress, which is 360.00 less; the
/// invoice takes the other two, 360.00. It is told once, however often it is asked for.
#[tokio::test]
async fn what_is_written_off_is_not_billed() {
    let w = world().await;
    let asked = w.asked("k1", &w.lines[..2]);
    assert_eq!(w.take(&asked).await, Outcome::Applied);
    assert_eq!(w.take(&asked).await, Outcome::Duplicate);
    assert_eq!(w.standing(), ["written-off", "written-off", "ready", "ready"]);
    let [write_off] = &w.kind("write-off")[..] else { panic!("one write-off") };
    assert_eq!(write_off.0["amount"]["amount"], "360.00");
    let outbox: String = w.kind("journal").iter().filter_map(|i| i.text("outbox")).collect();
    assert_eq!(outbox.matches("\"type\":\"q2c.write-off.recorded.v1\"").count(), 1);
    let invoice = w.invoice().await;
    assert_eq!((invoice.line_count, invoice.untaxed), (2, usd("360.00")));
}

/// Proves BIL-13 in part: 720.00 of 720.00 are used; what is written off leaves room for as much and no more.
#[tokio::test]
async fn what_is_written_off_leaves_room_below_the_ceiling() {
    let w = world().await;
    assert!(w.work("5").await.is_none(), "the ceiling is reached");
    assert_eq!(w.take(&w.asked("k1", &w.lines[..1])).await, Outcome::Applied);
    assert_eq!(w.billed_by_time().await, "540.00");
    assert!(w.work("6").await.is_some());
    assert!(w.work("7").await.is_none());
    assert_eq!(w.billed_by_time().await, "720.00");
}

/// Of a request with one line that an invoice owns, nothing is done, and finance is told which one.
#[tokio::test]
async fn a_line_of_an_invoice_keeps_the_others_from_being_written_off() {
    let w = world().await;
    assert_eq!(w.take(&w.asked("k1", &w.lines[..1])).await, Outcome::Applied);
    w.invoice().await;
    let late = w.asked("k2", &w.lines[..2]);
    assert_eq!(w.take(&late).await, Outcome::Held);
    assert_eq!(w.take(&late).await, Outcome::Duplicate);
    assert_eq!(w.standing(), ["written-off", "invoiced", "invoiced", "invoiced"]);
    let [exception] = &w.kind("exception")[..] else { panic!("one exception") };
    assert_eq!(exception.text("code"), Some("Q2C-0331"));
    let detail = exception.text("detail").unwrap();
    assert!(detail.contains(&format!("{} is written-off", w.lines[0])), "{detail}");
    assert!(detail.contains(&format!("{} is invoiced", w.lines[1])), "{detail}");
    assert_eq!(w.billed_by_time().await, "540.00");
}

/// An entry is corrected by half an hour less, −90.00, while its line of 180.00 is being written off: finance looks again,
/// and the difference never stands alone.
#[tokio::test]
async fn what_is_corrected_meanwhile_is_not_written_off_whole() {
    let mut kept = 0;
    loop {
        let w = world_below(None).await;
        let slow = Arc::new(OvertakenStore::new(w.table.clone(), kept));
        let context = Context { journal: Journal::new(slow.clone()), ..w.context.clone() };
        let asked = w.asked("k1", &w.lines[..1]);
        let correcting = async {
            w.approve("1", 30, now().saturating_add(SignedDuration::from_hours(1)).unwrap()).await;
        };
        let taking = WriteOffRequested.handle(&context, vec![asked]);
        let (answers, overtaken) = Box::pin(slow.overtake(taking, correcting)).await;
        let outcome = *answers[0].1.as_ref().unwrap();
        if !overtaken {
            assert_eq!(outcome, Outcome::Applied);
            break;
        }
        assert_eq!(outcome, Outcome::Held, "kept read {kept}");
        let mut amounts: Vec<_> =
            w.kind("line").iter().map(|l| l.body::<BillableLine>().unwrap().amount).collect();
        amounts.sort_by_key(|money| money.amount());
        assert_eq!(amounts, [usd("-90.00"), usd("180.00"), usd("180.00"), usd("180.00"), usd("180.00")]);
        assert_eq!(w.standing(), ["ready"; 4]);
        kept += 1;
    }
    assert!(kept >= 2, "the engagement and its lines are read");
}

/// Two at once for one line, and an invoice beside them: one has it.
#[tokio::test]
async fn of_several_at_once_one_has_the_line() {
    let w = world().await;
    let (one, other) = (w.asked("k1", &w.lines[..2]), w.asked("k2", &w.lines[1..3]));
    let (one, other, invoice) = futures::join!(w.take(&one), w.take(&other), w.invoice());
    let written_off = w.standing().iter().filter(|s| *s == "written-off").count();
    let done = [one, other].iter().filter(|o| **o == Outcome::Applied).count();
    assert_eq!(written_off, 2 * done, "whole requests: {one:?}, {other:?}");
    assert!(done < 2, "both name the second line");
    assert_eq!(invoice.line_count as usize, w.standing().iter().filter(|s| *s == "invoiced").count());
}
