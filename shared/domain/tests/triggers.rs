//! What begins an activation, for any policy and any order of what is announced.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeSet;

use domain::activation::{ActivationPolicy, Signal, Trigger, Verdict, unconfirmed};
use domain::event::{
    ContractActivated, Event, OpportunityWon, QuoteApproved, SignatureCompleted, SowApproved,
};
use domain::policy::TenantConfig;
use domain::problem::ProblemCode;
use domain::sample::{config, quote};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use Signal::{
    ContractActivated as Contract, OpportunityWon as Won, QuoteApproved as Quote, SowApproved as Sow,
};

const SIGNED: Signal = Signal::SignatureCompleted;

fn policy(triggers: &[Signal], requires: &[Signal]) -> ActivationPolicy {
    ActivationPolicy {
        triggers: triggers.iter().copied().collect(),
        requires: requires.iter().copied().collect(),
    }
}

fn seen(signals: &[Signal]) -> BTreeSet<Signal> {
    signals.iter().copied().collect()
}

/// Proves WFA-01 in part: each of the configurable triggers begins, and one that is not configured does not.
#[test]
fn a_configured_trigger_begins_and_another_does_not() {
    for trigger in Signal::ALL {
        for signal in Signal::ALL {
            let verdict = policy(&[trigger], &[]).decide(&seen(&[]), signal);
            let expected = match signal == trigger {
                true => Verdict::Begins,
                false => Verdict::Ignored(format!("{signal} is no trigger of this tenant")),
            };
            assert_eq!(verdict, expected, "{signal} where {trigger} is configured");
        }
    }
}

/// A configuration from before triggers could be chosen begins with an approved quote, as it did.
#[test]
fn without_a_word_an_approved_quote_begins() {
    let mut written = serde_json::to_value(config()).unwrap();
    written.as_object_mut().unwrap().remove("activation");
    let read: TenantConfig = serde_json::from_value(written).unwrap();
    assert_eq!(read.activation, policy(&[Quote], &[]));
    let read: ActivationPolicy = serde_json::from_str(r#"{"requires": ["signature-completed"]}"#).unwrap();
    assert_eq!(read, policy(&[Quote], &[SIGNED]));
    assert!(serde_json::from_str::<ActivationPolicy>(r#"{"triggers": ["quote-aproved"]}"#).is_err());
}

/// Proves WFE-05 in part: approval, contract and signature are all awaited, in whichever order they come.
#[test]
fn what_is_required_is_awaited_and_named() {
    let policy = policy(&[Quote], &[Quote, Contract, SIGNED]);
    let waits = |what: &str| Verdict::Waits(format!("waits for {what}"));
    assert_eq!(policy.decide(&seen(&[]), Quote), waits("contract-activated, signature-completed"));
    assert_eq!(policy.decide(&seen(&[Quote]), Quote), waits("contract-activated, signature-completed"));
    assert_eq!(policy.decide(&seen(&[SIGNED]), Contract), waits("quote-approved"));
    assert_eq!(policy.decide(&seen(&[SIGNED, Quote]), Contract), Verdict::Begins);
    assert!(matches!(policy.decide(&seen(&[SIGNED, Quote, Contract]), Won), Verdict::Ignored(_)));
}

#[test]
fn what_is_required_and_no_trigger_waits_for_one() {
    let policy = policy(&[Quote, Won], &[SIGNED]);
    let expected = Verdict::Waits("waits for one of quote-approved, opportunity-won".into());
    assert_eq!(policy.decide(&seen(&[]), SIGNED), expected);
    assert_eq!(policy.decide(&seen(&[SIGNED]), Won), Verdict::Begins);
    assert_eq!(policy.decide(&seen(&[Won]), SIGNED), Verdict::Begins, "the last one to come begins");
}

/// Proves CAN-04 in part, EVT-01 in part: what was announced as won must be won when it is read back,
/// with its stage told.
#[test]
fn what_the_crm_does_not_hold_is_told() {
    let mut read = quote();
    assert!(read.opportunity.is_won());
    for signal in Signal::ALL {
        assert_eq!(unconfirmed(&read, &seen(&[signal])), None, "{signal}");
    }
    read.opportunity.stage = Some("contractsent".into());
    for signal in [Won, Contract, Sow] {
        read.opportunity.standing = seen(&Signal::ALL);
        read.opportunity.standing.remove(&signal);
        assert_eq!(read.opportunity.is_won(), signal != Won);
        let problem = unconfirmed(&read, &seen(&[signal, SIGNED])).expect("a problem");
        assert_eq!(problem.code, ProblemCode::QuoteNotApproved);
        assert!(
            problem.detail.contains(signal.as_str()) && problem.detail.contains("contractsent"),
            "{problem}"
        );
        assert_eq!(unconfirmed(&read, &seen(&[Quote, SIGNED])), None, "nobody said so");
    }
}

#[test]
fn each_kind_of_event_is_its_signal_and_others_are_none() {
    let (connection, deal) = ("crm".to_owned(), "7".to_owned());
    let (signature_connection, envelope) = ("sign".to_owned(), "e".to_owned());
    let events: [(Signal, Event); 5] = [
        (Quote, QuoteApproved { connection: connection.clone(), deal: deal.clone() }.into()),
        (Won, OpportunityWon { connection: connection.clone(), deal: deal.clone() }.into()),
        (Contract, ContractActivated { connection: connection.clone(), deal: deal.clone() }.into()),
        (Sow, SowApproved { connection: connection.clone(), deal: deal.clone() }.into()),
        (SIGNED, SignatureCompleted { connection, deal, signature_connection, envelope }.into()),
    ];
    for (signal, event) in &events {
        assert_eq!(Trigger::of(event), Some(Trigger { signal: *signal, connection: "crm", deal: "7" }));
        let name = serde_json::to_value(signal).unwrap();
        assert_eq!(name, signal.as_str(), "as configuration writes it");
    }
    let other = Event::TimeApproved(domain::sample::entry("1", "consultant", "2026-11-16", 60));
    assert_eq!(Trigger::of(&other), None);
}

fn some() -> impl Strategy<Value = BTreeSet<Signal>> {
    subsequence(Signal::ALL.as_slice(), 0..=5).prop_map(|signals| signals.into_iter().collect())
}

/// Plays signals one after the other, each seen by the next unless it is ignored, and gives which of
/// them let the activation begin or go on.
fn played(policy: &ActivationPolicy, signals: &[Signal]) -> Vec<bool> {
    let mut seen = BTreeSet::new();
    signals
        .iter()
        .map(|signal| {
            let verdict = policy.decide(&seen, *signal);
            if !matches!(verdict, Verdict::Ignored(_)) {
                seen.insert(*signal);
            }
            verdict == Verdict::Begins
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Proves WFA-01 in part: for any policy, any order and any repetition, the activation begins with the
    /// signal that completes what must have come, no sooner, and goes on with each of them that comes later.
    #[test]
    fn the_last_one_to_come_begins(
        triggers in some(), requires in some(),
        signals in prop::collection::vec(select(Signal::ALL.as_slice()), 0..20),
    ) {
        let policy = ActivationPolicy { triggers: triggers.clone(), requires: requires.clone() };
        for (at, begins) in played(&policy, &signals).into_iter().enumerate() {
            let came: BTreeSet<Signal> = signals[..=at].iter().copied().collect();
            let complete = requires.is_subset(&came) && !triggers.is_disjoint(&came);
            let counts = triggers.contains(&signals[at]) || requires.contains(&signals[at]);
            prop_assert_eq!(begins, complete && counts, "{:?} at {}", signals, at);
        }
    }

    /// Whatever the order in which the same signals come, and however often, either all orders begin or none.
    #[test]
    fn orders_and_duplicates_come_to_the_same(
        triggers in some(), requires in some(),
        (signals, shuffled) in some().prop_flat_map(|set| {
            let once: Vec<Signal> = set.into_iter().collect();
            let twice = [once.clone(), once.clone()].concat();
            (Just(once), Just(twice).prop_shuffle())
        }),
    ) {
        let policy = ActivationPolicy { triggers, requires };
        let begins = |signals: &[Signal]| played(&policy, signals).contains(&true);
        prop_assert_eq!(begins(&signals), begins(&shuffled));
    }
}
