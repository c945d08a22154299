//! What is metered is recorded through the API.

use std::sync::Arc;

use domain::Event;
use domain::usage::UsageRecord;
use events::{Envelope, Traceparent};
use rust_decimal::Decimal;

use crate::deal::Deal;
use crate::world::{TENANT, World};

/// A record, as a call of its own puts it on the bus.
pub(crate) fn record(world: &Arc<World>, deal: &Deal, used: &UsageRecord) {
    call(world, deal, "once", used);
}

/// The same; now and then sent again under another key, now and then with another quantity.
pub(crate) fn record_in_disorder(world: &Arc<World>, deal: &Deal, used: &UsageRecord) {
    record(world, deal, used);
    if world.sim.one_in(4) {
        call(world, deal, "again", used);
    }
    if world.sim.one_in(12) {
        let more = UsageRecord { quantity: used.quantity + Decimal::ONE, ..used.clone() };
        call(world, deal, "changed", &more);
    }
}

fn call(world: &Arc<World>, deal: &Deal, key: &str, used: &UsageRecord) {
    let (now, trace, delivery) = (world.sim.now(), Traceparent::start(), format!("{key}:{}", used.record));
    let (caller, subject) = ("callers/meter", deal.engagement.as_str());
    let event = Event::UsageRecorded(used.clone());
    world.take(Envelope::reported(TENANT, caller, &delivery, subject, now, event, trace));
}
