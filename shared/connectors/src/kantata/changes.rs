//! Reads the log of changes. It may repeat entries, isn't ordered, and is minutes late; so it is
//! only taken as a hint of which records to read, and the records themselves say what is so.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

use super::Kantata;
use super::wire::{Map, SubscribedEvent};
use crate::error::CallError;
use crate::inbound::Translated;

/// What a poll is called in errors.
pub(super) const POLL: &str = "read delivered work";
const EVENTS: &str = "story:updated,time_entry:updated,workspace:updated";
/// Fields of a project that say where it stands.
const STANDING: [&str; 4] = ["status", "status_key", "stage", "archived"];

/// The records that the log names, each once.
#[derive(Default)]
struct Named {
    entries: BTreeSet<String>,
    stories: BTreeSet<String>,
    projects: BTreeSet<String>,
    /// With whether more happened to it than that it was created.
    resources: BTreeMap<String, bool>,
    removed: Vec<SubscribedEvent>,
    expenses: BTreeSet<String>,
    /// Reports of expenses: what is approved of an expense is its report.
    reports: BTreeSet<String>,
}

impl Named {
    fn take(&mut self, event: SubscribedEvent) {
        match event.subject_type.to_ascii_lowercase().as_str() {
            "timeentry" | "time_entry" => _ = self.entries.insert(event.subject_id),
            "expense" => _ = self.expenses.insert(event.subject_id),
            "expensereportsubmission" | "expense_report_submission" => {
                self.reports.insert(event.subject_id);
            }
            "story" => _ = self.stories.insert(event.subject_id),
            // Our own writes of budget and rate card are changes of the project too.
            "workspace" if event.may_touch(&STANDING) => _ = self.projects.insert(event.subject_id),
            "workspaceresource" | "workspace_resource" if event.event_type.ends_with(":deleted") => {
                self.removed.push(event);
            }
            "workspaceresource" | "workspace_resource" => {
                *self.resources.entry(event.subject_id).or_default() |=
                    !event.event_type.ends_with(":created");
            }
            _ => {}
        }
    }
}

impl Kantata {
    /// What is of interest among the records that changed since a moment: approved time and
    /// expenses, accepted milestones, where projects stand, who is on them.
    pub(super) async fn read_changes(&self, since: Timestamp) -> Result<Vec<Translated>, CallError> {
        let since = since.to_string();
        let configured = self.settings.resource_events.iter().chain(&self.settings.expense_events);
        let events = std::iter::once(EVENTS).chain(configured.map(String::as_str));
        let events = events.collect::<Vec<_>>().join(",");
        let query = [("created_after", since.as_str()), ("event_types", events.as_str())];
        let answer = self.all(POLL, "subscribed_events", &query).await?;
        let log: Map<SubscribedEvent> = self.typed(POLL, &answer, "subscribed_events")?;
        let (mut seen, mut named) = (HashSet::new(), Named::default());
        for event in log.into_values() {
            if seen.insert(event.id.clone()) {
                named.take(event);
            }
        }
        let mut translated = self.approved_time(&Vec::from_iter(named.entries)).await?;
        translated.extend(self.approved_expenses(named.expenses, &Vec::from_iter(named.reports)).await?);
        translated.extend(self.accepted_milestones(&Vec::from_iter(named.stories)).await?);
        translated.extend(self.project_statuses(&Vec::from_iter(named.projects)).await?);
        translated.extend(self.assigned_resources(&named.resources).await?);
        translated.extend(self.removed_resources(&named.removed).await?);
        Ok(translated)
    }
}
