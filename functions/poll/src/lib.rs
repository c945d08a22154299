//! Products that don't push, or not reliably, are asked on a schedule what changed.
//!
//! Each connection's log is read from a cursor, with an overlap, because such logs are neither
//! ordered nor complete at once. What the overlap shows again is recognised and not put on the
//! bus a second time; where it slips through, it is the same event and has no second effect.

use std::collections::BTreeSet;
use std::time::Duration;

use connectors::{ConnectionConfig, Product};
use events::Envelope;
use futures::future::join_all;
use jiff::Timestamp;
use journal::Cursor;
use runtime::{Context, Failure, PartOfRun};
use serde::Serialize;

/// Longest reading of one log, well within the function's own time.
const LONGEST_READ: Duration = Duration::from_secs(50);
/// Events remembered with a cursor: at 32 characters each they stay far below an item's limit.
/// Beyond it the oldest are forgotten, which costs a duplicate and nothing else.
const MOST_REMEMBERED: usize = 5_000;

/// What came of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Polled {
    /// The connection.
    pub connection: String,
    /// Events put on the bus.
    pub published: usize,
    /// Events that the overlap showed again.
    pub repeated: usize,
    /// Why it could not be read; the cursor then stays where it was.
    pub failure: Option<String>,
}

impl PartOfRun for Polled {
    fn name(&self) -> &str {
        &self.connection
    }

    fn failures(&self) -> &[String] {
        self.failure.as_slice()
    }
}

/// Asks every polled connection. One that fails does not keep the others from being read.
///
/// # Errors
/// When the connections can't be listed.
pub async fn poll_all(context: &Context) -> Result<Vec<Polled>, String> {
    let mut configs = context.connections().await?;
    configs.retain(|(config, _)| match config.product {
        Product::Kantata | Product::Tryton => true,
        Product::Hubspot | Product::Stripe | Product::Docusign => false,
    });
    // All at once: one that is slow or down does not keep the others from being read.
    let all = join_all(configs.iter().map(|(config, at)| poll_one(context, config, *at))).await;
    Ok(all)
}

async fn poll_one(context: &Context, config: &ConnectionConfig, configured_at: Option<Timestamp>) -> Polled {
    let connection = config.connection.clone();
    let read = tokio::time::timeout(LONGEST_READ, read(context, config, configured_at)).await;
    match read.unwrap_or_else(|_| Err(Failure::new("its log could not be read in time"))) {
        Ok((published, repeated)) => {
            tracing::info!(connection, published, repeated, "polled");
            Polled { connection, published, repeated, failure: None }
        }
        Err(failure) => {
            tracing::error!(connection, reason = failure.reason, "not polled");
            Polled { connection, published: 0, repeated: 0, failure: Some(failure.reason) }
        }
    }
}

async fn read(
    context: &Context,
    config: &ConnectionConfig,
    configured_at: Option<Timestamp>,
) -> Result<(usize, usize), Failure> {
    let started = context.clock.now();
    // Where nothing was read yet: from when the connection was configured, however late its first poll comes.
    let begins = configured_at.map_or(started, |at| at.min(started));
    let (version, cursor) = cursor_of(context, config, begins).await?;
    let polled = context.connect.polled(&config.connection).await?;
    let since = cursor.read_to.saturating_sub(polled.overlap()).unwrap_or(cursor.read_to);
    let changes = polled.changes_since(since).await?;
    let known: BTreeSet<&str> = cursor.seen.iter().map(String::as_str).collect();
    let events: Vec<Envelope> = changes.into_iter().map(|change| runtime::reported(config, change)).collect();
    let mut seen: Vec<String> = Vec::new();
    let mut listed: BTreeSet<String> = BTreeSet::new();
    let mut fresh: Vec<Envelope> = Vec::new();
    for event in &events {
        let id = event.id.simple().to_string();
        if !listed.insert(id.clone()) {
            continue;
        }
        if !known.contains(id.as_str()) {
            fresh.push(event.clone());
        }
        seen.push(id);
    }
    let (published, repeated) = (fresh.len(), events.len() - fresh.len());
    // The cursor moves only when everything was taken: what was not is read again.
    context.bus.publish(fresh.clone()).await.map_err(|e| Failure::new(e.to_string()))?;
    count(context, &fresh, started);
    let skip = seen.len().saturating_sub(MOST_REMEMBERED);
    let next = Cursor { read_to: started, seen: seen.split_off(skip) };
    context.journal.advance_cursor(&config.tenant, &config.connection, version, &next).await?;
    Ok((published, repeated))
}

/// The connection's cursor. The first one is written before the first read is tried, so that
/// configuring a connection again that does not work yet does not move its beginning.
async fn cursor_of(
    context: &Context,
    config: &ConnectionConfig,
    begins: Timestamp,
) -> Result<(u64, Cursor), Failure> {
    let (tenant, connection) = (&config.tenant, &config.connection);
    if let (version, Some(cursor)) = context.journal.cursor(tenant, connection).await? {
        return Ok((version, cursor));
    }
    let first = Cursor { read_to: begins, seen: vec![] };
    context.journal.advance_cursor(tenant, connection, 0, &first).await?;
    let (version, cursor) = context.journal.cursor(tenant, connection).await?;
    Ok((version, cursor.unwrap_or(first)))
}

fn count(context: &Context, published: &[Envelope], now: Timestamp) {
    for event in published {
        runtime::count_event(context.function, event, "accepted", now);
    }
}
