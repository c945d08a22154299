//! Whatever is told, in whatever order and however often.

use domain::invoice::PaymentTolerance;
use domain::sample::usd;
use domain::transition::Status;
use proptest::prelude::*;

use crate::world::{Told, World, invoice};

fn cents(units: i64) -> domain::Money {
    domain::Money::from_minor_units(units, usd("0").currency()).expect("an amount")
}

/// One of the facts of a payment; each has an amount of its own, whenever it is told.
fn fact() -> impl Strategy<Value = Told> {
    let refund = |id: &'static str, most: i64| {
        (1..most, any::<bool>()).prop_map(move |(_, failed)| Told::Refund(id, cents(most), failed))
    };
    let dispute = |id: &'static str, amount: i64| {
        prop_oneof![
            Just(Told::Disputed(id, cents(amount))),
            (any::<bool>(), 1_i64..4).prop_map(move |(won, at)| Told::Closed(id, cents(amount), won, at)),
        ]
    };
    prop_oneof![
        Just(Told::Settled(3)),
        Just(Told::Settled(4)),
        (-5_i64..20).prop_filter_map("few bounce", |s| (s < 1).then_some(Told::Failed(s))),
        Just(Told::Failed(7)),
        refund("re_1", 20_000),
        refund("re_2", 70_000),
        Just(Told::RefundedInAll(cents(20_000))),
        Just(Told::RefundedInAll(cents(90_000))),
        dispute("dp_1", 150_000),
        dispute("dp_2", 30_000),
    ]
}

fn played(facts: &[Told], tolerances: &[PaymentTolerance]) -> World {
    let mut world = World::of(&[invoice(1, "1100.00"), invoice(2, "300.00")]);
    world.tolerances = tolerances.to_vec();
    for told in facts {
        let before = world.receipt.status;
        world.tell(told);
        assert!(before.may_become(world.receipt.status), "{before:?} > {:?}", world.receipt.status);
    }
    world
}

proptest! {
    /// Proves PAY-02, EVT-19 in part: receipts, settlements, failures, refunds and disputes of a payment, some told
    /// twice, come to the same in any order, and at no time is more applied than there is: applied + unapplied +
    /// kept + returned = received, nothing is negative; with a tolerance and without.
    #[test]
    fn any_order_comes_to_the_same(
        amount in 1_i64..200_000,
        mut facts in prop::collection::vec(fact(), 0..8),
        seed in any::<u64>(),
        twice in any::<prop::sample::Index>(),
        tolerance in prop::option::of(1_i64..90_000),
    ) {
        let tolerance = tolerance.map(|most| PaymentTolerance { amount: cents(most), percent: 90.into() });
        let tolerances = Vec::from_iter(tolerance);
        facts.push(Told::Received(cents(amount), vec![(1, None), (2, None)]));
        let first = played(&facts, &tolerances);
        let again = facts[twice.index(facts.len())].clone();
        let mut shuffled = facts.clone();
        shuffled.push(again);
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, usize::try_from(state >> 33).expect("fits") % (i + 1));
        }
        let second = played(&shuffled, &tolerances);
        prop_assert_eq!(&first.invoices, &second.invoices);
        let same = |world: &World| {
            let receipt = &world.receipt;
            let applied: Vec<_> = receipt.applications.iter().map(|a| (a.invoice.clone(), a.applied)).collect();
            (receipt.status, receipt.unapplied, receipt.kept, applied, receipt.findings())
        };
        prop_assert_eq!(same(&first), same(&second));
    }

    /// Told once more, nothing changes and nothing is booked.
    #[test]
    fn a_repetition_moves_nothing(facts in prop::collection::vec(fact(), 0..8), again in any::<prop::sample::Index>()) {
        let mut told = vec![Told::Received(cents(140_000), vec![(1, None), (2, None)])];
        told.extend(facts);
        let mut world = played(&told, &[]);
        let before = world.clone();
        let again = again.index(told.len());
        // What was refunded in all is known by its size: an older, smaller sum says nothing.
        world.tell(&told[again]);
        prop_assert_eq!(before, world);
    }
}
