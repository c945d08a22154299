//! Projects and tasks, and where an invoice stands shown on the project.

use async_trait::async_trait;
use domain::collections::{Collections, CollectionsStatus};
use domain::money::Money;
use reqwest::Method;
use serde_json::{Value, json};

use super::Kantata;
use super::wire::{ExternalReference, Map, Story, Workspace};
use crate::error::{CallError, CallErrorKind};
use crate::http::Effect;
use crate::operation::{
    CreateProject, CreateTask, Idempotency, Operation, Performs, Reference, SetBudget, Undone,
    WriteInvoiceStatus,
};

/// Model of a project in our references.
pub(super) const ENGAGEMENT: &str = "engagement";
const TASK: &str = "task";
const INVOICE: &str = "invoice";
/// What is below a project stays, because the project is what is cancelled.
pub(super) const WITH_PROJECT: &str = "it is archived with its project";

impl Kantata {
    /// A project, if it exists.
    pub(super) async fn workspace(
        &self,
        operation: &'static str,
        id: &str,
    ) -> Result<Option<Workspace>, CallError> {
        let answer = self.only(operation, "workspaces", &[id.to_owned()], "").await?;
        let mut found: Map<Workspace> = self.typed(operation, &answer, "workspaces")?;
        Ok(found.remove(id))
    }

    /// Sets fields of a project. Absolute values: repeating changes nothing.
    pub(super) async fn set_workspace(
        &self,
        operation: &'static str,
        id: &str,
        fields: &Value,
    ) -> Result<Workspace, CallError> {
        let path = format!("/workspaces/{id}");
        let body = json!({ "workspace": fields });
        let (_, workspace) = self.write(operation, (Method::PUT, &path, Effect::Keyed), &body).await?;
        Ok(workspace)
    }

    /// Whether the project's budget is the one that was sent, as far as the project shows it: it does
    /// to whoever has financial access.
    fn compare_budget(
        &self,
        operation: &'static str,
        budget: Money,
        held: &Workspace,
    ) -> Result<(), CallError> {
        let sent = budget
            .minor_units()
            .map_err(|e| self.api.error(CallErrorKind::Refused, operation, e.to_string()))?;
        match held.price_in_cents {
            Some(price) if price != sent => {
                let detail = format!("the project's budget is {price} instead of {sent}");
                Err(self.api.error(CallErrorKind::Mismatch, operation, detail))
            }
            _ => Ok(()),
        }
    }

    async fn set_budget(&self, project: &str, budget: Money) -> Result<(), CallError> {
        let fields = json!({ "budgeted": true, "price": budget.amount().to_string() });
        let held = self.set_workspace(SetBudget::NAME, project, &fields).await?;
        self.compare_budget(SetBudget::NAME, budget, &held)
    }
}

#[async_trait]
impl Performs<SetBudget> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: self.settings.settling() }
    }

    /// Whether the project shows another budget than before, or shows none.
    async fn find(&self, operation: &SetBudget) -> Result<Option<Reference>, CallError> {
        let held = self.workspace(SetBudget::NAME, &operation.project).await?;
        let before = operation.before.minor_units().ok();
        let changed = held.filter(|w| w.price_in_cents.is_none() || w.price_in_cents != before);
        Ok(changed.map(|_| Reference { record: operation.project.clone() }))
    }

    async fn perform(&self, operation: &SetBudget, _key: &str) -> Result<Reference, CallError> {
        self.set_budget(&operation.project, operation.after).await?;
        Ok(Reference { record: operation.project.clone() })
    }

    async fn undo(&self, operation: &SetBudget, _record: &Reference) -> Result<Undone, CallError> {
        self.set_budget(&operation.project, operation.before).await?;
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<CreateProject> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: self.settings.settling() }
    }

    /// A project that an undone attempt archived isn't there; `perform` brings it back.
    async fn find(&self, operation: &CreateProject) -> Result<Option<Reference>, CallError> {
        let Some(id) =
            self.referenced(CreateProject::NAME, ENGAGEMENT, operation.engagement.as_str()).await?
        else {
            return Ok(None);
        };
        let workspace = self.workspace(CreateProject::NAME, &id).await?;
        Ok(workspace.filter(|w| !w.archived).map(|_| Reference { record: id }))
    }

    async fn perform(&self, operation: &CreateProject, _key: &str) -> Result<Reference, CallError> {
        let (engagement, price) = (operation.engagement.as_str(), operation.budget.amount().to_string());
        if let Some(id) = self.referenced(CreateProject::NAME, ENGAGEMENT, engagement).await? {
            let fields = json!({ "archived": false, "budgeted": true, "price": price });
            let held = self.set_workspace(CreateProject::NAME, &id, &fields).await?;
            self.compare_budget(CreateProject::NAME, operation.budget, &held)?;
            return Ok(Reference { record: id });
        }
        let body = json!({ "workspace": {
            "title": operation.title,
            "creator_role": "maven",
            "currency": operation.budget.currency().code(),
            "budgeted": true,
            "price": price,
            "external_reference": self.reference(ENGAGEMENT, engagement),
        }});
        let (record, held) = self.create::<Workspace>(CreateProject::NAME, "workspaces", &body).await?;
        self.compare_budget(CreateProject::NAME, operation.budget, &held)?;
        Ok(Reference { record })
    }

    /// Kantata deletes no project; archived, it takes no time and shows nowhere.
    async fn undo(&self, _operation: &CreateProject, record: &Reference) -> Result<Undone, CallError> {
        self.set_workspace(CreateProject::NAME, &record.record, &json!({ "archived": true })).await?;
        Ok(Undone::Removed)
    }
}

#[async_trait]
impl Performs<CreateTask> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: self.settings.settling() }
    }

    async fn find(&self, operation: &CreateTask) -> Result<Option<Reference>, CallError> {
        let reference = format!("{}/{}", operation.engagement, operation.key);
        let found = self.referenced(CreateTask::NAME, TASK, &reference).await?;
        Ok(found.map(|record| Reference { record }))
    }

    async fn perform(&self, operation: &CreateTask, _key: &str) -> Result<Reference, CallError> {
        let reference = format!("{}/{}", operation.engagement, operation.key);
        let body = json!({ "story": {
            "workspace_id": operation.project,
            "title": operation.title,
            "story_type": "task",
            "external_reference": self.reference(TASK, &reference),
        }});
        let (record, _) = self.create::<Story>(CreateTask::NAME, "stories", &body).await?;
        Ok(Reference { record })
    }

    async fn undo(&self, _operation: &CreateTask, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept(WITH_PROJECT.into()))
    }
}

#[async_trait]
impl Performs<WriteInvoiceStatus> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: self.settings.settling() }
    }

    /// Not asked: the reference is created or updated by its key, so writing again is harmless.
    async fn find(&self, _operation: &WriteInvoiceStatus) -> Result<Option<Reference>, CallError> {
        Ok(None)
    }

    async fn perform(&self, operation: &WriteInvoiceStatus, _key: &str) -> Result<Reference, CallError> {
        let mut message =
            format!("{} {} (tax {})", operation.number, operation.total, operation.tax.amount());
        if operation.paid.is_positive() {
            message.push_str(&format!(", paid {}", operation.paid.amount()));
        }
        let nothing = Money::zero(operation.total.currency());
        let written_off = operation.written_off.unwrap_or(nothing);
        if let Some(credited) = operation.credited
            && let Ok(left) = operation.total.minus(operation.paid).and_then(|left| left.minus(credited))
            && let Ok(open) = left.minus(written_off)
        {
            message.push_str(&format!(", credited {}, open {}", credited.amount(), open.amount()));
        }
        if written_off.is_positive() {
            message.push_str(&format!(", {} written off as a small difference", written_off.amount()));
        }
        let mut body = json!({ "external_reference": {
            "service_name": self.settings.service_name,
            "service_model": INVOICE,
            "service_model_ref": operation.invoice,
            "subject_type": "Workspace",
            "subject_id": operation.project,
            "status": operation.status,
            "external_message": message,
        }});
        if let Some(stands) = &operation.collections {
            body["external_reference"]["external_status"] = collections(stands).into();
        }
        let call = (Method::POST, "/external_references/create_or_update", Effect::Keyed);
        let (record, written) =
            self.write::<ExternalReference>(WriteInvoiceStatus::NAME, call, &body).await?;
        if written.subject_id != operation.project {
            return Err(self.odd(WriteInvoiceStatus::NAME, "external_references"));
        }
        Ok(Reference { record })
    }

    async fn undo(&self, _operation: &WriteInvoiceStatus, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("the project shows where its invoice stands; the next write replaces it".into()))
    }
}

/// Where an invoice stands with collections, for people.
fn collections(of: &Collections) -> String {
    let mut text = match of.status {
        CollectionsStatus::Overdue => {
            let age = of.age.map_or("", |age| age.as_str());
            format!("overdue {age} days, {} open", of.open.amount())
        }
        CollectionsStatus::Current => format!("not due, {} open", of.open.amount()),
        CollectionsStatus::Settled | CollectionsStatus::NotBilled => of.status.as_str().to_owned(),
    };
    if let Some(due) = of.due_on.filter(|_| of.age.is_some()) {
        text.push_str(&format!(", due {due}"));
    }
    if let Some(disputed) = of.disputed {
        text.push_str(&format!(", {} disputed", disputed.amount()));
    }
    text
}
