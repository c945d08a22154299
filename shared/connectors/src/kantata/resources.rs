//! Who is on projects of ours, as the log tells it. People are told by their IDs, never by name.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::RESOURCE;
use domain::event::RecordChanged;
use domain::id::EngagementId;
use domain::ownership::Role as SystemRole;
use jiff::Timestamp;

use super::Kantata;
use super::changes::POLL;
use super::client::ONLY;
use super::entries::{beginning, digest};
use super::staffing::ASSIGNMENT;
use super::wire::{ExternalReference, Map, Role, SubscribedEvent, WorkspaceResource};
use crate::error::CallError;
use crate::inbound::{Subject, Translated};

impl Kantata {
    /// Reads resources in bulk and tells who they are, of projects that carry our reference. `changed` says of
    /// each whether more happened to it than that it was created: what we made ourselves is no news.
    pub(super) async fn assigned_resources(
        &self,
        changed: &BTreeMap<String, bool>,
    ) -> Result<Vec<Translated>, CallError> {
        let (mut translated, ids) = (Vec::new(), changed.keys().cloned().collect::<Vec<_>>());
        for chunk in ids.chunks(ONLY) {
            let answer = self.only(POLL, "workspace_resources", chunk, "role,external_references").await?;
            let resources: Map<WorkspaceResource> = self.typed(POLL, &answer, "workspace_resources")?;
            let roles: Map<Role> = self.typed(POLL, &answer, "roles")?;
            let references: Map<ExternalReference> = self.typed(POLL, &answer, "external_references")?;
            let projects: BTreeSet<String> = resources.values().map(|r| r.workspace_id.clone()).collect();
            let engagements = self.engagements(&Vec::from_iter(projects)).await?;
            for (id, resource) in resources {
                let Some(engagement) = engagements.get(&resource.workspace_id) else { continue };
                let role = resource.role_id.as_ref().and_then(|role| roles.get(role));
                let planned = references.values().find_map(|r| self.planned_role(r, &id, engagement));
                let as_we_made_it = planned.is_some() && resource.user_id.is_none();
                if as_we_made_it && changed.get(&id) == Some(&false) {
                    continue;
                }
                let mut fields = BTreeMap::from([
                    ("role".to_owned(), role.map(|r| beginning(&r.name)).unwrap_or_default()),
                    ("person".to_owned(), resource.user_id.unwrap_or_default()),
                ]);
                fields.extend(planned.map(|key| ("planned_role".to_owned(), key)));
                translated.push(self.assignment(&id, engagement, fields, resource.updated_at));
            }
        }
        Ok(translated)
    }

    /// Tells which resources are gone, as far as the log says whose project they were on.
    pub(super) async fn removed_resources(
        &self,
        removed: &[SubscribedEvent],
    ) -> Result<Vec<Translated>, CallError> {
        let projects: BTreeSet<String> =
            removed.iter().filter_map(SubscribedEvent::workspace_before).collect();
        let engagements = self.engagements(&Vec::from_iter(projects)).await?;
        let told = removed.iter().filter_map(|event| {
            let engagement = engagements.get(&event.workspace_before()?)?;
            let fields = BTreeMap::from([("removed".to_owned(), "true".to_owned())]);
            Some(self.assignment(&event.subject_id, engagement, fields, event.subject_changed_at?))
        });
        Ok(told.collect())
    }

    /// The key of the planned role that a resource was made for, if it is one of ours.
    pub(super) fn planned_role(
        &self,
        reference: &ExternalReference,
        resource: &str,
        engagement: &EngagementId,
    ) -> Option<String> {
        let subject = |kind: &str| self.is_ours(reference, ASSIGNMENT, kind);
        let ours = reference.subject_id == resource
            && (subject("workspaceresource") || subject("workspace_resource"));
        let (of, key) = reference.service_model_ref.split_once('/').filter(|_| ours)?;
        (of == engagement.as_str()).then(|| key.to_owned())
    }

    fn assignment(
        &self,
        id: &str,
        engagement: &EngagementId,
        fields: BTreeMap<String, String>,
        changed_at: Timestamp,
    ) -> Translated {
        Translated {
            delivery: format!("workspace_resource:{id}:{changed_at}:{}", digest(&fields)),
            subject: Subject::Engagement(engagement.clone()),
            occurred_at: changed_at,
            event: RecordChanged {
                connection: self.api.connection().to_owned(),
                role: SystemRole::Psa,
                object: RESOURCE.into(),
                record: id.to_owned(),
                fields,
                changed_at,
            }
            .into(),
        }
    }
}
