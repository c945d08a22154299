//! Delivery as the PSA reports it: where the project stands, and who is assigned to it.
//!
//! The PSA owns both. What it reports is taken over in the order in which it happened there,
//! whatever the order of arrival, and tells nobody what may be billed: the contract does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Contract, PlannedRole};
use crate::engagement::{Engagement, EngagementStatus};
use crate::event::{Event, ProjectStatusChanged, RecordChanged, StaffingChanged};
use crate::id::EngagementId;
use crate::money::Money;
use crate::policy::TenantConfig;
use crate::problem::{Problem, ProblemCode};

/// What a project is called in the rules of ownership and in reported changes. Its fields: `status`,
/// `status_code`, `stage`, `archived` (`true` or `false`).
pub const PROJECT: &str = "project";
/// What an assignment is called there. Its fields: `role`, `person` (the PSA's ID, empty where nobody
/// is named), `planned_role` (the key in the contract), `removed` (`true` once it is gone).
pub const RESOURCE: &str = "resource";

/// Assignments that one engagement keeps; they share one item.
const MOST_ASSIGNMENTS: usize = 500;

/// What is known of an engagement's delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// The engagement.
    pub engagement: EngagementId,
    /// Where the project stands; none where the PSA has not told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProjectStatus>,
    /// Who is assigned, in the order in which it became known.
    #[serde(default)]
    pub assignments: Vec<ResourceAssignment>,
}

/// Where a project stands, as the PSA names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectStatus {
    /// The status; empty where the PSA shows none.
    pub status: String,
    /// The PSA's code of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The stage, where the PSA has such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Whether it is archived.
    #[serde(default)]
    pub archived: bool,
    /// When it changed there.
    pub as_of: Timestamp,
}

/// A role on a project, and the person who fills it: its rate is the contract's for the role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceAssignment {
    /// The PSA's ID of the assignment.
    pub record: String,
    /// Role, as the PSA names it.
    pub role: String,
    /// The role as it was sold; none of what somebody added in the PSA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<PlannedRole>,
    /// Key of that role, also where the PSA was quicker than the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The PSA's ID of the person; a name would be personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Where it stands.
    pub status: AssignmentStatus,
    /// As of when the PSA told; none where it has not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
}

/// Where an assignment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssignmentStatus {
    /// Nobody is named yet.
    Open,
    /// A person is named.
    Named,
    /// The contract does not plan it any more. The PSA still has it: somebody may have worked.
    Released,
    /// It is gone from the PSA.
    Removed,
}

/// What a report comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something is different now, and others are told.
    Changed(Box<Event>, String),
    /// What was known is so, as of later.
    Confirmed(String),
    /// Nothing: it is known as of later, or not kept.
    Nothing(String),
    /// A person must look.
    Refused(Problem),
}

impl ProjectStatus {
    /// Whether work has stopped: the project is archived, or in a status that the firm says means so.
    #[must_use]
    pub fn is_stopped(&self, config: &TenantConfig) -> bool {
        let named = |status: &String| *status == self.status || self.code.as_ref() == Some(status);
        self.archived || config.stopped_statuses.iter().any(named)
    }
}

impl std::fmt::Display for ProjectStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = if self.status.is_empty() { "no status" } else { &self.status };
        f.write_str(status)?;
        if let Some(stage) = &self.stage {
            write!(f, ", stage {stage}")?;
        }
        if self.archived { f.write_str(", archived") } else { Ok(()) }
    }
}

impl Delivery {
    /// An engagement of which nothing is known yet.
    #[must_use]
    pub const fn new(engagement: EngagementId) -> Self {
        Self { engagement, status: None, assignments: Vec::new() }
    }

    /// Takes over what the PSA reports of the project or of an assignment.
    pub fn apply(&mut self, change: &RecordChanged) -> Told {
        match change.object.as_str() {
            PROJECT => self.project_told(change),
            RESOURCE => self.assignment_told(change),
            other => Told::Nothing(format!("{other} {} is not kept here", change.record)),
        }
    }

    fn project_told(&mut self, change: &RecordChanged) -> Told {
        let before = self.status.clone();
        // Products date a change by the second: of two within one, the later to arrive counts.
        if let Some(known) = before.as_ref().filter(|known| known.as_of > change.changed_at) {
            return Told::Nothing(format!("project {}: {known} as of {}", change.record, known.as_of));
        }
        let (status, known) = (ProjectStatus::told(before.as_ref(), change), before.as_ref());
        self.status = Some(status.clone());
        if known.is_some_and(|known| ProjectStatus { as_of: status.as_of, ..known.clone() } == status) {
            return Told::Confirmed(format!("project {}: {status}", change.record));
        }
        let summary = format!("project {}: {status}", change.record);
        let changed = ProjectStatusChanged {
            engagement: self.engagement.clone(),
            connection: change.connection.clone(),
            project: change.record.clone(),
            before,
            status,
        };
        Told::Changed(Box::new(changed.into()), summary)
    }

    fn assignment_told(&mut self, change: &RecordChanged) -> Told {
        let known = self.assignments.iter().position(|a| a.record == change.record);
        let before = known.map(|at| self.assignments[at].clone());
        if before.as_ref().and_then(|b| b.as_of).is_some_and(|as_of| as_of > change.changed_at) {
            return Told::Nothing(format!("assignment {} is known as of later", change.record));
        }
        if known.is_none() && self.assignments.len() >= MOST_ASSIGNMENTS {
            let detail = format!("assignment {}: {MOST_ASSIGNMENTS} are kept already", change.record);
            return Told::Refused(Problem::new(ProblemCode::IllegalEvent, detail));
        }
        let next = ResourceAssignment::told(before.as_ref(), change);
        match known {
            Some(at) => self.assignments[at] = next.clone(),
            None => self.assignments.push(next.clone()),
        }
        let summary = format!("assignment {} ({}): {}", next.record, next.role, next.status.as_str());
        if before.is_some_and(|before| ResourceAssignment { as_of: next.as_of, ..before } == next) {
            return Told::Confirmed(summary);
        }
        let changed = StaffingChanged {
            engagement: self.engagement.clone(),
            connection: change.connection.clone(),
            contract_version: None,
            assignments: vec![next],
        };
        Told::Changed(Box::new(changed.into()), summary)
    }

    /// Takes over what a contract version plans. `records` are the PSA's IDs of the roles that were made
    /// for it, by key. Gives the event that tells what is different now, if anything is.
    pub fn plan(
        &mut self,
        contract: &Contract,
        connection: &str,
        records: &BTreeMap<String, String>,
    ) -> Option<StaffingChanged> {
        let before = self.assignments.clone();
        for role in &contract.staffing {
            let of_role = |a: &ResourceAssignment| a.key.as_ref() == Some(&role.key);
            let by_record = |a: &ResourceAssignment| records.get(&role.key) == Some(&a.record);
            let all = &self.assignments;
            match (
                all.iter().position(by_record).or_else(|| all.iter().position(of_role)),
                records.get(&role.key),
            ) {
                (Some(at), record) => self.assignments[at].plan(role, record),
                (None, Some(record)) => self.assignments.push(ResourceAssignment::open(role, record)),
                (None, None) => {}
            }
        }
        for gone in self.assignments.iter_mut().filter(|a| a.planned.is_some()) {
            let planned = contract.staffing.iter().any(|role| Some(&role.key) == gone.key.as_ref());
            if !planned && gone.status != AssignmentStatus::Removed {
                gone.status = AssignmentStatus::Released;
            }
        }
        let changed = self.assignments.iter().filter(|a| !before.contains(a));
        let assignments: Vec<ResourceAssignment> = changed.cloned().collect();
        (!assignments.is_empty()).then(|| StaffingChanged {
            engagement: self.engagement.clone(),
            connection: connection.to_owned(),
            contract_version: Some(contract.version),
            assignments,
        })
    }
}

/// What a person must know of where a project stands now: that it stopped while its engagement is
/// active. At stake is the fixed fee that is not delivered yet; nothing is billed otherwise for it.
#[must_use]
pub fn stopped(
    engagement: &Engagement,
    changed: &ProjectStatusChanged,
    config: &TenantConfig,
) -> Option<Problem> {
    let was_stopped = changed.before.as_ref().is_some_and(|before| before.is_stopped(config));
    let stops = changed.status.is_stopped(config) && !was_stopped;
    if !stops || engagement.status != EngagementStatus::Active {
        return None;
    }
    let said = format!("{} reports project {}: {}", changed.connection, changed.project, changed.status);
    Some(at_stake(engagement, said))
}

/// The same of a project that had stopped before its engagement became active.
#[must_use]
pub fn stopped_before(
    delivery: &Delivery,
    engagement: &Engagement,
    config: &TenantConfig,
) -> Option<Problem> {
    let status = delivery.status.as_ref().filter(|status| status.is_stopped(config))?;
    Some(at_stake(engagement, format!("the project had stopped before the engagement was active: {status}")))
}

fn at_stake(engagement: &Engagement, said: String) -> Problem {
    let problem = Problem::new(ProblemCode::ProjectStopped, said);
    let contract = &engagement.contract;
    let open = contract.milestones.iter().filter(|m| !engagement.completed_milestones.contains_key(&m.key));
    match Money::total(contract.currency, open.map(|m| m.amount)) {
        Ok(open) if open.is_positive() => problem.with_stake(open),
        _ => problem,
    }
}

/// What a report says of a field, empty as nothing; what it does not name is as it was.
fn told(change: &RecordChanged, field: &str, known: Option<String>) -> Option<String> {
    change.fields.get(field).map_or(known, |text| Some(text.clone()).filter(|t| !t.is_empty()))
}

impl ProjectStatus {
    /// As it is after a report: what the report does not name stays.
    fn told(before: Option<&Self>, change: &RecordChanged) -> Self {
        let said = |field: &str| change.fields.get(field);
        let text = |field: &str, known: Option<String>| told(change, field, known);
        Self {
            status: said("status").or(before.map(|b| &b.status)).cloned().unwrap_or_default(),
            code: text("status_code", before.and_then(|b| b.code.clone())),
            stage: text("stage", before.and_then(|b| b.stage.clone())),
            archived: said("archived").map_or_else(|| before.is_some_and(|b| b.archived), |a| a == "true"),
            as_of: change.changed_at,
        }
    }
}

impl AssignmentStatus {
    /// The status as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Named => "named",
            Self::Released => "released",
            Self::Removed => "removed",
        }
    }
}

impl ResourceAssignment {
    /// A planned role that the PSA has now, and nobody fills yet.
    fn open(role: &PlannedRole, record: &str) -> Self {
        Self {
            record: record.to_owned(),
            role: role.role.clone(),
            planned: Some(role.clone()),
            key: Some(role.key.clone()),
            person: None,
            status: AssignmentStatus::Open,
            as_of: None,
        }
    }

    /// The assignment as the plan has it; what the PSA told of it stays.
    fn plan(&mut self, role: &PlannedRole, record: Option<&String>) {
        if record.is_some_and(|record| *record != self.record) {
            // The one that was known is gone: another was made in its place.
            *self = Self::open(role, record.map_or("", String::as_str));
        }
        self.planned = Some(role.clone());
        self.key = Some(role.key.clone());
        if self.status == AssignmentStatus::Released {
            self.status = self.filled();
        }
    }

    /// As it is after a report: what the report does not name stays. One that the contract released
    /// stays released, whoever is named on it.
    fn told(before: Option<&Self>, change: &RecordChanged) -> Self {
        let said = |field: &str| change.fields.get(field);
        let text = |field: &str, known: Option<String>| told(change, field, known);
        let mut next = Self {
            record: change.record.clone(),
            role: text("role", before.map(|b| b.role.clone())).unwrap_or_default(),
            planned: before.and_then(|b| b.planned.clone()),
            key: before.and_then(|b| b.key.clone()).or_else(|| text("planned_role", None)),
            person: text("person", before.and_then(|b| b.person.clone())),
            status: AssignmentStatus::Open,
            as_of: Some(change.changed_at),
        };
        next.status = match before.map(|b| b.status) {
            _ if said("removed").is_some_and(|removed| removed == "true") => AssignmentStatus::Removed,
            Some(AssignmentStatus::Released) => AssignmentStatus::Released,
            _ => next.filled(),
        };
        next
    }

    const fn filled(&self) -> AssignmentStatus {
        if self.person.is_some() { AssignmentStatus::Named } else { AssignmentStatus::Open }
    }
}
