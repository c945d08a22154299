//! A milestone of a running project is added, changed or dropped.
//!
//! Dropped, its story is archived and not deleted: what is archived is not completed by mistake, and
//! is found again by its reference should the milestone come back.

use async_trait::async_trait;
use domain::contract::Milestone;
use reqwest::Method;
use serde_json::json;

use super::Kantata;
use super::milestone::{COMPLETED, MILESTONE, Placed};
use super::wire::{BillingMilestone, Map, Story};
use crate::error::{CallError, CallErrorKind};
use crate::http::{Call, Effect};
use crate::operation::{ChangeMilestone, Idempotency, Operation, Performs, Reference, Undone};

const NAME: &str = ChangeMilestone::NAME;

impl Kantata {
    /// Brings the milestone to what it is to be. Known by its story; one that was never made and is
    /// dropped, by our reference.
    async fn bring_milestone_to(
        &self,
        operation: &ChangeMilestone,
        target: Option<&Milestone>,
    ) -> Result<Reference, CallError> {
        let placed = |milestone| Placed {
            operation: NAME,
            engagement: &operation.engagement,
            project: &operation.project,
            milestone,
        };
        // What the contract has already was made; where it is not shown yet, another would be made beside it.
        let is_there = operation.before.is_some();
        match (target, operation.before.as_ref().or(operation.after.as_ref())) {
            (Some(milestone), _) => self.set_milestone(placed(milestone), is_there).await,
            (None, Some(milestone)) => self.drop_milestone(placed(milestone), is_there).await,
            (None, None) => Err(self.api.error(CallErrorKind::Refused, NAME, "names no milestone".into())),
        }
    }

    /// To be tried again when it is shown; where somebody deleted it there, a person finds the message given up.
    fn not_shown(&self, placed: Placed<'_>) -> CallError {
        let kind = CallErrorKind::Transient { retry_after: Some(self.settings.settling()) };
        self.api.error(kind, NAME, format!("milestone {} is not shown yet", placed.milestone.key))
    }

    async fn set_milestone(&self, placed: Placed<'_>, is_there: bool) -> Result<Reference, CallError> {
        self.cents(placed)?;
        let story = match self.referenced(NAME, MILESTONE, &placed.reference()).await? {
            Some(story) => {
                let fields = json!({ "story": {
                    "title": placed.title(), "due_date": placed.milestone.planned_on, "archived": false,
                }});
                let path = format!("/stories/{story}");
                self.write::<Story>(NAME, (Method::PUT, &path, Effect::Keyed), &fields).await?;
                story
            }
            None if is_there => return Err(self.not_shown(placed)),
            None => self.create_story(placed).await?,
        };
        // The story is written: whatever fails from here on, something has happened.
        let begun = CallError::after_an_effect;
        match self.billing(NAME, &placed.reference()).await.map_err(begun)? {
            Some((id, _)) => self.set_billing(placed, &id).await.map_err(begun)?,
            None => self.create_billing(placed, &story).await.map_err(begun)?,
        }
        Ok(Reference { record: story })
    }

    async fn set_billing(&self, placed: Placed<'_>, id: &str) -> Result<(), CallError> {
        let fields = json!({ "billing_milestone": {
            "title": placed.title(),
            "date_to_invoice": placed.milestone.planned_on,
            "amount_in_cents": self.cents(placed)?,
        }});
        let call = (Method::PUT, &*format!("/billing_milestones/{id}"), Effect::Keyed);
        let (_, held) = self.write::<BillingMilestone>(NAME, call, &fields).await?;
        self.compare(placed, id, &held)
    }

    /// The story first: from then on nothing is completed that isn't billed any more.
    async fn drop_milestone(&self, placed: Placed<'_>, is_there: bool) -> Result<Reference, CallError> {
        let reference = placed.reference();
        let story = self.referenced(NAME, MILESTONE, &reference).await?;
        if is_there && story.is_none() {
            return Err(self.not_shown(placed));
        }
        let begun = match &story {
            Some(story) => self.archive_story(placed, story).await?,
            None => false,
        };
        let begun = |error: CallError| if begun { error.after_an_effect() } else { error };
        if let Some((id, _)) = self.billing(NAME, &reference).await.map_err(begun)? {
            let path = format!("/billing_milestones/{id}");
            let (method, effect) = (Method::DELETE, Effect::Keyed);
            let call = Call { operation: NAME, method, path: &path, query: &[], effect };
            self.api.exchange(&call, None::<&()>).await.map_err(begun)?;
        }
        Ok(Reference { record: story.unwrap_or(reference) })
    }

    /// Whether the story had to be archived. One that is completed is to be billed: it stays.
    async fn archive_story(&self, placed: Placed<'_>, id: &str) -> Result<bool, CallError> {
        let answer = self.only(NAME, "stories", &[id.to_owned()], "").await?;
        let found: Map<Story> = self.typed(NAME, &answer, "stories")?;
        match found.get(id) {
            None => Ok(false),
            Some(story) if story.archived => Ok(false),
            Some(story) if story.state == COMPLETED => {
                let detail = format!("milestone {} is completed and can't be dropped", placed.milestone.key);
                Err(self.api.error(CallErrorKind::Refused, NAME, detail))
            }
            Some(_) => {
                let call = (Method::PUT, &*format!("/stories/{id}"), Effect::Keyed);
                let fields = json!({ "story": { "archived": true } });
                let (_, story) = self.write::<Story>(NAME, call, &fields).await?;
                if story.archived { Ok(true) } else { Err(self.odd(NAME, "stories")) }
            }
        }
    }
}

#[async_trait]
impl Performs<ChangeMilestone> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: self.settings.settling() }
    }

    /// Asked only by whoever takes back an attempt that was not answered or was refused half-way: some
    /// of it may stand, and undoing it sets absolute values.
    async fn find(&self, operation: &ChangeMilestone) -> Result<Option<Reference>, CallError> {
        Ok(Some(Reference { record: operation.project.clone() }))
    }

    async fn perform(&self, operation: &ChangeMilestone, _key: &str) -> Result<Reference, CallError> {
        self.bring_milestone_to(operation, operation.after.as_ref()).await
    }

    async fn undo(&self, operation: &ChangeMilestone, _record: &Reference) -> Result<Undone, CallError> {
        match self.bring_milestone_to(operation, operation.before.as_ref()).await {
            Ok(_) => Ok(Undone::Removed),
            Err(error) if error.kind == CallErrorKind::Refused => Ok(Undone::Impossible(error.detail)),
            Err(error) => Err(error),
        }
    }
}
