//! One history: drawn from its seed, played, drained, and held against the books.

use std::sync::Arc;
use std::time::Duration;

use events::Envelope;

use crate::deal::Deal;
use crate::engine::{Aim, Call, Sim, Tally, open};
use crate::world::{EPOCH, World, drawn};
use crate::{approver, cashier, controller, invariants, operator, script};

/// Rounds after the last fault in which everything must have come to an end.
const ROUNDS: u32 = 30;
/// Months after which every schedule is told to its end.
pub(crate) const MONTHS_AHEAD: u64 = 24;
/// Quiet minutes after which nobody is at anything any more: longer than anyone stands still.
const QUIET_MINUTES: u32 = 60;

/// What came of a seed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What does not hold; nothing where all is well.
    pub broken: Vec<String>,
    /// What went wrong on the way.
    pub tally: Tally,
    /// The same for the same seed.
    pub fingerprint: u64,
    /// Events that the bus took.
    pub events: usize,
    /// The history in words, where it was asked for.
    pub trace: Vec<String>,
}

/// Plays the history of a seed.
#[must_use]
pub fn play(seed: u64, traced: bool) -> Outcome {
    within_a_runtime(history(seed, traced))
}

/// Plays a fixed deal, with a price that somebody must allow, in which nothing goes wrong but what is aimed at. Gives what does not hold
/// in the end, and the calls of each process.
#[must_use]
pub fn rehearse(aims: Vec<Aim>, traced: bool) -> Rehearsal {
    within_a_runtime(async {
        let sim = Sim::quiet(EPOCH.parse().expect("a timestamp"), traced);
        sim.aim(aims);
        let world = World::new(Arc::clone(&sim)).await;
        let deals = vec![Deal::told()];
        let (master, played) = (Arc::clone(&world), deals.clone());
        sim.spawn(async move { everything(master, played).await });
        let mut broken = match sim.run().await {
            Ok(()) => world.complaints(),
            Err(endless) => vec![endless],
        };
        broken.extend(invariants::broken(&world, &deals));
        Rehearsal { broken, calls: sim.calls(), hits: sim.hits(), trace: sim.trace() }
    })
}

/// Runs a history in a thread of its own time, which passes only while nobody can go on.
pub(crate) fn within_a_runtime<T>(history: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    runtime.block_on(Box::pin(history))
}

/// What came of a fixed deal.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// What does not hold.
    pub broken: Vec<String>,
    /// The calls of each process, in the order in which processes began.
    pub calls: Vec<(&'static str, Vec<Call>)>,
    /// How often something aimed at went wrong.
    pub hits: u32,
    /// The history in words, where it was asked for.
    pub trace: Vec<String>,
}

async fn history(seed: u64, traced: bool) -> Outcome {
    let epoch = EPOCH.parse().expect("a timestamp");
    let sim = Sim::new(seed, epoch, traced);
    let world = World::of(Arc::clone(&sim), drawn(&sim)).await;
    let deals: Vec<Deal> = (0..=sim.below(3)).map(|n| Deal::draw(&sim, n)).collect();
    if sim.one_in(2) {
        controller::draw(&world);
    }
    let (master, played) = (Arc::clone(&world), deals.clone());
    sim.spawn(async move { everything(master, played).await });
    let mut broken = match sim.run().await {
        Ok(()) => world.complaints(),
        Err(endless) => vec![endless],
    };
    broken.extend(invariants::broken(&world, &deals));
    Outcome {
        seed,
        broken,
        tally: sim.tally(),
        fingerprint: sim.fingerprint(),
        events: open(&world.taken).len(),
        trace: sim.trace(),
    }
}

/// All deals at once, with whoever polls, pays and settles beside them; then the calm after it.
async fn everything(world: Arc<World>, deals: Vec<Deal>) {
    for deal in deals.clone() {
        let playing = Arc::clone(&world);
        world.under_way();
        world.sim.spawn(async move {
            Box::pin(script::play(Arc::clone(&playing), deal)).await;
            playing.arrived();
        });
    }
    while world.is_under_way() {
        world.sim.wait(60, 1_200).await;
        world.poll();
        if world.sim.one_in(3) {
            approver::answer(&world, &deals).await;
        }
        if world.sim.one_in(6) {
            world.remind();
            world.schedule_charges();
            // Now and then its clock strikes twice.
            if world.sim.one_in(4) {
                world.schedule_charges();
            }
            operator::settle(&world).await;
        }
        if world.sim.one_in(4) && !world.sim.is_quiet() {
            script::pay(&world, false);
        }
        if world.sim.one_in(8) {
            cashier::apply(&world);
        }
        if !world.config().invoicing.is_default() {
            control(&world);
        }
        if world.sim.one_in(4) {
            world.recognise(world.sim.below(20));
        }
        if world.sim.one_in(4) {
            world.age(world.sim.below(130));
            // Two of its runs may meet.
            if world.sim.one_in(3) {
                world.age(world.sim.below(130));
            }
        }
        if world.sim.one_in(5) {
            script::write_off(&world, &deals).await;
        }
        if !world.sim.is_quiet() && world.sim.one_in(4) {
            script::contest(&world, &deals).await;
        }
        if !world.sim.is_quiet() && world.sim.one_in(4) {
            script::decide(&world, &deals).await;
        }
    }
    world.sim.calm_down();
    controller::correct(&world);
    world.sim.note(|| "from here on nothing goes wrong".into());
    come_to_an_end(&world, &deals).await;
}

/// Whoever invoices by a policy holds something, releases what is held, and runs the calendar's part.
fn control(world: &Arc<World>) {
    controller::hold(world);
    if world.sim.one_in(4) {
        controller::release(world);
    }
    if world.sim.one_in(4) {
        world.run_invoices();
    }
}

/// Polls, settles, pays and invoices until nothing is left to be done.
pub(crate) async fn come_to_an_end(world: &Arc<World>, deals: &[Deal]) {
    for round in 0..ROUNDS {
        // The log is read to its end, overlap and all.
        world.poll();
        world.remind();
        if !world.config().invoicing.is_default() {
            world.run_invoices();
        }
        world.schedule_charges();
        world.recognise(MONTHS_AHEAD);
        world.age(0);
        quiet(world).await;
        let released = controller::release(world);
        let settled = operator::settle(world).await + approver::answer(world, deals).await;
        let applied = cashier::apply(world) > 0;
        if applied {
            quiet(world).await;
        }
        let paid = script::pay(world, true) || applied;
        let mut asked = false;
        for deal in deals {
            if invariants::has_ready_lines(world, &deal.engagement).await {
                script::request_invoice(world, &deal.engagement, &format!("what is left, {round}"));
                asked = true;
            }
        }
        if settled == 0 && !paid && !asked && released == 0 && round > 1 {
            // What came off a line while the schedules were told is told by the next run.
            world.recognise(MONTHS_AHEAD);
            world.age(0);
            quiet(world).await;
            if world.sim.one_in(4) {
                Box::pin(replay(world)).await;
            }
            return;
        }
    }
    world.complain("there is no end to what is left to be done".into());
}

/// Everything that ever was on the bus is put there once more: nothing of value may change.
pub(crate) async fn replay(world: &Arc<World>) {
    let events: Vec<Envelope> = open(&world.taken).values().cloned().collect();
    let before = invariants::worth(world);
    for event in events {
        world.take(event);
    }
    quiet(world).await;
    let after = invariants::worth(world);
    for (was, is) in before.iter().zip(&after).filter(|(was, is)| was != is) {
        world.complain(format!("a replay turned {was} into {is}"));
    }
    if before.len() != after.len() {
        world.complain(format!("a replay turned {} items of value into {}", before.len(), after.len()));
    }
}

/// Waits until nobody has been at anything for a while.
pub(crate) async fn quiet(world: &World) {
    let mut quiet = 0;
    while quiet < QUIET_MINUTES {
        tokio::time::sleep(Duration::from_secs(60)).await;
        quiet = if world.is_idle() { quiet + 1 } else { 0 };
    }
}
