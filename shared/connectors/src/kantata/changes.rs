//! Reads the log of changes. It may repeat entries, isn't ordered, and is minutes late; so it is
//! only taken as a hint of which records to read, and the records themselves say what is so.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use super::Kantata;
use super::wire::{Map, SubscribedEvent};
use crate::error::CallError;
use crate::inbound::Translated;

/// What a poll is called in errors.
pub(super) const POLL: &str = "read delivered work";
const EVENTS: &str = "story:updated,time_entry:updated";

impl Kantata {
    /// Approved time and accepted milestones among the records that changed since a moment.
    pub(super) async fn read_changes(&self, since: Timestamp) -> Result<Vec<Translated>, CallError> {
        let since = since.to_string();
        let query = [("created_after", since.as_str()), ("event_types", EVENTS)];
        let answer = self.all(POLL, "subscribed_events", &query).await?;
        let log: Map<SubscribedEvent> = self.typed(POLL, &answer, "subscribed_events")?;
        let mut seen = HashSet::new();
        let (mut entries, mut stories) = (BTreeSet::new(), BTreeSet::new());
        for event in log.into_values() {
            if !seen.insert(event.id) {
                continue;
            }
            match event.subject_type.to_ascii_lowercase().as_str() {
                "timeentry" | "time_entry" => entries.insert(event.subject_id),
                "story" => stories.insert(event.subject_id),
                _ => continue,
            };
        }
        let mut translated = self.approved_time(&Vec::from_iter(entries)).await?;
        translated.extend(self.accepted_milestones(&Vec::from_iter(stories)).await?);
        Ok(translated)
    }
}
