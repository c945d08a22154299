//! Makes recordings: a fixed deal is played in which nothing goes wrong but what the scenario aims
//! at, and everybody is dropped where he stands once the scenario stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::money::Money;

use super::scenarios::{self, Scenario};
use super::{Recording, simulated};
use crate::deal::Deal;
use crate::engine::{Sim, open};
use crate::products::{ErpInvoice, Fate};
use crate::world::{EPOCH, World};
use crate::{approver, script};

/// Minutes after which a scenario does not come to stand any more.
const MOST_MINUTES: u32 = 3 * 24 * 60;

/// Plays a scenario until it stands.
///
/// # Errors
/// When it is not known, or never stands.
pub fn make(name: &str) -> Result<Recording, String> {
    let scenario = scenarios::of(name).ok_or_else(|| format!("no scenario is called {name}"))?;
    simulated(Box::pin(play(scenario)))
}

async fn play(scenario: &'static Scenario) -> Result<Recording, String> {
    let sim = Sim::quiet(EPOCH.parse().expect("a timestamp"), false);
    let world = World::new(Arc::clone(&sim)).await;
    let deal = (scenario.deal)();
    let (outside, played) = (Arc::clone(&world), deal.clone());
    sim.spawn(async move { go_on(&outside, played, scenario).await });
    let (mut armed, watched) = (false, Arc::clone(&world));
    let stands = move || {
        if !armed && (scenario.aim_when)(&watched) {
            armed = true;
            watched.sim.aim((scenario.aims)());
        }
        armed && (scenario.stands)(&watched)
    };
    if sim.run_until(stands).await? {
        Ok(Recording::of(&world, scenario.name, scenario.in_flight, vec![deal]))
    } else {
        Err(format!("{} never stood", scenario.name))
    }
}

/// The world outside: the deal, a poll each minute, people who answer and customers who pay at once.
async fn go_on(world: &Arc<World>, deal: Deal, scenario: &Scenario) {
    world.sim.spawn(Box::pin(script::play(Arc::clone(world), deal.clone())));
    for _ in 0..MOST_MINUTES {
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.poll();
        world.schedule_charges();
        if scenario.ages {
            world.age(0);
        }
        approver::answer(world, std::slice::from_ref(&deal)).await;
        script::revise(world, &deal).await;
        script::contest_once(world, &deal).await;
        pay(world, scenario.paid_in);
    }
}

/// Pays each invoice that has a number, in equal parts.
fn pay(world: &Arc<World>, parts: i64) {
    let posted: Vec<(String, Money)> = {
        let books = open(&world.books);
        let unpaid = |i: &&ErpInvoice| {
            i.number.is_some() && !books.received.values().any(|received| received.number == i.number)
        };
        let named = books.invoices.values().filter(unpaid);
        named.map(|i| (i.number.clone().unwrap_or_default(), i.total())).collect()
    };
    for (number, total) in posted {
        let cents = total.minor_units().unwrap_or(0);
        for part in 0..parts {
            let rest = if part == 0 { cents % parts } else { 0 };
            script::receive(world, cents / parts + rest, Some(&number), Fate::None);
        }
    }
}

/// Writes a file for every scenario that has none. What is there is never written again.
///
/// # Errors
/// When a scenario never stands, or the folder can't be written.
pub fn write_missing(folder: &Path) -> Result<Vec<PathBuf>, String> {
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    let mut written = Vec::new();
    for name in scenarios::names() {
        let path = folder.join(format!("{name}.json"));
        if !path.exists() {
            std::fs::write(&path, make(name)?.text()?).map_err(|e| e.to_string())?;
            written.push(path);
        }
    }
    Ok(written)
}
