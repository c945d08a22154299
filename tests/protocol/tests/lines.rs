//! Ownership of lines, every path of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use protocol::lines::{Guards, ONE_OWNER, Protocol, SENT_IS_OWNED, State};
use protocol::{explore, find};

const ALL: Guards = Guards::ALL;
/// One worker at each of two invoices.
const TWO: &[usize] = &[0, 1];
/// A third that outlived its lease at the first of them.
const ZOMBIE: &[usize] = &[0, 1, 0];

fn model(guards: Guards, workers: &'static [usize]) -> Protocol {
    Protocol { guards, lines: 3, workers, faults: 2 }
}

/// Whatever runs at once or dies between two pages, each line is on one invoice, once.
#[test]
fn two_invoices_never_share_a_line() {
    let seen = explore("two invoices", model(ALL, TWO), State::clone);
    assert!(seen.is_sound(), "{seen:?}");
}

#[test]
fn a_zombie_takes_no_line_of_an_invoice_that_was_sent() {
    let seen =
        explore("two invoices and a zombie", Protocol { faults: 1, ..model(ALL, ZOMBIE) }, State::clone);
    assert!(seen.is_sound(), "{seen:?}");
}

#[test]
fn without_the_line_s_own_condition_two_invoices_bill_it() {
    let seen = find("line taken unseen", model(Guards { line_ready: false, ..ALL }, TWO));
    assert!(seen.way_to(ONE_OWNER).is_some(), "{seen:?}");
}

#[test]
fn without_the_invoice_s_version_a_zombie_adds_lines_after_it_was_sent() {
    let seen = find("invoice in any version", model(Guards { invoice_version: false, ..ALL }, ZOMBIE));
    assert!(seen.way_to(SENT_IS_OWNED).is_some(), "{seen:?}");
}

#[test]
fn without_looking_again_whether_it_collects_a_zombie_adds_lines_after_it_was_sent() {
    let seen = find("collecting not looked at", model(Guards { collecting_again: false, ..ALL }, ZOMBIE));
    assert!(seen.way_to(SENT_IS_OWNED).is_some(), "{seen:?}");
}

#[test]
fn without_being_fixed_an_invoice_grows_after_it_was_sent() {
    let seen = find("sent without being fixed", model(Guards { fixed_before_sent: false, ..ALL }, ZOMBIE));
    assert!(seen.way_to(SENT_IS_OWNED).is_some(), "{seen:?}");
}

/// While leases hold, neither of those two looks is needed.
#[test]
fn without_zombies_the_looks_change_nothing() {
    let bare = Guards { collecting_again: false, fixed_before_sent: false, ..ALL };
    let seen = explore("bare, no zombie", model(bare, TWO), State::clone);
    assert!(seen.is_sound(), "{seen:?}");
}
