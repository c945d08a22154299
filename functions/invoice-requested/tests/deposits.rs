//! What invoices draw on a deposit: never more than it is, whatever runs at once, and given back with the invoice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::billing::{BillableLine, Evidence, LineStatus};
use domain::deposit::{DepositBalance, Drawing, DrawnWhen, deposit_line as line_of_deposit};
use domain::event::InvoiceRequested as Requested;
use domain::id::{InvoiceId, LineId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::Money;
use domain::sample::{active, config, deposit_line, entry, quote, usd};
use domain::{Engagement, Event};
use events::{Envelope, Traceparent};
use invoice_requested::InvoiceRequested;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Item, Key, Write};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Handler};
use uuid::Uuid;

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
    /// An engagement with a deposit of so much, which is on a posted invoice.
    async fn new(amount: &str) -> Self {
        let mut sold = quote();
        sold.lines.push(deposit_line("80", ("D1", amount), DrawnWhen::Posted));
        let (table, engagement) = (Arc::new(MemoryStore::new()), active(&sold));
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(at(100))));
        // No ERP is configured: whoever has fixed an invoice's lines fails at it.
        let tenants = BTreeMap::from([(TENANT.to_owned(), Arc::new(config()))]);
        let known = FakeConnections { tenants, ..FakeConnections::default() };
        let context = context("invoice-requested", table.clone(), &bus, &clock, known);
        let w = Self { table, context, engagement };
        let write = w.context.journal.write_state(TENANT, &w.engagement, 0, at(0)).unwrap();
        w.commit(vec![write]).await;
        let evidence = Evidence::Deposit { deposit: "D1".into(), name: "Deposit".into() };
        let id = line_of_deposit(&w.engagement.engagement, "D1");
        w.ready(id.clone(), ("80", "DEPOSIT"), amount, evidence).await;
        let (journal, eng) = (&w.context.journal, &w.engagement.engagement);
        let invoice = InvoiceId::derive(&["deposit"]);
        let fresh = Invoice::request(&w.engagement, invoice.clone(), "deposit".into());
        w.commit(vec![journal.write_invoice(TENANT, eng, &fresh, 0, at(0)).unwrap()]).await;
        let known = journal.invoice(TENANT, eng, &invoice).await.unwrap();
        let taken = journal.collect_lines(TENANT, eng, known, &[id], at(1)).await.unwrap();
        let body = taken.body.unwrap();
        let total = Some(body.untaxed);
        let posted = Invoice { status: InvoiceStatus::Posted, tax: Some(usd("0.00")), total, ..body };
        w.commit(vec![journal.write_invoice(TENANT, eng, &posted, taken.version, at(2)).unwrap()]).await;
        w
    }

    async fn commit(&self, writes: Vec<Write>) {
        let commit = writes.into_iter().fold(Commit::default(), Commit::write);
        assert!(matches!(self.context.journal.commit(commit).await.unwrap(), Committed::Done));
    }

    async fn ready(
        &self,
        line: LineId,
        (quote_line, service): (&str, &str),
        amount: &str,
        evidence: Evidence,
    ) {
        let (contract, eng) = (&self.engagement.contract, self.engagement.engagement.as_str());
        let day = "2026-11-16".parse().unwrap();
        let line = BillableLine::sold(contract, line, (quote_line, service), (usd(amount), day), evidence);
        let key = Key::line(TENANT, eng, line.line.as_str());
        let item = Item::new(&key, "line", TENANT, &line)
            .unwrap()
            .with("status", "ready")
            .with("status_key", format!("tenant#{TENANT}#engagement#{eng}#line#ready"))
            .with("status_at", at(1).to_string());
        self.commit(vec![Write::Insert { item, cause: Uuid::nil() }]).await;
    }

    async fn work(&self, name: &str, amount: &str) -> LineId {
        let evidence =
            Evidence::Time { entry: entry(name, "consultant", "2026-11-16", 60), hourly: usd("180.00") };
        let line = LineId::derive(&[name]);
        self.ready(line.clone(), ("3", "ADVISORY"), amount, evidence).await;
        line
    }

    fn requested(&self, name: &str) -> Envelope {
        let asked: Event = Requested::of(InvoiceId::derive(&[name]), vec![], name.into()).into();
        let subject = self.engagement.engagement.as_str();
        Envelope::reported(TENANT, "finance", name, subject, at(90), asked, Traceparent::start())
    }

    /// Fixes an invoice's lines; the ERP is out of reach.
    async fn fixed(&self, event: &Envelope) {
        let mut done = InvoiceRequested.handle(&self.context, vec![event.clone()]).await;
        assert!(done.remove(0).1.is_err(), "there is no ERP");
    }

    async fn invoice(&self, name: &str) -> Invoice {
        let (id, invoice) = (&self.engagement.engagement, InvoiceId::derive(&[name]));
        self.context.journal.invoice(TENANT, id, &invoice).await.unwrap().body.unwrap()
    }

    async fn balance(&self) -> DepositBalance {
        let (deposits, _) = self.context.journal.billed_deposits(TENANT, &self.engagement).await.unwrap();
        deposits[0].balance().unwrap()
    }

    fn drawdowns(&self) -> Vec<(BillableLine, String)> {
        let items = self.table.items();
        let lines = items.iter().filter(|i| i.text("kind") == Some("line"));
        let all = lines.map(|i| (i.body::<BillableLine>().unwrap(), i.text("status").unwrap().to_owned()));
        all.filter(|(line, _)| matches!(line.evidence, Evidence::Drawdown { .. })).collect()
    }
}

/// 300.00 of work and a deposit of 200.00: 100.00 are billed, and the line of −200.00 is the invoice's own. Asked once
/// more, nothing further is drawn.
#[tokio::test]
async fn an_invoice_draws_a_deposit_with_its_lines_and_once() {
    let w = World::new("200.00").await;
    w.work("a", "300.00").await;
    let event = w.requested("1");
    for _ in 0..2 {
        w.fixed(&event).await;
        let invoice = w.invoice("1").await;
        assert_eq!((invoice.status, invoice.untaxed), (InvoiceStatus::Drafted, usd("100.00")));
        assert_eq!((invoice.line_count, invoice.taken_off()), (2, usd("200.00")));
        let [(line, status)] = &w.drawdowns()[..] else { panic!("one drawdown") };
        assert_eq!((line.amount, status.as_str()), (usd("-200.00"), "invoiced"));
        assert_eq!((line.service.as_str(), line.quote_line.as_str()), ("DEPOSIT", "80"));
        let id = &w.engagement.engagement;
        let owned = w.context.journal.invoice_lines(TENANT, id, &invoice.invoice).await.unwrap();
        assert!(owned.contains(line), "it is on the invoice's pages");
        assert_eq!(w.balance().await.left, usd("0.00"));
    }
}

/// Two invoices are fixed at the same moment, again and again: together they never draw more than there is.
#[tokio::test]
async fn two_invoices_at_once_never_draw_more_than_the_deposit() {
    for amount in ["100.00", "250.00", "1000.00"] {
        let w = World::new(amount).await;
        for round in 0..4 {
            w.work(&format!("a{round}"), "60.00").await;
            w.work(&format!("b{round}"), "45.00").await;
            let (one, other) = (w.requested(&format!("1-{round}")), w.requested(&format!("2-{round}")));
            futures::join!(
                InvoiceRequested.handle(&w.context, vec![one]),
                InvoiceRequested.handle(&w.context, vec![other])
            );
        }
        let nothing = usd("0.00");
        let taken = w.drawdowns().into_iter().map(|(line, _)| nothing.minus(line.amount).unwrap());
        let taken = Money::total(nothing.currency(), taken).unwrap();
        let DepositBalance { drawn, left, .. } = w.balance().await;
        assert_eq!(taken, drawn, "what is kept is what the lines take off");
        let (whole, billed) = (usd(amount), usd("420.00"));
        let due = if whole.exceeds(billed).unwrap() { billed } else { whole };
        assert_eq!((drawn, left), (due, whole.minus(due).unwrap()), "4 × (60 + 45) = 420");
    }
}

/// An invoice that is taken back before the ERP has it gives back what it drew; the next one draws it.
#[tokio::test]
async fn an_invoice_that_is_taken_back_gives_back_what_it_drew() {
    let w = World::new("200.00").await;
    let work = w.work("a", "300.00").await;
    w.fixed(&w.requested("1")).await;
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    for _ in 0..2 {
        journal.withdraw_invoice(TENANT, id, &InvoiceId::derive(&["1"]), at(110)).await.unwrap();
        assert_eq!(w.invoice("1").await.status, InvoiceStatus::Withdrawn);
        assert_eq!(w.balance().await.left, usd("200.00"));
        let [(_, status)] = &w.drawdowns()[..] else { panic!("one drawdown") };
        assert_eq!(status, "withdrawn");
        let line = journal.line(TENANT, id.as_str(), work.as_str()).await.unwrap().unwrap();
        assert_eq!((line.status, line.invoice), (LineStatus::Ready, None));
    }
    w.fixed(&w.requested("2")).await;
    assert_eq!(w.invoice("2").await.untaxed, usd("100.00"));
    assert_eq!((w.balance().await.drawn, w.drawdowns().len()), (usd("200.00"), 2));
}

/// What a deposit covers wholly is an invoice of nothing, which goes to the ERP like any other.
#[tokio::test]
async fn an_invoice_that_is_covered_is_made_all_the_same() {
    let w = World::new("500.00").await;
    w.work("a", "300.00").await;
    w.fixed(&w.requested("1")).await;
    let invoice = w.invoice("1").await;
    assert_eq!((invoice.status, invoice.untaxed), (InvoiceStatus::Drafted, usd("0.00")));
    assert_eq!(w.balance().await.left, usd("200.00"));
}

/// What was read of a deposit before another invoice drew on it, or a credit memo was asked for, is not written: the
/// invoice that bills it has another version by then.
#[tokio::test]
async fn what_was_read_before_another_drew_is_not_written() {
    let w = World::new("200.00").await;
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let (deposits, versions) = journal.billed_deposits(TENANT, &w.engagement).await.unwrap();
    w.work("a", "50.00").await;
    w.fixed(&w.requested("1")).await;
    let slow = Invoice::request(&w.engagement, InvoiceId::derive(&["slow"]), "slow".into());
    let slow = Invoice { untaxed: usd("300.00"), ..slow };
    let drawing = Drawing::of(slow, &deposits, "2026-11-20".parse().unwrap()).unwrap();
    assert_eq!(drawing.invoice.taken_off(), usd("200.00"), "as it was read");
    let writes = journal.write_drawing(TENANT, id, (&drawing, &versions), at(111)).unwrap();
    let late = writes.into_iter().fold(Commit::default(), Commit::write);
    assert!(matches!(journal.commit(late).await.unwrap(), Committed::Rejected(_)));
    assert_eq!((w.balance().await.drawn, w.drawdowns().len()), (usd("50.00"), 1));
}
