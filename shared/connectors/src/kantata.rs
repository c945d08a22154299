//! Kantata OX, a PSA: projects, milestones, rate cards and time.
//!
//! It has no idempotency key and no webhook. Records carry an external reference of ours, set in
//! the same call that creates them, and are searched by it first; what changed is polled.

mod change_milestone;
mod changes;
mod client;
mod entries;
mod expenses;
mod held;
mod milestone;
mod milestones;
mod project;
mod rate_card;
mod rates;
mod resources;
mod set_rate_card;
mod staffing;
mod statuses;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use domain::id::EngagementId;
use domain::money::Currency;
use domain::setup::HeldProject;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde::Deserialize;

use crate::connection::Connection;
use crate::error::CallError;
use crate::http::{Api, Dialect, Exception, Timeouts, settings};
use crate::inbound::Translated;
use crate::role::{Polled, Psa};

/// Pages of the log can be slow; a write is one record.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    read: Duration::from_secs(20),
    write: Duration::from_secs(20),
};

static DIALECT: Dialect = Dialect { exceptions, words };

const BASE: &str = "/api/v1";

fn exceptions(_status: StatusCode, _body: &str) -> Option<Exception> {
    None
}

fn words(body: &str) -> Option<String> {
    let answer: wire::Errors = serde_json::from_str(body).ok()?;
    Some(answer.errors.into_iter().map(|e| e.message).collect::<Vec<_>>().join("; "))
}

/// What only Kantata needs.
#[derive(Debug, Clone, Deserialize)]
struct Settings {
    /// Our name in external references.
    service_name: String,
    /// Custom field of a milestone that holds the customer's acceptance.
    acceptance_field: String,
    /// The value that means: accepted.
    acceptance_value: String,
    /// How far before the cursor to read again.
    overlap_minutes: i64,
    /// How long after it was sent a write may still take effect there or not be found yet. No default.
    settles_within_seconds: u64,
    /// Names of the log's events of resources on projects; where none is named, they are not asked for.
    #[serde(default)]
    resource_events: Vec<String>,
    /// Names of the log's events of expenses and expense reports; where none is named, they are not asked for.
    #[serde(default)]
    expense_events: Vec<String>,
}

impl Settings {
    fn settling(&self) -> Duration {
        Duration::from_secs(self.settles_within_seconds)
    }
}

/// A Kantata account.
pub(crate) struct Kantata {
    api: Api,
    settings: Settings,
}

impl Kantata {
    /// Opens the connection; nothing is sent.
    pub(crate) fn open(connection: &Connection) -> Result<Self, CallError> {
        let settings = settings(connection)?;
        let base = connection.config.base_url.trim_end_matches('/');
        let base = format!("{}{BASE}", base.strip_suffix(BASE).unwrap_or(base));
        Ok(Self { api: Api::new(connection, base, TIMEOUTS, &DIALECT, &[])?, settings })
    }
}

#[async_trait]
impl Psa for Kantata {
    fn connection(&self) -> &str {
        self.api.connection()
    }

    async fn held_project(
        &self,
        engagement: &EngagementId,
        currency: Currency,
        on: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        self.project_held(engagement, currency, on).await
    }
}

#[async_trait]
impl Polled for Kantata {
    fn overlap(&self) -> SignedDuration {
        SignedDuration::from_mins(self.settings.overlap_minutes)
    }

    async fn changes_since(&self, since: Timestamp) -> Result<Vec<Translated>, CallError> {
        self.read_changes(since).await
    }
}
