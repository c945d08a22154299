//! Credits and rebills as other systems' users have reported them to go wrong, each replayed in its order.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../invoice-posted/tests/named_cases/products.rs"]
mod products;

use std::sync::Arc;

use credit_memo_issued::CreditMemoIssued;
use credit_memo_requested::CreditMemoRequested;
use domain::Event;
use domain::approval::{ApprovalRule, ApprovalStatus, CREDIT_MEMO};
use domain::billing::{BillableLine, time_approved};
use domain::credit_memo::{
    CreditMemo, CreditMemoIssued as Issued, CreditMemoRequested as Asked, CreditMemoStatus, IssuedCredit,
    PostedCredit, Reduction,
};
use domain::event::{InvoicePosted as Posted, InvoiceRequested as Requested, PaymentReceived as Received};
use domain::id::{CreditMemoId, EngagementId, InvoiceId, LineId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::invoicing::{Ask, InvoicePolicy};
use domain::problem::{Owner, ProblemCode};
use domain::sample::{active, config, entry, quote, usd};
use events::{Envelope, Traceparent};
use invoice_posted::InvoicePosted;
use invoice_requested::InvoiceRequested;
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Expect, Item, Journal, Key, Op, Store, apply_group};
use payment_received::PaymentReceived;
use products::{Product, connections};
use runtime::fake::{FakeBus, FakeClock, context};
use runtime::{Handler, Outcome};

const TENANT: &str = "northwind";
const ERP: &str = "tryton-us";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn reported(delivery: &str, subject: &str, event: Event) -> Envelope {
    Envelope::reported(TENANT, ERP, delivery, subject, now(), event, Traceparent::start())
}

struct World {
    table: Arc<MemoryStore>,
    journal: Journal,
    product: Arc<Product>,
    clock: Arc<FakeClock>,
    engagement: EngagementId,
    /// Whether the tenant lets finance approve credit memos.
    approves: bool,
    /// Whether the tenant asks for an invoice of each line that becomes ready.
    at_once: bool,
}

impl World {
    /// Two approved hours, 180.00 each, on a posted invoice.
    async fn invoiced() -> Self {
        let (table, state) = (Arc::new(MemoryStore::new()), active(&quote()));
        let journal = Journal::new(table.clone());
        let write = journal.write_state(TENANT, &state, 0, now()).unwrap();
        assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
        let clock = Arc::new(FakeClock::at(now()));
        let (product, engagement) = (Arc::default(), state.engagement);
        let world = Self { table, journal, product, clock, engagement, approves: false, at_once: false };
        for hour in ["1", "2"] {
            world.approve_hour(hour).await;
        }
        world.invoice("one").await;
        world
    }

    async fn approve_hour(&self, hour: &str) {
        let worked = entry(hour, "consultant", "2026-11-16", 60);
        let event = reported(hour, self.engagement.as_str(), Event::TimeApproved(worked.clone()));
        let decide = |s: Option<&domain::Engagement>, _: &Envelope| time_approved(s, &worked);
        apply_group(&self.journal, "time-approved", &[event], now(), &decide).await.unwrap();
    }

    async fn deliver(&self, handler: &dyn Handler, event: Envelope) -> Result<Outcome, String> {
        let mut products = connections(&self.product);
        let mut tenant = config();
        if self.at_once {
            tenant.invoicing.policies = vec![InvoicePolicy { ask: Ask::AtOnce, ..InvoicePolicy::default() }];
        }
        if self.approves {
            tenant.approvals.push(ApprovalRule {
                what: CREDIT_MEMO.into(),
                asked_of: Owner::FinanceOperations,
                remind_after_hours: 24,
                expires_after_hours: 168,
            });
        }
        products.tenants.insert(TENANT.into(), Arc::new(tenant));
        let context =
            context("test", self.table.clone(), &Arc::new(FakeBus::default()), &self.clock, products);
        handler.handle(&context, vec![event]).await.remove(0).1.map_err(|failure| failure.reason)
    }

    /// Everything that is ready becomes an invoice, is posted and read back.
    async fn invoice(&self, name: &str) -> Option<Invoice> {
        let invoice = InvoiceId::derive(&[name]);
        let request = Requested::of(invoice.clone(), vec![], name.into());
        let requested = reported(name, self.engagement.as_str(), request.into());
        if self.deliver(&InvoiceRequested, requested).await.unwrap() == Outcome::NoEffect {
            return None;
        }
        let record = self.product.invoices.lock().unwrap()[&invoice].record.clone();
        let posted = Posted { connection: ERP.into(), record, invoice: invoice.clone() };
        let posted = reported(&format!("{name} posted"), invoice.as_str(), posted.into());
        assert_eq!(self.deliver(&InvoicePosted, posted).await, Ok(Outcome::Applied));
        Some(self.read(name).await)
    }

    async fn read(&self, name: &str) -> Invoice {
        let id = InvoiceId::derive(&[name]);
        self.journal.invoice(TENANT, &self.engagement, &id).await.unwrap().body.expect("an invoice")
    }

    async fn lines(&self, name: &str) -> Vec<BillableLine> {
        self.journal.invoice_lines(TENANT, &self.engagement, &InvoiceId::derive(&[name])).await.unwrap()
    }

    async fn line(&self, line: &LineId) -> Item {
        let key = Key::line(TENANT, self.engagement.as_str(), line.as_str());
        self.journal.store().get(&key).await.unwrap().expect("a line")
    }

    async fn memo(&self, name: &str) -> Option<CreditMemo> {
        let id = CreditMemoId::derive(&[name]);
        self.journal.credit_memo(TENANT, &self.engagement, &id).await.unwrap().body
    }

    fn asked(&self, name: &str, lines: Vec<LineId>, rebill: bool) -> Asked {
        Asked {
            credit_memo: CreditMemoId::derive(&[name]),
            invoice: InvoiceId::derive(&["one"]),
            lines,
            reduction: None,
            reason: "billed too early".into(),
            rebill,
            requested_by: "finance-app".into(),
            dispute: None,
        }
    }

    async fn ask(&self, name: &str, asked: Asked) -> Result<Outcome, String> {
        self.deliver(&CreditMemoRequested, reported(name, self.engagement.as_str(), asked.into())).await
    }

    /// The function died before it could end a credit memo's run.
    async fn leave_unfinished(&self, name: &str) {
        let id = CreditMemoId::derive(&[name]);
        let key = Key::workflow(TENANT, self.engagement.as_str(), "credit-memo", id.as_str());
        let set = serde_json::Map::from_iter([
            ("status".to_owned(), "running".into()),
            ("lease_until".to_owned(), "2026-11-21T00:00:00Z".into()),
        ]);
        let op = Op::Update { key, set, remove: vec![], expect: Expect::Anything };
        self.table.write(vec![op]).await.unwrap();
    }

    /// What the ERP's webhook tells of a credit memo of ours.
    async fn told(&self, name: &str) -> Result<Outcome, String> {
        let id = CreditMemoId::derive(&[name]);
        let record = self.product.credits.lock().unwrap()[&id].record.clone();
        let event = Issued { connection: ERP.into(), record, credit_memo: Some(id.clone()) };
        self.deliver(&CreditMemoIssued, reported(&format!("{name} told"), id.as_str(), event.into())).await
    }

    async fn pay(&self, amount: &str) -> Invoice {
        let event = Received {
            payment: PaymentId::derive(&[amount]),
            connection: "stripe-main".into(),
            record: format!("pi_{amount}"),
            amount: usd(amount),
            invoice_number: self.read("one").await.number,
            remittance: vec![],
            customer: None,
            received_at: now(),
        };
        let subject = event.payment.to_string();
        let paid = self.deliver(&PaymentReceived, reported("paid", &subject, event.into())).await;
        assert_eq!(paid, Ok(Outcome::Applied));
        self.read("one").await
    }

    fn waits_for(&self, code: ProblemCode) -> Vec<String> {
        let items = self.table.items();
        let of = items
            .iter()
            .filter(|i| i.text("kind") == Some("exception") && i.text("code") == Some(code.as_str()));
        of.filter_map(|i| i.text("detail").map(str::to_owned)).collect()
    }
}

/// Proves BIL-14 and BIL-20 in part. Named after odoo/odoo #250946: hours are invoiced, the invoice is credited, and
/// the hours are invoiced again. They are once on the next invoice, under the same line, however often anything is repeated.
#[tokio::test]
async fn hours_already_invoiced_invoiced_again() {
    let world = World::invoiced().await;
    let before = world.read("one").await;
    let lines: Vec<LineId> = world.lines("one").await.into_iter().map(|l| l.line).collect();
    let asked = world.asked("m", lines.clone(), true);
    for expected in [Outcome::Applied, Outcome::Duplicate] {
        assert_eq!(world.ask("m", asked.clone()).await, Ok(expected));
    }
    assert_eq!(world.told("m").await, Ok(Outcome::NoEffect), "its workflow knew first");
    assert_eq!(world.told("m").await, Ok(Outcome::Duplicate));
    let credited = world.read("one").await;
    assert_eq!((credited.status, credited.open().unwrap()), (InvoiceStatus::Credited, usd("0.00")));
    assert_eq!((credited.untaxed, credited.total, credited.line_count), (before.untaxed, before.total, 2));
    assert_eq!(world.product.set_off.lock().unwrap().len(), 1, "set off once");
    for hour in ["1", "2"] {
        world.approve_hour(hour).await;
    }
    let again = world.invoice("two").await.expect("an invoice");
    assert_eq!(again.untaxed, usd("360.00"), "2 x 180");
    let billed: Vec<LineId> = world.lines("two").await.into_iter().map(|l| l.line).collect();
    assert_eq!(billed.len(), 2);
    assert!(lines.iter().all(|line| billed.contains(line)), "the same lines");
    assert_eq!(world.ask("m", asked).await, Ok(Outcome::Duplicate));
    assert!(world.invoice("three").await.is_none(), "nothing is left to be billed");
    let owner = world.line(&lines[0]).await;
    assert_eq!(owner.text("invoice"), Some(again.invoice.as_str()));
}

/// Named after odoo/odoo #265840: a refund of a part is made, and the line is billed again although it was billed already.
#[tokio::test]
async fn a_partial_refund_that_adds_the_line_again() {
    let world = World::invoiced().await;
    let line = world.lines("one").await[0].line.clone();
    let reduction = Some(Reduction { line: Some(line.clone()), amount: usd("80.00") });
    let asked = Asked { reduction, ..world.asked("part", vec![], false) };
    assert_eq!(world.ask("part", asked).await, Ok(Outcome::Applied));
    let after = world.read("one").await;
    assert_eq!((after.open().unwrap(), after.status), (usd("280.00"), InvoiceStatus::Posted), "360 - 80");
    assert_eq!(world.line(&line).await.text("status"), Some("invoiced"));
    assert!(world.invoice("two").await.is_none(), "a part of a price releases nothing");
    assert_eq!(world.pay("280.00").await.status, InvoiceStatus::Paid);
}

/// Whoever invoices at once does so of what is billed anew: it is asked for with the posting, once, whoever hears of it.
#[tokio::test]
async fn what_is_billed_anew_is_asked_for_by_its_policy() {
    for (at_once, rebill, expected) in [(true, true, 1), (true, false, 0), (false, true, 0)] {
        let world = World { at_once, ..World::invoiced().await };
        let lines: Vec<LineId> = world.lines("one").await.into_iter().map(|l| l.line).collect();
        assert_eq!(world.ask("m", world.asked("m", lines.clone(), rebill)).await, Ok(Outcome::Applied));
        assert_eq!(world.told("m").await, Ok(Outcome::NoEffect));
        let items = world.table.items();
        let outboxes = items.iter().filter_map(|item| item.text("outbox"));
        let sent = outboxes.flat_map(|o| serde_json::from_str::<Vec<Envelope>>(o).unwrap());
        let asked: Vec<Requested> = sent
            .filter_map(|e| match e.event {
                Event::InvoiceRequested(asked) => Some(asked),
                _ => None,
            })
            .collect();
        assert_eq!(asked.len(), expected, "at once: {at_once}, anew: {rebill}");
        assert!(asked.iter().all(|asked| asked.lines.len() == lines.len()));
    }
}

/// Two people credit the same line: at most one of them does, and the other is told what stands in the way.
#[tokio::test]
async fn of_two_credit_memos_of_one_line_one_counts() {
    let world = World::invoiced().await;
    let line = world.lines("one").await[0].line.clone();
    let (first, second) =
        (world.asked("a", vec![line.clone()], true), world.asked("b", vec![line.clone()], false));
    let outcomes = futures::future::join(world.ask("a", first), world.ask("b", second.clone())).await;
    assert_eq!(outcomes, (Ok(Outcome::Applied), Ok(Outcome::Held)));
    assert_eq!(world.product.credits.lock().unwrap().len(), 1);
    assert_eq!(world.waits_for(ProblemCode::CreditMemoInvalid).len(), 1);
    assert!(world.memo("b").await.is_none());
    assert_eq!(world.ask("b", second).await, Ok(Outcome::Duplicate), "the request is over");
    assert_eq!(world.line(&line).await.text("status"), Some("ready"));
}

/// Named after getlago/lago-api #6113: an invoice was voided here and the ERP never heard of it. Here nothing is taken off before
/// the ERP has it in its books; what it refuses is held with its words, and goes on once it is corrected there.
#[tokio::test]
async fn a_void_that_never_reached_the_erp() {
    let world = World::invoiced().await;
    let lines: Vec<LineId> = world.lines("one").await.into_iter().map(|l| l.line).collect();
    *world.product.credit_is_refused.lock().unwrap() = true;
    let asked = world.asked("m", lines.clone(), false);
    assert_eq!(world.ask("m", asked.clone()).await, Ok(Outcome::Held));
    assert!(world.waits_for(ProblemCode::ProductRefused)[0].contains("on order"), "the ERP's words");
    let invoice = world.read("one").await;
    assert_eq!((invoice.status, invoice.credited), (InvoiceStatus::Posted, None));
    assert_eq!(world.line(&lines[0]).await.text("status"), Some("invoiced"));
    *world.product.credit_is_refused.lock().unwrap() = false;
    assert_eq!(world.ask("m", asked).await, Ok(Outcome::Applied));
    assert_eq!(world.read("one").await.status, InvoiceStatus::Credited);
    assert_eq!(world.line(&lines[0]).await.text("status"), Some("credited"));
    assert!(world.invoice("two").await.is_none(), "credited for good");
}

/// Named after getlago/lago-api #5482: the call timed out, was sent again, and the ERP had two. Here it is asked first.
#[tokio::test]
async fn a_read_time_out_that_duplicated_an_erp_invoice() {
    let world = World::invoiced().await;
    let line = world.lines("one").await[0].line.clone();
    *world.product.credit_is_silent.lock().unwrap() = true;
    let asked = world.asked("m", vec![line], true);
    assert!(world.ask("m", asked.clone()).await.is_err(), "unknown");
    assert_eq!(world.memo("m").await.unwrap().status, CreditMemoStatus::Approved);
    world.clock.pass(SignedDuration::from_mins(10));
    assert_eq!(world.ask("m", asked).await, Ok(Outcome::Applied));
    assert_eq!(*world.product.credits_made.lock().unwrap(), 1);
    assert_eq!(world.memo("m").await.unwrap().status, CreditMemoStatus::Applied);
}

/// The ERP's webhook may be quicker than the workflow that had the credit memo posted: then it takes it off, once.
#[tokio::test]
async fn the_erps_word_that_is_quicker_takes_it_off_and_shows_it() {
    let world = World::invoiced().await;
    let line = world.lines("one").await[0].line.clone();
    *world.product.credit_is_silent.lock().unwrap() = true;
    let asked = world.asked("m", vec![line.clone()], false);
    assert!(world.ask("m", asked.clone()).await.is_err(), "unknown");
    {
        let mut credits = world.product.credits.lock().unwrap();
        let made = credits.get_mut(&CreditMemoId::derive(&["m"])).unwrap();
        (made.posted, made.number) = (true, Some("CN1".into()));
        made.credited_on = Some(jiff::civil::date(2026, 11, 22));
    }
    assert_eq!(world.told("m").await, Ok(Outcome::Applied));
    assert_eq!(world.read("one").await.open().unwrap(), usd("180.00"), "360 - 180");
    world.clock.pass(SignedDuration::from_mins(10));
    assert_eq!(world.ask("m", asked).await, Ok(Outcome::Applied));
    assert_eq!(world.read("one").await.open().unwrap(), usd("180.00"), "once");
    assert_eq!(world.line(&line).await.text("status"), Some("credited"));
}

/// Asked for before the invoice was read back as posted, it waits for that.
#[tokio::test]
async fn a_request_before_the_posting_is_known_waits_for_it() {
    let world = World::invoiced().await;
    world.approve_hour("3").await;
    let invoice = InvoiceId::derive(&["late"]);
    let request = Requested::of(invoice.clone(), vec![], "late".into());
    let requested = reported("late", world.engagement.as_str(), request.into());
    assert_eq!(world.deliver(&InvoiceRequested, requested).await, Ok(Outcome::Applied));
    let line = world.lines("late").await[0].line.clone();
    let asked = Asked { invoice, ..world.asked("m", vec![line], true) };
    for _ in 0..2 {
        assert_eq!(world.ask("m", asked.clone()).await, Ok(Outcome::Parked));
    }
    assert!(world.memo("m").await.is_none() && world.waits_for(ProblemCode::CreditMemoInvalid).is_empty());
    world.invoice("late").await;
    assert_eq!(world.ask("m", asked).await, Ok(Outcome::Applied));
}

/// Where the tenant lets finance approve credit memos, nothing is written to the ERP before it said yes; two that wait
/// do not give each other up.
#[tokio::test]
async fn nothing_is_credited_before_finance_has_said_yes() {
    let world = World { approves: true, ..World::invoiced().await };
    let lines: Vec<LineId> = world.lines("one").await.into_iter().map(|l| l.line).collect();
    let (first, second) =
        (world.asked("a", vec![lines[0].clone()], true), world.asked("b", vec![lines[1].clone()], true));
    assert_eq!(world.ask("a", first.clone()).await, Ok(Outcome::Parked));
    assert_eq!(world.ask("b", second.clone()).await, Ok(Outcome::Parked));
    assert!(world.product.credits.lock().unwrap().is_empty());
    let contested = world.asked("c", vec![lines[0].clone()], true);
    assert_eq!(world.ask("c", contested).await, Ok(Outcome::Held), "what waits holds its line");
    let open: Vec<Item> =
        world.table.items().into_iter().filter(|i| i.text("kind") == Some("approval")).collect();
    assert_eq!(open.len(), 2);
    for item in open {
        let mut approval: domain::approval::Approval = item.body().unwrap();
        assert_eq!((approval.what.as_str(), approval.status), (CREDIT_MEMO, ApprovalStatus::Requested));
        let yes = approval.content == CreditMemoId::derive(&["a"]).as_str();
        approval.status = if yes { ApprovalStatus::Approved } else { ApprovalStatus::Rejected };
        let write = world.journal.write_approval(TENANT, &approval, item.version(), now()).unwrap();
        assert!(matches!(
            world.journal.commit(Commit::default().write(write)).await.unwrap(),
            Committed::Done
        ));
    }
    assert_eq!(world.ask("a", first).await, Ok(Outcome::Applied));
    assert_eq!(world.ask("b", second.clone()).await, Ok(Outcome::NoEffect));
    world.leave_unfinished("b").await;
    assert_eq!(
        world.ask("b", second).await,
        Ok(Outcome::NoEffect),
        "no stays no when the run did not get to its end"
    );
    assert_eq!(world.memo("b").await.unwrap().status, CreditMemoStatus::Rejected);
    assert_eq!(world.line(&lines[1]).await.text("status"), Some("invoiced"));
    assert_eq!(world.product.credits.lock().unwrap().len(), 1);
}

/// Proves SCN-24 in part: what was taken off leads to the time that earned it and to the quote line that sold it, and
/// from the line back to what released it.
#[tokio::test]
async fn what_was_credited_leads_to_time_and_quote() {
    let world = World::invoiced().await;
    let line = world.lines("one").await[0].line.clone();
    assert_eq!(world.ask("m", world.asked("m", vec![line], false)).await, Ok(Outcome::Applied));
    let memo = world.memo("m").await.unwrap();
    let item = world.line(memo.released().next().expect("a line")).await;
    let found: BillableLine = item.body().unwrap();
    let domain::billing::Evidence::Time { entry, .. } = &found.evidence else { panic!("time") };
    assert!(entry.connection == "kantata-main" && ["1", "2"].contains(&entry.entry.as_str()), "{entry:?}");
    assert_eq!((found.quote_line.as_str(), found.contract_version), ("3", memo.contract_version));
    assert_eq!(item.text("credit_memo"), Some(memo.credit_memo.as_str()));
}

/// Money that comes after the credit is left over; what was paid before stays on the customer's account.
#[tokio::test]
async fn cash_and_credit_never_settle_the_same() {
    let world = World::invoiced().await;
    let line = world.lines("one").await[0].line.clone();
    assert_eq!(world.pay("360.00").await.status, InvoiceStatus::Paid);
    assert_eq!(world.ask("m", world.asked("m", vec![line], false)).await, Ok(Outcome::Applied));
    let memo = world.memo("m").await.unwrap();
    assert_eq!((memo.status, memo.on_account().unwrap()), (CreditMemoStatus::Posted, Some(usd("180.00"))));
    assert!(world.product.set_off.lock().unwrap().is_empty(), "nothing was open");
    let invoice = world.read("one").await;
    assert_eq!((invoice.status, invoice.open().unwrap()), (InvoiceStatus::Paid, usd("0.00")));
}

/// Proves BIL-24: what somebody credits in the ERP by hand is recorded with the invoice, counted once, and shown
/// to finance with invoice and amount; our invoice stays as it is.
#[tokio::test]
async fn a_credit_note_by_hand_is_recorded_and_shown_to_finance() {
    let world = World::invoiced().await;
    let invoice = InvoiceId::derive(&["one"]);
    let credit = |record: &str| PostedCredit {
        record: record.into(),
        posted: true,
        number: Some("CN2026-00009".into()),
        credited_on: None,
        untaxed: usd("50.00"),
        tax: usd("5.00"),
        total: usd("55.00"),
    };
    let issued = |record: &str, invoices, customer: Option<&str>| IssuedCredit {
        credit: credit(record),
        carries: None,
        invoices,
        customer: customer.map(str::to_owned),
    };
    let notes = [
        issued("h1", vec![invoice.clone()], None),
        issued("h2", vec![], Some("cus_1")),
        issued("h3", vec![], None),
    ];
    world.product.by_hand.lock().unwrap().extend(notes.map(|note| (note.credit.record.clone(), note)));
    let tell = async |record: &str| {
        let event = Issued { connection: ERP.into(), record: record.into(), credit_memo: None };
        world
            .deliver(&CreditMemoIssued, reported(record, &format!("credit-note-{record}"), event.into()))
            .await
    };
    let before = world.read("one").await;
    assert_eq!(tell("h1").await, Ok(Outcome::Held));
    assert_eq!(tell("h1").await, Ok(Outcome::Duplicate));
    assert_eq!(tell("h2").await, Ok(Outcome::Held), "a customer of ours, naming no invoice");
    assert_eq!(tell("h3").await, Ok(Outcome::NoEffect), "nobody and nothing of ours");
    assert_eq!(world.read("one").await, before);
    let told = world.waits_for(ProblemCode::CreditedByHand);
    assert_eq!(told.len(), 2);
    assert!(told.iter().any(|t| t.contains(invoice.as_str()) && t.contains("55.00 USD")), "{told:?}");
    let kept = world.table.items().into_iter().filter(|i| i.text("kind") == Some("adjustment")).count();
    assert_eq!(kept, 1);
}
