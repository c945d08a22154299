//! What CRM and PSA show of collections is what the ledger says, and each change was told once.

use std::collections::BTreeSet;

use domain::Event;
use domain::collections::{Collections, CollectionsChanged, Exposure, ToldCollections};
use journal::Item;

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::world::World;

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(engagement) = &ledger.engagement else { return broken };
    let told: Vec<ToldCollections> = bodies(ledger.kind("collections"));
    let posted: Vec<_> = ledger.invoices.iter().filter(|i| i.is_posted()).collect();
    // Invoices of journals from before this was kept are told of when they change.
    let known = |told: &ToldCollections| posted.iter().any(|i| i.invoice == told.invoice);
    must(&mut broken, told.iter().all(known), || format!("{told:?} are not all of posted invoices"));
    let terms = &world.config().payment_terms;
    let mut all: Vec<Collections> = Vec::new();
    for one in &told {
        let Some(invoice) = posted.iter().find(|i| i.invoice == one.invoice) else { continue };
        let days = terms.iter().find(|t| t.code == invoice.payment_terms).map(|t| t.days);
        let Some((stands, day)) = one.stands.clone().zip(one.as_of) else {
            broken.push(format!("of {} nothing was told", one.invoice));
            continue;
        };
        let is = Collections::of(invoice, days, day);
        must(&mut broken, is.is_as(&stands), || {
            format!("{} stands as {is:?} on {day}, and {stands:?} was told", one.invoice)
        });
        let shown = open(&world.books).shown.get(&one.invoice).and_then(|s| s.collections.clone());
        must(&mut broken, shown.as_ref().is_some_and(|s| is.is_as(s)), || {
            format!("the project shows {} as {shown:?} instead of {is:?}", one.invoice)
        });
        was_told(&mut broken, world, ledger, one);
        all.push(stands);
    }
    if all.is_empty() {
        return broken;
    }
    let exposure = Exposure::of(engagement.contract.currency, &all).ok().flatten();
    let expected = exposure.map(|e| format!("{e:?}"));
    let books = open(&world.books);
    let shown = books.deals.get(&deal.quote.deal).and_then(|d| d.get("collections")).cloned();
    must(&mut broken, shown == expected, || {
        format!("the deal shows collections as {shown:?} instead of {expected:?}")
    });
    broken
}

/// Its changes are counted without a gap, each was told under one ID, and each is another than the one before.
fn was_told(broken: &mut Vec<String>, world: &World, ledger: &Ledger, of: &ToldCollections) {
    let kept: Vec<CollectionsChanged> = bodies(ledger.kind("collections-change"));
    let kept: Vec<_> = kept.into_iter().filter(|c| c.invoice == of.invoice).collect();
    let counted = (1..).zip(&kept).all(|(n, change)| change.change == n);
    must(broken, counted && kept.len() == of.changes as usize, || {
        format!("{} has {} changes: {kept:?}", of.invoice, of.changes)
    });
    let repeated = kept.windows(2).any(|two| two.iter().all(|c| c.collections.is_as(&two[0].collections)));
    must(broken, !repeated, || format!("of {} the same was told twice: {kept:?}", of.invoice));
    let taken = open(&world.taken);
    let events: BTreeSet<u32> = taken
        .values()
        .filter_map(|event| match &event.event {
            Event::CollectionsChanged(told) if told.invoice == of.invoice => Some(told.change),
            _ => None,
        })
        .collect();
    must(broken, events.len() == kept.len(), || {
        format!("of {} changes {events:?} are on the bus, and {} are kept", of.invoice, kept.len())
    });
}

fn bodies<'a, T: serde::de::DeserializeOwned>(items: impl Iterator<Item = &'a Item>) -> Vec<T> {
    items.filter_map(|item| item.body().ok()).collect()
}
