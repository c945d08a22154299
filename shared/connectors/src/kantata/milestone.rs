//! A milestone is two records: the story that is completed, and the billing milestone that it triggers.

use async_trait::async_trait;
use domain::contract::Milestone;
use domain::id::EngagementId;
use serde_json::json;

use super::Kantata;
use super::project::WITH_PROJECT;
use super::wire::{BillingMilestone, Map, Story};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateMilestone, Idempotency, Operation, Performs, Reference, Undone};

/// Model of a milestone's story in our references.
pub(super) const MILESTONE: &str = "milestone";
/// Model of its billing milestone.
pub(super) const BILLING: &str = "billing-milestone";
/// State of a story that is done.
pub(super) const COMPLETED: &str = "completed";

/// A milestone of a project, and what is being done to it.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    /// The operation, for people.
    pub(super) operation: &'static str,
    /// The engagement.
    pub(super) engagement: &'a EngagementId,
    /// The project.
    pub(super) project: &'a str,
    /// The milestone as contracted.
    pub(super) milestone: &'a Milestone,
}

impl<'a> Placed<'a> {
    fn created(operation: &'a CreateMilestone) -> Self {
        Self {
            operation: CreateMilestone::NAME,
            engagement: &operation.engagement,
            project: &operation.project,
            milestone: &operation.milestone,
        }
    }

    /// What its records carry.
    pub(super) fn reference(self) -> String {
        format!("{}/{}", self.engagement, self.milestone.key)
    }

    /// Its title in both records.
    pub(super) fn title(self) -> String {
        format!("{} {}", self.milestone.key, self.milestone.name)
    }
}

impl Kantata {
    pub(super) async fn create_story(&self, placed: Placed<'_>) -> Result<String, CallError> {
        let body = json!({ "story": {
            "workspace_id": placed.project,
            "title": placed.title(),
            "story_type": "milestone",
            "due_date": placed.milestone.planned_on,
            "external_reference": self.reference(MILESTONE, &placed.reference()),
        }});
        self.create::<Story>(placed.operation, "stories", &body).await.map(|(id, _)| id)
    }

    /// What the billing milestone must hold, in minor units.
    pub(super) fn cents(&self, placed: Placed<'_>) -> Result<i64, CallError> {
        let cents = placed.milestone.amount.minor_units();
        cents.map_err(|e| self.api.error(CallErrorKind::Refused, placed.operation, e.to_string()))
    }

    pub(super) async fn create_billing(&self, placed: Placed<'_>, story: &str) -> Result<(), CallError> {
        let body = json!({ "billing_milestone": {
            "title": placed.title(),
            "date_to_invoice": placed.milestone.planned_on,
            "amount_in_cents": self.cents(placed)?,
            "workspace_id": placed.project,
            "story_id": story,
            "external_reference": self.reference(BILLING, &placed.reference()),
        }});
        let (id, made) = self.create(placed.operation, "billing_milestones", &body).await?;
        self.compare(placed, &id, &made)
    }

    /// The billing milestone that carries a reference, if it is there.
    pub(super) async fn billing(
        &self,
        operation: &'static str,
        reference: &str,
    ) -> Result<Option<(String, BillingMilestone)>, CallError> {
        let Some(id) = self.referenced(operation, BILLING, reference).await? else { return Ok(None) };
        let answer = self.only(operation, "billing_milestones", std::slice::from_ref(&id), "").await?;
        let mut found: Map<BillingMilestone> = self.typed(operation, &answer, "billing_milestones")?;
        Ok(found.remove(&id).map(|held| (id, held)))
    }

    /// Whether the billing milestone is there. One that holds another amount than was contracted
    /// is no earlier attempt of ours to build on.
    async fn has_billing(&self, placed: Placed<'_>) -> Result<bool, CallError> {
        match self.billing(placed.operation, &placed.reference()).await? {
            Some((id, held)) => self.compare(placed, &id, &held).map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether a billing milestone holds what was contracted.
    pub(super) fn compare(
        &self,
        placed: Placed<'_>,
        id: &str,
        held: &BillingMilestone,
    ) -> Result<(), CallError> {
        let (cents, amount) = (self.cents(placed)?, held.amount_in_cents);
        if amount == cents {
            return Ok(());
        }
        let detail = format!("billing milestone {id} holds {amount} instead of {cents}");
        Err(self.api.error(CallErrorKind::Mismatch, placed.operation, detail))
    }
}

#[async_trait]
impl Performs<CreateMilestone> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: self.settings.settling() }
    }

    /// Both records, or it isn't there yet. Known by the story, which is what gets completed.
    async fn find(&self, operation: &CreateMilestone) -> Result<Option<Reference>, CallError> {
        let placed = Placed::created(operation);
        let story = self.referenced(CreateMilestone::NAME, MILESTONE, &placed.reference()).await?;
        let complete = story.is_some() && self.has_billing(placed).await?;
        Ok(story.filter(|_| complete).map(|record| Reference { record }))
    }

    async fn perform(&self, operation: &CreateMilestone, _key: &str) -> Result<Reference, CallError> {
        let placed = Placed::created(operation);
        let story = match self.referenced(CreateMilestone::NAME, MILESTONE, &placed.reference()).await? {
            Some(story) => story,
            None => self.create_story(placed).await?,
        };
        // The story is there: whatever fails from here on, something has happened.
        let begun = CallError::after_an_effect;
        if !self.has_billing(placed).await.map_err(begun)? {
            self.create_billing(placed, &story).await.map_err(begun)?;
        }
        Ok(Reference { record: story })
    }

    async fn undo(&self, _operation: &CreateMilestone, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept(WITH_PROJECT.into()))
    }
}
