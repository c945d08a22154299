//! What is written to a PSA.

use std::collections::BTreeMap;

use domain::collections::Collections;
use domain::contract::{Milestone, PlannedRole, RateCard};
use domain::id::{EngagementId, InvoiceId};
use domain::money::{Currency, Money};
use serde::{Deserialize, Serialize};

use super::{Operation, Recorded, Reference};

/// Creates the project shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateProject {
    /// The engagement it delivers; the project carries this ID.
    pub engagement: EngagementId,
    /// Title for people.
    pub title: String,
    /// Its budget: what was sold, before tax.
    pub budget: Money,
}

/// Sets the project's budget. Absolute: doing it again changes nothing. Undone by setting it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetBudget {
    /// The PSA's project.
    pub project: String,
    /// The budget that it has now.
    pub before: Money,
    /// The budget that it is to have.
    pub after: Money,
}

/// Adds, changes or drops a milestone of a project that is set up. Absolute: doing it again changes
/// nothing. Undone by doing the opposite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeMilestone {
    /// The engagement.
    pub engagement: EngagementId,
    /// The PSA's project.
    pub project: String,
    /// As it is; none where it is new.
    pub before: Option<Milestone>,
    /// As it is to be; none where it is dropped.
    pub after: Option<Milestone>,
}

/// Brings the project's rate card from one version of the contract to the next. Absolute: doing it
/// again changes nothing. Undone by bringing it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRateCard {
    /// The engagement; the rate card carries this ID.
    pub engagement: EngagementId,
    /// The PSA's project.
    pub project: String,
    /// Currency of its rates.
    pub currency: Currency,
    /// The rates as they are.
    pub before: RateCard,
    /// The rates as they are to be.
    pub after: RateCard,
}

/// Creates a task of the project's work breakdown structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTask {
    /// The engagement.
    pub engagement: EngagementId,
    /// The PSA's project.
    pub project: String,
    /// Key, unique in the engagement; the task carries it.
    pub key: String,
    /// Title for people.
    pub title: String,
}

/// Creates a milestone with its billing trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateMilestone {
    /// The engagement.
    pub engagement: EngagementId,
    /// The PSA's project.
    pub project: String,
    /// The milestone as contracted; its key is carried by the PSA's record.
    pub milestone: Milestone,
}

/// Sets the contracted rates on the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRateCard {
    /// The engagement; the rate card carries this ID.
    pub engagement: EngagementId,
    /// The PSA's project.
    pub project: String,
    /// Currency of its rates.
    pub currency: Currency,
    /// The contracted rates, dated.
    pub rate_card: RateCard,
}

/// Puts roles on the project that nobody fills yet: a person is named in the PSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAssignments {
    /// The engagement.
    pub engagement: EngagementId,
    /// The PSA's project.
    pub project: String,
    /// The roles; the PSA's records carry their keys.
    pub roles: Vec<PlannedRole>,
}

/// The assignments that the PSA has for planned roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The PSA's project.
    pub project: String,
    /// The PSA's ID of each assignment, by the key of its role.
    pub records: BTreeMap<String, String>,
}

impl Recorded for Assigned {
    fn external_id(&self) -> &str {
        &self.project
    }
}

impl Operation for CreateAssignments {
    type Record = Assigned;
    const NAME: &'static str = "create assignments";

    fn verify(&self, record: &Assigned) -> Result<(), String> {
        match self.roles.iter().find(|role| !record.records.contains_key(&role.key)) {
            Some(missing) => Err(format!("the project has no assignment for role {}", missing.role)),
            None => Ok(()),
        }
    }
}

/// Shows on the project where an invoice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteInvoiceStatus {
    /// The PSA's project.
    pub project: String,
    /// Our invoice ID.
    pub invoice: InvoiceId,
    /// The ERP's number.
    pub number: String,
    /// Status, as [`domain::invoice::InvoiceStatus::as_str`] writes it.
    pub status: String,
    /// Total with tax.
    pub total: Money,
    /// Tax.
    pub tax: Money,
    /// What was paid on it.
    pub paid: Money,
    /// What credit memos took off what is to be paid, with tax; none where there is none.
    pub credited: Option<Money>,
    /// What was too little to be asked for and is written off, with tax; none where nothing was.
    pub written_off: Option<Money>,
    /// Where it stands with collections; none before anything was told of it.
    pub collections: Option<Collections>,
}

macro_rules! operation {
    ($name:ident, $text:literal) => {
        impl Operation for $name {
            type Record = Reference;
            const NAME: &'static str = $text;

            fn verify(&self, record: &Reference) -> Result<(), String> {
                if record.record.is_empty() {
                    Err("the product answered without an ID".into())
                } else {
                    Ok(())
                }
            }
        }
    };
}

operation!(CreateProject, "create project");
operation!(CreateTask, "create task");
operation!(CreateMilestone, "create milestone");
operation!(CreateRateCard, "create rate card");
operation!(SetBudget, "set budget");
operation!(ChangeMilestone, "change milestone");
operation!(SetRateCard, "set rate card");
operation!(WriteInvoiceStatus, "write invoice status");
