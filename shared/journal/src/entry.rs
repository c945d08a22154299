//! Journal entries: that an event was taken, and what came of it.

use domain::billing::line_of;
use domain::event::Event;
use domain::expense::EXPENSE;
use domain::id::LineId;
use domain::retainer::drawdown_of;
use domain::usage::usage_of;
use events::Envelope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::JournalError;
use crate::key::Key;
use crate::store::Item;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryOutcome {
    /// It had its effects.
    Applied,
    /// It was legal and changed nothing.
    NoEffect,
    /// It waits for a person, as an exception.
    Held,
}

/// The idempotency record of an event and its line in the engagement's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The event.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Hash of its content: the same ID with another content is a conflict, not a duplicate.
    pub body_hash: String,
    /// What it is about.
    pub subject: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was committed.
    pub recorded_at: Timestamp,
    /// Links everything of one deal.
    pub correlation_id: String,
    /// What caused it.
    pub causation_id: Option<Uuid>,
    /// What came of it.
    pub outcome: EntryOutcome,
    /// One line for people.
    pub summary: String,
}

impl JournalEntry {
    /// The entry of an event.
    #[must_use]
    pub fn of(event: &Envelope, outcome: EntryOutcome, summary: impl Into<String>, now: Timestamp) -> Self {
        Self {
            event_id: event.id,
            event_type: event.event.type_name().into(),
            body_hash: event.body_hash(),
            subject: event.subject.clone(),
            occurred_at: event.time,
            recorded_at: now,
            correlation_id: event.correlationid.clone(),
            causation_id: event.causationid,
            outcome,
            summary: summary.into(),
        }
    }

    /// Its item in the partition of the event's subject.
    pub(crate) fn item(&self, tenant: &str) -> Result<Item, JournalError> {
        let key = Key::journal(tenant, &self.subject, self.event_id);
        Item::new(&key, "journal", tenant, self)
    }
}

/// Whether an event reports a record of another system that counts once, whatever the event is called: the
/// item that it becomes is then also its idempotency record. Where nothing is shared, the commit is a single
/// conditional write.
#[must_use]
pub(crate) fn keyed_by_its_record(event: &Envelope) -> bool {
    record_of(event).is_some()
}

/// Where an entry stands, or would, that is drawn from a retainer; none of what never is.
#[must_use]
pub(crate) fn drawdown_key(event: &Envelope) -> Option<Key> {
    let Event::TimeApproved(entry) = &event.event else { return None };
    let drawdown = drawdown_of(&entry.connection, &entry.entry);
    Some(Key::drawdown(&event.tenant, &event.subject, drawdown.as_str()))
}

/// Where the item of an event's own record stands, or would: a line, or a record of usage, which need not
/// be a line.
#[must_use]
pub(crate) fn record_of(event: &Envelope) -> Option<Key> {
    let line = |line: LineId| Key::line(&event.tenant, &event.subject, line.as_str());
    match &event.event {
        Event::TimeApproved(entry) => Some(line(line_of(&entry.connection, "time", &entry.entry))),
        Event::ExpenseApproved(told) => Some(line(line_of(&told.connection, EXPENSE, &told.expense))),
        Event::UsageRecorded(told) => {
            let usage = usage_of(&told.connection, &told.record);
            Some(Key::usage(&event.tenant, &event.subject, usage.as_str()))
        }
        _ => None,
    }
}
