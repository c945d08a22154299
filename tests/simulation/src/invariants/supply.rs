//! What a person of another legal entity, hired as a subcontractor, supplied is charged and costs once
//! an entry; what others did is not.

use std::collections::BTreeSet;

use domain::billing::{Evidence, line_of};
use domain::staffing::{IntercompanyCharge, SubcontractorCost};
use serde::de::DeserializeOwned;

use super::{Ledger, must};
use crate::deal::{Deal, SUPPLIER};
use crate::world::PSA;

pub(super) fn broken(deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let supplied: BTreeSet<String> = ledger
        .lines
        .iter()
        .filter(|l| matches!(&l.line.evidence, Evidence::Time { entry, .. } if entry.person == SUPPLIER))
        .map(|l| l.line.line.to_string())
        .collect();
    let (charges, costs): (Vec<IntercompanyCharge>, Vec<SubcontractorCost>) =
        (read(ledger, "charge"), read(ledger, "cost"));
    let charged: BTreeSet<String> =
        charges.iter().filter(|c| !c.unbilled).map(|c| c.line.to_string()).collect();
    must(&mut broken, charged == supplied, || {
        format!("lines {charged:?} have a charge, {supplied:?} should")
    });
    // By the hour, an entity is paid for what is not billed too.
    must(&mut broken, charges.len() == costs.len(), || {
        format!("{} charges stand beside {} costs", charges.len(), costs.len())
    });
    let billed: BTreeSet<String> =
        costs.iter().filter_map(|c| c.line.as_ref()).map(ToString::to_string).collect();
    must(&mut broken, billed == supplied, || format!("lines {billed:?} have a cost, {supplied:?} should"));
    let entries: BTreeSet<String> = costs.iter().map(|c| c.entry.entry.clone()).collect();
    must(&mut broken, entries.len() == costs.len(), || format!("an entry costs twice: {costs:?}"));
    // Also what is not billable is paid, and nothing that waits for a person.
    for entry in deal.time.iter().filter(|e| e.person == SUPPLIER && !e.billable) {
        let line = line_of(PSA, "time", &entry.entry).to_string();
        must(&mut broken, !supplied.contains(&line), || format!("entry {} is billed", entry.entry));
    }
    broken
}

fn read<T: DeserializeOwned>(ledger: &Ledger, kind: &str) -> Vec<T> {
    ledger.kind(kind).filter_map(|item| item.body().ok()).collect()
}
