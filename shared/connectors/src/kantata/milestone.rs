//! A milestone is two records: the story that is completed, and the billing milestone that it triggers.

use async_trait::async_trait;
use serde_json::json;

use super::Kantata;
use super::project::WITH_PROJECT;
use super::wire::{BillingMilestone, Story};
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

    async fn create_billing(&self, operation: &CreateMilestone, story: &str) -> Result<(), CallError> {
        let milestone = &operation.milestone;
        let amount = milestone.amount.minor_units();
        let amount = amount.map_err(|e| self.api.error(CallErrorKind::Refused, NAME, e.to_string()))?;
        let body = json!({ "billing_milestone": {
            "title": format!("{} {}", milestone.key, milestone.name),
            "date_to_invoice": milestone.planned_on,
            "amount_in_cents": amount,
            "workspace_id": operation.project,
            "story_id": story,
            "external_reference": self.reference(BILLING, &reference(operation)),
        }});
        let (id, made) = self.create::<BillingMilestone>(NAME, "billing_milestones", &body).await?;
        if made.amount_in_cents == amount {
            return Ok(());
        }
        let detail = format!("billing milestone {id} holds {} instead of {amount}", made.amount_in_cents);
        Err(self.api.error(CallErrorKind::Mismatch, NAME, detail))
    }
}

#[async_trait]
impl Performs<CreateMilestone> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate
    }

    /// Both records, or it isn't there yet. Known by the story, which is what gets completed.
    async fn find(&self, operation: &CreateMilestone) -> Result<Option<Reference>, CallError> {
        let reference = reference(operation);
        let story = self.referenced(NAME, MILESTONE, &reference).await?;
        let billing = self.referenced(NAME, BILLING, &reference).await?;
        Ok(story.filter(|_| billing.is_some()).map(|record| Reference { record }))
    }

    async fn perform(&self, operation: &CreateMilestone, _key: &str) -> Result<Reference, CallError> {
        let reference = reference(operation);
        let story = match self.referenced(NAME, MILESTONE, &reference).await? {
            Some(story) => story,
            None => self.create_story(operation).await?,
        };
        if self.referenced(NAME, BILLING, &reference).await?.is_none() {
            self.create_billing(operation, &story).await?;
        }
        Ok(Reference { record: story })
    }

    async fn undo(&self, _operation: &CreateMilestone, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept(WITH_PROJECT.into()))
    }
}
