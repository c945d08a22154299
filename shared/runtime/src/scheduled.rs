//! What functions that run on a schedule have in common: for whom they run, and what Lambda is told of it.

use std::collections::BTreeSet;

use connectors::ConnectionConfig;
use jiff::Timestamp;

use crate::context::Context;

/// Connections listed in one run.
const MOST_CONNECTIONS: usize = 1_000;

/// What came of one part of a run.
pub trait PartOfRun {
    /// The connection, tenant or engagement that it was of.
    fn name(&self) -> &str;

    /// Why some of it could not be done; the next run tries again.
    fn failures(&self) -> &[String];
}

/// What Lambda is told: a run of which a part failed has failed, so that the alarm on failed runs sees it.
///
/// # Errors
/// Names each part that failed, with the reasons.
pub fn verdict<T: PartOfRun>(all: Vec<T>) -> Result<Vec<T>, String> {
    let failed = all.iter().filter(|part| !part.failures().is_empty());
    let failed: Vec<String> =
        failed.map(|part| format!("{}: {}", part.name(), part.failures().join(", "))).collect();
    if failed.is_empty() { Ok(all) } else { Err(failed.join("; ")) }
}

impl Context {
    /// Every connection that is configured, and since when.
    ///
    /// # Errors
    /// When they can't be listed, or one of them can't be read.
    pub async fn connections(&self) -> Result<Vec<(ConnectionConfig, Option<Timestamp>)>, String> {
        let items = self.journal.store().by_status("config#connection", MOST_CONNECTIONS).await;
        let items = items.map_err(|e| e.to_string())?;
        let read = items.iter().map(|item| {
            let config = serde_json::from_str(item.text("body").unwrap_or_default())
                .map_err(|e| format!("connection {}: {e}", item.key()))?;
            Ok((config, item.text("recorded_at").and_then(|at| at.parse().ok())))
        });
        read.collect()
    }

    /// Every tenant that has a connection: without one, nothing happens that could wait.
    ///
    /// # Errors
    /// When the connections can't be listed.
    pub async fn tenants(&self) -> Result<BTreeSet<String>, String> {
        Ok(self.connections().await?.into_iter().map(|(config, _)| config.tenant).collect())
    }
}
