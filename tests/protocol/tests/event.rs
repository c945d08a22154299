//! The commit of an event, parking and publishing, every path of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use protocol::event::{ALL_DONE, Guards, ONCE, Protocol, State};
use protocol::{explore, find};

const ALL: Guards = Guards::ALL;

fn model(guards: Guards) -> Protocol {
    Protocol { guards, early: 2, shared: true, workers: 2, publishers: 1, faults: 2 }
}

#[track_caller]
fn breaks(what: &str, property: &str, guards: Guards) {
    let seen = find(what, model(guards));
    assert!(seen.way_to(property).is_some(), "{what}: the damage was not found; found {:?}", seen.broken);
}

/// Whatever is repeated, reordered, refused or killed, each event has its effect once and nothing
/// waits for ever.
#[test]
fn every_event_has_its_effect_once() {
    let seen = explore("events that share state", model(ALL), State::alike);
    assert!(seen.is_sound(), "{seen:?}");
}

/// The same where each event is one conditional write of its own.
#[test]
fn every_independent_event_has_its_effect_once() {
    let seen = explore("independent events", Protocol { shared: false, ..model(ALL) }, State::alike);
    assert!(seen.is_sound(), "{seen:?}");
}

/// The stream and its retry queue release the same condition at once.
#[test]
fn two_publishers_release_every_event() {
    let two = Protocol { publishers: 2, workers: 3, faults: 1, ..model(ALL) };
    let seen = explore("two publishers", two, State::alike);
    assert!(seen.is_sound(), "{seen:?}");
}

#[test]
fn without_the_entry_a_repetition_has_a_second_effect() {
    breaks("entry not looked at", ONCE, Guards { entry_absent: false, ..ALL });
}

#[test]
fn without_touching_the_version_an_event_waits_for_ever() {
    breaks("parking without touch", ALL_DONE, Guards { touch: false, ..ALL });
}

#[test]
fn without_the_version_of_the_state_a_count_is_lost() {
    breaks("state replaced in any version", ALL_DONE, Guards { version: false, ..ALL });
}

#[test]
fn without_the_condition_named_nothing_is_released() {
    breaks("condition not named", ALL_DONE, Guards { names_condition: false, ..ALL });
}

#[test]
fn with_removing_before_publishing_a_crash_loses_an_event() {
    breaks("removed before published", ALL_DONE, Guards { publish_first: false, ..ALL });
}

#[test]
fn without_an_outbox_a_crash_after_the_commit_loses_its_events() {
    breaks("sent after the commit", ALL_DONE, Guards { outbox: false, ..ALL });
}

#[test]
fn without_an_idempotent_consumer_publishing_twice_has_two_effects() {
    breaks("consumer takes everything", ONCE, Guards { consumer_once: false, ..ALL });
}
