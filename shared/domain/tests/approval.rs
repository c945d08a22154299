//! Approvals: who may answer, until when, once; and reminders that do no harm.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::Status;
use domain::approval::{
    Approval, ApprovalDecided, ApprovalRule, ApprovalStatus, Due, PRICE_BELOW_POLICY, Refusal, Request,
    Verdict,
};
use domain::id::EngagementId;
use domain::problem::Owner;
use domain::sample::usd;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use ApprovalStatus::{Approved, Expired, Rejected, Requested, Superseded};

fn at(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(hours)
}

fn request() -> Request {
    Request {
        what: PRICE_BELOW_POLICY.into(),
        content: "900.00".into(),
        detail: "a rate of 90".into(),
        at_stake: Some(usd("900.00")),
    }
}

/// Reminded of each day, over after three.
fn asked() -> Approval {
    let rule = ApprovalRule {
        what: PRICE_BELOW_POLICY.into(),
        asked_of: Owner::SalesOperations,
        remind_after_hours: 24,
        expires_after_hours: 72,
    };
    let engagement = EngagementId::of_deal("northwind", "hubspot-main", "123");
    Approval::request(&engagement, &request(), &rule, 0, at(0))
}

fn decision(verdict: Verdict, role: Owner) -> ApprovalDecided {
    ApprovalDecided {
        approval: asked().approval,
        verdict,
        decided_by: "sales-director".into(),
        role,
        reason: "the first deal with them".into(),
    }
}

fn yes() -> ApprovalDecided {
    decision(Verdict::Approved, Owner::SalesOperations)
}

fn no() -> ApprovalDecided {
    decision(Verdict::Rejected, Owner::SalesOperations)
}

/// Proves WFE-01 in part: of all twenty-five pairs of statuses, only a question gets an answer.
#[test]
fn only_a_question_becomes_anything_else() {
    for &from in ApprovalStatus::ALL {
        for &to in ApprovalStatus::ALL {
            assert_eq!(from.may_become(to), from == Requested || from == to, "{from:?} -> {to:?}");
        }
    }
}

#[test]
fn a_decision_says_who_when_and_why() {
    let given = asked().decide(&yes(), at(5)).unwrap().unwrap();
    assert_eq!((given.status, given.decided_at), (Approved, Some(at(5))));
    assert_eq!(given.decided_by.as_deref(), Some("sales-director"));
    assert_eq!(given.reason.as_deref(), Some("the first deal with them"));
    assert!(given.summary().ends_with("is approved by sales-director: the first deal with them"));
    assert_eq!(asked().decide(&no(), at(5)).unwrap().unwrap().status, Rejected);
}

/// Proves WFE-01 in part: the same answer twice is one, another is refused.
#[test]
fn the_first_answer_stands() {
    for (first, other) in [(yes(), no()), (no(), yes())] {
        let answered = asked().decide(&first, at(5)).unwrap().unwrap();
        assert_eq!(answered.decide(&first, at(6)), Ok(None));
        let refused = answered.decide(&other, at(6)).expect_err("settled");
        let (approval, from, to) = (asked().approval, first.verdict.status(), other.verdict.status());
        assert_eq!(refused, Refusal::Settled { approval, from, to });
    }
    let given_up = asked().supersede("the price was corrected", at(5)).unwrap();
    assert_eq!(given_up.status, Superseded);
    assert!(matches!(given_up.decide(&yes(), at(6)), Err(Refusal::Settled { from: Superseded, .. })));
    assert_eq!(given_up.supersede("again", at(7)), None);
}

/// Proves WFE-01 in part: only the function that was asked decides.
#[test]
fn another_role_decides_nothing() {
    for role in Owner::ALL.into_iter().filter(|r| *r != Owner::SalesOperations) {
        for verdict in [Verdict::Approved, Verdict::Rejected] {
            let refused = asked().decide(&decision(verdict, role), at(5)).expect_err("refused");
            assert!(matches!(&refused, Refusal::WrongRole { role: said, .. } if *said == role), "{refused}");
        }
    }
}

/// Proves WFE-01 in part: too late is too late, whether anybody has noticed it yet or not.
#[test]
fn a_decision_after_the_end_is_refused() {
    assert!(asked().decide(&yes(), at(72) - SignedDuration::from_nanos(1)).unwrap().is_some());
    let Due::Expiry(expired) = asked().due(at(72)) else { panic!("it is over") };
    assert_eq!((expired.status, expired.decided_at), (Expired, Some(at(72))));
    for approval in [asked(), *expired] {
        for decided in [yes(), no()] {
            let refused = approval.decide(&decided, at(72)).expect_err("too late");
            assert_eq!(refused, Refusal::TooLate { approval: asked().approval, expired_at: at(72) });
        }
    }
}

#[test]
fn reminders_come_once_an_interval_and_are_not_made_up_for() {
    assert_eq!(asked().due(at(24) - SignedDuration::from_nanos(1)), Due::Nothing);
    let Due::Reminder(first) = asked().due(at(24)) else { panic!("due") };
    assert_eq!((first.reminders, first.remind_at, first.status), (1, at(48), Requested));
    assert_eq!(first.due(at(24)), Due::Nothing, "once an interval");
    let Due::Reminder(late) = asked().due(at(60)) else { panic!("due") };
    assert_eq!(
        (late.reminders, late.remind_at, late.due_at()),
        (1, at(72), at(72)),
        "one for both that were missed"
    );
    assert!(matches!(late.due(at(500)), Due::Expiry(_)), "the end comes before a reminder of it");
}

#[test]
fn other_content_is_another_approval_and_so_is_the_next_round() {
    let engagement = asked().engagement;
    let other = Request { content: "800.00".into(), ..request() };
    let elsewhere = EngagementId::of_deal("northwind", "hubspot-main", "124");
    let change = Request { what: "change-order".into(), ..request() };
    let ids = [
        request().id(&engagement, 0),
        request().id(&engagement, 1),
        request().id(&elsewhere, 0),
        other.id(&engagement, 0),
        change.id(&engagement, 0),
    ];
    assert_eq!(ids[0], asked().approval);
    assert!(ids[0].as_str().starts_with("apr_"));
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id), "{i}");
    }
    let same = Request { detail: "in other words".into(), at_stake: None, ..request() };
    assert_eq!(same.id(&engagement, 0), ids[0], "how it is told makes no other approval");
}

/// What may happen to an approval, after some minutes.
#[derive(Debug, Clone)]
enum Happens {
    Decided(Verdict, Owner),
    Looked,
    Superseded,
}

fn happens() -> impl Strategy<Value = (i64, Happens)> {
    let verdict = prop_oneof![Just(Verdict::Approved), Just(Verdict::Rejected)];
    let role = prop_oneof![3 => Just(Owner::SalesOperations), 1 => Just(Owner::Tax)];
    let what = prop_oneof![
        3 => (verdict, role).prop_map(|(v, r)| Happens::Decided(v, r)),
        4 => Just(Happens::Looked),
        1 => Just(Happens::Superseded),
    ];
    (0_i64..1_500, what)
}

/// Plays what happens. Without looking, nobody ever runs the clock's part.
fn play(story: &[(i64, Happens)], looking: bool) -> Vec<(Timestamp, Approval)> {
    let (mut now, mut approval, mut seen) = (at(0), asked(), Vec::new());
    for (minutes, what) in story {
        now += SignedDuration::from_mins(*minutes);
        let next = match what {
            Happens::Decided(verdict, role) => {
                approval.decide(&decision(*verdict, *role), now).ok().flatten()
            }
            Happens::Superseded => approval.supersede("changed", now),
            Happens::Looked if looking => match approval.due(now) {
                Due::Nothing => None,
                Due::Reminder(next) | Due::Expiry(next) => Some(*next),
            },
            Happens::Looked => None,
        };
        approval = next.unwrap_or(approval);
        seen.push((now, approval.clone()));
    }
    seen
}

proptest! {
    /// Proves WFE-01 in part: in any order and number of decisions, reminders and looks at the clock,
    /// the first answer in time by the right role stands, and nothing follows it.
    #[test]
    fn whatever_happens_the_first_answer_in_time_stands(story in prop::collection::vec(happens(), 1..40)) {
        let seen = play(&story, true);
        let mut answered: Option<Approval> = None;
        for ((now, is), (_, what)) in seen.iter().zip(&story) {
            match &answered {
                Some(stands) => prop_assert_eq!(is, stands),
                None if is.status != Requested => {
                    match is.status {
                        Approved | Rejected => {
                            prop_assert!(*now < is.expires_at);
                            let by = matches!(what, Happens::Decided(v, Owner::SalesOperations) if v.status() == is.status);
                            prop_assert!(by, "{:?} by {:?}", is.status, what);
                        }
                        Expired => prop_assert!(*now >= is.expires_at),
                        Superseded | Requested => {}
                    }
                    answered = Some(is.clone());
                }
                None => {
                    let first_in_time = matches!(what, Happens::Decided(_, Owner::SalesOperations)) && *now < is.expires_at;
                    prop_assert!(!first_in_time, "an answer in time was passed over");
                }
            }
            let hours = now.duration_since(at(0)).as_hours();
            prop_assert!(i64::from(is.reminders) <= hours / 24, "{} reminders in {} h", is.reminders, hours);
        }
    }

    /// Looking at the clock late or never changes no answer of a person.
    #[test]
    fn answers_do_not_depend_on_who_looks_at_the_clock(story in prop::collection::vec(happens(), 1..40)) {
        let last = |looking| play(&story, looking).pop().map(|(_, a)| (a.status, a.decided_at));
        let (looked, unlooked) = (last(true).unwrap(), last(false).unwrap());
        match looked.0 {
            Approved | Rejected => prop_assert_eq!(looked, unlooked),
            Requested | Expired | Superseded => prop_assert!(!matches!(unlooked.0, Approved | Rejected)),
        }
    }
}
