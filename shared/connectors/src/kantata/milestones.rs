//! Milestones that are completed and that the customer accepted.

use domain::event::Event;
use domain::id::EngagementId;
use domain::work::MilestoneCompletion;
use serde_json::Value;

use super::Kantata;
use super::changes::POLL;
use super::client::ONLY;
use super::milestone::{COMPLETED, MILESTONE};
use super::wire::{CustomFieldValue, ExternalReference, Map, Story};
use crate::error::CallError;
use crate::inbound::{Subject, Translated};

const INCLUDE: &str = "custom_field_values,external_references";

impl Kantata {
    /// Reads stories in bulk and translates those that are milestones of ours, completed and accepted.
    pub(super) async fn accepted_milestones(&self, ids: &[String]) -> Result<Vec<Translated>, CallError> {
        let mut translated = Vec::new();
        for chunk in ids.chunks(ONLY) {
            let answer = self.only(POLL, "stories", chunk, INCLUDE).await?;
            let stories: Map<Story> = self.typed(POLL, &answer, "stories")?;
            let fields: Map<CustomFieldValue> = self.typed(POLL, &answer, "custom_field_values")?;
            let references: Map<ExternalReference> = self.typed(POLL, &answer, "external_references")?;
            for (id, story) in &stories {
                let done = story.story_type == "milestone" && story.state == COMPLETED;
                if done && fields.values().any(|f| self.accepts(f, id)) {
                    let ours = references.values().filter(|r| r.subject_id == *id);
                    translated.extend(ours.filter_map(|r| self.completed(id, story, r)));
                }
            }
        }
        Ok(translated)
    }

    fn accepts(&self, field: &CustomFieldValue, story: &str) -> bool {
        let accepted = |value: &Value| value.as_str() == Some(self.settings.acceptance_value.as_str());
        field.subject_type.eq_ignore_ascii_case("story")
            && field.subject_id == story
            && field.custom_field_name == self.settings.acceptance_field
            && match &field.value {
                Value::Array(choices) => choices.iter().any(accepted),
                value => accepted(value),
            }
    }

    fn completed(&self, id: &str, story: &Story, reference: &ExternalReference) -> Option<Translated> {
        if !self.is_ours(reference, MILESTONE, "story") {
            return None;
        }
        let (engagement, key) = reference.service_model_ref.split_once('/')?;
        let engagement = EngagementId::try_from(engagement.to_owned()).ok()?;
        let completion = MilestoneCompletion {
            connection: self.api.connection().to_owned(),
            record: id.to_owned(),
            milestone: key.to_owned(),
            completed_at: story.updated_at,
        };
        Some(Translated {
            delivery: format!("story:{id}:{}", story.updated_at),
            subject: Subject::Engagement(engagement),
            occurred_at: story.updated_at,
            event: Event::MilestoneCompleted(completion),
        })
    }
}
