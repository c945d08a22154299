//! Whatever is billed, paid and credited, in whatever order.

use domain::billing::{BillableLine, Evidence};
use domain::credit_memo::CreditMemoRequested;
use domain::deposit::{DepositBalance, DrawnWhen, deposit_line};
use domain::id::LineId;
use domain::money::Money;
use domain::sample::usd;
use proptest::prelude::*;

use crate::world::World;

#[derive(Debug, Clone)]
enum Step {
    Work(i32),
    Collect,
    Post(usize),
    Pay(usize),
    Lines(usize, u8, bool),
    Part(usize, usize, u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (-2_000i32..60_000).prop_map(Step::Work),
        4 => Just(Step::Collect),
        4 => (0usize..6).prop_map(Step::Post),
        3 => (0usize..6).prop_map(Step::Pay),
        3 => (0usize..6, any::<u8>(), any::<bool>()).prop_map(|(i, pick, anew)| Step::Lines(i, pick, anew)),
        2 => (0usize..6, 0usize..4, 1u32..90_000).prop_map(|(i, l, c)| Step::Part(i, l, c)),
    ];
    prop::collection::vec(step, 0..40)
}

impl World {
    fn name(&self, which: usize) -> Option<String> {
        (which < self.invoices.len()).then(|| format!("i{which}"))
    }

    fn take(&mut self, n: usize, step: Step) {
        let nothing = usd("0.00");
        match step {
            Step::Work(cents) => {
                let amount = Money::from_minor_units(i64::from(cents), nothing.currency()).unwrap();
                self.work(&format!("w{n}"), &amount.amount().to_string());
            }
            Step::Collect => {
                self.collect(&format!("i{}", self.invoices.len()));
            }
            Step::Post(which) => {
                if let Some(name) = self.name(which).filter(|name| !self.invoice(name).is_posted()) {
                    self.post(&name);
                }
            }
            Step::Pay(which) => {
                if let Some(name) = self.name(which).filter(|name| self.invoice(name).is_posted()) {
                    self.pay(&name);
                }
            }
            Step::Lines(which, pick, rebill) => {
                let Some(name) = self.name(which) else { return };
                let billed = self.invoices[which].1.clone();
                let picked = billed.iter().enumerate().filter(|(i, _)| pick & (1 << (i % 8)) != 0);
                let picked: Vec<&LineId> = picked.map(|(_, line)| &line.line).collect();
                let asked =
                    CreditMemoRequested { rebill, ..World::asked(&format!("m{n}"), &name, &picked, None) };
                let _ = self.credit(&asked);
            }
            Step::Part(which, line, cents) => {
                let Some(name) = self.name(which) else { return };
                let Some(line) = self.invoices[which].1.get(line).map(|line| line.line.clone()) else {
                    return;
                };
                let amount = Money::from_minor_units(i64::from(cents), nothing.currency()).unwrap();
                let amount = amount.amount().to_string();
                let _ = self.credit(&World::asked(&format!("m{n}"), &name, &[], Some((&line, &amount))));
            }
        }
    }
}

proptest! {
    /// Proves BIL-10 in part: no invoice comes to less than nothing; of each deposit amount = drawn + returned + left, and
    /// none of them is below nothing; and what the live drawdowns take off is what was drawn.
    #[test]
    fn no_more_is_drawn_than_was_paid_in_advance(
        first in 1u32..80_000, second in 1u32..80_000, share in prop::option::of(1u32..=100),
        paid in any::<bool>(), steps in steps(),
    ) {
        let when = if paid { DrawnWhen::Paid } else { DrawnWhen::Posted };
        let cents = |n: u32| Money::from_minor_units(i64::from(n), usd("0").currency()).unwrap().amount().to_string();
        let share = share.map(|share| share.to_string());
        let mut world = World::new(&[
            ("D1", &cents(first), when, share.as_deref()),
            ("D2", &cents(second), DrawnWhen::Posted, None),
        ]);
        world.due();
        for (n, step) in steps.into_iter().enumerate() {
            world.take(n, step);
            for (invoice, lines) in &world.invoices {
                prop_assert!(!invoice.untaxed.amount().is_sign_negative() || invoice.untaxed.is_zero(), "{invoice:?}");
                let sum = Money::total(invoice.untaxed.currency(), lines.iter().map(|l| l.amount)).unwrap();
                prop_assert_eq!(sum, invoice.untaxed);
            }
            for deposit in world.deposits() {
                let DepositBalance { amount, drawn, returned, left } = deposit.balance().unwrap();
                prop_assert_eq!(amount, drawn.plus(returned).unwrap().plus(left).unwrap());
                for part in [drawn, returned, left] {
                    prop_assert!(part.is_zero() || part.is_positive(), "{:?}", deposit.balance());
                }
            }
            for key in ["D1", "D2"] {
                let wanted = deposit_line(&world.engagement.engagement, key);
                let nothing = usd("0.00");
                let draws = |line: &BillableLine| {
                    matches!(&line.evidence, Evidence::Drawdown { of, .. } if *of == wanted)
                };
                let live = world.lines.iter().filter(|(line, _, owner)| owner.is_some() && draws(line));
                let live = live.map(|(line, ..)| nothing.minus(line.amount).unwrap());
                let live = Money::total(nothing.currency(), live).unwrap();
                let drawn = world.invoices.iter().map(|(invoice, _)| invoice.drawn_of(&wanted));
                prop_assert_eq!(live, Money::total(nothing.currency(), drawn).unwrap(), "{}", key);
            }
        }
    }
}
