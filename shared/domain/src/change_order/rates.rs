//! The rate card's next version: never in force before the day of its change order.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::contract::{Rate, RateCard};

/// The rates as they go on: those in force until now end where others begin, so that work done
/// earlier is still priced as it was agreed then, however late it is approved.
pub(super) fn succeed(before: &RateCard, sold: &RateCard, today: Date) -> RateCard {
    let priced: BTreeSet<_> = before.rates.iter().chain(&sold.rates).map(Rate::prices).collect();
    let mut rates = Vec::new();
    for what in priced {
        let of = |card: &RateCard| -> Vec<Rate> {
            card.rates.iter().filter(|r| r.prices() == what).cloned().collect()
        };
        rates.extend(one_succeeds(&of(before), of(sold), today));
    }
    RateCard { rates }
}

fn one_succeeds(before: &[Rate], sold: Vec<Rate>, today: Date) -> Vec<Rate> {
    let begun = |rate: &Rate| rate.effective_from.is_none_or(|from| from <= today);
    // One that ended begins anew where it is sold again. One that is in force stays, though its line
    // still says the day on which an earlier price began.
    let same = |known: &Rate, rate: &Rate| {
        let days = known.effective_from == rate.effective_from || (begun(known) && begun(rate));
        known.effective_until.is_none() && known.hourly == rate.hourly && days
    };
    let (kept, new): (Vec<Rate>, Vec<Rate>) =
        sold.into_iter().partition(|rate| before.iter().any(|known| same(known, rate)));
    // A price that was edited on a copied line keeps the line's old first day; the past is priced already.
    let new: Vec<Rate> = new
        .into_iter()
        .map(|rate| Rate {
            effective_from: Some(rate.effective_from.map_or(today, |d| d.max(today))),
            ..rate
        })
        .collect();
    let first_new = new.iter().filter_map(|rate| rate.effective_from).min().unwrap_or(today);
    let stays = |rate: &Rate| kept.iter().any(|k| same(rate, k));
    let old = before
        .iter()
        .filter_map(|rate| if stays(rate) { Some(rate.clone()) } else { ended(rate, first_new) });
    old.chain(new.iter().cloned()).collect()
}

/// The rate until a day; none where it would not have begun by then.
fn ended(rate: &Rate, until: Date) -> Option<Rate> {
    let until = rate.effective_until.map_or(until, |known| known.min(until));
    let begins = rate.effective_from.is_none_or(|from| from < until);
    begins.then(|| Rate { effective_until: Some(until), ..rate.clone() })
}
