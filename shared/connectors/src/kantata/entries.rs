//! Approved time.

use std::collections::BTreeSet;

use domain::id::EngagementId;
use domain::work::TimeEntry;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Kantata;
use super::changes::POLL;
use super::client::ONLY;
use super::project::ENGAGEMENT;
use super::wire::{self, ExternalReference, Map, Role, User};
use crate::error::CallError;
use crate::inbound::{Subject, Translated};

/// Characters of a note that are kept: ninety entries with their notes share one item of the ledger.
const MOST_NOTES: usize = 1_000;
/// Characters of a person's or role's name that are kept, for the same reason. A role whose name is
/// longer has no rate under it, and that is shown to a person.
const MOST_NAME: usize = 200;

impl Kantata {
    /// Reads entries in bulk and translates those that are approved and belong to an engagement.
    pub(super) async fn approved_time(&self, ids: &[String]) -> Result<Vec<Translated>, CallError> {
        let mut translated = Vec::new();
        for chunk in ids.chunks(ONLY) {
            let answer = self.only(POLL, "time_entries", chunk, "user,role,story").await?;
            let mut entries: Map<wire::TimeEntry> = self.typed(POLL, &answer, "time_entries")?;
            entries.retain(|_, entry| entry.approved);
            let users: Map<User> = self.typed(POLL, &answer, "users")?;
            let roles: Map<Role> = self.typed(POLL, &answer, "roles")?;
            let projects: BTreeSet<String> = entries.values().map(|e| e.workspace_id.clone()).collect();
            let engagements = self.engagements(&Vec::from_iter(projects)).await?;
            for (id, entry) in entries {
                if let Some(engagement) = engagements.get(&entry.workspace_id) {
                    translated.push(self.approved(id, entry, engagement, &users, &roles));
                }
            }
        }
        Ok(translated)
    }

    /// The engagements of projects; a project without our reference isn't ours.
    pub(super) async fn engagements(&self, projects: &[String]) -> Result<Map<EngagementId>, CallError> {
        let mut all = Map::new();
        for chunk in projects.chunks(ONLY) {
            let answer = self.only(POLL, "workspaces", chunk, "external_references").await?;
            let references: Map<ExternalReference> = self.typed(POLL, &answer, "external_references")?;
            for reference in references.into_values() {
                if self.is_ours(&reference, ENGAGEMENT, "workspace")
                    && let Ok(engagement) = EngagementId::try_from(reference.service_model_ref)
                {
                    all.insert(reference.subject_id, engagement);
                }
            }
        }
        Ok(all)
    }

    /// Whether a reference is one of ours, of a model, on a kind of record.
    pub(super) fn is_ours(&self, reference: &ExternalReference, model: &str, subject: &str) -> bool {
        reference.service_name == self.settings.service_name
            && reference.service_model == model
            && reference.subject_type.eq_ignore_ascii_case(subject)
    }

    /// An entry without a role or person is passed on as it is: pricing finds no rate for it, and
    /// that is shown to a person, while an error here would hold up everyone else's time.
    fn approved(
        &self,
        id: String,
        entry: wire::TimeEntry,
        engagement: &EngagementId,
        users: &Map<User>,
        roles: &Map<Role>,
    ) -> Translated {
        let user = entry.user_id.as_ref().and_then(|u| users.get(u));
        let role = entry.role_id.as_ref().and_then(|r| roles.get(r));
        let time = TimeEntry {
            connection: self.api.connection().to_owned(),
            entry: id,
            project: entry.workspace_id,
            task: entry.story_id,
            person: user.map_or_else(|| entry.user_id.unwrap_or_default(), |u| beginning(&u.full_name)),
            role: role.map(|r| beginning(&r.name)).unwrap_or_default(),
            worked_on: entry.date_performed,
            minutes: entry.time_in_minutes,
            billable: entry.billable,
            notes: entry.notes.filter(|n| !n.trim().is_empty()).map(|n| n.chars().take(MOST_NOTES).collect()),
        };
        Translated {
            delivery: format!("time_entry:{}:{}:{}", time.entry, entry.updated_at, digest(&time)),
            subject: Subject::Engagement(engagement.clone()),
            occurred_at: entry.updated_at,
            event: time.into(),
        }
    }
}

pub(super) fn beginning(name: &str) -> String {
    name.chars().take(MOST_NAME).collect()
}

/// Tells two contents of one record apart even when they were written within the same second,
/// which is as finely as Kantata dates a change.
pub(super) fn digest(content: &impl Serialize) -> String {
    let content = serde_json::to_vec(content).unwrap_or_default();
    hex::encode(&Sha256::digest(content)[..8])
}
