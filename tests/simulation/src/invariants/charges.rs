//! Each period of a recurring charge that is due is on exactly one line, at what it costs under the version
//! that the line names; none is billed too early, none of a charge that was dropped, and of what a change order
//! made too much a person knows.

use std::collections::BTreeMap;

use domain::billing::Evidence;
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::recurring::charge_line;
use domain::{Contract, TenantConfig};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Ledger, must};
use crate::deal::Deal;
use crate::world::World;

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(engagement) = &ledger.engagement else { return broken };
    let versions: Vec<Contract> = ledger.kind("contract").filter_map(|i| i.body().ok()).collect();
    let mut billed: BTreeMap<(String, u32), Money> = BTreeMap::new();
    for item in ledger.kind("line") {
        let Ok(line) = item.body::<domain::billing::BillableLine>() else { continue };
        let Evidence::Charge { charge, period, .. } = &line.evidence else { continue };
        let name = format!("period {period} of {charge} of deal {}", deal.quote.deal);
        must(&mut broken, line.line == charge_line(&deal.engagement, charge, *period), || {
            format!("{name} is on line {}", line.line)
        });
        let version = versions.iter().find(|v| v.version == line.contract_version);
        let sold = version.and_then(|v| v.recurring_charge(charge)?.period_at(*period).ok()?);
        let Some(sold) = sold else {
            broken.push(format!("{name} is billed and was not sold in version {}", line.contract_version));
            continue;
        };
        must(&mut broken, sold.amount == line.amount, || {
            format!("{name} is billed {} instead of {}", line.amount, sold.amount)
        });
        let recorded = item.text("recorded_at").and_then(|at| day_of(world.config(), at));
        must(&mut broken, recorded.is_some_and(|day| sold.due_on <= day), || {
            format!("{name}, due on {}, was billed on {recorded:?}", sold.due_on)
        });
        let twice = billed.insert((charge.clone(), *period), line.amount);
        must(&mut broken, twice.is_none(), || format!("{name} is billed twice"));
    }
    // What was billed and is sold no more: only where it was billed before the order came into force.
    for ((charge, period), amount) in &billed {
        let left = engagement.contract.recurring_charge(charge).and_then(|c| c.period_at(*period).ok()?);
        let left = left.map_or(Money::zero(amount.currency()), |p| p.amount);
        if let Some(credit) = amount.minus(left).ok().filter(|credit| credit.is_positive()) {
            must(&mut broken, is_known(ledger, charge, *period, credit), || {
                format!("period {period} of {charge}: nobody knows that {credit} is to be credited")
            });
        }
    }
    let Some(today) = world.charges_told_on() else { return broken };
    for charge in engagement.contract.recurring.iter().filter(|_| has_calendar(ledger)) {
        for period in charge.periods().unwrap_or_default() {
            let is_billed = billed.contains_key(&(charge.key.clone(), period.index));
            let due = period.due_on <= today && !period.amount.is_zero();
            must(&mut broken, is_billed || !due, || {
                format!("period {} of {}, due on {}, is not billed", period.index, charge.key, period.due_on)
            });
        }
    }
    broken
}

/// An engagement from before charges were billed has no calendar until its first change order.
fn has_calendar(ledger: &Ledger) -> bool {
    ledger.kind("charge-calendar").next().is_some()
}

fn is_known(ledger: &Ledger, charge: &str, period: u32, credit: Money) -> bool {
    ledger.kind("exception").any(|e| {
        e.text("code") == Some(ProblemCode::ChargeOverbilled.as_str())
            && e.text("detail").is_some_and(|detail| {
                detail.contains(&format!("period {period} of charge {charge} "))
                    && detail.contains(&format!("credit {credit}"))
            })
    })
}

/// The business's day of a moment, by a clock that may be a little slow.
fn day_of(config: &TenantConfig, at: &str) -> Option<Date> {
    let zone = TimeZone::get(&config.time_zone).ok()?;
    let at: Timestamp = at.parse().ok()?;
    Some(at.saturating_add(SignedDuration::from_secs(5)).ok()?.to_zoned(zone).date())
}
