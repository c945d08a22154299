//! Roles on a project that nobody fills yet: unnamed resources of the project, each with a reference
//! of ours. Who fills one is decided in Kantata.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::contract::PlannedRole;
use serde_json::json;

use super::Kantata;
use super::wire::{ExternalReference, Map, WorkspaceResource};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{Assigned, CreateAssignments, Idempotency, Operation, Performs, Undone};

/// Model of an assignment in our references.
pub(super) const ASSIGNMENT: &str = "assignment";
const NAME: &str = CreateAssignments::NAME;
const COLLECTION: &str = "workspace_resources";

impl Kantata {
    /// The resources of the project that were made for these roles, by key. Should there be two for a
    /// role, the older one counts.
    async fn held_assignments(
        &self,
        asked: &CreateAssignments,
    ) -> Result<BTreeMap<String, String>, CallError> {
        let query = [("workspace_id", asked.project.as_str()), ("include", "external_references")];
        let answer = self.all(NAME, COLLECTION, &query).await?;
        let held: Map<WorkspaceResource> = self.typed(NAME, &answer, COLLECTION)?;
        let references: Map<ExternalReference> = self.typed(NAME, &answer, "external_references")?;
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for (id, _) in held.iter().filter(|(_, r)| r.workspace_id == asked.project) {
            let keys = references.values().filter_map(|r| self.planned_role(r, id, &asked.engagement));
            for key in keys.filter(|key| asked.roles.iter().any(|role| role.key == *key)) {
                let known = found.entry(key).or_insert_with(|| id.clone());
                if (id.len(), id) < (known.len(), &*known) {
                    known.clone_from(id);
                }
            }
        }
        Ok(found)
    }

    async fn assign_missing(
        &self,
        asked: &CreateAssignments,
        mut records: BTreeMap<String, String>,
    ) -> Result<Assigned, CallError> {
        let is_missing = |role: &&PlannedRole| !records.contains_key(&role.key);
        let missing: Vec<&PlannedRole> = asked.roles.iter().filter(is_missing).collect();
        let mut roles = if missing.is_empty() { Map::new() } else { self.roles(NAME).await? };
        for planned in missing {
            let role = self.role(NAME, &mut roles, &planned.role).await?;
            let reference = format!("{}/{}", asked.engagement, planned.key);
            let body = json!({ "workspace_resource": {
                "workspace_id": asked.project,
                "role_id": role,
                "external_reference": self.reference(ASSIGNMENT, &reference),
            }});
            let (id, made) = self.create::<WorkspaceResource>(NAME, COLLECTION, &body).await?;
            if made.role_id.as_ref() != Some(&role) {
                let detail = format!("resource {id} has another role than {}", planned.role);
                return Err(self.api.error(CallErrorKind::Mismatch, NAME, detail));
            }
            records.insert(planned.key.clone(), id);
        }
        Ok(Assigned { project: asked.project.clone(), records })
    }
}

#[async_trait]
impl Performs<CreateAssignments> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: self.settings.settling() }
    }

    /// All of them, or it isn't done yet.
    async fn find(&self, operation: &CreateAssignments) -> Result<Option<Assigned>, CallError> {
        let records = self.held_assignments(operation).await?;
        let complete = operation.roles.iter().all(|role| records.contains_key(&role.key));
        Ok(complete.then(|| Assigned { project: operation.project.clone(), records }))
    }

    /// Many records: once the first is made, something has happened, whatever fails later.
    async fn perform(&self, operation: &CreateAssignments, _key: &str) -> Result<Assigned, CallError> {
        let held = self.held_assignments(operation).await?;
        self.assign_missing(operation, held).await.map_err(CallError::after_an_effect)
    }

    async fn undo(&self, _operation: &CreateAssignments, _record: &Assigned) -> Result<Undone, CallError> {
        Ok(Undone::Kept("nobody fills it; it is found again by its reference".into()))
    }
}
