//! Contracts are compared with what CRM, ERP and PSA hold of them, each once a day.
//!
//! A change that only one system knows is found here: an approved version of the quote that never
//! reached us is carried on as a change order; any other difference is an exception.

mod compare;

use std::time::Duration;

use futures::stream::{StreamExt, iter};
use journal::Comparison;
use runtime::{Context, PartOfRun};
use serde::Serialize;

pub use compare::Found;

/// Comparisons begun in one run; what is left is the next one's.
const MOST_COMPARISONS: usize = 500;
/// Engagements compared at once: each asks three products.
const AT_ONCE: usize = 4;
/// After this long no further comparison is begun, well within the function's own time.
const LONGEST: Duration = Duration::from_secs(80);

/// What came of one engagement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The engagement.
    pub engagement: String,
    /// What was found; none where it could not be compared.
    pub found: Option<Found>,
    /// Why it could not be compared; it is due again at once.
    pub failure: Option<String>,
}

impl PartOfRun for Compared {
    fn name(&self) -> &str {
        &self.engagement
    }

    fn failures(&self) -> &[String] {
        self.failure.as_slice()
    }
}

/// Compares every engagement that is due, the longest overdue first. One that can't be read does not
/// keep the others from being compared.
///
/// # Errors
/// When what is due can't be listed.
pub async fn compare_due(context: &Context) -> Result<Vec<Compared>, String> {
    let now = context.clock.now();
    let mut due: Vec<(String, Comparison)> = Vec::new();
    for tenant in context.tenants().await? {
        let listed = context.journal.comparisons_due(&tenant, now, MOST_COMPARISONS).await;
        due.extend(listed.map_err(|e| e.to_string())?.into_iter().map(|c| (tenant.clone(), c)));
    }
    let began = tokio::time::Instant::now();
    let compared = iter(due)
        .map(|(tenant, comparison)| async move {
            if began.elapsed() > LONGEST {
                return None;
            }
            let engagement = comparison.engagement.to_string();
            Some(match compare::compare(context, &tenant, &comparison).await {
                Ok(found) => Compared { engagement, found: Some(found), failure: None },
                Err(failure) => {
                    tracing::error!(subject = engagement, reason = failure.reason, "not compared");
                    Compared { engagement, found: None, failure: Some(failure.reason) }
                }
            })
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|compared| async { compared })
        .collect::<Vec<_>>()
        .await;
    Ok(compared)
}
