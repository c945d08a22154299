//! Reads: what each shows, to whom, and that it writes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use connectors::CallErrorKind;
use domain::activation::CustomerFacts;
use domain::cash::{Payment, Receipt};
use domain::delivery::{Delivery, PROJECT, RESOURCE};
use domain::engagement::EngagementStatus::Active;
use domain::event::RecordChanged;
use domain::id::{InvoiceId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::ownership::Role;
use domain::problem::{Owner, Problem, ProblemCode};
use domain::sample::{active, config, quote, quote_of_two, usd};
use domain::statement_of_work::{StatementApproval, drafted};
use journal::{Commit, Committed, Exception, NewVersion, Write};
use runtime::fake::FakeConnections;
use serde_json::{Value, json};
use uuid::Uuid;
use world::products::{answering, failed};
use world::{Call, TENANT, World, now, world, world_with};

/// The books after an invoice was paid in part, with an exception about it.
async fn billed(w: &World) -> InvoiceId {
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let invoice = InvoiceId::derive(&["one"]);
    let body = Invoice {
        status: InvoiceStatus::PartPaid,
        number: Some("INV2026-00001".into()),
        untaxed: usd("100.00"),
        tax: Some(usd("10.00")),
        total: Some(usd("110.00")),
        applied: usd("60.00"),
        invoiced_on: Some("2026-10-20".parse().unwrap()),
        line_count: 1,
        ..Invoice::request(&w.engagement, invoice.clone(), "M1".into())
    };
    let payment = Payment {
        payment: PaymentId::derive(&["one"]),
        connection: "stripe-main".into(),
        record: "pi_1".into(),
        received_at: now(),
        received: usd("60.00"),
        applied: usd("60.00"),
        unapplied: usd("0.00"),
        returned: None,
        kept: None,
        status: None,
        invoice: invoice.clone(),
        applications: vec![],
    };
    let problem = Problem::new(ProblemCode::Overpayment, "something is left").with_stake(usd("5.00"));
    let exception =
        Exception::open(&["one"], problem, "payment-received", id.as_str(), "SECRET".into(), now());
    let item = exception.item(TENANT, id.as_str()).unwrap();
    let commit = Commit::default()
        .write(journal.write_invoice(TENANT, id, &body, 0, now()).unwrap())
        .write(journal.write_owner(TENANT, invoice.as_str(), id, Uuid::nil()).unwrap())
        .write(journal.write_payment(TENANT, id, &payment, true, Uuid::nil(), now()).unwrap())
        .write(
            journal
                .write_receipt(TENANT, &Receipt::adopted(&payment, id, &w.engagement.customer, "1"), 0, now())
                .unwrap(),
        )
        .write(Write::Insert { item, cause: Uuid::nil() });
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    invoice
}

async fn read(w: &World, path: &'static str, parameters: Value, role: &str) -> Value {
    let before = w.store.items();
    let (status, body) = Call::get(path, parameters).by(role).send(w).await;
    assert_eq!(status, 200, "{path}: {body}");
    assert_eq!(w.store.items(), before, "a read writes nothing");
    body
}

/// Proves API-14, API-09, API-10, API-15 and CAN-27 in part: where an engagement, its deal, invoice and payment now sit.
#[tokio::test]
async fn it_shows_where_everything_sits() {
    let w = world(Active).await;
    let invoice = billed(&w).await;
    let id = json!({"engagement": w.engagement.engagement});
    let shown = read(&w, "/v1/engagements/{engagement}", id.clone(), "sales").await;
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["contract"]["quote_number"], "Q-900");
    let [exception] = &shown["exceptions"].as_array().unwrap()[..] else { panic!("{shown}") };
    assert_eq!((&exception["code"], &exception["owner"]), (&json!("Q2C-0502"), &json!("finance-operations")));
    assert!(exception["remedy"].as_str().unwrap().len() > 20);
    assert!(!shown.to_string().contains("SECRET"), "the payload is a message as it came");

    let paid = read(&w, "/v1/invoices/{invoice}", json!({"invoice": invoice}), "finance").await;
    assert_eq!((&paid["invoice"]["status"], &paid["open"]["amount"]), (&json!("part-paid"), &json!("50.00")));
    assert_eq!(paid["payments"][0]["applied"]["amount"], "60.00");
    let owed = json!({"status": "overdue", "open": {"amount": "50.00", "currency": "USD"},
                      "due_on": "2026-11-19", "days_overdue": 2, "age": "1-30"});
    assert_eq!(paid["collections"], owed);
    let payments = read(&w, "/v1/engagements/{engagement}/payments", id.clone(), "finance").await;
    assert_eq!(payments["payments"][0]["invoice"], json!(invoice));

    let deal = json!({"connection": "hubspot-main", "deal": "123"});
    let finance = read(&w, "/v1/deals/{connection}/{deal}", deal.clone(), "finance").await;
    assert_eq!(finance["engagement"], json!(w.engagement.engagement));
    assert_eq!(finance["invoices"][0]["number"], "INV2026-00001");

    let timeline = read(&w, "/v1/engagements/{engagement}/timeline", id, "operations").await;
    let kinds: Vec<_> = timeline["entries"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    for kind in ["invoice", "payment", "exception"] {
        assert!(kinds.contains(&json!(kind)), "{kinds:?}");
    }
}

/// Proves SEC-05 in part: who may not see invoices does not see them beside the deal either.
#[tokio::test]
async fn sales_see_the_deal_without_its_invoices() {
    let w = world(Active).await;
    billed(&w).await;
    let deal = json!({"connection": "hubspot-main", "deal": "123"});
    let sales = read(&w, "/v1/deals/{connection}/{deal}", deal, "sales").await;
    assert!(sales.get("invoices").is_none() && !sales.to_string().contains("INV2026"), "{sales}");
}

/// Proves SEC-04 in part: with a sound token of another tenant there is nothing here, by any route.
#[tokio::test]
async fn another_tenant_sees_nothing() {
    let w = world_with(Active, answering(Ok(quote()), CustomerFacts::default())).await;
    let invoice = billed(&w).await;
    let all = json!({"engagement": w.engagement.engagement, "customer": w.engagement.customer, "invoice": invoice,
                     "line": "lin_1", "dispute": "dsp_1", "payment": PaymentId::derive(&["one"]), 
                     "connection": "hubspot-main", "deal": "123"});
    let (body, because) = (json!({"reason": "x"}), ["invoices", "withdrawal", "hold", "release"]);
    let cash = json!({"applications": [{"invoice": invoice, "amount": usd("1.00")}]});
    let mut tried = 0;
    for route in api::ROUTES.iter().filter(|r| r.path.contains('{')) {
        let call = match route.method {
            "GET" => Call::get(route.path, all.clone()),
            _ if because.iter().any(|end| route.path.ends_with(end)) => {
                Call::post(route.path, all.clone(), "k", &body)
            }
            _ if route.path.ends_with("applications") => Call::post(route.path, all.clone(), "k", &cash),
            _ if route.path.ends_with("write-offs") => {
                Call::post(route.path, all.clone(), "k", &json!({"lines": ["lin_1"], "reason": "x"}))
            }
            _ if route.path.ends_with("disputes") => {
                Call::post(route.path, all.clone(), "k", &json!({"kind": "scope", "reason": "x"}))
            }
            _ if route.path.ends_with("resolution") => {
                Call::post(route.path, all.clone(), "k", &json!({"outcome": "upheld", "reason": "x"}))
            }
            _ if route.path.ends_with("credit-memos") => Call::post(
                route.path,
                all.clone(),
                "k",
                &json!({"lines": [], "reason": "x", "rebill": false}),
            ),
            _ => {
                // A body of the documented form: what is refused is the engagement, and not the form.
                let last = route.path.rsplit('/').next().unwrap_or_default();
                let records = if last == "time" { "entries" } else { last };
                Call::post(route.path, all.clone(), "k", &json!({ records: [] }))
            }
        };
        for role in world::ROLES {
            let (status, answer) = call.clone().of("southwind", role).send(&w).await;
            assert!(
                [404, 403].contains(&status),
                "{} {} {role}: {status} {answer}",
                route.method,
                route.path
            );
            tried += usize::from(status == 404);
        }
    }
    assert!(tried > 20, "{tried} were admitted and found nothing");
    let mut list = Call::get("/v1/exceptions", json!({})).of("southwind", "finance");
    list.query = json!({"owner": "finance-operations"});
    assert_eq!(list.send(&w).await.1["exceptions"], json!([]));
}

/// Proves API-01 in part and API-03: the ERP's present word on a customer, and the verdict.
#[tokio::test]
async fn a_customer_is_judged_by_what_the_erp_says_now() {
    let limited = |owed: &str| CustomerFacts {
        credit_limit: Some(usd("100.00")),
        receivable: Some(usd(owed)),
        ..CustomerFacts::default()
    };
    for (facts, sound) in [
        (CustomerFacts::default(), true),
        (CustomerFacts { on_hold: true, ..CustomerFacts::default() }, false),
        (limited("100.00"), true),
        (limited("100.01"), false),
    ] {
        let w = world_with(Active, answering(Ok(quote()), facts.clone())).await;
        let customer = json!({"customer": w.engagement.customer});
        let shown = read(&w, "/v1/customers/{customer}", customer, "sales").await;
        assert_eq!(shown["may_be_sold_to"], sound, "{facts:?}");
        let account = &shown["accounts"][0];
        assert_eq!((&account["id"], &account["on_hold"]), (&json!("3"), &json!(facts.on_hold)));
        assert_eq!(shown["name"], "Globex Corporation");
    }
}

async fn checks(connections: FakeConnections) -> (i64, Value) {
    let w = world_with(Active, connections).await;
    let before = w.store.items();
    let deal = json!({"connection": "hubspot-main", "deal": "123"});
    let answer = Call::get("/v1/quotes/{connection}/{deal}/checks", deal).by("sales").send(&w).await;
    assert_eq!(w.store.items(), before, "checks write nothing");
    answer
}

/// Proves API-04 and API-05 in part: approval status and every finding at once, and the contract that would be cut.
#[tokio::test]
async fn a_quote_is_checked_whole_without_writing() {
    let (status, sound) = checks(answering(Ok(quote()), CustomerFacts::default())).await;
    assert_eq!((status, &sound["passes"], &sound["findings"]), (200, &json!(true), &json!([])));
    assert_eq!((&sound["approved"], &sound["contract"]["version"]), (&json!(true), &json!(1)));
    let mut flawed = quote();
    flawed.approved = false;
    flawed.payment_terms = None;
    let facts = CustomerFacts { on_hold: true, ..CustomerFacts::default() };
    let (_, found) = checks(answering(Ok(flawed), facts)).await;
    let codes: Vec<_> = found["findings"].as_array().unwrap().iter().map(|f| f["code"].clone()).collect();
    for code in ["Q2C-0101", "Q2C-0106", "Q2C-0107"] {
        assert!(codes.contains(&json!(code)), "{found}");
    }
    assert_eq!(
        (&found["passes"], &found["contract"], &found["approved"]),
        (&json!(false), &Value::Null, &json!(false))
    );
}

/// A product that is down is to be asked again; one that says no is a problem with an owner. Its words stay with us.
#[tokio::test]
async fn a_product_that_fails_is_told_in_our_words() {
    for (kind, status, code, retryable) in [
        (CallErrorKind::Transient { retry_after: None }, 503, "Q2C-1013", true),
        (CallErrorKind::Unknown, 503, "Q2C-1013", true),
        (CallErrorKind::Refused, 502, "Q2C-0901", false),
        (CallErrorKind::Mismatch, 502, "Q2C-0902", false),
        (CallErrorKind::Unauthorised, 502, "Q2C-0903", true),
    ] {
        let (answered, body) = checks(answering(Err(failed(kind)), CustomerFacts::default())).await;
        assert_eq!((answered, &body["code"], &body["retryable"]), (status, &json!(code), &json!(retryable)));
        assert!(!body["remedy"].as_str().unwrap().is_empty());
        assert!(!body.to_string().contains("internal words"), "{body}");
    }
}

/// Open exceptions are listed for their owner and nobody else's.
#[tokio::test]
async fn exceptions_are_listed_by_owner() {
    let w = world(Active).await;
    billed(&w).await;
    for owner in Owner::ALL {
        let mut call = Call::get("/v1/exceptions", json!({})).by("operations");
        call.query = json!({"owner": owner.as_str()});
        let (status, body) = call.send(&w).await;
        let expected = usize::from(owner == Owner::FinanceOperations);
        assert_eq!((status, body["exceptions"].as_array().unwrap().len()), (200, expected), "{owner:?}");
    }
    let mut call = Call::get("/v1/exceptions", json!({})).by("operations");
    call.query = json!({"owner": "nobody"});
    assert_eq!(call.send(&w).await.0, 400);
}

/// Proves API-16 and API-17 in part: the catalog names each route's domain and tier, and each domain and tier has one.
#[tokio::test]
async fn the_catalog_names_domain_and_tier_of_each_route() {
    let w = world(Active).await;
    let catalog = read(&w, "/v1/catalog", json!({}), "automation").await;
    let routes = catalog["routes"].as_array().unwrap();
    assert_eq!(routes.len(), api::ROUTES.len());
    let has = |field: &str, value: &str| routes.iter().any(|r| r[field] == value);
    for domain in
        ["customer-and-contract", "project-and-resource", "billing-event", "invoice-and-payment", "reporting"]
    {
        assert!(has("domain", domain), "{domain}");
    }
    for tier in ["system", "process", "experience"] {
        assert!(has("tier", tier), "{tier}");
    }
    let activation = routes.iter().find(|r| r["method"] == "POST" && r["path"] == "/v1/engagements").unwrap();
    assert_eq!(activation["roles"], json!(["sales", "operations", "automation"]));
}

/// Proves CAN-07 in part: each statement of work is shown with where it stands, its terms and its milestones.
#[tokio::test]
async fn statements_of_work_are_shown_with_where_they_stand() {
    let w = world(Active).await;
    let (journal, id) = (&w.context.journal, &w.engagement.engagement);
    let quote = quote_of_two(&["SOW-1"]).in_force();
    let (contract, drafts) = (active(&quote).contract, drafted(&quote));
    let (event, quote, quote_version) = ("e-1".into(), quote.quote, quote.version);
    let approval = StatementApproval { at: now(), event, quote, quote_version };
    let version = NewVersion { contract: &contract, drafted: &drafts, approval: &approval };
    let writes = journal.write_statements_of_work(TENANT, id, version, now()).await.unwrap();
    let commit = Commit { writes, ..Commit::default() };
    assert!(matches!(journal.commit(commit).await.unwrap(), Committed::Done));
    let again = journal.write_statements_of_work(TENANT, id, version, now()).await.unwrap();
    assert!(again.is_empty(), "nothing changed");

    let id = json!({"engagement": id});
    let shown = read(&w, "/v1/engagements/{engagement}", id.clone(), "sales").await;
    let [first, second] = &shown["statements_of_work"].as_array().unwrap()[..] else { panic!("{shown}") };
    assert_eq!((&first["statement"], &first["status"]), (&json!("SOW-1"), &json!("approved")));
    assert_eq!(first["approval"]["event"], "e-1");
    assert_eq!(first["milestones"][0]["amount"]["amount"], "20000.00");
    assert_eq!((&second["status"], second.get("approval")), (&json!("drafted"), None));
    assert_eq!(
        (&second["milestones"][0]["key"], &second["terms"]["tax_code"]),
        (&json!("M2"), &json!("SALES-10"))
    );
    let timeline = read(&w, "/v1/engagements/{engagement}/timeline", id, "operations").await;
    let stands = |e: &&Value| e["kind"] == "statement-of-work";
    let told: Vec<&Value> = timeline["entries"].as_array().unwrap().iter().filter(stands).collect();
    assert_eq!(
        told.iter().map(|e| e["status"].as_str().unwrap()).collect::<Vec<_>>(),
        ["approved", "drafted"]
    );
}

/// Proves API-13 in part, EVT-07 in part and CAN-13: an assignment links person, project, role and rate, the person is
/// the resource whose employer is configured, and where the project stands is shown.
#[tokio::test]
async fn it_shows_who_delivers_at_which_rates() {
    let mut config = config();
    config.resources.push(
        serde_json::from_value(json!({
            "name": "Ada Lovelace", "person": "77", "legal_entity": "NW-US", "employment": "employee",
        }))
        .unwrap(),
    );
    let mut known = FakeConnections::default();
    known.tenants.insert(TENANT.into(), std::sync::Arc::new(config));
    let w = world_with(Active, known).await;
    let (journal, contract) = (&w.context.journal, &w.engagement.contract);
    let mut delivery = Delivery::new(w.engagement.engagement.clone());
    let records = contract.staffing.iter().enumerate().map(|(n, r)| (r.key.clone(), format!("8{n}")));
    delivery.plan(contract, "kantata-main", &records.collect());
    for (object, record, field, value) in
        [(RESOURCE, "80", "person", "77"), (PROJECT, "6", "status", "In Progress")]
    {
        delivery.apply(&RecordChanged {
            connection: "kantata-main".into(),
            role: Role::Psa,
            object: object.into(),
            record: record.into(),
            fields: [(field.to_owned(), value.to_owned()), ("role".into(), "consultant".into())].into(),
            changed_at: now(),
        });
    }
    let write = journal.write_delivery(TENANT, &delivery, 0, now()).unwrap();
    assert!(matches!(journal.commit(Commit::default().write(write)).await.unwrap(), Committed::Done));
    let id = json!({"engagement": w.engagement.engagement});
    let shown = read(&w, "/v1/engagements/{engagement}/staffing", id.clone(), "operations").await;
    assert_eq!((&shown["project"], &shown["status"]["status"]), (&json!("6"), &json!("In Progress")));
    let [consultant, principal, fixed] = &shown["assignments"].as_array().unwrap()[..] else {
        panic!("{shown}")
    };
    assert_eq!((&consultant["person"], &consultant["role"]), (&json!("77"), &json!("consultant")));
    assert_eq!(
        (&consultant["hourly"]["amount"], &consultant["planned_hours"]),
        (&json!("180.00"), &json!("100"))
    );
    assert_eq!(
        (&consultant["legal_entity"], &consultant["employment"]),
        (&json!("NW-US"), &json!("employee"))
    );
    assert_eq!((&principal["status"], &principal["person"]), (&json!("open"), &Value::Null));
    assert_eq!((&fixed["service"], &fixed["hourly"]), (&json!("IMPL"), &Value::Null), "a fee covers it");
    let whole = read(&w, "/v1/engagements/{engagement}", id, "sales").await;
    assert_eq!(whole["project"]["status"], "In Progress");
}
