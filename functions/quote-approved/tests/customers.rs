//! The customer of an approved quote: found before anything is written, adopted as it was found,
//! put below the company that it belongs to, and kept as one record.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "customers/products.rs"]
mod products;

use std::sync::Arc;

use domain::activation::CustomerFacts;
use domain::customer::GlobalCustomer;
use domain::customer_match::{ErpAddress, ErpCustomer};
use domain::event::QuoteApproved as Approved;
use domain::id::{CustomerId, EngagementId};
use domain::quote::{Customer, Quote};
use domain::sample::{parent, quote, usd};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::memory::MemoryStore;
use journal::{Item, Journal};
use products::{Product, connections};
use quote_approved::QuoteApproved;
use runtime::fake::{FakeBus, FakeClock, context};
use runtime::{Handler, Outcome};

const TENANT: &str = "northwind";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

struct World {
    store: Arc<MemoryStore>,
    product: Arc<Product>,
}

impl World {
    fn new(quote: Quote) -> Self {
        Self { store: Arc::new(MemoryStore::new()), product: Product::new(quote) }
    }

    fn with(self, accounts: Vec<ErpCustomer>) -> Self {
        *self.product.accounts.lock().unwrap() = accounts;
        self
    }

    /// An approval, another one for each name.
    async fn approve(&self, delivery: &str) -> Outcome {
        let deal = self.product.quote.lock().unwrap().deal.clone();
        let engagement = EngagementId::of_deal(TENANT, "hubspot-main", &deal);
        let approved = Approved { connection: "hubspot-main".into(), deal };
        let event = Envelope::reported(
            TENANT,
            "hubspot-main",
            delivery,
            engagement.as_str(),
            now(),
            approved.into(),
            Traceparent::start(),
        );
        let (bus, clock) = (Arc::new(FakeBus::default()), Arc::new(FakeClock::at(now())));
        let context = context("quote-approved", self.store.clone(), &bus, &clock, connections(&self.product));
        let mut answers = QuoteApproved.handle(&context, vec![event]).await;
        answers.remove(0).1.expect("is dealt with")
    }

    fn of_kind(&self, kind: &str) -> Vec<Item> {
        self.store.items().into_iter().filter(|i| i.text("kind") == Some(kind)).collect()
    }

    /// The exceptions' codes and what is said, those that are open.
    fn open(&self) -> Vec<(String, String)> {
        let open = self.of_kind("exception").into_iter().filter(|i| i.text("status") == Some("open"));
        let text = |i: &Item, name: &str| i.text(name).unwrap_or_default().to_owned();
        open.map(|i| (text(&i, "code"), text(&i, "detail"))).collect()
    }

    async fn customer(&self, company: &str) -> GlobalCustomer {
        let id = CustomerId::of_company(TENANT, "hubspot-main", company);
        Journal::new(self.store.clone()).customer(TENANT, &id).await.unwrap().body.expect("is kept")
    }
}

fn account(number: &str, record: &Customer) -> ErpCustomer {
    ErpCustomer {
        account: number.into(),
        carries: None,
        name: record.name.clone(),
        tax_registrations: record.tax_registration.clone().into_iter().collect(),
        addresses: vec![ErpAddress {
            street: record.street.clone(),
            postal_code: record.postal_code.clone(),
            country: record.country.clone(),
        }],
        parent: None,
    }
}

fn with_a_parent() -> Quote {
    let mut quote = quote();
    quote.customer.parent = Some(Box::new(parent()));
    quote
}

/// Proves WFA-04 in part, OWN-09 in part, OWN-10 in part, EXC-13 in part, WFA-16 in part: a customer in doubt stops
/// before anything is written; given its ID in the ERP, the next approval adopts exactly that account.
#[tokio::test]
async fn a_customer_in_doubt_stops_and_a_person_s_word_goes_on() {
    let mut alike = account("7", &quote().customer);
    alike.tax_registrations.clear();
    alike.addresses.clear();
    let world = World::new(quote()).with(vec![alike.clone(), account("8", &parent())]);
    assert_eq!(world.approve("first").await, Outcome::Held);
    let open = world.open();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].0, "Q2C-0115");
    assert!(open[0].1.contains("account 7 (Globex Corporation)"), "{}", open[0].1);
    assert_eq!(world.product.written(), Vec::<String>::new());
    assert_eq!((world.of_kind("state").len(), world.of_kind("customer").len()), (0, 0));
    assert_eq!(*world.product.asked.lock().unwrap(), Vec::<String>::new(), "whose credit?");

    let id = CustomerId::of_company(TENANT, "hubspot-main", "55");
    let world = world.with(vec![ErpCustomer { carries: Some(id.to_string()), ..alike }]);
    assert_eq!(world.approve("second").await, Outcome::Applied);
    assert_eq!(world.product.written()[0], "create customer: 7");
    assert_eq!(world.open(), []);
}

/// Proves WFA-04 in part and WFA-10 in part: what the match found is adopted, and its credit counts,
/// also where only name and address told which account it is.
#[tokio::test]
async fn the_account_that_was_found_is_the_one_whose_credit_counts() {
    let mut known = account("7", &quote().customer);
    known.tax_registrations.clear();
    let world = World::new(quote()).with(vec![known]);
    *world.product.facts.lock().unwrap() =
        CustomerFacts { credit_limit: Some(usd("1000.00")), ..CustomerFacts::default() };
    assert_eq!(world.approve("first").await, Outcome::Held);
    assert_eq!(world.open().iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["Q2C-0107"]);
    assert_eq!(*world.product.asked.lock().unwrap(), ["7"]);
    assert_eq!(world.product.written(), Vec::<String>::new());
    *world.product.facts.lock().unwrap() = CustomerFacts::default();
    assert_eq!(world.approve("second").await, Outcome::Applied);
    assert_eq!(world.product.written()[0], "create customer: 7");
}

/// Proves WFA-05, WFA-16 in part: a hierarchy that differs stops before anything is written, beside
/// whatever else is wrong.
#[tokio::test]
async fn a_hierarchy_that_differs_stops_beside_all_else() {
    let below = ErpCustomer { parent: Some("9".into()), ..account("7", &quote().customer) };
    let mut flawed = with_a_parent();
    flawed.delivery_owner = Some("nobody".into());
    let world = World::new(flawed).with(vec![below, account("8", &parent())]);
    assert_eq!(world.approve("first").await, Outcome::Held);
    let mut codes: Vec<String> = world.open().into_iter().map(|(code, _)| code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["Q2C-0113", "Q2C-0114"]);
    assert_eq!(world.product.written(), Vec::<String>::new());
    assert_eq!(world.of_kind("state").len(), 0);
}

/// Proves WFA-17 in part and CAN-02 in part: a parent that the ERP does not know is made first, and the
/// customer is put below it; both are kept, each with its records.
#[tokio::test]
async fn a_missing_parent_is_made_before_its_child() {
    let world = World::new(with_a_parent());
    assert_eq!(world.approve("first").await, Outcome::Applied);
    let expected = ["create customer: new-54", "create customer: new-55", "link customer: new-54"];
    assert_eq!(world.product.written()[..3], expected);
    let (child, above) = (world.customer("55").await, world.customer("54").await);
    assert_eq!(child.parent.as_ref().map(|p| &p.customer), Some(&above.customer));
    assert_eq!(child.records["hubspot-main"], "55");
    assert_eq!(child.records["tryton-us"], "new-55");
    assert_eq!(above.records["tryton-us"], "new-54");
    assert_eq!(child.tax.registration.as_deref(), Some("12-3456789"));
    let steps: Vec<Item> = world.of_kind("step");
    for name in ["parent", "customer", "hierarchy"] {
        let done = steps.iter().any(|s| s.text("step") == Some(name) && s.text("state") == Some("done"));
        assert!(done, "{name}");
    }
}

/// Proves CAN-01 in part: another deal of the customer finds the account by what was linked before,
/// and adds to the one record.
#[tokio::test]
async fn another_deal_finds_the_customer_by_its_link() {
    let world = World::new(quote());
    assert_eq!(world.approve("first").await, Outcome::Applied);
    // In the ERP nothing tells any more whose account it is: it was renamed, and its ID taken away.
    let renamed = Customer { name: "Initech".into(), tax_registration: None, ..quote().customer };
    let world = world.with(vec![account("new-55", &renamed)]);
    let other = Quote { deal: "124".into(), quote: "901".into(), ..quote() };
    *world.product.quote.lock().unwrap() = other;
    assert_eq!(world.approve("second").await, Outcome::Applied);
    let made: Vec<String> =
        world.product.written().into_iter().filter(|w| w.starts_with("create customer")).collect();
    assert_eq!(made, ["create customer: new-55"; 2]);
    assert_eq!(world.of_kind("customer").len(), 1);
    assert_eq!(world.of_kind("customer")[0].version(), 2);
    assert_eq!(*world.product.asked.lock().unwrap(), ["new-55"]);
}
