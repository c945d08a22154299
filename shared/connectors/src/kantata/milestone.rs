//! A milestone is two records: the story that is completed, and the billing milestone that it triggers.

use async_trait::async_trait;
use serde_json::json;

use super::Kantata;
use super::project::WITH_PROJECT;
use super::wire::{BillingMilestone, Map, Story};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateMilestone, Idempotency, Operation, Performs, Reference, Undone};

/// Model of a milestone's story in our references.
pub(super) const MILESTONE: &str = "milestone";
const BILLING: &str = "billing-milestone";
const NAME: &str = CreateMilestone::NAME;

fn reference(operation: &CreateMilestone) -> String {
    format!("{}/{}", operation.engagement, operation.milestone.key)
}

impl Kantata {
    async fn create_story(&self, operation: &CreateMilestone) -> Result<String, CallError> {
        let milestone = &operation.milestone;
        let body = json!({ "story": {
            "workspace_id": operation.project,
            "title": format!("{} {}", milestone.key, milestone.name),
            "story_type": "milestone",
            "due_date": milestone.planned_on,
            "external_reference": self.reference(MILESTONE, &reference(operation)),
        }});
        self.create::<Story>(NAME, "stories", &body).await.map(|(id, _)| id)
    }

    /// What the billing milestone must hold, in minor units.
    fn cents(&self, operation: &CreateMilestone) -> Result<i64, CallError> {
        let cents = operation.milestone.amount.minor_units();
        cents.map_err(|e| self.api.error(CallErrorKind::Refused, NAME, e.to_string()))
    }

    async fn create_billing(&self, operation: &CreateMilestone, story: &str) -> Result<(), CallError> {
        let milestone = &operation.milestone;
        let body = json!({ "billing_milestone": {
            "title": format!("{} {}", milestone.key, milestone.name),
            "date_to_invoice": milestone.planned_on,
            "amount_in_cents": self.cents(operation)?,
            "workspace_id": operation.project,
            "story_id": story,
            "external_reference": self.reference(BILLING, &reference(operation)),
        }});
        let (id, made) = self.create(NAME, "billing_milestones", &body).await?;
        self.compare(operation, &id, &made)
    }

    /// Whether the billing milestone is there. One that holds another amount than was contracted
    /// is no earlier attempt of ours to build on.
    async fn has_billing(&self, operation: &CreateMilestone) -> Result<bool, CallError> {
        let Some(id) = self.referenced(NAME, BILLING, &reference(operation)).await? else { return Ok(false) };
        let answer = self.only(NAME, "billing_milestones", std::slice::from_ref(&id), "").await?;
        let found: Map<BillingMilestone> = self.typed(NAME, &answer, "billing_milestones")?;
        let Some(held) = found.get(&id) else { return Ok(false) };
        self.compare(operation, &id, held).map(|()| true)
    }

    fn compare(
        &self,
        operation: &CreateMilestone,
        id: &str,
        held: &BillingMilestone,
    ) -> Result<(), CallError> {
        let (cents, amount) = (self.cents(operation)?, held.amount_in_cents);
        if amount == cents {
            return Ok(());
        }
        let detail = format!("billing milestone {id} holds {amount} instead of {cents}");
        Err(self.api.error(CallErrorKind::Mismatch, NAME, detail))
    }
}

#[async_trait]
impl Performs<CreateMilestone> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: self.settings.settling() }
    }

    /// Both records, or it isn't there yet. Known by the story, which is what gets completed.
    async fn find(&self, operation: &CreateMilestone) -> Result<Option<Reference>, CallError> {
        let reference = reference(operation);
        let story = self.referenced(NAME, MILESTONE, &reference).await?;
        let complete = story.is_some() && self.has_billing(operation).await?;
        Ok(story.filter(|_| complete).map(|record| Reference { record }))
    }

    async fn perform(&self, operation: &CreateMilestone, _key: &str) -> Result<Reference, CallError> {
        let reference = reference(operation);
        let story = match self.referenced(NAME, MILESTONE, &reference).await? {
            Some(story) => story,
            None => self.create_story(operation).await?,
        };
        // The story is there: whatever fails from here on, something has happened.
        let begun = CallError::after_an_effect;
        if !self.has_billing(operation).await.map_err(begun)? {
            self.create_billing(operation, &story).await.map_err(begun)?;
        }
        Ok(Reference { record: story })
    }

    async fn undo(&self, _operation: &CreateMilestone, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept(WITH_PROJECT.into()))
    }
}
