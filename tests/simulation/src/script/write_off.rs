//! What was delivered is revised: finance decides that some of it is not billed, an entry is corrected.

use std::sync::Arc;

use domain::Event;
use domain::id::{LineId, WriteOffId};
use domain::work::TimeEntry;
use domain::write_off::WriteOffRequested;
use events::{Envelope, Traceparent};
use journal::{Item, Key, Store};

use super::report;
use crate::deal::Deal;
use crate::engine::open;
use crate::products::Change;
use crate::world::{TENANT, World};

/// Somebody looks at what is ready and writes a line or two off; an invoice may take them meanwhile. Now and
/// then he asks twice, or for one that an invoice has already.
pub(crate) async fn write_off(world: &Arc<World>, deals: &[Deal]) {
    // What waits at a ceiling or a cap would find room when it is told again, and the replay at the end would
    // differ.
    let is_limited = |deal: &&Deal| deal.quote.time_ceiling.is_some() || !deal.expenses.is_empty();
    let deals = deals.iter().filter(|deal| !is_limited(deal));
    for deal in deals.filter(|_| world.sim.one_in(3)) {
        let engagement = deal.engagement.as_str();
        let partition = Key::partition(TENANT, engagement);
        let all = world.table.query(&partition, "line#", usize::MAX).await.expect("a table in memory");
        let is_ready = |item: &&Item| item.text("status") == Some("ready") || world.sim.one_in(20);
        let lines: Vec<LineId> = all.iter().filter(is_ready).take(2).filter_map(line).collect();
        if lines.is_empty() {
            continue;
        }
        let event = request(world, deal, lines);
        if world.sim.one_in(4) {
            world.take(event.clone());
        }
        world.take(event);
    }
}

/// The deal of a recording: finance writes off its first line, or its first entry is corrected, once.
pub(crate) async fn revise(world: &Arc<World>, deal: &Deal) {
    if !deal.written_off && !deal.corrected {
        return;
    }
    let partition = Key::partition(TENANT, deal.engagement.as_str());
    let lines = world.table.query(&partition, "line#", usize::MAX).await.expect("a table in memory");
    let Some(first) = lines.iter().find_map(line) else { return };
    let asked = open(&world.taken).values().any(|e| matches!(e.event, Event::WriteOffRequested(_)));
    if deal.written_off && !asked {
        world.take(request(world, deal, vec![first]));
    }
    if let Some(entry) = deal.time.first().filter(|_| deal.corrected) {
        let longer = TimeEntry { minutes: entry.minutes + 30, ..entry.clone() };
        let is_told = |change: &Change| change.change.event == Event::TimeApproved(longer.clone());
        let is_known = open(&world.books).work.iter().any(is_told);
        if !is_known {
            report(world, deal, Event::TimeApproved(longer));
        }
    }
}

fn request(world: &World, deal: &Deal, lines: Vec<LineId>) -> Envelope {
    let engagement = deal.engagement.as_str();
    let names: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let write_off = WriteOffId::derive(&[engagement, &names.join(" ")]);
    let (now, trace, delivery) = (world.sim.now(), Traceparent::start(), write_off.to_string());
    let requested: Event = WriteOffRequested {
        write_off,
        lines,
        requested_by: "finance".into(),
        reason: "the customer does not accept it".into(),
    }
    .into();
    world.sim.note(|| format!("finance writes off {names:?} of {engagement}"));
    Envelope::reported(TENANT, "console", &delivery, engagement, now, requested, trace)
}

fn line(item: &Item) -> Option<LineId> {
    LineId::try_from(item.text("line")?.to_owned()).ok()
}
