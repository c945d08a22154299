//! A second version of the sample quote, and what is decided on it.
#![allow(dead_code, unreachable_pub, clippy::expect_used, clippy::unwrap_used)]

use domain::activation::CustomerFacts;
use domain::change_order::{ChangeOrder, Verdict, decide};
use domain::engagement::Engagement;
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::sample::{config, quote};
use jiff::civil::{Date, date};

pub const DAY: Date = date(2026, 11, 20);

pub fn second(edit: impl FnOnce(&mut Quote)) -> Quote {
    let mut second = Quote { quote: "901".into(), number: "Q-901".into(), version: 2, ..quote() };
    edit(&mut second);
    second
}

pub fn verdict(engagement: &Engagement, quote: &Quote) -> Verdict {
    decide(engagement, quote, &CustomerFacts::default(), &config(), DAY)
}

pub fn order(engagement: &Engagement, quote: &Quote) -> ChangeOrder {
    match verdict(engagement, quote) {
        Verdict::Change(order) => *order,
        other => panic!("{other:?}"),
    }
}

pub fn refusals(engagement: &Engagement, quote: &Quote) -> String {
    match verdict(engagement, quote) {
        Verdict::Refused(problems) => {
            let codes: Vec<_> = problems.iter().map(|p| p.code).collect();
            assert!(codes.iter().all(|c| *c == ProblemCode::ChangeOrderInvalid), "{codes:?}");
            problems.iter().map(|p| p.detail.clone()).collect::<Vec<_>>().join("; ")
        }
        other => panic!("{other:?}"),
    }
}
