//! Recorded usage reported through the API.

use domain::id::EngagementId;
use domain::usage::{DECIMALS, UsageRecord};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use runtime::Context;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Map;

use super::work::{batch, is_name, open};
use super::{About, Command};
use crate::call::{Call, is_record};
use crate::caller::Caller;
use crate::error::{ApiError, Kind};

/// Largest quantity of one record: some headroom below what can be priced exactly.
const MOST: u64 = 1_000_000_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Usage {
    usage: Vec<Recorded>,
}

/// A record as [`UsageRecord`] has it, and whether it is approved. A meter that knows moments and not the
/// business's days says `used_at` in place of `used_on`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    approved: bool,
    connection: String,
    record: String,
    meter: String,
    quantity: Decimal,
    used_on: Option<Date>,
    used_at: Option<Timestamp>,
    corrects: Option<String>,
}

/// Takes approved records of usage.
pub(super) async fn usage(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let id: EngagementId = call.id("engagement")?;
    let Usage { usage } = call.body()?;
    let state = open(context, caller, &id).await?;
    let known = usage.iter().map(|u| (u.approved, u.connection.as_str(), u.record.as_str()));
    batch(context, caller, &state, "usage", known).await?;
    let config = context.connect.tenant(&caller.tenant).await?;
    let zone = TimeZone::get(&config.time_zone).map_err(ApiError::inside)?;
    let now = context.clock.now();
    let mut events = Vec::new();
    for (i, recorded) in usage.into_iter().enumerate() {
        let record = sound(i, recorded, &zone, now)?;
        events.push((now, record.into()));
    }
    let summary = format!("reported {} approved records of usage", events.len());
    Ok(Command { about: About::Engagement(id), events, summary, answer: Map::new() })
}

fn sound(i: usize, recorded: Recorded, zone: &TimeZone, now: Timestamp) -> Result<UsageRecord, ApiError> {
    let malformed = |what: &str| ApiError::new(Kind::Malformed, format!("usage[{i}].{what}"));
    let Recorded { connection, record, meter, quantity, used_on, used_at, corrects, .. } = recorded;
    // Written in one way, so that the same record has the same content.
    let quantity = quantity.normalize();
    if quantity.scale() > DECIMALS || quantity.abs() > Decimal::from(MOST) {
        return Err(malformed("quantity: must have six decimal places at most and be no more than 1e12"));
    }
    if !is_name(&meter) {
        return Err(malformed("meter: must be 1 to 200 characters"));
    }
    if corrects.as_ref().is_some_and(|other| !is_record(other) || *other == record) {
        return Err(malformed("corrects: must be the ID of another record"));
    }
    if quantity < Decimal::ZERO && corrects.is_none() {
        return Err(malformed("corrects: what takes usage back names the record that it corrects"));
    }
    let used_on = match (used_on, used_at) {
        (Some(day), None) => day,
        (None, Some(at)) => at.to_zoned(zone.clone()).date(),
        _ => return Err(malformed("used_on: either this or used_at must be given")),
    };
    if used_on > now.to_zoned(zone.clone()).date() {
        return Err(malformed("used_on: lies in the future"));
    }
    Ok(UsageRecord { connection, record, meter, quantity, used_on, corrects })
}
