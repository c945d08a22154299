//! Where projects of ours stand.

use std::collections::BTreeMap;

use domain::delivery::PROJECT;
use domain::event::RecordChanged;
use domain::id::EngagementId;
use domain::ownership::Role;

use super::Kantata;
use super::changes::POLL;
use super::client::ONLY;
use super::entries::{beginning, digest};
use super::project::ENGAGEMENT;
use super::wire::{ExternalReference, Map, Workspace};
use crate::error::CallError;
use crate::inbound::{Subject, Translated};

impl Kantata {
    /// Reads projects in bulk and tells where those that carry our reference stand. What is told is what
    /// they are now, whatever the log saw.
    pub(super) async fn project_statuses(&self, ids: &[String]) -> Result<Vec<Translated>, CallError> {
        let mut translated = Vec::new();
        for chunk in ids.chunks(ONLY) {
            let answer = self.only(POLL, "workspaces", chunk, "external_references").await?;
            let workspaces: Map<Workspace> = self.typed(POLL, &answer, "workspaces")?;
            let references: Map<ExternalReference> = self.typed(POLL, &answer, "external_references")?;
            for reference in references.into_values().filter(|r| self.is_ours(r, ENGAGEMENT, "workspace")) {
                let Some(workspace) = workspaces.get(&reference.subject_id) else { continue };
                if let Ok(engagement) = EngagementId::try_from(reference.service_model_ref) {
                    translated.extend(self.standing(&reference.subject_id, workspace, engagement));
                }
            }
        }
        Ok(translated)
    }

    fn standing(&self, id: &str, workspace: &Workspace, engagement: EngagementId) -> Option<Translated> {
        let changed_at = workspace.updated_at?;
        let status = workspace.status.as_ref();
        let text = |text: Option<&String>| beginning(text.map_or("", String::as_str));
        let fields = BTreeMap::from([
            ("status".to_owned(), text(status.and_then(|s| s.message.as_ref()))),
            ("status_code".to_owned(), text(status.and_then(|s| s.key.as_ref()))),
            ("stage".to_owned(), text(workspace.stage.as_ref())),
            ("archived".to_owned(), workspace.archived.to_string()),
        ]);
        Some(Translated {
            delivery: format!("workspace:{id}:{changed_at}:{}", digest(&fields)),
            subject: Subject::Engagement(engagement),
            occurred_at: changed_at,
            event: RecordChanged {
                connection: self.api.connection().to_owned(),
                role: Role::Psa,
                object: PROJECT.into(),
                record: id.to_owned(),
                fields,
                changed_at,
            }
            .into(),
        })
    }
}
