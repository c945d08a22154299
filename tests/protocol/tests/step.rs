//! One step of a workflow, every path of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use protocol::step::{COMPLETED_IS_DONE, COMPLETES, Check, Fence, Guards, ONE_RECORD, Protocol, State};
use protocol::{explore, find};

const ALL: Guards = Guards::ALL;

fn model(guards: Guards) -> Protocol {
    Protocol { guards, unique: false, workers: 2, faults: 2, horizon: 8, fair: false }
}

#[track_caller]
fn breaks(what: &str, property: &str, guards: Guards) {
    let seen = find(what, model(guards));
    assert!(seen.way_to(property).is_some(), "{what}: the damage was not found; found {:?}", seen.broken);
}

/// Whatever is lost, late, repeated or suspended, the product holds one record, the step tells
/// which, and the run does not complete without it.
#[test]
fn two_workers_with_two_faults_make_one_record() {
    let seen = explore("two workers, two faults", model(ALL), State::alike);
    assert!(seen.is_sound(), "{seen:?}");
}

/// The same with a third, so that a zombie meets two that work.
#[test]
fn two_workers_and_a_zombie_make_one_record() {
    let three = Protocol { workers: 3, faults: 1, horizon: 6, ..model(ALL) };
    let seen = explore("two workers and a zombie, one fault", three, State::alike);
    assert!(seen.is_sound(), "{seen:?}");
}

/// When faults end and nobody stays suspended, the run completes: no wait is for ever.
#[test]
fn every_run_completes_once_faults_end() {
    for (workers, faults) in [(2, 3), (3, 2)] {
        let fair = Protocol { workers, faults, horizon: 24, fair: true, ..model(ALL) };
        let seen = explore(&format!("fair, {workers} workers, {faults} faults"), fair, State::alike);
        assert!(seen.is_sound(), "{seen:?}");
    }
}

/// The checker sees a run that never completes: one fault more than there is time for.
#[test]
fn a_run_without_time_is_seen_not_to_complete() {
    let short = Protocol { horizon: 4, fair: true, ..model(ALL) };
    assert!(find("fair, no time", short).way_to(COMPLETES).is_some());
}

#[test]
fn without_fencing_a_zombie_overwrites_its_successor_s_step() {
    breaks("no fencing", ONE_RECORD, Guards { fence: Fence::None, ..ALL });
}

#[test]
fn without_asking_first_a_crash_makes_two_records() {
    breaks("no ask-first", ONE_RECORD, Guards { ask_first: false, ..ALL });
}

#[test]
fn without_the_settle_wait_a_late_effect_makes_two_records() {
    breaks("no settle wait", ONE_RECORD, Guards { settle_wait: false, ..ALL });
}

/// The product answered "not found" before the call had settled; the wait is over when the
/// answer is read.
#[test]
fn with_the_clock_read_after_the_answer_an_old_answer_is_believed() {
    breaks("clock after the answer", ONE_RECORD, Guards { clock_before_asking: false, ..ALL });
}

#[test]
fn without_a_check_before_sending_a_zombie_sends() {
    breaks("no check", ONE_RECORD, Guards { check: Check::None, ..ALL });
}

/// Why the age of the record is checked and not the lease: a call sent at the end of the lease
/// settles after the wait, which counts from the record.
#[test]
fn a_lease_that_stands_is_not_enough_to_send() {
    breaks("lease check only", ONE_RECORD, Guards { check: Check::Lease, ..ALL });
}

/// What stays open: a function frozen between the check and the call, for longer than a call
/// takes to settle. No code of ours closes it; a product that keeps our ID unique does.
#[test]
fn frozen_between_check_and_call_a_zombie_sends() {
    breaks("gap after the check", ONE_RECORD, Guards { check_and_send_at_once: false, ..ALL });
}

/// A product that keeps our ID unique needs no waits and no checks.
const CARELESS: Guards =
    Guards { settle_wait: false, check: Check::None, check_and_send_at_once: false, ..ALL };

fn unique(guards: Guards) -> Protocol {
    Protocol { unique: true, horizon: 6, ..model(guards) }
}

#[test]
fn a_product_that_refuses_a_second_holds_one_record_whatever_we_do() {
    let careless = Guards { fence: Fence::LeaseAndState, ..CARELESS };
    let seen = explore("unique", unique(careless), State::alike);
    assert!(seen.is_sound(), "{seen:?}");
}

/// The lease does not tell a begun step from a done one. A zombie that read the step as begun
/// writes it as begun again over its done record; the run completes meanwhile.
#[test]
fn a_fence_by_the_lease_alone_lets_a_done_step_be_begun_again() {
    let seen = find("unique, fenced by lease", unique(CARELESS));
    assert!(seen.way_to(COMPLETED_IS_DONE).is_some(), "{seen:?}");
}
