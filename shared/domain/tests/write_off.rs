//! What may be written off, and what it comes to.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::billing::{BillableLine, LineStatus, milestone_completed, time_approved};
use domain::billing_event::BillingEventType;
use domain::decision::Decision;
use domain::engagement::Engagement;
use domain::id::{LineId, WriteOffId};
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::sample::{active, completion, entry, quote, usd};
use domain::transition::Status;
use domain::write_off::{WriteOffRequested, decide};
use jiff::civil::date;
use proptest::prelude::*;

fn line(decision: Decision) -> BillableLine {
    match decision {
        Decision::Apply(effects) => effects.lines.into_iter().next().expect("a line"),
        other => panic!("{other:?}"),
    }
}

fn hour(state: &Engagement, id: &str) -> BillableLine {
    line(time_approved(Some(state), &entry(id, "consultant", "2026-11-16", 60)))
}

fn asked(lines: &[&LineId]) -> WriteOffRequested {
    WriteOffRequested {
        write_off: WriteOffId::derive(&["1"]),
        lines: lines.iter().map(|l| (*l).clone()).collect(),
        requested_by: "finance-app".into(),
        reason: "goodwill".into(),
    }
}

/// Proves BIL-11 in part and CAN-18 in part: an hour at 180.00 and a milestone of 20,000.00 come to 20,180.00 less
/// work in progress; of the 500.00 billed by time 320.00 are left, as a milestone is under no ceiling.
#[test]
fn the_work_in_progress_is_less_by_the_sum_of_the_lines() {
    let ceiling = Quote { time_ceiling: Some(usd("1000.00")), ..quote() };
    let state = Engagement { time_billed: Some(usd("500.00")), ..active(&ceiling) };
    let (time, fee) =
        (hour(&state, "1"), line(milestone_completed(Some(&state), &completion("M1"), date(2026, 11, 20))));
    let lines = [(time.clone(), LineStatus::Ready), (fee.clone(), LineStatus::Held)];
    let (write_off, next) = decide(&state, &asked(&[&time.line, &fee.line]), &lines).expect("both can be");
    assert_eq!(write_off.amount, usd("20180.00"));
    assert_eq!(next.expect("a ceiling").time_billed, Some(usd("320.00")));
    assert_eq!(BillingEventType::from(&write_off), BillingEventType::WriteOff);
}

/// Proves BIL-11 in part: what is billed, credited, written off before or not there is named, and nothing is done.
#[test]
fn a_line_that_is_billed_is_not_written_off() {
    let state = active(&quote());
    let (one, other) = (hour(&state, "1"), hour(&state, "2"));
    for status in LineStatus::ALL {
        let lines = [(one.clone(), *status), (other.clone(), LineStatus::Ready)];
        let decided = decide(&state, &asked(&[&one.line, &other.line]), &lines);
        let may = matches!(status, LineStatus::Ready | LineStatus::Held);
        assert_eq!(decided.is_ok(), may, "{status:?}");
        if let Err(problem) = decided {
            assert_eq!(problem.code, ProblemCode::WriteOffRefused);
            assert!(problem.detail.contains(&format!("{} is {}", one.line, status.name())));
        }
    }
    let none = decide(&state, &asked(&[&one.line]), &[]).expect_err("no such line");
    assert!(none.detail.contains("is no line of the engagement"), "{none}");
    assert!(decide(&state, &asked(&[]), &[]).is_err(), "nothing is no write-off");
}

proptest! {
    /// Whatever is asked for: it is all of it at the sum of its lines, or nothing.
    #[test]
    fn it_is_whole_or_nothing(
        statuses in proptest::collection::vec(0_usize..5, 1..12),
        asked_for in proptest::collection::vec(0_usize..14, 1..14),
    ) {
        let state = active(&quote());
        let lines: Vec<(BillableLine, LineStatus)> = statuses
            .iter()
            .enumerate()
            .map(|(n, status)| (hour(&state, &n.to_string()), LineStatus::ALL[*status]))
            .collect();
        let id = |n: &usize| {
            let unknown = LineId::derive(&["unknown", &n.to_string()]);
            lines.get(*n).map_or(unknown, |(line, _)| line.line.clone())
        };
        let ids: Vec<LineId> = asked_for.iter().map(id).collect();
        let open = |n: &usize| matches!(lines.get(*n), Some((_, LineStatus::Ready | LineStatus::Held)));
        match decide(&state, &asked(&ids.iter().collect::<Vec<_>>()), &lines) {
            Ok((write_off, next)) => {
                prop_assert!(asked_for.iter().all(open));
                let mut distinct = ids.clone();
                distinct.sort();
                distinct.dedup();
                let sum = usd("180.00").times(distinct.len().into()).unwrap();
                prop_assert_eq!(write_off.amount, sum);
                prop_assert_eq!(write_off.lines.len(), distinct.len());
                prop_assert_eq!(next, None, "no ceiling, no state");
            }
            Err(_) => prop_assert!(!asked_for.iter().all(open)),
        }
    }
}
