//! Every call of every function is the last one once: before it has its effect and after, in one
//! process and in two in a row; and every answer is lost once. A deal then still ends as it should.

use std::collections::BTreeMap;

use simulation::{Aim, Call, Fault, Place, Rehearsal, Target, rehearse};

/// Functions that take part in a deal in which nothing else goes wrong. `dead-letter` takes part in
/// none; it is crashed in the histories of `simulate`.
const FUNCTIONS: [&str; 22] = [
    "webhook",
    "poll",
    "quote-approved",
    "change-order-approved",
    "time-approved",
    "expense-approved",
    "usage-recorded",
    "milestone-completed",
    "invoice-requested",
    "invoice-posted",
    "payment-received",
    "credit-memo-requested",
    "credit-memo-issued",
    "record-changed",
    "publish-outbox",
    "approval-decided",
    "remind",
    "revenue-earned",
    "recognise-revenue",
    "age-receivables",
    "schedule-charges",
    "charge-due",
];

/// The longest process of each function in a deal in which nothing goes wrong.
fn calls() -> BTreeMap<&'static str, Vec<Call>> {
    let Rehearsal { broken, calls, .. } = rehearse(vec![], false);
    assert!(broken.is_empty(), "{broken:#?}");
    let mut longest: BTreeMap<&'static str, Vec<Call>> = BTreeMap::new();
    for (function, calls) in calls {
        let known = longest.entry(function).or_default();
        if calls.len() > known.len() {
            *known = calls;
        }
    }
    longest
}

fn try_every_call(function: &'static str, faults: &[Fault], times: u32) {
    let calls = calls().remove(function).unwrap_or_default();
    assert!(!calls.is_empty(), "{function} does nothing");
    let mut tried = 0;
    for call in &calls {
        for fault in faults.iter().filter(|f| f.applies(call.place)) {
            let aim = Aim { function, at: Target::Number(call.number), fault: *fault, times };
            let outcome = rehearse(vec![aim.clone()], false);
            assert!(outcome.broken.is_empty(), "{aim:?} at {}: {:#?}", call.place.name(), outcome.broken);
            // A product is also asked where it is written to: a question has no effect to be lost.
            let may_miss = matches!(fault, Fault::Silent | Fault::Late);
            assert!(may_miss || outcome.hits > 0, "{aim:?} was never hit");
            tried += outcome.hits.min(1);
        }
    }
    assert!(tried > 0, "nothing was tried");
    println!("{function}: {tried} points, {times} in a row");
}

macro_rules! every_function {
    ($($name:ident = $function:literal;)*) => {
        /// No function is left out.
        #[test]
        fn every_function_is_tried() {
            let tried = [$($function),*];
            assert_eq!(tried, FUNCTIONS);
            let known: Vec<&str> = calls().into_keys().collect();
            let mut expected = FUNCTIONS.to_vec();
            expected.sort_unstable();
            assert_eq!(known, expected);
        }

        $(
            mod $name {
                use super::*;

                /// Proves RES-15 in part: a process may die at any call.
                #[test]
                fn may_die_at_any_call() {
                    try_every_call($function, &[Fault::CrashBefore, Fault::CrashAfter], 1);
                }

                /// Proves RES-15 in part: and its successor at the same one.
                #[test]
                fn may_die_twice_at_any_call() {
                    try_every_call($function, &[Fault::CrashBefore, Fault::CrashAfter], 2);
                }

                /// Proves RES-17 in part: what was done without an answer is neither lost nor done twice.
                #[test]
                fn may_be_left_without_an_answer() {
                    try_every_call($function, &[Fault::AnswerLost, Fault::Silent, Fault::Late, Fault::Unavailable], 1);
                }
            }
        )*
    };
}

every_function! {
    webhook = "webhook";
    poll = "poll";
    quote_approved = "quote-approved";
    change_order_approved = "change-order-approved";
    time_approved = "time-approved";
    expense_approved = "expense-approved";
    usage_recorded = "usage-recorded";
    milestone_completed = "milestone-completed";
    invoice_requested = "invoice-requested";
    invoice_posted = "invoice-posted";
    payment_received = "payment-received";
    credit_memo_requested = "credit-memo-requested";
    credit_memo_issued = "credit-memo-issued";
    record_changed = "record-changed";
    publish_outbox = "publish-outbox";
    approval_decided = "approval-decided";
    remind = "remind";
    revenue_earned = "revenue-earned";
    recognise_revenue = "recognise-revenue";
    age_receivables = "age-receivables";
    schedule_charges = "schedule-charges";
    charge_due = "charge-due";
}

/// A deal in which nothing goes wrong touches every kind of call but those to a dead letter's.
#[test]
fn a_deal_touches_every_kind_of_call() {
    let touched: Vec<Place> = calls().into_values().flatten().map(|c| c.place).collect();
    let missing: Vec<&str> = Place::ALL
        .iter()
        .filter(|p| Fault::CrashBefore.applies(**p) && !touched.contains(p))
        .map(|p| p.name())
        .collect();
    assert_eq!(missing, ["retry queue"], "only what the bus refused goes to the retry queue");
}
