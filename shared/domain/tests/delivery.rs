//! What the PSA reports of a project: taken over in the order in which it happened, told once.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;

use domain::Event;
use domain::activation::cut_contract;
use domain::change_order::{ChangeOrder, Verdict, decide};
use domain::delivery::{AssignmentStatus, Delivery, PROJECT, ProjectStatus, RESOURCE, Told, stopped};
use domain::event::{ProjectStatusChanged, RecordChanged, StaffingChanged};
use domain::ownership::Role;
use domain::policy::ServiceRole;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::sample::{active, config, quote, rate_line, usd};
use jiff::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

fn report(object: &str, record: &str, fields: &[(&str, &str)], minute: i64) -> RecordChanged {
    RecordChanged {
        connection: "kantata-main".into(),
        role: Role::Psa,
        object: object.into(),
        record: record.into(),
        fields: fields.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect(),
        changed_at: at(minute),
    }
}

fn stands(status: &str, archived: bool, minute: i64) -> RecordChanged {
    report(PROJECT, "6", &[("status", status), ("archived", &archived.to_string())], minute)
}

fn unknown() -> Delivery {
    Delivery::new(active(&quote()).engagement)
}

fn status_told(told: Told) -> ProjectStatusChanged {
    match told {
        Told::Changed(event, _) => match *event {
            Event::ProjectStatusChanged(changed) => changed,
            other => panic!("{}", other.type_name()),
        },
        other => panic!("{other:?}"),
    }
}

fn staffing_told(told: Told) -> StaffingChanged {
    match told {
        Told::Changed(event, _) => match *event {
            Event::StaffingChanged(changed) => changed,
            other => panic!("{}", other.type_name()),
        },
        other => panic!("{other:?}"),
    }
}

/// The assignments of the sample's roles as activation made them.
fn made(contract: &domain::Contract) -> BTreeMap<String, String> {
    contract.staffing.iter().enumerate().map(|(n, role)| (role.key.clone(), (80 + n).to_string())).collect()
}

/// Proves WFA-20 in part: what is sold by time names role and hours, rates of different days as one role; for what a
/// fee is paid, the catalog says who delivers it, once a service.
#[test]
fn roles_are_cut_from_what_was_sold() {
    let mut sold = quote();
    sold.lines.push(rate_line("5", "consultant", "200.00"));
    let contract = cut_contract(&sold, &config()).expect("contract");
    let planned: Vec<(&str, &str, &str, Option<String>, bool)> = contract
        .staffing
        .iter()
        .map(|r| {
            let hours = r.planned_hours.map(|h| h.to_string());
            (r.role.as_str(), r.service.as_str(), r.quote_line.as_str(), hours, r.rated)
        })
        .collect();
    assert_eq!(
        planned,
        [
            ("consultant", "ADVISORY", "3", Some("200".into()), true),
            ("principal", "ADVISORY", "4", Some("100".into()), true),
            ("consultant", "IMPL", "1", Some("120".into()), false),
        ]
    );
    let mut other = config();
    other.services[0].roles = vec![ServiceRole { role: "architect".into(), hours: None }];
    let contract = cut_contract(&quote(), &other).expect("contract");
    let architect = contract.staffing.last().expect("a role");
    assert_eq!((architect.role.as_str(), architect.planned_hours), ("architect", None));
    let again = cut_contract(&Quote { version: 2, ..quote() }, &other).expect("contract");
    assert_eq!(again.staffing, contract.staffing, "the same keys in each version");
}

/// Proves EVT-07 in part: a change of status is told once, with what was before; what is known already, or as of
/// later, is not told again.
#[test]
fn a_status_is_told_once_and_never_by_an_older_report() {
    let mut delivery = unknown();
    let first = status_told(delivery.apply(&stands("In Progress", false, 1)));
    assert_eq!((first.before, first.status.status.as_str()), (None, "In Progress"));
    assert!(matches!(delivery.apply(&stands("In Progress", false, 5)), Told::Confirmed(_)));
    assert!(
        matches!(delivery.apply(&stands("On Hold", false, 4)), Told::Nothing(_)),
        "it was not so at five"
    );
    let next = status_told(delivery.apply(&stands("Done", false, 6)));
    assert_eq!(next.before.map(|b| b.status), Some("In Progress".into()));
    assert_eq!(delivery.status.as_ref().map(|s| s.as_of), Some(at(6)));
    let before = delivery.clone();
    assert!(matches!(delivery.apply(&report("invoice", "1", &[("status", "x")], 9)), Told::Nothing(_)));
    assert_eq!(delivery, before);
}

/// Proves EVT-24 in part: a person who is named, another one and an assignment that is gone are each told as they are
/// then; what is known as of later is not.
#[test]
fn people_come_and_go() {
    let mut delivery = unknown();
    let contract = active(&quote()).contract;
    let planned = delivery.plan(&contract, "kantata-main", &made(&contract)).expect("is told");
    assert_eq!(planned.contract_version, Some(1));
    assert_eq!(planned.assignments.len(), contract.staffing.len());
    assert!(planned.assignments.iter().all(|a| a.status == AssignmentStatus::Open && a.person.is_none()));
    assert_eq!(delivery.plan(&contract, "kantata-main", &made(&contract)), None, "nothing is new");

    let named = report(RESOURCE, "80", &[("role", "consultant"), ("person", "77")], 5);
    let told = staffing_told(delivery.apply(&named));
    let [one] = told.assignments.as_slice() else { panic!("one") };
    assert_eq!((one.status, one.person.as_deref()), (AssignmentStatus::Named, Some("77")));
    assert_eq!(one.planned.as_ref(), contract.staffing.first(), "what was sold of it stays");
    assert_eq!(told.contract_version, None);

    assert!(matches!(delivery.apply(&named), Told::Confirmed(_)));
    let late = report(RESOURCE, "80", &[("person", "")], 4);
    assert!(matches!(delivery.apply(&late), Told::Nothing(_)));
    let freed = staffing_told(delivery.apply(&report(RESOURCE, "80", &[("person", "")], 6)));
    assert_eq!((freed.assignments[0].status, &freed.assignments[0].person), (AssignmentStatus::Open, &None));
    let removed = staffing_told(delivery.apply(&report(RESOURCE, "80", &[("removed", "true")], 7)));
    assert_eq!(removed.assignments[0].status, AssignmentStatus::Removed);
    let added = staffing_told(delivery.apply(&report(RESOURCE, "99", &[("role", "tester")], 7)));
    assert_eq!((added.assignments[0].planned.as_ref(), added.assignments[0].role.as_str()), (None, "tester"));
}

/// A report that is quicker than the activation it belongs to is joined with the plan, whoever was named.
#[test]
fn a_report_may_be_quicker_than_the_plan() {
    let (mut delivery, contract) = (unknown(), active(&quote()).contract);
    let key = contract.staffing[0].key.as_str();
    let fields = [("role", "consultant"), ("person", "77"), ("planned_role", key)];
    staffing_told(delivery.apply(&report(RESOURCE, "80", &fields, 1)));
    delivery.plan(&contract, "kantata-main", &made(&contract)).expect("is told");
    assert_eq!(delivery.assignments.len(), contract.staffing.len());
    let first = &delivery.assignments[0];
    assert_eq!((first.person.as_deref(), first.planned.is_some()), (Some("77"), true));
}

fn order(next: &Quote) -> ChangeOrder {
    match decide(&active(&quote()), next, &Default::default(), &config(), date(2026, 11, 20)) {
        Verdict::Change(order) => *order,
        other => panic!("{other:?}"),
    }
}

/// Proves EVT-24 in part: a change order adds roles, and releases those that are not sold any more; one that comes
/// back is the same assignment.
#[test]
fn a_change_order_adds_and_releases_roles() {
    let contract = active(&quote()).contract;
    let mut delivery = unknown();
    delivery.plan(&contract, "kantata-main", &made(&contract));
    let mut next = Quote { quote: "901".into(), version: 2, ..quote() };
    next.lines.retain(|line| line.role.as_deref() != Some("principal"));
    next.lines.push(rate_line("7", "designer", "150.00"));
    let order = order(&next);
    let designer = order.to.staffing.iter().find(|r| r.role == "designer").expect("is planned");
    let records = BTreeMap::from([(designer.key.clone(), "90".to_owned())]);
    let told = delivery.plan(&order.to, "kantata-main", &records).expect("is told");
    let said: Vec<(&str, &str, AssignmentStatus)> =
        told.assignments.iter().map(|a| (a.record.as_str(), a.role.as_str(), a.status)).collect();
    assert_eq!(
        said,
        [("81", "principal", AssignmentStatus::Released), ("90", "designer", AssignmentStatus::Open)]
    );
    let named = report(RESOURCE, "81", &[("person", "78")], 9);
    let told = staffing_told(delivery.apply(&named));
    assert_eq!(told.assignments[0].status, AssignmentStatus::Released, "naming somebody sells nothing");
    let back = delivery.plan(&contract, "kantata-main", &BTreeMap::new()).expect("is told");
    let principal = back.assignments.iter().find(|a| a.record == "81").expect("is told");
    assert_eq!(principal.status, AssignmentStatus::Named);
}

fn moved(before: Option<(&str, bool)>, (status, archived): (&str, bool)) -> ProjectStatusChanged {
    let mut delivery = unknown();
    if let Some((status, archived)) = before {
        status_told(delivery.apply(&stands(status, archived, 1)));
    }
    status_told(delivery.apply(&stands(status, archived, 2)))
}

/// A project that stops while its engagement is active is a person's, once, with what is not delivered yet; nobody is
/// told of one that was never active, or had stopped before.
#[test]
fn a_stop_is_told_to_a_person_once() {
    let (mut engagement, config) = (active(&quote()), config());
    engagement.completed_milestones.insert("M1".into(), "story-M1".into());
    let problem = stopped(&engagement, &moved(Some(("In Progress", false)), ("On Hold", false)), &config);
    let problem = problem.expect("is told");
    assert_eq!((problem.code, problem.at_stake), (ProblemCode::ProjectStopped, Some(usd("30000.00"))));
    let archived = moved(None, ("In Progress", true));
    assert!(stopped(&engagement, &archived, &config).is_some(), "archived is stopped, whatever its status");
    let still = moved(Some(("On Hold", false)), ("Cancelled", false));
    assert_eq!(stopped(&engagement, &still, &config), None);
    assert_eq!(stopped(&engagement, &moved(None, ("At Risk", false)), &config), None);
    engagement.status = domain::EngagementStatus::Activating;
    assert_eq!(stopped(&engagement, &archived, &config), None);
}

#[test]
fn a_status_may_be_meant_by_its_code() {
    let mut config = config();
    config.stopped_statuses = vec!["400".into()];
    let status = |code: &str| ProjectStatus {
        status: "Whatever".into(),
        code: Some(code.into()),
        stage: None,
        archived: false,
        as_of: at(0),
    };
    assert!(status("400").is_stopped(&config));
    assert!(!status("401").is_stopped(&config));
}

proptest! {
    /// Proves EVT-30 in part: reports of a project end in the same state in whatever order and however often they come.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        order in prop::collection::vec(0_usize..6, 6..30),
    ) {
        let statuses = ["A", "B", "A", "C", "B", "D"];
        let told = |n: usize| stands(statuses[n], n == 2, i64::try_from(n).unwrap());
        let person = |n: usize| report(RESOURCE, "80", &[("person", statuses[n])], i64::try_from(n).unwrap());
        let (mut straight, mut mixed) = (unknown(), unknown());
        for n in 0..6 {
            straight.apply(&told(n));
            straight.apply(&person(n));
        }
        for n in order.into_iter().chain(0..6).collect::<Vec<_>>().into_iter().rev() {
            mixed.apply(&person(n));
            mixed.apply(&told(n));
        }
        prop_assert_eq!(straight, mixed);
    }
}
