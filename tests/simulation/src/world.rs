//! Everything around the functions: the table and its stream, the bus, the queues, the products,
//! all of one history.

mod bus;
mod functions;
mod queues;
mod stream;
mod table;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use connectors::{Connection, ConnectionConfig, Credentials};
use domain::TenantConfig;
use domain::approval::{ApprovalRule, CREDIT_MEMO};
use domain::contract::RevenueTreatment;
use domain::invoice::PaymentTolerance;
use domain::problem::Owner;
use domain::revenue::ClosedPeriods;
use domain::sample;
use domain::staffing::{Employment, Resource, TransferBasis, TransferPrice};
use events::Envelope;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use journal::memory::MemoryStore;
use journal::{Expect, Item, Journal, Key, Op, Store};
use runtime::{Bus, Connect, Context};
use serde_json::{Value, json};
use uuid::Uuid;
use workflow::{Clock, Purpose};

use crate::deal::SUPPLIER;
use crate::engine::{NearClock, Sim, open};
use crate::products::{Books, Products};

pub(crate) use functions::Queue;
pub(crate) use queues::{Queues, Written};
pub(crate) use stream::Stream;

/// The tenant of every history.
pub(crate) const TENANT: &str = "northwind";
/// Its connections.
pub(crate) const CRM: &str = "hubspot-main";
pub(crate) const PSA: &str = "kantata-main";
pub(crate) const ERP: &str = "tryton-us";
pub(crate) const PAYMENTS: &str = "stripe-main";
pub(crate) const SIGNATURE: &str = "docusign-main";
/// Signs every webhook; base64 of 24 bytes, as Standard Webhooks wants it.
pub(crate) const SECRET: &str = "whsec_c2ltdWxhdGlvbi1zaW11bGF0aW9uLWtleQ==";
/// When every history begins.
pub(crate) const EPOCH: &str = "2026-11-20T09:00:00Z";
/// How long a run is leased: longer than a function may live.
const LEASE: SignedDuration = SignedDuration::from_secs(130);

/// One history's surroundings.
pub(crate) struct World {
    pub(crate) sim: Arc<Sim>,
    pub(crate) table: Arc<MemoryStore>,
    pub(crate) books: Mutex<Books>,
    pub(crate) queues: Mutex<Queues>,
    pub(crate) stream: Mutex<Stream>,
    /// Every event that the bus took, by ID: what went into the system, and what came of it.
    pub(crate) taken: Mutex<BTreeMap<Uuid, Envelope>>,
    config: Mutex<Arc<TenantConfig>>,
    connections: BTreeMap<String, Arc<Connection>>,
    index: Mutex<BTreeMap<String, Vec<Item>>>,
    /// When the last run that told of charges began.
    charges_told: Mutex<Option<Timestamp>>,
    /// Deals and deliveries that have not come to their end.
    going: Mutex<u64>,
    complaints: Mutex<Vec<String>>,
}

impl World {
    /// A configured tenant in which nothing happened yet.
    pub(crate) async fn new(sim: Arc<Sim>) -> Arc<Self> {
        Self::of(sim, tenant(false)).await
    }

    /// The same, of a tenant that is configured otherwise.
    pub(crate) async fn of(sim: Arc<Sim>, config: TenantConfig) -> Arc<Self> {
        let table = Arc::new(MemoryStore::new());
        let connections = connections();
        let items = configuration(&connections);
        let ops = items.into_iter().map(|item| Op::Put { item, expect: Expect::Anything });
        table.write(ops.collect()).await.expect("an empty table takes everything");
        let _ = table.drain_stream();
        Arc::new(Self {
            sim,
            table,
            books: Mutex::default(),
            queues: Mutex::default(),
            stream: Mutex::default(),
            taken: Mutex::default(),
            config: Mutex::new(Arc::new(config)),
            connections,
            index: Mutex::default(),
            charges_told: Mutex::default(),
            going: Mutex::default(),
            complaints: Mutex::default(),
        })
    }

    /// What a fresh process of a function works with.
    pub(crate) fn context(self: &Arc<Self>, function: &'static str) -> Context {
        self.sim.is_process_of(function);
        Context {
            function,
            journal: Journal::new(Arc::new(table::SimulatedTable(Arc::clone(self)))),
            bus: Arc::new(bus::SimulatedBus(Arc::clone(self))) as Arc<dyn Bus>,
            connect: Arc::new(Products(Arc::clone(self))) as Arc<dyn Connect>,
            clock: Arc::new(NearClock::new(&self.sim)) as Arc<dyn Clock>,
            lease: LEASE,
            purpose: Purpose::Finish,
        }
    }

    /// The tenant's configuration.
    pub(crate) fn config(&self) -> Arc<TenantConfig> {
        Arc::clone(&open(&self.config))
    }

    /// Configures the tenant otherwise.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut TenantConfig)) {
        let mut config = open(&self.config);
        let mut next = (**config).clone();
        change(&mut next);
        *config = Arc::new(next);
    }

    /// A connection, as configured.
    pub(crate) fn connection(&self, name: &str) -> Option<&Arc<Connection>> {
        self.connections.get(name)
    }

    /// Whether any message waits, or anything of the stream was not read.
    pub(crate) fn is_idle(&self) -> bool {
        open(&self.queues).is_empty() && open(&self.stream).is_empty() && !self.is_under_way()
    }

    /// Something has begun outside that comes to an end.
    pub(crate) fn under_way(&self) {
        *open(&self.going) += 1;
    }

    /// Something has come to its end.
    pub(crate) fn arrived(&self) {
        *open(&self.going) -= 1;
    }

    /// Whether anything outside has not come to its end.
    pub(crate) fn is_under_way(&self) -> bool {
        *open(&self.going) > 0
    }

    /// Something happened that must not.
    pub(crate) fn complain(&self, what: String) {
        self.sim.note(|| format!("COMPLAINT {what}"));
        open(&self.complaints).push(what);
    }

    /// What happened that must not have.
    pub(crate) fn complaints(&self) -> Vec<String> {
        open(&self.complaints).clone()
    }

    /// Calls `poll` once; a process that dies or fails is called again by its schedule.
    pub(crate) fn poll(self: &Arc<Self>) {
        let world = Arc::clone(self);
        self.sim.spawn(async move {
            let context = world.context("poll");
            let polled = poll::poll_all(&context).await;
            world.sim.note(|| format!("polled: {polled:?}"));
        });
    }

    /// Calls `invoice-run` once, as its schedule does.
    pub(crate) fn run_invoices(self: &Arc<Self>) {
        let world = Arc::clone(self);
        self.sim.spawn(async move {
            let context = world.context("invoice-run");
            let ran = invoice_run::run_all(&context).await;
            world.sim.note(|| format!("invoices run: {ran:?}"));
        });
    }

    /// Calls `recognise-revenue` once, as its schedule does, so many months ahead.
    pub(crate) fn recognise(self: &Arc<Self>, months: u64) {
        let world = Arc::clone(self);
        self.sim.spawn(async move {
            let mut context = world.context("recognise-revenue");
            let days = i64::try_from(months * 31).unwrap_or(0);
            context.clock =
                Arc::new(Ahead { clock: context.clock, by: SignedDuration::from_hours(days * 24) });
            let told = recognise_revenue::recognise_due(&context).await;
            world.sim.note(|| format!("recognised: {told:?}"));
        });
    }

    /// Calls `age-receivables` once, as its schedule does, so many days ahead.
    pub(crate) fn age(self: &Arc<Self>, days: u64) {
        let world = Arc::clone(self);
        self.sim.spawn(async move {
            let mut context = world.context("age-receivables");
            let days = i64::try_from(days).unwrap_or(0);
            context.clock =
                Arc::new(Ahead { clock: context.clock, by: SignedDuration::from_hours(days * 24) });
            let told = age_receivables::age_due(&context).await;
            world.sim.note(|| format!("aged: {told:?}"));
        });
    }

    /// Calls `schedule-charges` once, as its schedule does.
    pub(crate) fn schedule_charges(self: &Arc<Self>) {
        let world = Arc::clone(self);
        self.sim.spawn(async move {
            let began = world.sim.now();
            let context = world.context("schedule-charges");
            let told = schedule_charges::tell_all(&context).await.and_then(runtime::verdict);
            if told.is_ok() {
                *open(&world.charges_told) = Some(began);
            }
            world.sim.note(|| format!("charges told: {told:?}"));
        });
    }

    /// The day on which the last run that told of charges began, where the business counts its days.
    pub(crate) fn charges_told_on(&self) -> Option<Date> {
        let zone = TimeZone::get(&self.config().time_zone).expect("a time zone");
        open(&self.charges_told).map(|at| at.to_zoned(zone).date())
    }

    /// Calls `remind` once, as its schedule does.
    pub(crate) fn remind(self: &Arc<Self>) {
        let world = Arc::clone(self);
        self.sim.spawn(async move {
            let context = world.context("remind");
            let reminded = remind::remind_all(&context).await;
            world.sim.note(|| format!("reminded: {reminded:?}"));
        });
    }
}

/// A clock that is days or months ahead: what is to be told of them is told now.
struct Ahead {
    clock: Arc<dyn Clock>,
    by: SignedDuration,
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        now.saturating_add(self.by).unwrap_or(now)
    }
}

/// The tenant of a history: whether finance approves credit memos or grants them at once, how its services are
/// recognised, up to which month its books are closed, and what is too little to be asked for, is drawn.
pub(crate) fn drawn(sim: &Sim) -> TenantConfig {
    use RevenueTreatment::{AsBilled, AsDelivered, Milestone, StraightLine};
    let mut config = tenant(sim.one_in(2));
    for service in &mut config.services {
        let drawn = *sim.any(&[AsBilled, AsDelivered, Milestone, StraightLine]);
        service.revenue = service.revenue.map(|shipped| if sim.one_in(2) { drawn } else { shipped });
    }
    if sim.one_in(4) {
        let closed_until = sim.any(&["2026-10", "2026-11"]).parse().expect("a month");
        config.accounting_periods = vec![ClosedPeriods { legal_entity: "NW-US".into(), closed_until }];
    }
    if sim.one_in(2) {
        let amount = sample::usd(if sim.one_in(2) { "5.00" } else { "500.00" });
        config.payment_tolerances = vec![PaymentTolerance { amount, percent: (*sim.any(&[1, 10])).into() }];
    }
    config
}

/// The shipped configuration, with a subcontractor of another legal entity.
fn tenant(approves: bool) -> TenantConfig {
    let supplier = Resource {
        name: SUPPLIER.into(),
        person: None,
        legal_entity: "NW-EU".into(),
        employment: Employment::Subcontractor,
        cost_rate: Some(sample::usd("80.50")),
        effective_from: None,
    };
    let basis = TransferBasis::Hourly(sample::usd("95.25"));
    let price = TransferPrice { from: "NW-EU".into(), to: "NW-US".into(), basis, effective_from: None };
    let mut shipped = sample::config();
    if approves {
        shipped.approvals.push(ApprovalRule {
            what: CREDIT_MEMO.into(),
            asked_of: Owner::FinanceOperations,
            remind_after_hours: 24,
            expires_after_hours: 168,
        });
    }
    TenantConfig {
        resources: vec![supplier],
        transfer_prices: vec![price],
        // Recorded quotes are older than the question who answers for their delivery.
        delivery_owners: vec![],
        ..shipped
    }
}

fn connections() -> BTreeMap<String, Arc<Connection>> {
    let all = [
        (
            CRM,
            "hubspot",
            "crm",
            json!({
                "signature_versions": ["v3"], "portal_id": 62515, "settles_within_seconds": 60,
                "triggers": [
                    {"property": "quote_status", "value": "APPROVED", "means": "quote-approved"},
                    {"property": "dealstage", "value": "closedwon", "means": "opportunity-won"},
                    {"property": "contract_status", "value": "ACTIVATED", "means": "contract-activated"},
                    {"property": "sow_status", "value": "APPROVED", "means": "sow-approved"},
                ],
            }),
        ),
        (PSA, "kantata", "psa", json!({})),
        (ERP, "tryton", "erp", json!({})),
        (PAYMENTS, "stripe", "payments", json!({})),
        (SIGNATURE, "docusign", "signature", json!({"crm_connection": CRM, "deal_field": "q2c_deal"})),
    ];
    all.into_iter()
        .map(|(name, product, role, settings)| (name.to_owned(), connection(name, product, role, settings)))
        .collect()
}

fn connection(name: &str, product: &str, role: &str, settings: Value) -> Arc<Connection> {
    let config = json!({
        "connection": name, "tenant": TENANT, "product": product, "role": role,
        "base_url": "https://product.example", "secret_id": format!("q2c/connection/{name}"),
        "webhook_url": format!("https://api.example/v1/webhooks/{name}"), "settings": settings,
    });
    Arc::new(Connection {
        config: serde_json::from_value::<ConnectionConfig>(config).expect("a connection"),
        credentials: serde_json::from_value::<Credentials>(json!({"signing_secrets": [SECRET]}))
            .expect("credentials"),
    })
}

/// What `poll` reads of the table.
fn configuration(connections: &BTreeMap<String, Arc<Connection>>) -> Vec<Item> {
    let item = |connection: &Arc<Connection>| {
        let body = serde_json::to_string(&connection.config).expect("JSON");
        let key = Key::connection(&connection.config.connection);
        Item::new(&key, "config", TENANT, &json!({"body": body}))
            .expect("an item")
            .with("status_key", "config#connection")
            .with("status_at", connection.config.connection.clone())
            .with("recorded_at", EPOCH)
    };
    connections.values().map(item).collect()
}
