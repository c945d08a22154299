//! Usage as it is drawn: what is metered, and what is recorded of it.

use domain::quote::{Quote, QuoteLine};
use domain::sample;
use domain::usage::UsageRecord;
use jiff::Span;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;

use super::Deal;
use crate::engine::Sim;

/// What is metered, and what is not sold.
const METER: &str = "api-calls";
const UNSOLD_METER: &str = "storage";
/// A day on which no history has arrived.
const FAR: Date = date(2027, 2, 5);

impl Deal {
    /// The same, with usage that crosses its first tier and is corrected, and a record of a day before its term.
    pub(crate) fn metered(mut self) -> Self {
        for quote in [Some(&mut self.quote), self.change_order.as_mut()].into_iter().flatten() {
            quote.lines.push(usage_line("2026-11-01", 3, "0.50"));
        }
        let correction = sample::usage("12305", METER, "2026-11-12", "-150");
        self.usage = vec![
            sample::usage("12304", METER, "2026-11-12", "1200"),
            UsageRecord { corrects: Some("12304".into()), ..correction },
            sample::usage("12306", METER, "2026-10-31", "7"),
        ];
        self
    }
}

/// Usage of which some months are over, or none has begun.
pub(super) fn metered(sim: &Sim) -> QuoteLine {
    let back = Span::new().days(i64::try_from(sim.below(80)).unwrap_or(0));
    let starts_on = match sim.below(6) {
        0 => FAR,
        _ => date(2026, 11, 22).saturating_sub(back),
    };
    let months = 3 + u32::try_from(sim.below(6)).unwrap_or(0);
    usage_line(&starts_on.to_string(), months, sim.any::<&str>(&["0.50", "0.0625", "0.015"]))
}

/// The same three tiers each time, the first at a price: half of a hundred is free.
fn usage_line(starts_on: &str, months: u32, price: &str) -> QuoteLine {
    let tiers = [(Some("1000"), price), (Some("2500.5"), "0.011"), (None, "0.003")];
    sample::usage_line("99", ("U9", METER), (starts_on, months), "50", &tiers)
}

/// What a change order may make of usage: what has begun goes on for longer, and what has not costs something else or
/// is dropped. Nothing that waits for a person may be sold by it: a replay would count it.
pub(super) fn other(sim: &Sim, quote: &mut Quote) {
    let is_far = |l: &QuoteLine| l.usage.as_ref().is_some_and(|u| u.starts_on == Some(FAR));
    match sim.below(3) {
        0 => quote.lines.retain(|l| !is_far(l)),
        1 => {
            for line in quote.lines.iter_mut().filter(|l| l.line == "99") {
                if is_far(line) {
                    *line = usage_line(&FAR.to_string(), 5, "0.25");
                } else {
                    line.quantity += Decimal::TWO;
                }
            }
        }
        _ => {}
    }
}

/// Records of usage, some of a day on which nothing is sold, some of a meter that is not sold, some that correct
/// the one before.
pub(super) fn records(sim: &Sim, deal: &str) -> Vec<UsageRecord> {
    let mut all: Vec<UsageRecord> = Vec::new();
    for n in 0..sim.below(9) {
        let millis = i64::try_from(sim.below(1_500_000)).unwrap_or(0);
        let id = format!("{deal}7{n:02}");
        let before = all.last().filter(|r| r.quantity.is_sign_positive() && sim.one_in(3)).cloned();
        all.push(match before {
            Some(before) => UsageRecord {
                quantity: -(before.quantity / Decimal::TWO).round_dp(3),
                corrects: Some(before.record.clone()),
                record: id,
                ..before
            },
            None => {
                let meter = if sim.one_in(15) { UNSOLD_METER } else { METER };
                let day = format!("2026-11-{:02}", 1 + sim.below(19));
                let day = if sim.one_in(3) { format!("2026-10-{:02}", 1 + sim.below(31)) } else { day };
                sample::usage(&id, meter, &day, &Decimal::new(millis, 3).to_string())
            }
        });
    }
    all
}
