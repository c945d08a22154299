//! When a month is over, what revenue schedules plan for it is told, each month of each engagement once.
//!
//! How far a schedule was told is one item, written with the events that tell it. So a run may be missed,
//! repeated, late, or meet another: months that were missed are told one by one, the oldest first.

use std::time::Duration;

use domain::id::EngagementId;
use domain::revenue::{Recognition, RevenueEarned};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::{Commit, Committed};
use runtime::{Context, Failure, PartOfRun, Telling};
use serde::Serialize;

/// Engagements of a tenant begun in one run; what is left is the next one's.
const MOST_ENGAGEMENTS: usize = 500;
/// Commits of one engagement in one run: months that were missed. The next run takes the rest.
const MOST_COMMITS: usize = 60;
/// Others in a row that may write the same.
const MOST_ROUNDS: u32 = 20;
/// Revenue events of one commit: with one exception for the month they stay below what a transaction holds.
const EVENTS_A_COMMIT: usize = 80;
/// After this long no further engagement is begun, well within the function's own time.
const LONGEST: Duration = Duration::from_secs(80);

/// What came of one engagement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recognised {
    /// The engagement.
    pub engagement: String,
    /// Revenue events told.
    pub told: usize,
    /// Why it could not be told; it is due again at once.
    pub failure: Option<String>,
}

impl PartOfRun for Recognised {
    fn name(&self) -> &str {
        &self.engagement
    }

    fn failures(&self) -> &[String] {
        self.failure.as_slice()
    }
}

/// Tells every month that is over, the longest overdue first. One engagement that can't be read does not keep
/// the others.
///
/// # Errors
/// When what is due can't be listed.
pub async fn recognise_due(context: &Context) -> Result<Vec<Recognised>, String> {
    let (began, now) = (tokio::time::Instant::now(), context.clock.now());
    let mut all = Vec::new();
    for tenant in context.tenants().await? {
        let due = context.journal.recognitions_due(&tenant, now, MOST_ENGAGEMENTS).await;
        for engagement in due.map_err(|e| e.to_string())? {
            if began.elapsed() > LONGEST {
                return Ok(all);
            }
            let mut told = 0;
            let failure = recognise(context, &tenant, &engagement, &mut told).await.err();
            if let Some(failure) = &failure {
                tracing::error!(subject = engagement.as_str(), reason = failure.reason, "revenue not told");
            }
            let failure = failure.map(|failure| failure.reason);
            all.push(Recognised { engagement: engagement.to_string(), told, failure });
        }
    }
    Ok(all)
}

/// Tells the months of one engagement that are over, one commit each.
async fn recognise(
    context: &Context,
    tenant: &str,
    engagement: &EngagementId,
    told: &mut usize,
) -> Result<(), Failure> {
    let (config, zone) = context.business(tenant).await?;
    let overflow = |e: domain::money::MoneyError| Failure::new(e.to_string());
    let mut met = 0;
    for _ in 0..MOST_COMMITS {
        let Some(telling) = Telling::read(context, tenant, engagement).await? else { return Ok(()) };
        let stored = telling.recognition();
        let expected = stored.clone().planned(telling.planned()).map_err(overflow)?;
        let now = context.clock.now();
        let is_over = expected.next.is_some_and(|period| period.over_at(&zone) <= now);
        // The index lags, or a change order moved what comes next.
        if !is_over && expected == stored {
            return Ok(());
        }
        let (next, events) = if is_over {
            let closed_until = config.closed_until(telling.legal_entity());
            stored.tell(telling.planned(), closed_until, EVENTS_A_COMMIT).map_err(overflow)?
        } else {
            (expected, Vec::new())
        };
        let due_at = Telling::due_at(&next, &zone);
        let commit = telling_of(context, tenant, (&next, due_at), &events, telling.stored.version).await?;
        match context.journal.commit(commit).await? {
            Committed::Done => {
                *told += events.len();
                met = 0;
            }
            // Another run was faster, or the schedule was drawn up anew: look again.
            Committed::Rejected(_) | Committed::Contended if met < MOST_ROUNDS => met += 1,
            Committed::Rejected(_) | Committed::Contended => {
                return Err(Failure::new(format!("{engagement} stayed contended")));
            }
        }
    }
    Ok(())
}

/// The commit that tells a month: its events, how far the schedule is told then, and what came too late.
async fn telling_of(
    context: &Context,
    tenant: &str,
    (next, due_at): (&Recognition, Option<Timestamp>),
    events: &[RevenueEarned],
    expected: u64,
) -> Result<Commit, Failure> {
    let (journal, now) = (&context.journal, context.clock.now());
    let subject = next.engagement.as_str();
    let announced: Vec<Envelope> = events
        .iter()
        .map(|told| {
            let (which, told) = (told.revenue.as_str(), told.clone().into());
            Envelope::scheduled(tenant, context.function, which, subject, now, told, Traceparent::start())
        })
        .collect();
    let mut commit = Commit::default();
    for (told, announced) in events.iter().zip(&announced) {
        commit = commit.write(journal.write_revenue(tenant, told, None, announced.id, now)?);
    }
    commit = commit.write(journal.write_recognition(tenant, next, due_at, expected, now)?);
    if let Some(first) = announced.first() {
        let told: Vec<&RevenueEarned> = events.iter().collect();
        let late = journal.late_revenue(context.function, first, &told, now).await?;
        commit.writes.extend(late.writes);
        commit = commit.emit(late.raised);
    }
    Ok(commit.emit(announced))
}
