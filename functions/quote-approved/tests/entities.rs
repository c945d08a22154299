//! Another legal entity, with products of its own, joins by configuration alone; an entity moves to
//! another ERP on a day, and what was begun before stays where it is.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "entities/products.rs"]
mod products;

use std::sync::Arc;

use change_order_approved::ChangeOrderApproved;
use domain::engagement::{Engagement, EngagementStatus};
use domain::event::{
    ChangeOrderApproved as ChangeOrder, Event, InvoicePosted as Posted, InvoiceRequested as Requested,
    PaymentReceived as Received, QuoteApproved as Approved,
};
use domain::id::{EngagementId, InvoiceId, PaymentId};
use domain::invoice::Invoice;
use domain::money::{Currency, Money};
use domain::quote::Quote;
use domain::sample::{active, config, entry, quote, rate_line};
use domain::work::TimeEntry;
use domain::{TenantConfig, consistency};
use events::{Envelope, Traceparent};
use invoice_posted::InvoicePosted;
use invoice_requested::InvoiceRequested;
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Commit, Committed, Journal};
use payment_received::PaymentReceived;
use products::{BooksOf, IS_ASKED, Product, REFUSES};
use quote_approved::QuoteApproved;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{Handler, Outcome};
use serde_json::{Value, json};
use time_approved::TimeApproved;

const TENANT: &str = "northwind";
const BEFORE: &str = "2026-12-30T15:00:00Z";
/// The first of January in UTC, and still the last of December where the business counts its days.
const LAST_HOUR: &str = "2027-01-01T03:00:00Z";
const AFTER: &str = "2027-01-02T15:00:00Z";

fn amount(text: &str, currency: &str) -> Money {
    Money::parse(text, Currency::from_code(currency).unwrap()).unwrap()
}

fn products() -> Vec<Arc<Product>> {
    let us = |_| BooksOf { currency: "USD", tax_code: "SALES-10", tax_percent: 10 };
    let eu = BooksOf { currency: "EUR", tax_code: "VAT-19", tax_percent: 19 };
    [
        Product::new("hubspot-main", REFUSES, None),
        Product::new("kantata-main", IS_ASKED, None),
        Product::new("tryton-us", REFUSES, Some(us(()))),
        Product::new("erp-new", IS_ASKED, Some(us(()))),
        Product::new("crm-acquired", IS_ASKED, None),
        Product::new("psa-acquired", REFUSES, None),
        Product::new("erp-acquired", IS_ASKED, Some(eu)),
    ]
    .map(Arc::new)
    .into()
}

/// The shipped configuration with parts of it replaced or extended.
fn configured(edit: impl FnOnce(&mut Value)) -> TenantConfig {
    let mut whole = serde_json::to_value(config()).unwrap();
    edit(&mut whole);
    let config: TenantConfig = serde_json::from_value(whole).unwrap();
    assert_eq!(consistency::faults(&config), []);
    config
}

/// Everything that the acquired unit needs.
fn with_acquired_unit() -> TenantConfig {
    configured(|whole| {
        whole["legal_entities"].as_array_mut().unwrap().push(json!({
            "code": "ACQ-DE", "name": "Acquired GmbH", "region": "europe", "currencies": ["EUR"],
            "tax_jurisdictions": ["DE"], "tax_code": "VAT-19",
        }));
        whole["tax_codes"].as_array_mut().unwrap().push(json!({"code": "VAT-19", "name": "VAT, 19 %"}));
        for (selects, gives) in [("crm", "crm-acquired"), ("psa", "psa-acquired"), ("erp", "erp-acquired")] {
            let rule = json!({"selects": selects, "gives": gives, "when": {"legal_entity": "ACQ-DE"}});
            whole["routing"].as_array_mut().unwrap().push(rule);
        }
        whole["resources"] = json!([
            {"name": "Konrad Zuse", "legal_entity": "ACQ-DE", "employment": "employee"},
        ]);
        whole["transfer_prices"] = json!([{"from": "ACQ-DE", "to": "NW-US", "basis": {"percent": "70"}}]);
    })
}

/// A deal of an hour's rate, sold by an entity.
fn sold(deal: &str, entity: &str, currency: &str, country: &str) -> Quote {
    let mut quote =
        Quote { deal: deal.into(), lines: vec![rate_line("1", "consultant", "180.00")], ..quote() };
    quote.legal_entity = Some(entity.into());
    quote.currency = Currency::from_code(currency).unwrap();
    quote.lines[0].unit_price = amount("180.00", currency);
    quote.customer.country = Some(country.into());
    quote
}

struct World {
    table: Arc<MemoryStore>,
    products: Vec<Arc<Product>>,
    config: TenantConfig,
    now: Timestamp,
    /// An ERP that was switched off.
    gone: Option<&'static str>,
}

impl World {
    fn new(config: TenantConfig, now: &str) -> Self {
        Self { table: Arc::default(), products: products(), config, now: now.parse().unwrap(), gone: None }
    }

    fn product(&self, connection: &str) -> &Product {
        self.products.iter().find(|p| p.connection == connection).expect("a product")
    }

    fn journal(&self) -> Journal {
        Journal::new(self.table.clone())
    }

    async fn deliver(&self, handler: &dyn Handler, subject: &str, from: &str, event: Event) -> Outcome {
        let mut known = FakeConnections::default();
        known.tenants.insert(TENANT.into(), Arc::new(self.config.clone()));
        for product in &self.products {
            known.crm.insert(product.connection.into(), product.clone());
            known.psa.insert(product.connection.into(), product.clone());
            known.erp.insert(product.connection.into(), product.clone());
        }
        if let Some(gone) = self.gone {
            known.erp.remove(gone);
        }
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(self.now)));
        let context = context("test", self.table.clone(), &bus, &clock, known);
        let delivery = format!("{subject} {}", event.type_name());
        let event =
            Envelope::reported(TENANT, from, &delivery, subject, self.now, event, Traceparent::start());
        handler.handle(&context, vec![event]).await.remove(0).1.expect("dealt with")
    }

    /// Approves a deal in a CRM.
    async fn approve(&self, crm: &str, quote: &Quote) -> (Outcome, EngagementId) {
        self.product(crm).quotes.lock().unwrap().insert(quote.deal.clone(), quote.clone());
        let engagement = EngagementId::of_deal(TENANT, crm, &quote.deal);
        let event = Approved { connection: crm.into(), deal: quote.deal.clone() }.into();
        (self.deliver(&QuoteApproved, engagement.as_str(), crm, event).await, engagement)
    }

    /// Works an hour and bills it; gives the invoice as it was read back from the ERP.
    async fn bill(&self, engagement: &EngagementId, psa: &str, erp: &str, person: &str) -> Invoice {
        let number = format!("{engagement} 1");
        let hour = entry(&number, "consultant", "2026-12-15", 60);
        let hour = TimeEntry { connection: psa.into(), person: person.into(), ..hour };
        let subject = engagement.as_str();
        let outcome = self.deliver(&TimeApproved, subject, psa, Event::TimeApproved(hour)).await;
        assert_eq!(outcome, Outcome::Applied);
        let invoice = InvoiceId::derive(&[subject]);
        let request = Requested::of(invoice.clone(), vec![], "month's end".into());
        assert_eq!(self.deliver(&InvoiceRequested, subject, "q2c", request.into()).await, Outcome::Applied);
        let record = self.product(erp).invoices.lock().unwrap()[&invoice].record.clone();
        let posted = Posted { connection: erp.into(), record, invoice: invoice.clone() };
        let outcome = self.deliver(&InvoicePosted, invoice.as_str(), erp, posted.into()).await;
        assert_eq!(outcome, Outcome::Applied);
        self.journal().invoice(TENANT, engagement, &invoice).await.unwrap().body.expect("it")
    }

    /// The customer pays an invoice in full.
    async fn pay(&self, record: &str, invoice: &Invoice) -> Outcome {
        let payment = PaymentId::derive(&[record]);
        let paid = Received {
            payment: payment.clone(),
            connection: "stripe-main".into(),
            record: record.into(),
            amount: invoice.total.unwrap(),
            invoice_number: invoice.number.clone(),
            remittance: vec![],
            customer: None,
            received_at: self.now,
        };
        self.deliver(&PaymentReceived, payment.as_str(), "stripe-main", paid.into()).await
    }

    async fn engagement(&self, id: &EngagementId) -> Engagement {
        self.journal().engagement(TENANT, id.as_str()).await.unwrap().body.expect("it")
    }

    async fn local_id(&self, global: &str, connection: &str, kind: &str) -> Option<String> {
        let found = self.journal().by_global_id(TENANT, global, connection, kind).await.unwrap();
        found.map(|entry| entry.local_id)
    }
}

/// Proves MEC-08 in part, MEC-10, MEC-11 in part, SCN-21, SCN-22 and ARC-06 in part: a unit with another CRM, PSA,
/// ERP, currency and tax code is configured, and deals of both are set up, worked and invoiced side
/// by side, each in its own products. Proves MEC-02 in part: its currency goes from quote to invoice.
#[tokio::test]
async fn an_acquired_unit_joins_by_configuration_alone() {
    let world = World::new(with_acquired_unit(), BEFORE);
    let (ours, one) = world.approve("hubspot-main", &sold("1", "NW-US", "USD", "US")).await;
    let (theirs, other) = world.approve("crm-acquired", &sold("1", "ACQ-DE", "EUR", "DE")).await;
    assert_eq!((ours, theirs), (Outcome::Applied, Outcome::Applied));
    let first = world.bill(&one, "kantata-main", "tryton-us", "Ada Lovelace").await;
    let second = world.bill(&other, "psa-acquired", "erp-acquired", "Konrad Zuse").await;
    assert_eq!((first.untaxed, first.total), (amount("180.00", "USD"), Some(amount("198.00", "USD"))));
    assert_eq!((second.untaxed, second.total), (amount("180.00", "EUR"), Some(amount("214.20", "EUR"))));
    for (engagement, crm, psa, erp) in [
        (&one, "hubspot-main", "kantata-main", "tryton-us"),
        (&other, "crm-acquired", "psa-acquired", "erp-acquired"),
    ] {
        assert_eq!(world.product(psa).made("create project"), [engagement.to_string()]);
        assert_eq!(world.product(erp).made("create billing plan"), [engagement.to_string()]);
        assert_eq!(world.product(erp).made("create invoice").len(), 1);
        let shown = world.product(crm).made("write deal status");
        assert!(!shown.is_empty() && shown.iter().all(|id| id == engagement.as_str()), "{shown:?}");
        assert_eq!(world.engagement(engagement).await.systems.expect("recorded").erp, erp);
    }
    assert!(world.product("erp-new").writes.lock().unwrap().is_empty());
}

/// Proves OWN-15 and OWN-17 in part: what is a deal in one product, a project in another and a billing
/// plan in a third is one engagement. Project, billing plan and crosswalk know an engagement under one code, in
/// whichever products it is set up.
#[tokio::test]
async fn one_code_names_an_engagement_in_every_product() {
    let world = World::new(with_acquired_unit(), BEFORE);
    for (crm, psa, erp, quote) in [
        ("hubspot-main", "kantata-main", "tryton-us", sold("1", "NW-US", "USD", "US")),
        ("crm-acquired", "psa-acquired", "erp-acquired", sold("2", "ACQ-DE", "EUR", "DE")),
    ] {
        let (_, engagement) = world.approve(crm, &quote).await;
        let code = engagement.to_string();
        assert_eq!(world.product(psa).made("create project"), std::slice::from_ref(&code));
        assert_eq!(world.product(erp).made("create billing plan"), std::slice::from_ref(&code));
        assert!(world.local_id(&code, psa, "project").await.is_some());
        assert!(world.local_id(&code, erp, "billing-plan").await.is_some());
    }
}

/// Proves MEC-06 in part and SCN-25 in part: a person of the acquired unit works on the other's
/// engagement, under configuration alone.
#[tokio::test]
async fn a_person_of_the_acquired_unit_is_charged_for() {
    let world = World::new(with_acquired_unit(), BEFORE);
    let (_, engagement) = world.approve("hubspot-main", &sold("1", "NW-US", "USD", "US")).await;
    world.bill(&engagement, "kantata-main", "tryton-us", "Konrad Zuse").await;
    let items = world.table.items();
    let charges: Vec<_> = items.iter().filter(|i| i.text("kind") == Some("charge")).collect();
    let [charge] = charges.as_slice() else { panic!("{charges:?}") };
    assert_eq!((charge.text("from"), charge.text("to")), (Some("ACQ-DE"), Some("NW-US")));
    let owed: Money = serde_json::from_value(charge.0["amount"].clone()).unwrap();
    assert_eq!(owed, amount("126.00", "USD"));
}

/// NW-US leaves its ERP with the old year.
fn moving() -> TenantConfig {
    configured(|whole| {
        let rules = whole["routing"].as_array_mut().unwrap();
        rules.retain(|rule| rule["selects"] != "erp");
        let us = json!({"legal_entity": "NW-US"});
        rules.push(json!({"selects": "erp", "gives": "tryton-us", "when": us, "until": "2026-12-31"}));
        rules.push(json!({"selects": "erp", "gives": "erp-new", "when": us, "from": "2027-01-01"}));
    })
}

/// Proves MEC-09 in part, SCN-20 in part and MEC-08 in part: from its day on a rule decides about what is begun, and what was
/// begun before is worked, invoiced and paid in the ERP that it was set up in.
#[tokio::test]
async fn an_entity_moves_to_another_erp_on_a_day() {
    let mut world = World::new(moving(), BEFORE);
    let (_, early) = world.approve("hubspot-main", &sold("1", "NW-US", "USD", "US")).await;
    world.now = LAST_HOUR.parse().unwrap();
    let (_, last) = world.approve("hubspot-main", &sold("2", "NW-US", "USD", "US")).await;
    world.now = AFTER.parse().unwrap();
    let (_, late) = world.approve("hubspot-main", &sold("3", "NW-US", "USD", "US")).await;
    for (engagement, erp) in [(&early, "tryton-us"), (&last, "tryton-us"), (&late, "erp-new")] {
        assert_eq!(world.engagement(engagement).await.status, EngagementStatus::Active);
        assert_eq!(world.engagement(engagement).await.systems.expect("recorded").erp, erp);
    }
    let invoice = world.bill(&early, "kantata-main", "tryton-us", "Ada Lovelace").await;
    world.bill(&late, "kantata-main", "erp-new", "Ada Lovelace").await;
    // The customer has an account in both, and keeps the old one's number.
    let customer = world.engagement(&early).await.customer;
    for erp in ["tryton-us", "erp-new"] {
        assert!(
            world.local_id(customer.as_str(), erp, "customer").await.is_some_and(|id| id.starts_with(erp))
        );
    }
    assert_eq!(world.pay("pi_1", &invoice).await, Outcome::Applied);
    let payment = PaymentId::derive(&["pi_1"]);
    assert_eq!(world.product("tryton-us").made("apply payment"), [payment.to_string()]);
    assert_eq!(world.product("erp-new").made("apply payment"), [""; 0]);
}

/// An ERP that the entity has left and that was switched off keeps no payment of the new one waiting.
#[tokio::test]
async fn a_payment_does_not_wait_for_an_erp_that_was_left() {
    let mut world = World::new(moving(), AFTER);
    let (_, engagement) = world.approve("hubspot-main", &sold("1", "NW-US", "USD", "US")).await;
    let invoice = world.bill(&engagement, "kantata-main", "erp-new", "Ada Lovelace").await;
    world.gone = Some("tryton-us");
    assert_eq!(world.pay("pi_1", &invoice).await, Outcome::Applied);
    assert_eq!(world.product("erp-new").made("apply payment").len(), 1);
}

/// Proves SCN-22 in part: the PSA is replaced from a day on. What was begun before is worked and billed in
/// the old one, what is begun after in the new one.
#[tokio::test]
async fn a_psa_is_replaced_on_a_day() {
    let replaced = configured(|whole| {
        let rules = whole["routing"].as_array_mut().unwrap();
        rules.iter_mut().find(|r| r["selects"] == "psa").unwrap()["until"] = "2026-12-31".into();
        rules.push(json!({"selects": "psa", "gives": "psa-acquired", "from": "2027-01-01"}));
    });
    let mut world = World::new(replaced, BEFORE);
    let (_, early) = world.approve("hubspot-main", &sold("1", "NW-US", "USD", "US")).await;
    world.now = AFTER.parse().unwrap();
    let (_, late) = world.approve("hubspot-main", &sold("2", "NW-US", "USD", "US")).await;
    for (engagement, psa) in [(&early, "kantata-main"), (&late, "psa-acquired")] {
        assert_eq!(world.product(psa).made("create project"), [engagement.to_string()]);
        let invoice = world.bill(engagement, psa, "tryton-us", "Ada Lovelace").await;
        assert_eq!(invoice.total, Some(amount("198.00", "USD")));
        let shown = world.product(psa).made("write invoice status");
        assert!(!shown.is_empty() && shown.iter().all(|id| *id == invoice.invoice.to_string()), "{shown:?}");
    }
}

/// Proves MEC-09 in part: a change order to what was set up before the move is carried out where it was set up.
#[tokio::test]
async fn a_change_order_stays_in_the_erp_that_holds_the_plan() {
    let mut world = World::new(moving(), BEFORE);
    let quote = sold("1", "NW-US", "USD", "US");
    let (_, engagement) = world.approve("hubspot-main", &quote).await;
    world.now = AFTER.parse().unwrap();
    let next = Quote { quote: "901".into(), number: "Q-901".into(), version: 2, ..quote };
    world.product("hubspot-main").quotes.lock().unwrap().insert(next.deal.clone(), next.clone());
    let order = ChangeOrder { connection: "hubspot-main".into(), deal: next.deal, approved_at: world.now };
    let outcome =
        world.deliver(&ChangeOrderApproved, engagement.as_str(), "hubspot-main", order.into()).await;
    assert_eq!(outcome, Outcome::Applied);
    let state = world.engagement(&engagement).await;
    assert_eq!((state.contract.version, state.systems.expect("recorded").erp.as_str()), (2, "tryton-us"));
    assert_eq!(world.product("tryton-us").held.lock().unwrap()[&engagement].version, 2);
    assert!(world.product("erp-new").writes.lock().unwrap().is_empty());
}

/// Proves MEC-09 in part: what was set up before its systems were recorded stays where its records are, also
/// after the entity has moved.
#[tokio::test]
async fn an_engagement_without_recorded_systems_stays_where_its_records_are() {
    let mut world = World::new(moving(), BEFORE);
    let (_, engagement) = world.approve("hubspot-main", &sold("1", "NW-US", "USD", "US")).await;
    let journal = world.journal();
    let known = journal.engagement(TENANT, engagement.as_str()).await.unwrap();
    let older = Engagement { systems: None, ..known.body.expect("it") };
    let write = journal.write_state(TENANT, &older, known.version, world.now).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    world.now = AFTER.parse().unwrap();
    world.bill(&engagement, "kantata-main", "tryton-us", "Ada Lovelace").await;
    assert!(world.product("erp-new").writes.lock().unwrap().is_empty());
}

/// Without records too, it goes where the rules of today send it.
#[tokio::test]
async fn an_engagement_without_recorded_systems_follows_the_rules() {
    let world = World::new(moving(), AFTER);
    let mut state = active(&sold("1", "NW-US", "USD", "US"));
    assert_eq!(state.systems, None);
    state.records.customer_account = Some("erp-new-1".into());
    let journal = world.journal();
    let write = journal.write_state(TENANT, &state, 0, world.now).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    world.bill(&state.engagement, "kantata-main", "erp-new", "Ada Lovelace").await;
}

/// Proves SCN-08 and WFA-06 in part: an entity that no system serves yet, that is not configured, or that
/// sells through another CRM sets nothing up anywhere.
#[tokio::test]
async fn an_invalid_entity_mapping_stops_before_the_first_write() {
    let not_yet = configured(|whole| whole["routing"][3]["from"] = "2027-01-01".into());
    let mut other_currency = sold("1", "ACQ-DE", "EUR", "DE");
    other_currency.currency = Currency::from_code("USD").unwrap();
    for (config, crm, quote) in [
        (not_yet, "hubspot-main", sold("1", "NW-US", "USD", "US")),
        (config(), "hubspot-main", sold("1", "ACQ-DE", "EUR", "DE")),
        (with_acquired_unit(), "hubspot-main", sold("1", "ACQ-DE", "EUR", "DE")),
        (with_acquired_unit(), "crm-acquired", other_currency),
    ] {
        let world = World::new(config, BEFORE);
        assert_eq!(world.approve(crm, &quote).await.0, Outcome::Held);
        assert!(world.products.iter().all(|p| p.writes.lock().unwrap().is_empty()));
    }
}
