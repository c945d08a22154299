//! Approved work reported through the API: time, expenses and milestones. A call is taken whole or not at all.

use std::collections::BTreeSet;

use domain::engagement::{Engagement, EngagementStatus};
use domain::expense::{Expense, ExpenseStatus};
use domain::id::EngagementId;
use domain::money::Money;
use domain::work::{MilestoneCompletion, TimeEntry};
use jiff::Timestamp;
use jiff::civil::Date;
use runtime::{Context, Systems};
use serde::Deserialize;
use serde_json::Map;

use super::{About, Command};
use crate::call::{Call, is_record};
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::reads::engagement;

/// Records in one call.
const MOST: usize = 100;
/// Characters of a name; ninety entries share one item of the ledger.
const LONGEST_NAME: usize = 200;
/// Characters of a note, for the same reason.
const LONGEST_NOTES: usize = 1_000;
/// Minutes of a day: an entry is of one day.
const MOST_MINUTES: u32 = 24 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    entries: Vec<Entry>,
}

/// An entry as [`TimeEntry`] has it, and whether it is approved: which has no default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    approved: bool,
    connection: String,
    entry: String,
    project: String,
    task: Option<String>,
    person: String,
    role: String,
    worked_on: Date,
    minutes: u32,
    billable: bool,
    notes: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expenses {
    expenses: Vec<Spent>,
}

/// An expense as [`Expense`] has it, and whether it is approved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spent {
    approved: bool,
    connection: String,
    expense: String,
    project: String,
    person: String,
    category: String,
    incurred_on: Date,
    cost: Money,
    pass_through: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Milestones {
    milestones: Vec<Milestone>,
}

/// A milestone as [`MilestoneCompletion`] has it, and whether the customer accepted it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Milestone {
    approved: bool,
    connection: String,
    record: String,
    milestone: String,
    completed_at: Timestamp,
}

/// Takes approved time.
pub(super) async fn time(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let id: EngagementId = call.id("engagement")?;
    let Entries { entries } = call.body()?;
    let state = open(context, caller, &id).await?;
    let known = entries.iter().map(|e| (e.approved, e.connection.as_str(), e.entry.as_str()));
    batch(context, caller, &state, "entries", known).await?;
    let now = context.clock.now();
    let mut events = Vec::new();
    for (i, entry) in entries.into_iter().enumerate() {
        sound(i, &entry, &state)?;
        let Entry {
            connection, entry, project, task, person, role, worked_on, minutes, billable, notes, ..
        } = entry;
        let time = TimeEntry {
            connection,
            entry,
            project,
            task,
            person,
            role,
            worked_on,
            minutes,
            billable,
            notes: notes.filter(|n| !n.trim().is_empty()),
        };
        events.push((now, time.into()));
    }
    let summary = format!("reported {} approved time entries", events.len());
    Ok(Command { about: About::Engagement(id), events, summary, answer: Map::new() })
}

fn sound(i: usize, entry: &Entry, state: &Engagement) -> Result<(), ApiError> {
    let malformed = |what: &str| ApiError::new(Kind::Malformed, format!("entries[{i}].{what}"));
    if entry.minutes == 0 || entry.minutes > MOST_MINUTES {
        return Err(malformed("minutes: must be 1 to 1440"));
    }
    if !is_name(&entry.person) {
        return Err(malformed("person: must be 1 to 200 characters"));
    }
    if !is_name(&entry.role) {
        return Err(malformed("role: must be 1 to 200 characters"));
    }
    if entry.notes.as_deref().is_some_and(|n| n.chars().count() > LONGEST_NOTES) {
        return Err(malformed("notes: must be at most 1000 characters"));
    }
    if !is_record(&entry.project) || entry.task.as_deref().is_some_and(|t| !is_record(t)) {
        return Err(malformed("project: project and task must be IDs"));
    }
    own_project(&format!("entries[{i}]"), &entry.project, state)
}

pub(super) fn is_name(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME && !text.trim().is_empty()
}

/// Work is reported for the engagement's own project, as far as it has one yet.
fn own_project(at: &str, project: &str, state: &Engagement) -> Result<(), ApiError> {
    if state.records.project.as_ref().is_some_and(|known| known != project) {
        let detail = format!("{at}.project: is not the project of the engagement");
        return Err(ApiError::new(Kind::NotAcceptable, detail));
    }
    Ok(())
}

/// Takes approved expenses.
pub(super) async fn expenses(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let id: EngagementId = call.id("engagement")?;
    let Expenses { expenses } = call.body()?;
    let state = open(context, caller, &id).await?;
    let known = expenses.iter().map(|e| (e.approved, e.connection.as_str(), e.expense.as_str()));
    batch(context, caller, &state, "expenses", known).await?;
    let now = context.clock.now();
    let mut events = Vec::new();
    for (i, spent) in expenses.into_iter().enumerate() {
        let at = format!("expenses[{i}]");
        let Spent { connection, expense, project, person, category, incurred_on, cost, pass_through, .. } =
            spent;
        for (name, text) in [("person", &person), ("category", &category)] {
            if !is_name(text) {
                return Err(ApiError::new(
                    Kind::Malformed,
                    format!("{at}.{name}: must be 1 to {LONGEST_NAME} characters"),
                ));
            }
        }
        if !is_record(&project) {
            return Err(ApiError::new(Kind::Malformed, format!("{at}.project: must be an ID")));
        }
        if !cost.is_positive() {
            return Err(ApiError::new(Kind::Malformed, format!("{at}.cost: must be more than nothing")));
        }
        own_project(&at, &project, &state)?;
        let status = ExpenseStatus::Approved;
        let told = Expense {
            connection,
            expense,
            project,
            person,
            category,
            incurred_on,
            cost,
            pass_through,
            status,
        };
        events.push((now, told.into()));
    }
    let summary = format!("reported {} approved expenses", events.len());
    Ok(Command { about: About::Engagement(id), events, summary, answer: Map::new() })
}

/// Takes completed, accepted milestones.
pub(super) async fn milestones(context: &Context, caller: &Caller, call: &Call) -> Result<Command, ApiError> {
    let id: EngagementId = call.id("engagement")?;
    let Milestones { milestones } = call.body()?;
    let state = open(context, caller, &id).await?;
    let known = milestones.iter().map(|m| (m.approved, m.connection.as_str(), m.record.as_str()));
    batch(context, caller, &state, "milestones", known).await?;
    let now = context.clock.now();
    let mut events = Vec::new();
    for (i, reported) in milestones.into_iter().enumerate() {
        let Milestone { connection, record, milestone, completed_at, .. } = reported;
        let at = |what: &str| format!("milestones[{i}].{what}");
        if !state.contract.milestones.iter().any(|m| m.key == milestone) {
            let detail = at("milestone: the contract in force has no such milestone");
            return Err(ApiError::new(Kind::NotAcceptable, detail));
        }
        if completed_at > now {
            return Err(ApiError::new(Kind::Malformed, at("completed_at: lies in the future")));
        }
        let completion = MilestoneCompletion { connection, record, milestone, completed_at };
        events.push((completed_at, completion.into()));
    }
    let summary = format!("reported {} completed milestones", events.len());
    Ok(Command { about: About::Engagement(id), events, summary, answer: Map::new() })
}

/// The engagement that work is reported for. What is still being set up takes it: it waits there.
pub(super) async fn open(
    context: &Context,
    caller: &Caller,
    id: &EngagementId,
) -> Result<Engagement, ApiError> {
    let state = engagement(context, caller, id).await?;
    if state.status == EngagementStatus::Withdrawn {
        return Err(ApiError::new(
            Kind::StateConflict,
            "the engagement is withdrawn: nothing is billed for it",
        ));
    }
    Ok(state)
}

/// What holds of every batch: its size, each record once, each approved, each the owning system's own.
pub(super) async fn batch<'a>(
    context: &Context,
    caller: &Caller,
    state: &Engagement,
    what: &str,
    records: impl ExactSizeIterator<Item = (bool, &'a str, &'a str)>,
) -> Result<(), ApiError> {
    if records.len() == 0 || records.len() > MOST {
        return Err(ApiError::new(Kind::Malformed, format!("{what}: must be 1 to {MOST}")));
    }
    let config = context.connect.tenant(&caller.tenant).await?;
    let owner = Systems::assigned(context, &config, state).await?.psa;
    let (mut seen, mut unapproved) = (BTreeSet::new(), Vec::new());
    for (i, (approved, connection, record)) in records.enumerate() {
        if !is_record(record) || !seen.insert(record) {
            return Err(ApiError::new(Kind::Malformed, format!("{what}[{i}]: is no ID, or comes twice")));
        }
        if connection != owner {
            let detail = format!("{what}[{i}].connection: {owner} owns billable work");
            return Err(ApiError::new(Kind::NotAcceptable, detail));
        }
        if !approved {
            unapproved.push(record);
        }
    }
    if unapproved.is_empty() {
        return Ok(());
    }
    let detail = format!("{what}: not approved: {}; nothing of this call was taken", unapproved.join(", "));
    Err(ApiError::new(Kind::NotAcceptable, detail))
}
