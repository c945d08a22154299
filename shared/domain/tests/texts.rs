//! Words that are written into the table, into other systems and into IDs: changing one orphans what stands there.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::decision::Condition;
use domain::engagement::EngagementStatus;
use domain::id::{ApprovalId, InvoiceId, derive, namespace};
use domain::invoice::InvoiceStatus;
use domain::problem::{Owner, Problem, ProblemCode};
use serde::Serialize;

fn written(value: impl Serialize) -> String {
    serde_json::to_value(value).expect("serialises").as_str().expect("text").to_owned()
}

/// Two ways of writing one status would make two statuses of it.
#[test]
fn a_status_is_written_alike_everywhere() {
    use EngagementStatus::{Activating, Active, Held, Withdrawn};
    use InvoiceStatus::{Collecting, Drafted, Empty, Paid, PartPaid, Posted, Submitted};
    for status in [Held, Activating, Active, Withdrawn] {
        assert_eq!(status.as_str(), written(status));
    }
    for status in [Collecting, Empty, Drafted, Submitted, Posted, PartPaid, Paid] {
        assert_eq!(status.as_str(), written(status));
    }
    assert_eq!((Active.as_str(), PartPaid.as_str()), ("active", "part-paid"));
}

/// Open exceptions are listed by owner: the key of the list is the word.
#[test]
fn an_owner_is_written_alike_everywhere() {
    for owner in Owner::ALL {
        assert_eq!(owner.as_str(), written(owner));
    }
    assert_eq!(Owner::FinanceOperations.as_str(), "finance-operations");
}

/// What waits is found by the text of its condition: no two conditions may share one.
#[test]
fn a_condition_is_a_key() {
    let (one, two) = (InvoiceId::derive(&["1"]), InvoiceId::derive(&["2"]));
    assert_eq!(Condition::EngagementActive.to_string(), "engagement-active");
    assert_eq!(Condition::InvoicePosted(one.clone()).to_string(), format!("invoice-posted:{one}"));
    assert_ne!(Condition::InvoicePosted(one).to_string(), Condition::InvoicePosted(two).to_string());
    let asked = ApprovalId::derive(&["1"]);
    assert_eq!(Condition::ApprovalSettled(asked.clone()).to_string(), format!("approval-settled:{asked}"));
}

/// An exception's ID derives from this text, and a person reads it.
#[test]
fn a_problem_names_its_code_and_its_detail() {
    let problem = Problem::new(ProblemCode::NoRateInForce, "entry 7 of Ada Lovelace");
    assert_eq!(
        problem.to_string(),
        format!("{}: entry 7 of Ada Lovelace", ProblemCode::NoRateInForce.as_str())
    );
}

/// Another namespace would give every record another ID, and bill everything once more.
#[test]
fn ids_stay_what_they_are() {
    assert_eq!(namespace().to_string(), "f389b4b1-c81a-5c98-8e49-3b3f07cf5e21");
    assert_eq!(derive(&["northwind", "1"]).to_string(), "1556fbb1-45cc-5ff7-a5aa-8ce156b76be2");
    assert_eq!(
        InvoiceId::derive(&["northwind", "1"]).as_str(),
        format!("inv_{}", derive(&["northwind", "1"]).simple())
    );
}
