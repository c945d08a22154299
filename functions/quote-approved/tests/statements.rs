//! Statements of work that are approved one by one, before and after the project is there: what each
//! brings into ERP and PSA, and what is kept of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "entities/products.rs"]
mod products;

use std::collections::BTreeMap;
use std::sync::Arc;

use change_order_approved::ChangeOrderApproved;
use compare_contracts::Found;
use domain::activation::ActivationPolicy;
use domain::billing::BillableLine;
use domain::engagement::Engagement;
use domain::event::{Event, QuoteApproved as Approved, SowApproved};
use domain::id::EngagementId;
use domain::money::Money;
use domain::quote::Quote;
use domain::revenue::RevenueSchedule;
use domain::sample::{completion, config, quote_of_two, usd};
use domain::statement_of_work::{StatementOfWork, StatementStatus};
use domain::{Contract, TenantConfig};
use events::{Envelope, Traceparent};
use jiff::SignedDuration;
use journal::memory::MemoryStore;
use journal::{Item, Journal, Key};
use milestone_completed::MilestoneCompleted;
use products::{BooksOf, IS_ASKED, Product, REFUSES};
use quote_approved::QuoteApproved;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Context, Handler, Outcome};
use serde_json::json;

const TENANT: &str = "northwind";
const CRM: &str = "hubspot-main";
const DEAL: &str = "123";

/// Amounts by key.
type Amounts = Vec<(String, Money)>;

fn engagement() -> EngagementId {
    EngagementId::of_deal(TENANT, CRM, DEAL)
}

struct World {
    table: Arc<MemoryStore>,
    config: TenantConfig,
    crm: Arc<Product>,
    psa: Arc<Product>,
    erp: Arc<Product>,
}

impl World {
    /// A deal of two statements, which the tenant begins with an approved quote alone.
    fn new(approved: &[&str]) -> Self {
        let books = BooksOf { currency: "USD", tax_code: "SALES-10", tax_percent: 10 };
        let world = Self {
            table: Arc::default(),
            config: TenantConfig { activation: ActivationPolicy::default(), ..config() },
            crm: Arc::new(Product::new(CRM, REFUSES, None)),
            psa: Arc::new(Product::new("kantata-main", IS_ASKED, None)),
            erp: Arc::new(Product::new("tryton-us", REFUSES, Some(books))),
        };
        world.holds(quote_of_two(approved));
        world
    }

    /// The CRM holds a quote from now on.
    fn holds(&self, quote: Quote) {
        self.crm.quotes.lock().unwrap().insert(DEAL.into(), quote);
    }

    /// What a process works with that runs some hours after the deal was sold.
    fn context(&self, bus: &Arc<FakeBus>, hours: i64) -> Context {
        let mut known = FakeConnections::default();
        known.tenants.insert(TENANT.into(), Arc::new(self.config.clone()));
        known.crm.insert(CRM.into(), self.crm.clone());
        known.psa.insert("kantata-main".into(), self.psa.clone());
        known.erp.insert("tryton-us".into(), self.erp.clone());
        let clock = Arc::new(FakeClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
        clock.pass(SignedDuration::from_hours(hours));
        context("test", self.table.clone(), bus, &clock, known)
    }

    async fn deliver(&self, handler: &dyn Handler, event: &Envelope) -> Outcome {
        let context = self.context(&Arc::default(), 0);
        handler.handle(&context, vec![event.clone()]).await.remove(0).1.expect("dealt with")
    }

    /// Compares the engagement some hours later; what was found, and the change orders that were put on the bus.
    async fn compared(&self, hours: i64) -> (Option<Found>, Vec<Envelope>) {
        let connection = json!({
            "connection": CRM, "tenant": TENANT, "product": "hubspot", "role": "crm",
            "base_url": "https://crm.example", "webhook_url": "https://q2c.example", "secret_id": "s", "settings": {},
        });
        let body = json!({"body": connection.to_string(), "version": 1});
        let item = Item::new(&Key::connection(CRM), "config", TENANT, &body).unwrap();
        self.table
            .fill([item.with("status_key", "config#connection").with("status_at", "2026-11-01T00:00:00Z")]);
        let bus = Arc::new(FakeBus::default());
        let compared = compare_contracts::compare_due(&self.context(&bus, hours)).await.unwrap();
        let orders = bus.taken().into_iter().filter(|e| matches!(e.event, Event::ChangeOrderApproved(_)));
        (compared.first().and_then(|c| c.found), orders.collect())
    }

    async fn quote_approved(&self, delivery: &str) -> Outcome {
        let event = Approved { connection: CRM.into(), deal: DEAL.into() };
        self.deliver(&QuoteApproved, &reported(delivery, event.into())).await
    }

    /// A statement's approval is told, and whatever change order follows is carried out.
    async fn sow_approved(&self, delivery: &str) -> Outcome {
        let event = SowApproved { connection: CRM.into(), deal: DEAL.into() };
        let outcome = self.deliver(&QuoteApproved, &reported(delivery, event.into())).await;
        for order in self.orders() {
            self.deliver(&ChangeOrderApproved, &order).await;
        }
        outcome
    }

    /// Every change order that was announced so far.
    fn orders(&self) -> Vec<Envelope> {
        let sent = self.table.items().into_iter().filter_map(|i| i.text("outbox").map(str::to_owned));
        sent.flat_map(|sent| serde_json::from_str::<Vec<Envelope>>(&sent).unwrap())
            .filter(|e| matches!(e.event, Event::ChangeOrderApproved(_)))
            .collect()
    }

    async fn completed(&self, key: &str) -> BillableLine {
        let event = reported(&format!("story-{key}"), Event::MilestoneCompleted(completion(key)));
        assert_eq!(self.deliver(&MilestoneCompleted, &event).await, Outcome::Applied);
        let lines: Vec<BillableLine> = self.bodies("line");
        let sold_by = |line: &BillableLine| format!("{:?}", line.evidence).contains(&format!("story-{key}"));
        lines.into_iter().find(sold_by).expect("a line")
    }

    async fn state(&self) -> Engagement {
        let journal = Journal::new(self.table.clone());
        journal.engagement(TENANT, engagement().as_str()).await.unwrap().body.expect("an engagement")
    }

    async fn statements(&self) -> BTreeMap<String, StatementOfWork> {
        let journal = Journal::new(self.table.clone());
        let all = journal.statements_of_work(TENANT, engagement().as_str()).await.unwrap();
        all.into_iter().map(|s| (s.statement.clone(), s)).collect()
    }

    fn of_kind(&self, kind: &str) -> Vec<Item> {
        self.table.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
    }

    fn bodies<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Vec<T> {
        self.of_kind(kind).iter().map(|item| item.body().unwrap()).collect()
    }

    fn open_exceptions(&self) -> Vec<String> {
        let open = self.of_kind("exception").into_iter().filter(|e| e.text("status") == Some("open"));
        open.map(|e| format!("{} {}", e.text("code").unwrap(), e.text("detail").unwrap())).collect()
    }

    /// Positions of the billing plan, and milestones of the project.
    fn held(&self) -> (Amounts, Amounts) {
        let of = |product: &Product, what: fn(&products::Held) -> &BTreeMap<String, Money>| {
            let held = product.held.lock().unwrap();
            held.get(&engagement()).map(|h| what(h).clone().into_iter().collect()).unwrap_or_default()
        };
        (of(&self.erp, |h| &h.positions), of(&self.psa, |h| &h.milestones))
    }
}

fn reported(delivery: &str, event: Event) -> Envelope {
    let at = "2026-11-21T11:00:00Z".parse().unwrap();
    Envelope::reported(TENANT, CRM, delivery, engagement().as_str(), at, event, Traceparent::start())
}

fn at(amounts: &[(&str, &str)]) -> Amounts {
    amounts.iter().map(|(key, amount)| ((*key).to_owned(), usd(amount))).collect()
}

const M1: (&str, &str) = ("M1", "20000.00");
const M2: (&str, &str) = ("M2", "30000.00");
const S1: (&str, &str) = ("S1", "1500.00");

/// Proves WFB-01 in part, EVT-04 in part: the second statement of a quote is approved after the first one's project was
/// created and its milestone billed: its milestone and charge come into the billing plan, its milestone into the project,
/// its revenue is planned and its services have the tax code, once. The ERP is not told of the revenue's plan yet.
#[tokio::test]
async fn a_statement_that_is_approved_after_the_project_comes_in() {
    let world = World::new(&["SOW-1"]);
    assert_eq!(world.quote_approved("q").await, Outcome::Applied);
    assert_eq!(world.held(), (at(&[M1]), at(&[M1])), "the first alone");
    assert_eq!(world.completed("M1").await.statement.as_deref(), Some("SOW-1"));
    world.holds(quote_of_two(&["SOW-1", "SOW-2"]));
    // The tenant begins nothing with it: what has begun takes it all the same.
    assert_eq!(world.sow_approved("s").await, Outcome::Applied);
    assert_eq!(world.held(), (at(&[M1, M2, S1]), at(&[M1, M2])));
    let contract = world.state().await.contract;
    assert_eq!((contract.version, contract.quote_version(), contract.tax_code.as_str()), (2, 1, "SALES-10"));
    let schedules: Vec<RevenueSchedule> = world.bodies("revenue-schedule");
    let planned = |version: u32| {
        let schedule = schedules.iter().find(|s| s.contract_version == version).expect("a schedule");
        Money::total(contract.currency, schedule.entries.iter().map(|e| e.amount)).unwrap()
    };
    assert_eq!((planned(1), planned(2)), (usd("20000.00"), usd("68000.00")));
    let (amended, calls) =
        (world.erp.made("amend billing plan").len(), world.psa.writes.lock().unwrap().len());
    assert_eq!(amended, 1);
    for delivery in ["s", "s again"] {
        assert_ne!(world.sow_approved(delivery).await, Outcome::Held);
    }
    assert_eq!(world.state().await.contract, contract);
    assert_eq!(
        (world.erp.made("amend billing plan").len(), world.psa.writes.lock().unwrap().len()),
        (1, calls)
    );
    assert_eq!(world.open_exceptions(), [""; 0]);
}

/// Proves WFB-02 in part: completing a milestone in the PSA is billed as the statement's that sold it, whichever version
/// of the contract brought that in, and is billed once.
#[tokio::test]
async fn a_completed_milestone_resolves_to_its_statement() {
    let world = World::new(&["SOW-2"]);
    world.quote_approved("q").await;
    let early = reported("story-M1", Event::MilestoneCompleted(completion("M1")));
    assert_eq!(world.deliver(&MilestoneCompleted, &early).await, Outcome::Held, "nobody approved it");
    let line = world.completed("M2").await;
    assert_eq!(
        (line.statement.as_deref(), line.quote_line.as_str(), line.contract_version),
        (Some("SOW-2"), "2", 1)
    );
    world.holds(quote_of_two(&["SOW-1", "SOW-2"]));
    world.sow_approved("s").await;
    let line = world.completed("M1").await;
    assert_eq!(
        (line.statement.as_deref(), line.quote_line.as_str(), line.contract_version),
        (Some("SOW-1"), "1", 2)
    );
    let sold = world.state().await.contract.milestone("M1").map(|m| m.amount);
    assert_eq!(Some(line.amount), sold);
    assert_eq!(world.of_kind("line").len(), 2);
}

/// Proves CAN-07: each statement is an item of its own with its milestones, its terms and where it stands: drafted while
/// nobody approved it, approved by an event at a moment, withdrawn by a further version of the quote, and kept.
#[tokio::test]
async fn each_statement_is_kept_with_where_it_stands() {
    let world = World::new(&["SOW-1"]);
    world.quote_approved("q").await;
    let first = world.statements().await;
    let standing =
        |all: &BTreeMap<String, StatementOfWork>| all.values().map(|s| s.status).collect::<Vec<_>>();
    assert_eq!(standing(&first), [StatementStatus::Approved, StatementStatus::Drafted]);
    let by = |s: &StatementOfWork| s.approval.as_ref().map(|a| a.event.clone());
    let quote = reported("q", Approved { connection: CRM.into(), deal: DEAL.into() }.into());
    assert_eq!(by(&first["SOW-1"]), Some(quote.id.to_string()));
    assert_eq!(first["SOW-1"].approval.as_ref().unwrap().at, quote.time);
    assert_eq!(first["SOW-1"].scope.milestones, world.state().await.contract.milestones);
    assert_eq!(first["SOW-1"].terms.payment_terms, "net-30");
    assert_eq!((by(&first["SOW-2"]), first["SOW-2"].value().unwrap()), (None, usd("48000.00")));

    world.holds(quote_of_two(&["SOW-1", "SOW-2"]));
    world.sow_approved("s").await;
    let second = world.statements().await;
    assert_eq!(standing(&second), [StatementStatus::Approved, StatementStatus::Approved]);
    assert_eq!(second["SOW-1"], first["SOW-1"]);
    assert_eq!(second["SOW-2"].contract_version, 2);
    let values = Money::total(usd("0").currency(), second.values().map(|s| s.value().unwrap())).unwrap();
    assert_eq!(values, world.state().await.contract.value().unwrap());

    let without = Quote { quote: "901".into(), version: 2, ..quote_of_two(&["SOW-2"]) };
    world.holds(without);
    world.sow_approved("t").await;
    let third = world.statements().await;
    assert_eq!(standing(&third), [StatementStatus::Withdrawn, StatementStatus::Approved]);
    assert_eq!(third["SOW-1"].scope, second["SOW-1"].scope, "what it sold at the end");
    let versions: Vec<Contract> = world.bodies("contract");
    assert_eq!(
        versions.iter().map(|c| (c.version, c.quote_version())).collect::<Vec<_>>(),
        [(1, 1), (2, 1), (3, 2)]
    );
}

/// No statement of the quote is approved: nothing is written anywhere, and the next approval goes on.
#[tokio::test]
async fn a_quote_without_an_approved_statement_waits() {
    let world = World::new(&[]);
    assert_eq!(world.quote_approved("q").await, Outcome::Held);
    let said = world.open_exceptions().remove(0);
    assert!(said.starts_with("Q2C-0101") && said.contains("SOW-1, SOW-2"), "{said}");
    assert!(world.erp.writes.lock().unwrap().is_empty() && world.psa.writes.lock().unwrap().is_empty());
    world.holds(quote_of_two(&["SOW-2"]));
    assert_eq!(world.quote_approved("q2").await, Outcome::Applied);
    assert_eq!(world.held(), (at(&[M2, S1]), at(&[M2])));
    assert_eq!(world.open_exceptions(), [""; 0]);
}

/// Proves EVT-30 in part, CHG-09 in part: the approval of a statement never reached us. The comparison finds it and carries
/// it on once; where that does not help, a person is told.
#[tokio::test]
async fn a_statement_that_was_never_announced_is_found() {
    let world = World::new(&["SOW-1"]);
    world.quote_approved("q").await;
    world.holds(quote_of_two(&["SOW-1", "SOW-2"]));
    let (found, orders) = world.compared(25).await;
    assert_eq!((found, orders.len()), (Some(Found::ChangeOrder), 1));
    let (found, again) = world.compared(27).await;
    assert_eq!((found, again.len()), (Some(Found::Difference), 0), "the order is lost as well");
    let said = world.open_exceptions().remove(0);
    assert!(said.starts_with("Q2C-0603") && said.contains("statement of work SOW-2"), "{said}");
    assert_eq!(world.deliver(&ChangeOrderApproved, &orders[0]).await, Outcome::Applied);
    assert_eq!(world.held(), (at(&[M1, M2, S1]), at(&[M1, M2])));
    assert_eq!(world.compared(60).await.1, [], "nothing is left to be carried on");
}
