//! Work that was in flight when it was recorded is carried on by today's code: nothing is lost, done
//! twice or billed otherwise. How recordings are made, and when one may be made anew: docs/testing.md.
#![allow(clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use simulation::recording::{FOLDER, Recording, make, names};

/// The largest file that is still looked at by people.
const MOST_BYTES: usize = 96 * 1_024;

/// The files, by name. What can't be read fails at once: such work could not be carried on either.
fn recordings() -> BTreeMap<String, Recording> {
    let files = std::fs::read_dir(FOLDER).expect("the folder of recordings");
    let paths = files.map(|file| file.expect("a file").path());
    let recordings = paths.filter(|path| path.extension().is_some_and(|e| e == "json")).map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a recording");
        assert!(text.len() <= MOST_BYTES, "{name} has {} bytes", text.len());
        let recording = Recording::read(&text).unwrap_or_else(|e| panic!("{name} can't be read: {e}"));
        (name, recording)
    });
    recordings.collect()
}

/// What every version left half-way is carried on to an end in which all invariants hold.
#[test]
fn what_was_in_flight_comes_to_its_end() {
    let mut failed = Vec::new();
    for (name, recording) in recordings() {
        let replay = recording.replay(false);
        if !replay.broken.is_empty() {
            failed.push(format!("{name} ({}): {:#?}", recording.in_flight, replay.broken));
        }
    }
    assert!(failed.is_empty(), "{} recordings can't be carried on:\n{}", failed.len(), failed.join("\n"));
}

/// A recording in which nothing is in flight would pass whatever was changed.
#[test]
fn what_a_recording_says_is_in_flight_is() {
    for (name, recording) in recordings() {
        assert!(recording.stands(), "{name}: not so: {}", recording.in_flight);
    }
}

#[test]
fn every_scenario_is_recorded() {
    let recorded: BTreeSet<String> = recordings().into_values().map(|r| r.scenario).collect();
    let expected: BTreeSet<String> = names().into_iter().map(str::to_owned).collect();
    assert_eq!(recorded, expected);
}

/// The kinds of items that the page on the architecture lists.
fn documented_kinds() -> BTreeSet<String> {
    let page = Path::new(FOLDER).join("../../../docs/architecture.md");
    let page = std::fs::read_to_string(page).expect("docs/architecture.md");
    let table = page.split("| kind | pk | sk |").nth(1).expect("the table of kinds");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with("| `"));
    rows.filter_map(|row| row.split('`').nth(1).map(str::to_owned)).collect()
}

/// Whatever the table can hold is in flight somewhere.
#[test]
fn every_kind_of_item_is_recorded() {
    let mut documented = documented_kinds();
    // What the API was asked is kept for whoever asks again; no work is in flight in it.
    assert!(documented.remove("request"));
    assert!(documented.len() >= 13, "{documented:?}");
    let recorded: BTreeSet<String> = recordings().values().flat_map(Recording::kinds).collect();
    assert_eq!(recorded, documented);
}

/// States in which something may stand half-way, as they are stored.
const UNFINISHED: &[&str] = &[
    "approval status requested",
    "credit-memo status approved",
    "exception status open",
    "invoice status collecting",
    "invoice status drafted",
    "invoice status submitted",
    "invoice status posted",
    "invoice status part-paid",
    "line status ready",
    "parked condition approval-settled",
    "parked condition engagement-active",
    "parked condition invoice-posted",
    "state status activating",
    "step state refused",
    "step state started",
    "step state undone",
    "step state waiting",
    "workflow status compensated",
    "workflow status held",
    "workflow status running",
];
/// Every queue; the poll and the webhook have none.
const QUEUES: &[&str] = &[
    "approval-decided",
    "change-order-approved",
    "charge-due",
    "credit-memo-issued",
    "credit-memo-requested",
    "dead-letters",
    "dispute-requested",
    "expense-approved",
    "invoice-posted",
    "invoice-requested",
    "milestone-completed",
    "outbox-retry",
    "payment-received",
    "quote-approved",
    "record-changed",
    "revenue-earned",
    "time-approved",
    "usage-recorded",
    "write-off-requested",
];

#[test]
fn every_state_of_unfinished_work_is_recorded() {
    let recordings = recordings();
    let states: BTreeSet<String> = recordings.values().flat_map(Recording::states).collect();
    let missing: Vec<&&str> = UNFINISHED.iter().filter(|state| !states.contains(**state)).collect();
    assert!(missing.is_empty(), "{missing:?} of {states:#?}");
    let queues: BTreeSet<String> = recordings.values().flat_map(Recording::queues).collect();
    assert_eq!(queues.iter().map(String::as_str).collect::<Vec<_>>(), QUEUES);
}

/// The scenarios are reached by today's code too, always the same way, and carried on from there.
#[test]
fn every_scenario_can_be_made_anew() {
    for name in names() {
        let text = |recording: Recording| recording.text().expect("JSON");
        let made = text(make(name).unwrap_or_else(|e| panic!("{e}")));
        let again = text(make(name).unwrap_or_else(|e| panic!("{e}")));
        assert!(made == again, "{name} differs from itself");
        let read = Recording::read(&made).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(read.stands(), "{name} does not stand when it is read back");
        let broken = read.replay(false).broken;
        assert!(broken.is_empty(), "{name}: {broken:#?}");
    }
}
