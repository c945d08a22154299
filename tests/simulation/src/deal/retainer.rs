//! A retainer as it is drawn, and what is worked on it.

use domain::quote::QuoteLine;
use domain::sample;
use domain::work::TimeEntry;
use jiff::Span;
use jiff::civil::date;

use super::{Deal, dollars};
use crate::engine::Sim;

impl Deal {
    /// The same with two hours of a retainer, of which more is worked in two entries, and nothing else.
    pub(crate) fn retained(mut self) -> Self {
        self.time.clear();
        let terms = ("2", "120.00");
        self.quote.lines.push(sample::retainer_line(
            "72",
            ("R2", "200.00"),
            ("2026-11-01", 2),
            terms,
            &[ADVISOR],
        ));
        let entries = [("12307", 90), ("12308", 75)];
        self.retained = entries.map(|(id, minutes)| sample::entry(id, ADVISOR, "2026-11-16", minutes)).into();
        self
    }
}

/// A role that is sold by retainers alone.
const ADVISOR: &str = "advisor";

/// A retainer of which some months are over. What is beyond it costs whole cents a minute: what waits at a ceiling
/// for a cent would fit when it is told again in another order.
pub(super) fn line(sim: &Sim) -> QuoteLine {
    let back = Span::new().days(i64::try_from(sim.below(80)).unwrap_or(0));
    let starts_on = date(2026, 11, 19).saturating_sub(back).to_string();
    let months = 1 + u32::try_from(sim.below(5)).unwrap_or(0);
    let fee = dollars(sim, 100, 2_000).amount().to_string();
    let beyond = *sim.any(&["60.00", "120.00", "240.00"]);
    let hours = *sim.any(&["2", "5.5", "10"]);
    let mut line =
        sample::retainer_line("72", ("R2", &fee), (&starts_on, months), (hours, beyond), &[ADVISOR]);
    if let Some(terms) = &mut line.recurrence {
        terms.aligned = sim.one_in(3);
        if let Some(retained) = terms.retainer.as_mut().filter(|_| !sim.one_in(3)) {
            retained.rollover_periods = Some(1 + u32::try_from(sim.below(2)).unwrap_or(0));
            retained.rollover_most = sim.one_in(2).then(|| 3.into());
        }
    }
    line
}

/// Time of advisors, some of it before any retainer begins.
pub(super) fn entries(sim: &Sim, deal: &str) -> Vec<TimeEntry> {
    (0..sim.below(8))
        .map(|n| {
            let day =
                date(2026, 9, 1).saturating_add(Span::new().days(i64::try_from(sim.below(79)).unwrap_or(0)));
            let minutes = *sim.any(&[7, 30, 90, 240, 480]);
            sample::entry(&format!("{deal}5{n:02}"), ADVISOR, &day.to_string(), minutes)
        })
        .collect()
}
