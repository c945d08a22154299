//! A recording, carried on by today's code: queues deliver again what was in somebody's hands,
//! products tell again what nobody took, and the deal goes on where it stood.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Event;
use domain::activation::Trigger;
use domain::sample;

use super::Recording;
use crate::deal::Deal;
use crate::engine::open;
use crate::world::World;
use crate::{approver, history, invariants, operator, script, senders};

/// Minutes in which a project must be there.
const MOST_MINUTES: u32 = 24 * 60;

/// What came of a recording.
#[derive(Debug, Clone)]
pub struct Replay {
    /// What does not hold.
    pub broken: Vec<String>,
    /// The history in words, where it was asked for.
    pub trace: Vec<String>,
}

pub(super) async fn replay(recording: &Recording, traced: bool) -> Replay {
    let world = recording.load(traced).await;
    let (master, deals) = (Arc::clone(&world), recording.deals.clone());
    world.sim.spawn(async move { Box::pin(carry_on(&master, &deals)).await });
    let mut broken = match world.sim.run().await {
        Ok(()) => world.complaints(),
        Err(endless) => vec![endless],
    };
    broken.extend(invariants::broken(&world, &recording.deals));
    Replay { broken, trace: world.sim.trace() }
}

async fn carry_on(world: &Arc<World>, deals: &[Deal]) {
    tell_again(world, deals);
    for deal in deals.iter().filter(|deal| !deal.withdrawn) {
        if has_project(world, deal).await {
            report_the_rest(world, deal);
        } else {
            world.complain(format!("{} has no project", deal.engagement));
        }
    }
    history::come_to_an_end(world, deals).await;
    // Also what an earlier version told is told again, under the hash that it was journalled with.
    history::replay(world).await;
    // What was kept before schedules were told is told now.
    world.recognise(history::MONTHS_AHEAD);
    history::quiet(world).await;
}

/// A product that pushes does so until it is taken, and what a quote lacked is put right. (What the ERP posted is in its log too.)
fn tell_again(world: &Arc<World>, deals: &[Deal]) {
    for deal in deals {
        let told = |e: &Event| Trigger::of(e).is_some_and(|told| told.deal == deal.quote.deal);
        let corrected = deal.flawed && {
            let before = open(&world.books).quotes.insert(deal.quote.deal.clone(), deal.quote.clone());
            before.as_ref() != Some(&deal.quote)
        };
        if corrected || !world.took(told) {
            senders::approved(world, &deal.quote.deal);
        }
    }
    let received = open(&world.books).received.clone();
    for (intent, payment) in received {
        if !world.took(|e| matches!(e, Event::PaymentReceived(told) if told.record == intent)) {
            let cents = payment.amount.minor_units().unwrap_or(0);
            senders::paid(world, &intent, cents, payment.number.as_deref());
        }
    }
}

async fn has_project(world: &Arc<World>, deal: &Deal) -> bool {
    for minute in 0..MOST_MINUTES {
        if open(&world.books).project_of(&deal.engagement).is_some() {
            return true;
        }
        // What a product refused is settled meanwhile, and what somebody was asked is answered.
        if minute % 60 == 59 {
            operator::settle(world).await;
            approver::answer(world, std::slice::from_ref(deal)).await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    }
    false
}

/// Work that was not reported yet.
fn report_the_rest(world: &Arc<World>, deal: &Deal) {
    let told: BTreeSet<String> = {
        let books = open(&world.books);
        let ours = books.work.iter().filter(|c| c.change.subject.as_str() == deal.engagement.as_str());
        let name = |event: &Event| match event {
            Event::TimeApproved(entry) => Some(entry.entry.clone()),
            Event::ExpenseApproved(expense) => Some(expense.expense.clone()),
            Event::MilestoneCompleted(done) => Some(done.milestone.clone()),
            _ => None,
        };
        ours.filter_map(|c| name(&c.change.event)).collect()
    };
    for entry in deal.time.iter().filter(|entry| !told.contains(&entry.entry)) {
        script::report(world, deal, Event::TimeApproved(entry.clone()));
    }
    for entry in deal.retained.iter().filter(|entry| !told.contains(&entry.entry)) {
        script::report(world, deal, Event::TimeApproved(entry.clone()));
    }
    for expense in deal.expenses.iter().filter(|expense| !told.contains(&expense.expense)) {
        script::report(world, deal, Event::ExpenseApproved(expense.clone()));
    }
    for used in &deal.usage {
        if !world.took(|e| matches!(e, Event::UsageRecorded(told) if told == used)) {
            script::record(world, deal, used);
        }
    }
    for key in deal.completed.iter().filter(|key| !told.contains(*key)) {
        script::report(world, deal, Event::MilestoneCompleted(sample::completion(key)));
    }
}
