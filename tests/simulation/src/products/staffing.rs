//! Roles on projects: several records a call, of which a crash may leave some.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connectors::operation::{Assigned, CreateAssignments, Undone};
use connectors::{CallError, Idempotency, Performs};
use jiff::Timestamp;

use super::SEARCH;
use super::books::{Books, Row};
use super::psa::SimulatedPsa;
use crate::engine::Place;
use crate::world::PSA;

fn key_of(create: &CreateAssignments, role: &str) -> String {
    format!("{}/{role}", create.engagement)
}

/// The records that a search shows, by the role's key.
fn shown(books: &Books, create: &CreateAssignments, now: Timestamp) -> BTreeMap<String, String> {
    let of = |key: &str| {
        let key = key_of(create, key);
        books.assignments.iter().find(|row| row.key == key && row.shown_at <= now)
    };
    let roles = create.roles.iter().map(|role| role.key.as_str());
    roles.filter_map(|role| Some((role.to_owned(), of(role)?.record.clone()))).collect()
}

#[async_trait]
impl Performs<CreateAssignments> for SimulatedPsa {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }

    async fn find(&self, create: &CreateAssignments) -> Result<Option<Assigned>, CallError> {
        let now = self.0.sim.now();
        let look = |books: &mut Books| shown(books, create, now);
        let records = self.0.asks(Place::CreateAssignments, PSA, look).await?;
        let complete = create.roles.iter().all(|role| records.contains_key(&role.key));
        Ok(complete.then(|| Assigned { project: create.project.clone(), records }))
    }

    /// Searches, as the connector does, and makes what the search does not show.
    async fn perform(&self, create: &CreateAssignments, _: &str) -> Result<Assigned, CallError> {
        let (world, create) = (Arc::clone(&self.0), create.clone());
        let effect = move |books: &mut Books, shown_at| {
            let mut records = shown(books, &create, world.sim.now());
            for role in &create.roles {
                if !records.contains_key(&role.key) {
                    let (record, key) = (books.number(), key_of(&create, &role.key));
                    books.assignments.push(Row { record: record.clone(), key, shown_at, archived: false });
                    records.insert(role.key.clone(), record);
                }
            }
            Ok(Assigned { project: create.project.clone(), records })
        };
        self.0.changes(Place::CreateAssignments, PSA, effect).await
    }

    async fn undo(&self, _: &CreateAssignments, _: &Assigned) -> Result<Undone, CallError> {
        Ok(Undone::Kept("it goes with its project".into()))
    }
}
