//! What a person types, and what he is told.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::engine::{Fault, Place, Tally, open};
use crate::history::{Outcome, play};
use crate::recording;

/// Broken seeds that are shown; more tell nothing new.
const MOST_SHOWN: usize = 5;

struct Order {
    seeds: u64,
    from: u64,
    one: Option<u64>,
    record: bool,
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Order, String> {
    let mut order = Order { seeds: 10_000, from: 0, one: None, record: false };
    while let Some(name) = arguments.next() {
        if name == "--record" {
            order.record = true;
            continue;
        }
        let value = arguments.next().and_then(|v| v.parse::<u64>().ok());
        let value = value.ok_or_else(|| format!("{name} needs a number"))?;
        match name.as_str() {
            "--seeds" => order.seeds = value,
            "--from" => order.from = value,
            "--seed" => order.one = Some(value),
            other => return Err(format!("{other} is not known; --seeds N, --from S, --seed S, --record")),
        }
    }
    Ok(order)
}

/// Plays what the arguments ask for.
pub fn command_line(arguments: impl Iterator<Item = String>) -> ExitCode {
    match read(arguments) {
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
        Ok(Order { record: true, .. }) => record(),
        Ok(Order { one: Some(seed), .. }) => replay(seed),
        Ok(order) => many(&order),
    }
}

/// Writes the recordings that are not there. One that is there may stand for work in flight, and
/// is not written again.
fn record() -> ExitCode {
    match recording::write_missing(Path::new(recording::FOLDER)) {
        Ok(written) => {
            println!("{} of {} recordings written", written.len(), recording::names().len());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn replay(seed: u64) -> ExitCode {
    let outcome = play(seed, true);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("\nseed {seed}: {} events, fingerprint {:016x}", outcome.events, outcome.fingerprint);
    for what in &outcome.broken {
        println!("BROKEN {what}");
    }
    if outcome.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Run {
    next: AtomicU64,
    stop: AtomicBool,
    broken: Mutex<Vec<Outcome>>,
    tally: Mutex<Tally>,
    played: AtomicU64,
    events: AtomicU64,
}

fn many(order: &Order) -> ExitCode {
    let begun = Instant::now();
    let run = Run {
        next: AtomicU64::new(order.from),
        stop: AtomicBool::new(false),
        broken: Mutex::default(),
        tally: Mutex::default(),
        played: AtomicU64::new(0),
        events: AtomicU64::new(0),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&run, order));
        }
    });
    report(&run, order, begun)
}

fn work(run: &Run, order: &Order) {
    let mut tally = Tally::default();
    while !run.stop.load(Ordering::Relaxed) {
        let seed = run.next.fetch_add(1, Ordering::Relaxed);
        if seed >= order.from + order.seeds {
            break;
        }
        let outcome = play(seed, false);
        tally.add(&outcome.tally);
        run.events.fetch_add(outcome.events as u64, Ordering::Relaxed);
        let played = run.played.fetch_add(1, Ordering::Relaxed) + 1;
        if played.is_multiple_of(2_000) {
            eprintln!("  … {played} of {} histories", order.seeds);
        }
        if !outcome.broken.is_empty() {
            let mut broken = open(&run.broken);
            broken.push(outcome);
            if broken.len() >= MOST_SHOWN {
                run.stop.store(true, Ordering::Relaxed);
            }
        }
    }
    open(&run.tally).add(&tally);
}

fn report(run: &Run, order: &Order, begun: Instant) -> ExitCode {
    let (played, tally) = (run.played.load(Ordering::Relaxed), open(&run.tally));
    let millis = begun.elapsed().as_millis().max(1);
    println!("{}", table(&tally));
    println!(
        "{played} histories from seed {}, {} events, in {} s: {} a second",
        order.from,
        run.events.load(Ordering::Relaxed),
        millis / 1_000,
        u128::from(played) * 1_000 / millis
    );
    let broken = open(&run.broken);
    for outcome in broken.iter() {
        println!(
            "\nseed {} breaks what must hold; make simulate SEED={} replays it",
            outcome.seed, outcome.seed
        );
        for what in outcome.broken.iter().take(8) {
            println!("  {what}");
        }
    }
    let mut failed = !broken.is_empty();
    // Few histories can't touch every point.
    if played >= 5_000 {
        for (fault, place) in tally.untouched() {
            println!("NEVER STRUCK: {} at {}", fault.name(), place.name());
            failed = true;
        }
    }
    for (fault, place) in tally.impossible() {
        println!("NOT POSSIBLE: {} at {}", fault.name(), place.name());
        failed = true;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// How often what went wrong where, as a table of Markdown.
fn table(tally: &Tally) -> String {
    let mut lines = vec!["| what | where | struck |".to_owned(), "|---|---|--:|".to_owned()];
    for fault in Fault::ALL {
        let places = Place::ALL.iter().filter(|p| fault.applies(**p));
        for place in places {
            lines.push(format!("| {} | {} | {} |", fault.name(), place.name(), tally.at(*fault, *place)));
        }
    }
    lines.join("\n")
}
