//! One customer, one project, one billing plan, one of everything below them, whatever was
//! repeated; tied to our IDs both ways; and every run at its end.

use std::collections::BTreeSet;

use domain::Contract;
use domain::customer::GlobalCustomer;
use domain::engagement::{Engagement, EngagementStatus};
use journal::{Item, Key};

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::products::Books;
use crate::world::{CRM, ERP, PSA, TENANT, World};

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger, items: &[Item]) -> Vec<String> {
    let mut broken = Vec::new();
    let books = open(&world.books);
    let Some(engagement) = &ledger.engagement else { return vec!["there is no engagement".into()] };
    must(&mut broken, engagement.status == EngagementStatus::Active, || {
        format!("the engagement is {}", engagement.status.as_str())
    });
    one_of_each(&mut broken, &books, deal, &engagement.contract);
    let records = &engagement.records;
    let account = books.accounts.iter().find(|a| a.customer.as_ref() == Some(&engagement.customer));
    must(
        &mut broken,
        account.is_some_and(|a| Some(&a.record.record) == records.customer_account.as_ref()),
        || "the customer's account is not the one that is recorded".into(),
    );
    kept(&mut broken, engagement, items);
    let project = books.project_of(&deal.engagement).map(|row| row.record.clone());
    must(&mut broken, project.is_some() && project == records.project, || {
        "the project is not the one that is recorded".into()
    });
    must(&mut broken, books.plans.get(&deal.engagement) == records.billing_plan.as_ref(), || {
        "the billing plan is not the one that is recorded".into()
    });
    let id = deal.engagement.as_str();
    for (global, connection, kind, local) in [
        (engagement.customer.as_str(), ERP, "customer", records.customer_account.as_deref()),
        (id, ERP, "billing-plan", records.billing_plan.as_deref()),
        (id, PSA, "project", records.project.as_deref()),
        (id, CRM, "deal", Some(deal.quote.deal.as_str())),
    ] {
        must(&mut broken, linked(items, global, connection, kind, local.unwrap_or_default()), || {
            format!("{kind} of {connection} is not linked both ways")
        });
    }
    let shown = books.deals.get(&deal.quote.deal).and_then(|d| d.get("status")).map(String::as_str);
    must(&mut broken, shown == Some("active"), || format!("the deal shows status {shown:?}"));
    runs_have_ended(&mut broken, ledger);
    broken
}

/// The customer as it is kept names the account, and nobody but its owner renamed it. Engagements
/// that became active before customers were kept have none.
fn kept(broken: &mut Vec<String>, engagement: &Engagement, items: &[Item]) {
    let key = Key::customer(TENANT, engagement.customer.as_str());
    let Some(item) = items.iter().find(|i| i.key() == key) else { return };
    let Ok(customer) = item.body::<GlobalCustomer>() else {
        broken.push("the customer can't be read".into());
        return;
    };
    let account = engagement.records.customer_account.as_ref();
    must(broken, customer.records.get(ERP) == account, || "the customer is kept with another account".into());
    must(broken, customer.name == engagement.customer_record.name, || {
        format!("the customer was renamed to {}", customer.name)
    });
}

fn one_of_each(broken: &mut Vec<String>, books: &Books, deal: &Deal, contract: &Contract) {
    let id = deal.engagement.as_str();
    let below = format!("{id}/");
    // A contract from before it had a work breakdown structure went by its template, which has two tasks.
    let work = if contract.work.is_empty() { 2 } else { contract.work.len() };
    // An order that was taken back leaves its tasks, each once: the next one finds them.
    let taken_back = deal.change_order.is_some() && contract.version == 1;
    let new = |key: &&str| taken_back && key.starts_with(&format!("{below}T-"));
    let left_over: BTreeSet<&str> = books.tasks.iter().map(|r| r.key.as_str()).filter(new).collect();
    let projects = books.projects.iter().filter(|row| row.key == id).count();
    must(broken, projects == 1, || format!("{projects} projects"));
    for (what, rows, expected) in [
        ("milestones", &books.milestones, contract.milestones.len()),
        ("tasks", &books.tasks, work + left_over.len()),
    ] {
        let in_use = rows.iter().filter(|r| !r.archived).map(|r| &r.key);
        let keys: Vec<&String> = in_use.filter(|k| k.starts_with(&below)).collect();
        must(broken, keys.len() == expected, || format!("{what} {keys:?} instead of {expected}"));
    }
    let by_time = deal.quote.lines.iter().any(|l| l.role.is_some());
    let cards = books.rate_cards.iter().filter(|row| row.key == id).count();
    must(broken, cards == usize::from(by_time), || format!("{cards} rate cards"));
    let mut customers: Vec<_> = books.accounts.iter().filter_map(|a| a.customer.as_ref()).collect();
    let all = customers.len();
    customers.sort_unstable();
    customers.dedup();
    must(broken, customers.len() == all, || format!("{all} accounts for {} customers", customers.len()));
}

/// Whether the crosswalk ties a product's ID to ours and back.
fn linked(items: &[Item], global: &str, connection: &str, kind: &str, local: &str) -> bool {
    let crosswalk = || items.iter().filter(|i| i.text("kind") == Some("crosswalk"));
    let holds = |key: Key| {
        crosswalk().any(|i| {
            i.key() == key && i.text("global_id") == Some(global) && i.text("local_id") == Some(local)
        })
    };
    holds(Key::crosswalk(TENANT, connection, kind, local))
        && holds(Key::crosswalk_back(TENANT, global, connection, kind))
}

/// Complete or compensated, and nothing in it open: never unknown.
fn runs_have_ended(broken: &mut Vec<String>, ledger: &Ledger) {
    for run in ledger.kind("workflow") {
        let (workflow, status) =
            (run.text("workflow").unwrap_or_default(), run.text("status").unwrap_or_default());
        // A change order that was refused is held before any system was told, or taken back after. Where whoever
        // looked at it again died over it, its exception still waits for a person.
        let told = |e: &Item| {
            e.text("status") == Some("open")
                && run.text("run").is_some_and(|id| e.text("payload").is_some_and(|p| p.contains(id)))
        };
        let refused = matches!(status, "held" | "compensated") || ledger.kind("exception").any(told);
        let ends = status == "completed" || (workflow == "change-order" && refused);
        must(broken, ends, || format!("run {workflow} {:?} is {status}", run.text("run")));
    }
    for step in ledger.kind("step").filter(|s| s.text("state") != Some("done")) {
        let name = step.text("step").unwrap_or_default();
        // What nobody answered for was asked about, and not found, before the order was taken back.
        let taken_back = step.text("workflow") == Some("change-order") && !in_force(ledger, step);
        // A later showing took the place of one that nobody answered for.
        must(
            broken,
            taken_back || name.contains("invoice-status") || name.starts_with("deal-status"),
            || format!("step {name} is {:?}", step.text("state")),
        );
    }
}

/// Whether the run that a step belongs to came to its end.
fn in_force(ledger: &Ledger, step: &Item) -> bool {
    let run = ledger
        .kind("workflow")
        .find(|run| run.text("workflow") == step.text("workflow") && run.text("run") == step.text("run"));
    run.is_some_and(|run| run.text("status") == Some("completed"))
}
