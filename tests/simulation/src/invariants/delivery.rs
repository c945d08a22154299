//! Each planned role is on the project once, as the assignment that is kept; and what is kept of project
//! and people is what the PSA said last, in whatever order it came.

use std::collections::BTreeMap;

use domain::delivery::{AssignmentStatus, Delivery, PROJECT, RESOURCE, ResourceAssignment};
use domain::event::RecordChanged;
use domain::{Contract, Event};

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::products::Books;
use crate::world::World;

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let books = open(&world.books);
    let Some(engagement) = &ledger.engagement else { return broken };
    let kept: Option<Delivery> = ledger.kind("delivery").find_map(|item| item.body().ok());
    staffed(&mut broken, &books, deal, &engagement.contract, kept.as_ref());
    let last = last_told(&books, deal);
    for ((object, record), told) in &last {
        let said = |field: &str| told.fields.get(field).filter(|v| !v.is_empty());
        if object == PROJECT {
            let status = kept.as_ref().and_then(|k| k.status.as_ref());
            let same = status.is_some_and(|s| {
                Some(&s.status) == said("status") && said("archived") == Some(&s.archived.to_string())
            });
            must(&mut broken, same, || format!("the project is {told:?}, and {status:?} is kept"));
        }
        if object == RESOURCE {
            let of = |d: &Delivery| d.assignments.iter().find(|a| a.record == *record).cloned();
            let assignment = kept.as_ref().and_then(of);
            let same = assignment.as_ref().is_some_and(|a| a.person.as_ref() == said("person"));
            must(&mut broken, same, || format!("assignment is {told:?}, and {assignment:?} is kept"));
        }
    }
    broken
}

/// What the log says last of each record, by when it happened.
fn last_told(books: &Books, deal: &Deal) -> BTreeMap<(String, String), RecordChanged> {
    let mut last: BTreeMap<(String, String), RecordChanged> = BTreeMap::new();
    for change in books.work.iter().filter(|c| c.change.subject.as_str() == deal.engagement.as_str()) {
        let Event::RecordChanged(told) = &change.change.event else { continue };
        let key = (told.object.clone(), told.record.clone());
        if last.get(&key).is_none_or(|known| known.changed_at < told.changed_at) {
            last.insert(key, told.clone());
        }
    }
    last
}

fn staffed(
    broken: &mut Vec<String>,
    books: &Books,
    deal: &Deal,
    contract: &Contract,
    kept: Option<&Delivery>,
) {
    let prefix = format!("{}/", deal.engagement);
    let ours = || books.assignments.iter().filter_map(|row| Some((row, row.key.strip_prefix(&prefix)?)));
    for role in &contract.staffing {
        let rows: Vec<&str> =
            ours().filter(|(_, key)| *key == role.key).map(|(row, _)| row.record.as_str()).collect();
        let of_role = |d: &Delivery| d.assignments.iter().find(|a| a.planned.as_ref() == Some(role)).cloned();
        let assignment = kept.and_then(of_role);
        must(broken, rows.len() == 1 && assignment.as_ref().is_some_and(|a| a.record == rows[0]), || {
            format!("role {} is on the project as {rows:?} and kept as {assignment:?}", role.role)
        });
    }
    // An order that was taken back leaves its roles: the next one finds them. One that is not sold any more
    // stays, released.
    let left_over = deal.change_order.is_some() && contract.version == 1;
    let released = |record: &str| {
        let is = |a: &ResourceAssignment| a.record == record && a.status == AssignmentStatus::Released;
        kept.is_some_and(|k| k.assignments.iter().any(is))
    };
    for (row, key) in ours().filter(|(_, key)| contract.staffing.iter().all(|role| role.key != *key)) {
        must(broken, left_over || released(&row.record), || format!("role {key} was not sold"));
    }
}
