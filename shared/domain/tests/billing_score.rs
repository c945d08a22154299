//! How an engagement is billed, how much of it can be now, and what holds an invoice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use domain::billing::hold::{HoldRequested, HoldTarget, ReleaseRequested};
use domain::billing::model::{BillingModel, billing_model};
use domain::billing::score::{Blocker, BlockerKind, ranked, score};
use domain::contract::RevenueTreatment;
use domain::id::InvoiceId;
use domain::invoice::{Invoice, InvoiceStatus};
use domain::problem::Owner;
use domain::sample::{active, quote, quote_of_two, usd};
use domain::{Condition, Contract, Money, Status};
use jiff::Timestamp;
use proptest::prelude::*;

fn blocker(at_stake: Option<Money>) -> Blocker {
    let detail = format!("{at_stake:?}");
    Blocker { kind: BlockerKind::Exception, detail, owner: Some(Owner::Tax), count: 1, at_stake }
}

/// Proves BIL-23 in part and WFC-07 in part: 750.00 ready beside 250.00 blocked is 75; what nobody can value takes
/// 5 more off.
#[test]
fn the_score_is_the_share_that_can_be_billed() {
    let of = |ready: &str, stakes: &[Option<&str>]| {
        let blockers: Vec<Blocker> = stakes.iter().map(|s| blocker(s.map(usd))).collect();
        score(usd(ready), &blockers).unwrap()
    };
    assert_eq!(of("0.00", &[]), 100);
    assert_eq!(of("750.00", &[]), 100);
    assert_eq!(of("750.00", &[Some("250.00")]), 75);
    // 200 of 300 is 66.6 %, rounded down; with two unknown ones, 10 less.
    assert_eq!(of("200.00", &[Some("100.00")]), 66);
    assert_eq!(of("200.00", &[Some("100.00"), None, Some("0.00")]), 56);
    assert_eq!(of("100000.00", &[Some("0.01")]), 99, "whole only where nothing blocks");
    assert_eq!(of("0.00", &[Some("0.01")]), 0);
    assert_eq!(of("10.00", &[None; 9]), 75, "25 at most");
    assert_eq!(of("-10.00", &[Some("10.00")]), 0);
}

#[test]
fn most_money_comes_first() {
    let blockers = [None, Some("5.00"), Some("70.00")].map(|s| blocker(s.map(usd)));
    let stakes: Vec<Option<Money>> = ranked(blockers.into()).into_iter().map(|b| b.at_stake).collect();
    assert_eq!(stakes, [Some(usd("70.00")), Some(usd("5.00")), None]);
}

/// Proves WFC-03 and SCN-26 in part: what was sold says how it is billed.
#[test]
fn the_billing_model_follows_from_what_is_sold() {
    let model = |contract: &Contract| billing_model(contract).map(|m| (m.model, m.parts.len()));
    let both = active(&quote()).contract;
    assert_eq!(model(&both), Some((BillingModel::Hybrid, 2)));
    let mut by_time = both.clone();
    by_time.milestones.clear();
    assert_eq!(model(&by_time), Some((BillingModel::TimeAndMaterials, 1)));
    let mut fee = both.clone();
    fee.rate_card.rates.clear();
    assert_eq!(model(&fee), Some((BillingModel::FixedFee, 1)));
    let mut recurring = active(&quote_of_two(&["SOW-1", "SOW-2"])).contract;
    assert_eq!(model(&recurring), Some((BillingModel::Hybrid, 3)));
    recurring.milestones.clear();
    recurring.rate_card.rates.clear();
    assert_eq!(model(&recurring), Some((BillingModel::ManagedService, 1)));
    let service = recurring.recurring[0].service.clone();
    recurring.revenue.insert(service, RevenueTreatment::AsDelivered);
    assert_eq!(model(&recurring), Some((BillingModel::Retainer, 1)));
    recurring.recurring.clear();
    assert_eq!(model(&recurring), None);
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn drafted() -> Invoice {
    let fresh = Invoice::request(&active(&quote()), InvoiceId::derive(&["1"]), "by hand".into());
    Invoice { status: InvoiceStatus::Drafted, line_count: 1, untaxed: usd("10.00"), ..fresh }
}

fn hold(reason: &str) -> HoldRequested {
    HoldRequested {
        target: HoldTarget::Invoice(InvoiceId::derive(&["1"])),
        requested_by: "finance-bot".into(),
        owner: Owner::SalesOperations,
        reason: reason.into(),
    }
}

fn release() -> ReleaseRequested {
    ReleaseRequested {
        target: HoldTarget::Invoice(InvoiceId::derive(&["1"])),
        requested_by: "controller".into(),
        reason: "settled".into(),
    }
}

/// Proves BIL-17 in part: reason, owner, who and when are kept, of the hold and of its end.
#[test]
fn an_invoice_is_held_and_released() {
    let held = drafted().held(&hold("disputed"), at(1)).unwrap().unwrap();
    assert!(held.is_held() && held.on_its_way().is_none());
    assert_eq!(held.held(&hold("another reason"), at(2)), Ok(None), "the first reason stands");
    let kept = held.hold.clone().unwrap();
    assert_eq!((kept.reason.as_str(), kept.owner, kept.held_at), ("disputed", Owner::SalesOperations, at(1)));
    let free = held.released(&release(), at(3)).unwrap();
    assert_eq!(free.released(&release(), at(4)), None);
    let end = free.hold.clone().unwrap().released.unwrap();
    assert_eq!(
        (end.released_by.as_str(), end.reason.as_str(), end.released_at),
        ("controller", "settled", at(3))
    );
    // Held again, it is waited for under another condition.
    let again = free.held(&hold("disputed again"), at(5)).unwrap().unwrap();
    assert_ne!(again.awaited(), held.awaited());
    assert_eq!(held.awaited(), Some(Condition::InvoiceReleased(held.invoice.clone(), 1)));
    assert!(free.on_its_way().unwrap().posting);
}

/// Proves BIL-17 in part: what is on its way to the books, or in them, is not held any more, and says why.
#[test]
fn what_has_gone_is_not_held() {
    let on_its_way = drafted().on_its_way().unwrap();
    assert!(on_its_way.held(&hold("too late"), at(1)).unwrap_err().contains("on its way"));
    for status in InvoiceStatus::ALL {
        let invoice = Invoice { status: *status, ..drafted() };
        let may = matches!(status, InvoiceStatus::Collecting | InvoiceStatus::Drafted);
        assert_eq!(invoice.held(&hold("now"), at(1)).is_ok(), may, "{status:?}");
    }
}

proptest! {
    /// Settling a blocker never lowers the score, whether its money becomes ready or is gone.
    #[test]
    fn settling_a_blocker_never_lowers_the_score(
        ready in 0_i64..10_000_000,
        stakes in proptest::collection::vec(proptest::option::of(-100_i64..10_000_000), 1..12),
        which in any::<prop::sample::Index>(),
        billed in any::<bool>(),
    ) {
        let cents = |c: i64| Money::from_minor_units(c, usd("0").currency()).unwrap();
        let mut blockers: Vec<Blocker> = stakes.iter().map(|s| blocker(s.map(cents))).collect();
        let before = score(cents(ready), &blockers).unwrap();
        let settled = blockers.remove(which.index(blockers.len()));
        let more = settled.at_stake.filter(|s| billed && s.is_positive()).unwrap_or(cents(0));
        let after = score(cents(ready).plus(more).unwrap(), &blockers).unwrap();
        prop_assert!(after >= before, "{} after {}", after, before);
        prop_assert!(after <= 100);
        prop_assert!(before < 100);
        prop_assert_eq!(blockers.is_empty(), after == 100);
    }
}
