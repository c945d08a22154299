//! A deposit as it is drawn.

use domain::deposit::DrawnWhen;
use domain::quote::QuoteLine;
use domain::sample;
use jiff::Span;
use jiff::civil::date;

use super::{Deal, dollars};
use crate::engine::Sim;

impl Deal {
    /// The same with a deposit that covers a part of what is billed.
    pub(crate) fn paid_in_advance(mut self) -> Self {
        let line = sample::deposit_line("79", ("D7", "500.00"), DrawnWhen::Posted);
        for quote in [Some(&mut self.quote), self.change_order.as_mut()].into_iter().flatten() {
            quote.lines.push(line.clone());
        }
        self
    }
}

/// A deposit that is due at once or while the history lasts, small and large, drawn before or after it is paid.
pub(super) fn line(sim: &Sim) -> QuoteLine {
    let amount = dollars(sim, 50, *sim.any(&[400, 4_000, 40_000])).amount().to_string();
    let when = if sim.one_in(2) { DrawnWhen::Posted } else { DrawnWhen::Paid };
    let mut line = sample::deposit_line("79", ("D7", &amount), when);
    if let Some(terms) = line.deposit.as_mut().filter(|_| sim.one_in(3)) {
        terms.share_percent = Some((1 + sim.below(100)).into());
    }
    let days = Span::new().days(i64::try_from(sim.below(6)).unwrap_or(0));
    line.planned_on = sim.one_in(3).then(|| date(2026, 11, 18).saturating_add(days));
    line
}
