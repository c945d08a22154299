//! Every failure of every workflow, from the list of workflows: what is added there is tried here.

use simulation::failures::{TakenBack, function_of, take_back};
use simulation::{Aim, Fault, Place, Rehearsal, Target, rehearse};
use workflow::Workflow;

/// Where a workflow writes, in order, in a deal in which nothing goes wrong.
fn steps(workflow: Workflow) -> Vec<Place> {
    let Rehearsal { calls, .. } = rehearse(vec![], false);
    let mut steps: Vec<Place> = Vec::new();
    for (function, calls) in calls {
        let writes = calls.iter().map(|c| c.place).filter(|p| Fault::Silent.applies(*p));
        for place in writes.filter(|_| function == function_of(workflow)) {
            if !steps.contains(&place) {
                steps.push(place);
            }
        }
    }
    assert!(!steps.is_empty(), "{workflow:?} has no step");
    steps
}

fn holds(outcome: &TakenBack, what: &str) {
    assert!(outcome.broken.is_empty(), "{what}: {:#?}\n{}", outcome.broken, outcome.trace.join("\n"));
}

/// Proves RES-02 in part: a step whose answer is lost is tried again, and done once; each alone.
#[test]
fn each_step_doubled_alone() {
    for workflow in Workflow::ALL {
        for place in steps(workflow) {
            doubled(workflow, &[place]);
        }
    }
}

/// Proves RES-02 in part: and all of them in one run.
#[test]
fn all_steps_doubled() {
    for workflow in Workflow::ALL {
        doubled(workflow, &steps(workflow));
    }
}

fn doubled(workflow: Workflow, places: &[Place]) {
    for fault in [Fault::Silent, Fault::CrashAfter, Fault::Late] {
        let aim = |place: &Place| Aim {
            function: function_of(workflow),
            at: Target::Place(*place),
            fault,
            times: 1,
        };
        let outcome = rehearse(places.iter().map(aim).collect(), false);
        assert!(outcome.broken.is_empty(), "{workflow:?}, {places:?}, {fault:?}: {:#?}", outcome.broken);
        assert!(
            outcome.hits as usize >= places.len(),
            "{workflow:?}, {places:?}, {fault:?}: {}",
            outcome.hits
        );
    }
}

/// Proves RES-06 and RES-20 in part: refused at any step, a run is taken back, and ends.
#[test]
fn a_failure_at_each_step_with_compensation() {
    for workflow in Workflow::ALL {
        for place in steps(workflow) {
            holds(&take_back(workflow, place, vec![], false), &format!("{workflow:?} refused at {place:?}"));
        }
    }
}

/// The compensation dies before and after each of its calls, once and twice in a row.
#[test]
fn a_compensation_that_dies_anywhere() {
    on_the_way_back(&[Fault::CrashBefore, Fault::CrashAfter], &[1, 2]);
}

/// Each undoing is done twice, because its answer was lost; or fails, and is tried again.
#[test]
fn a_compensation_that_is_doubled_or_fails() {
    on_the_way_back(&[Fault::Silent, Fault::AnswerLost, Fault::Unavailable, Fault::Throttled], &[1]);
}

/// Goes through all calls of taking back, from the last step that each workflow can be stopped at.
fn on_the_way_back(faults: &[Fault], rows: &[u32]) {
    for workflow in Workflow::ALL {
        let refused = last_that_can_be_taken_back(workflow);
        let clean = take_back(workflow, refused, vec![], false);
        holds(&clean, "nothing goes wrong");
        assert!(!clean.calls.is_empty(), "{workflow:?} is not taken back");
        let mut hits = 0;
        for call in &clean.calls {
            for fault in faults.iter().filter(|f| f.applies(call.place)) {
                for times in rows {
                    let at = Target::Number(call.number);
                    let aim = Aim { function: function_of(workflow), at, fault: *fault, times: *times };
                    let outcome = take_back(workflow, refused, vec![aim.clone()], false);
                    holds(&outcome, &format!("{workflow:?} refused at {refused:?}, then {aim:?}"));
                    hits += outcome.hits;
                }
            }
        }
        assert!(hits > 0, "{workflow:?}: nothing was tried");
        println!("{}: {hits} faults on the way back", workflow.as_str());
    }
}

/// An activation or a change order that has come to show its status in the CRM is in force, and not taken back any more.
fn last_that_can_be_taken_back(workflow: Workflow) -> Place {
    match workflow {
        Workflow::Activation => Place::CreateAssignments,
        Workflow::Invoice => Place::PostInvoice,
        Workflow::InvoiceStatus | Workflow::Payment | Workflow::CreditMemoStatus => Place::WriteDealStatus,
        Workflow::CreditMemo => Place::PostCreditMemo,
        Workflow::ChangeOrder => Place::CreateAssignments,
    }
}
