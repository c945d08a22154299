//! Statements of work that are approved while each other's change orders are being carried out.

use std::collections::BTreeSet;

use change_order_approved::ChangeOrderApproved;
use connectors::operation::{AmendBillingPlan, ChangeMilestone};
use domain::quote::Quote;
use domain::sample::{milestone_line, of_statement, quote_of_two};
use domain::statement_of_work::{StatementOfWork, StatementStatus};

use super::*;

/// Three statements, of which the first is approved; each of the others has a milestone.
fn three() -> Quote {
    let mut quote = quote_of_two(&["SOW-1"]);
    quote.lines.push(of_statement("SOW-3", milestone_line("6", "M3", "Hand-over", "5000.00")));
    quote
}

fn approve(world: &World, statement: &str) {
    world.products.quote.lock().unwrap().approved_statements.insert(statement.into());
}

/// The change orders that were announced so far.
fn orders(world: &World) -> Vec<Envelope> {
    let sent = world.of_kind("journal").into_iter().filter_map(|i| i.text("outbox").map(str::to_owned));
    sent.flat_map(|sent| serde_json::from_str::<Vec<Envelope>>(&sent).unwrap())
        .filter(|e| matches!(e.event, Event::ChangeOrderApproved(_)))
        .collect()
}

/// Carries out a change order until it is dealt with, as the queue does.
async fn carried_out(world: &World, policy: &ActivationPolicy, order: &Envelope) {
    let mut last = None;
    for _ in 0..10_000 {
        let context = world.context(policy);
        match ChangeOrderApproved.handle(&context, vec![order.clone()]).await.remove(0).1 {
            Ok(_) => return,
            Err(failure) => last = Some(failure.reason),
        }
        tokio::task::yield_now().await;
    }
    panic!("a change order was never dealt with: {last:?}");
}

/// A statement's mark in the CRM, its announcement, told twice, and what follows from it.
async fn approved(world: &World, policy: &ActivationPolicy, statement: &str, yields: u64) {
    for _ in 0..yields {
        tokio::task::yield_now().await;
    }
    approve(world, statement);
    for delivery in [statement.to_owned(), format!("{statement} again")] {
        world.take_in_the_end(policy, &announced(Signal::SowApproved, &delivery)).await;
        for order in orders(world) {
            carried_out(world, policy, &order).await;
        }
    }
}

/// Proves WFB-01 in part, EVT-04 in part, EVT-30 in part: approvals of two further statements in any order, at once, told
/// twice: the same contract in the end, each statement approved and each milestone made once.
#[tokio::test]
async fn two_approvals_at_once_end_in_the_same_contract() {
    let mut versions = BTreeSet::new();
    for seed in 0..60 {
        let (world, quotes_alone) = (World::new(), policy(&[Signal::QuoteApproved], &[]));
        *world.products.quote.lock().unwrap() = three();
        assert_eq!(world.take(&quotes_alone, &announced(Signal::QuoteApproved, "q")).await, Outcome::Applied);
        let random = &mut fastrand::Rng::with_seed(seed);
        let (second, third) = (random.u64(0..40), random.u64(0..40));
        tokio::join!(
            approved(&world, &quotes_alone, "SOW-2", second),
            approved(&world, &quotes_alone, "SOW-3", third),
        );
        let contract = world.state().await.unwrap().contract;
        let keys: Vec<&str> = contract.milestones.iter().map(|m| m.key.as_str()).collect();
        assert_eq!(keys, ["M1", "M2", "M3"], "seed {seed}");
        assert_eq!(contract.value().unwrap(), sample::usd("73000.00"), "seed {seed}");
        let all: BTreeSet<String> = ["SOW-1", "SOW-2", "SOW-3"].map(str::to_owned).into();
        assert_eq!(contract.statements, all, "seed {seed}");
        let statements: Vec<StatementOfWork> =
            world.of_kind("statement-of-work").iter().map(|i| i.body().unwrap()).collect();
        assert_eq!(statements.len(), 3, "seed {seed}");
        assert!(statements.iter().all(|s| s.status == StatementStatus::Approved), "seed {seed}");
        assert_eq!(world.products.made::<ChangeMilestone>(), 2, "seed {seed}: M2 and M3");
        let further = usize::try_from(contract.version - 1).unwrap();
        versions.insert(further);
        assert_eq!(world.products.made::<AmendBillingPlan>(), further, "seed {seed}");
        assert_eq!(world.of_kind("contract").len(), further + 1, "seed {seed}");
        assert!(world.open_exceptions().is_empty(), "seed {seed}: {:?}", world.open_exceptions());
    }
    assert_eq!(versions, [1, 2].into(), "together in one version, and one after the other");
}

/// A statement that is approved while the engagement is still being set up follows its activation.
#[tokio::test]
async fn an_approval_during_the_set_up_follows_it() {
    let (world, any) = (World::new(), policy(&[Signal::QuoteApproved], &[]));
    *world.products.quote.lock().unwrap() = quote_of_two(&["SOW-1"]);
    // The ERP holds something else at first, so that the activation is held right before its end.
    *world.products.plan.lock().unwrap() = Some(domain::setup::HeldPlan { positions: Default::default() });
    let quote = announced(Signal::QuoteApproved, "q");
    assert_eq!(world.take(&any, &quote).await, Outcome::Held);
    approve(&world, "SOW-2");
    assert_eq!(world.take(&any, &announced(Signal::SowApproved, "s")).await, Outcome::Held);
    let first = domain::sample::held_plan(&quote_of_two(&["SOW-1"]));
    *world.products.plan.lock().unwrap() = Some(first);
    *world.products.project.lock().unwrap() =
        Some(domain::sample::held_project(&quote_of_two(&["SOW-1"]), jiff::civil::date(2026, 11, 21)));
    assert_eq!(world.take(&any, &quote).await, Outcome::Applied);
    assert_eq!(world.state().await.unwrap().contract.statements.len(), 1, "what was begun is finished first");
    let orders = orders(&world);
    assert_eq!(orders.len(), 1, "the second follows");
    carried_out(&world, &any, &orders[0]).await;
    assert_eq!(world.state().await.unwrap().contract.statements.len(), 2);
    assert_eq!(world.open_exceptions(), []);
}
