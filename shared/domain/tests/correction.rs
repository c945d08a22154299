//! Entries that are changed after they were billed.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use domain::billing::{BillableLine, Corrected, Correction, LineStatus, correct, time_approved};
use domain::billing_event::BillingEventType;
use domain::decision::Decision;
use domain::engagement::Engagement;
use domain::invoice::assemble;
use domain::money::Money;
use domain::problem::{Problem, ProblemCode};
use domain::quote::Quote;
use domain::sample::{active, entry, quote, usd};
use domain::work::TimeEntry;
use jiff::Timestamp;
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn worked(minutes: u32) -> TimeEntry {
    entry("1", "consultant", "2026-11-16", minutes)
}

/// The lines of one entry, whose versions are told one after the other.
struct Told {
    engagement: Engagement,
    status: LineStatus,
    lines: Vec<BillableLine>,
    correction: Option<Correction>,
}

impl Told {
    fn new(engagement: Engagement) -> Self {
        Self { engagement, status: LineStatus::Ready, lines: vec![], correction: None }
    }

    fn ceiling(amount: &str) -> Self {
        Self::new(active(&Quote { time_ceiling: Some(usd(amount)), ..quote() }))
    }

    /// Tells of a version as the journal does: the first is a line, others are corrections of it.
    fn tell(&mut self, entry: &TimeEntry, as_of: Timestamp) -> Result<(), Problem> {
        let content = format!("{entry:?}");
        let (effects, correction) = match &self.correction {
            None => match time_approved(Some(&self.engagement), entry) {
                Decision::Apply(effects) => {
                    let none = Correction::none_yet(&effects.lines[0], as_of, &content);
                    (*effects, none)
                }
                Decision::Hold(problem) => return Err(problem),
                _ => return Ok(()),
            },
            Some(known) => {
                let anew = |engagement: &Engagement| time_approved(Some(engagement), entry);
                let first = (&self.lines[0], self.status);
                match correct(&self.engagement, first, known, (as_of, &content), anew) {
                    Corrected::Counts(adjusted) => (adjusted.effects, adjusted.correction),
                    Corrected::Held(problem) => return Err(problem),
                    Corrected::Same | Corrected::Late(_) => return Ok(()),
                }
            }
        };
        self.lines.extend(effects.lines);
        self.engagement = effects.state.unwrap_or(self.engagement.clone());
        self.correction = Some(correction);
        Ok(())
    }

    fn amounts(&self) -> Vec<String> {
        self.lines.iter().map(|l| l.amount.amount().to_string()).collect()
    }

    fn sum(&self) -> Money {
        Money::total(usd("0").currency(), self.lines.iter().map(|l| l.amount)).unwrap()
    }
}

/// Proves BIL-01 in part. 60 min at 180.00 are 180.00; corrected to 90 min they are 270.00, so 90.00 more; to 30 min,
/// 90.00, so 180.00 less. The line of the first hour stays as it is.
#[test]
fn a_correction_is_a_line_of_the_difference() {
    let mut told = Told::new(active(&quote()));
    told.tell(&worked(60), at(0)).unwrap();
    told.tell(&worked(90), at(1)).unwrap();
    told.tell(&worked(30), at(2)).unwrap();
    assert_eq!(told.amounts(), ["180.00", "90.00", "-180.00"]);
    assert_eq!(
        told.lines.iter().map(BillingEventType::from).collect::<Vec<_>>(),
        [BillingEventType::TimeEntry; 3]
    );
    let printed = assemble(usd("0").currency(), &told.lines).unwrap();
    let said: Vec<&str> = printed.iter().map(|l| l.description.as_str()).collect();
    assert_eq!(
        said,
        [
            "Correction, consultant Ada Lovelace, 2026-11-16: 180.00 USD becomes 270.00 USD",
            "Correction, consultant Ada Lovelace, 2026-11-16: 270.00 USD becomes 90.00 USD",
            "ADVISORY consultant, 2026-11-16"
        ]
    );
}

/// Another role has another price: 60 min at 260.00 are 80.00 more than at 180.00. What is not billable any
/// more comes to nothing, and back again to its price.
#[test]
fn role_and_billability_are_corrected_as_well() {
    let mut told = Told::new(active(&quote()));
    told.tell(&worked(60), at(0)).unwrap();
    told.tell(&entry("1", "principal", "2026-11-16", 60), at(1)).unwrap();
    told.tell(&TimeEntry { billable: false, ..worked(60) }, at(2)).unwrap();
    assert_eq!(told.sum(), usd("0.00"));
    told.tell(&worked(60), at(3)).unwrap();
    assert_eq!(told.amounts(), ["180.00", "80.00", "-260.00", "180.00"]);
}

/// Proves BIL-13 in part: 180.00 of 200.00 are used. 90 min would be 270.00, over the ceiling, and wait; 65 min are
/// 195.00; what is taken back leaves its room.
#[test]
fn a_correction_keeps_below_the_ceiling() {
    let mut told = Told::ceiling("200.00");
    told.tell(&worked(60), at(0)).unwrap();
    let over = told.tell(&worked(90), at(1)).expect_err("over the ceiling");
    assert_eq!(over.code, ProblemCode::CeilingExceeded);
    told.tell(&worked(65), at(2)).unwrap();
    assert_eq!(told.engagement.time_billed, Some(usd("195.00")));
    told.tell(&TimeEntry { billable: false, ..worked(65) }, at(3)).unwrap();
    assert_eq!(told.engagement.time_billed, Some(usd("0.00")));
}

#[test]
fn what_cannot_be_decided_waits_for_a_person() {
    let mut told = Told::new(active(&quote()));
    told.tell(&worked(60), at(0)).unwrap();
    let same_moment = told.tell(&worked(90), at(0)).expect_err("neither is later");
    assert_eq!((same_moment.code, same_moment.at_stake), (ProblemCode::EntryChanged, Some(usd("180.00"))));
    told.status = LineStatus::WrittenOff;
    let gone = told.tell(&worked(90), at(1)).expect_err("written off");
    assert!(gone.detail.contains("written-off"), "{gone}");
    told.status = LineStatus::Invoiced;
    assert_eq!(told.tell(&worked(90), at(1)), Ok(()), "what is billed is adjusted on the next invoice");
    let no_rate = told.tell(&entry("1", "architect", "2026-11-16", 60), at(2)).expect_err("no rate");
    assert_eq!(no_rate.code, ProblemCode::NoRateInForce);
}

proptest! {
    /// In any order, told any number of times: the lines come to the price of the latest version, and each
    /// version is counted once.
    #[test]
    fn the_latest_version_counts(
        versions in proptest::collection::vec((1_u32..600, any::<bool>(), any::<bool>()), 1..6),
        order in proptest::collection::vec(0_usize..6, 0..14),
        ceiling in any::<bool>(),
    ) {
        let version = |n: usize| {
            let (minutes, principal, billable) = versions[n];
            let role = if principal { "principal" } else { "consultant" };
            // What is never billable is no line, so it has nothing to correct.
            let billable = billable || n == 0;
            TimeEntry { billable, ..entry("1", role, "2026-11-16", minutes) }
        };
        let mut told = if ceiling { Told::ceiling("100000.00") } else { Told::new(active(&quote())) };
        let mut last: Option<usize> = None;
        let moment = |n: usize| at(i64::try_from(n).unwrap());
        for n in order.into_iter().filter(|n| *n < versions.len()).chain(0..versions.len()) {
            let unbilled = told.correction.is_none() && !version(n).billable;
            told.tell(&version(n), moment(n)).unwrap();
            if !unbilled {
                last = last.max(Some(n));
            }
        }
        let counts = version(last.unwrap());
        let price = if counts.billable { priced(&counts) } else { usd("0.00") };
        prop_assert_eq!(told.sum(), price);
        if ceiling {
            prop_assert_eq!(told.engagement.time_billed, Some(price));
        }
        let mut ids: Vec<_> = told.lines.iter().map(|l| l.line.clone()).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), told.lines.len());
    }
}

fn priced(entry: &TimeEntry) -> Money {
    match time_approved(Some(&active(&quote())), entry) {
        Decision::Apply(effects) => effects.lines[0].amount,
        other => panic!("{other:?}"),
    }
}
