//! What the calendar asks for: invoices of monthly policies, and a further look at lines that are held.
//!
//! The invoice of an engagement and month has an ID of its own, and so has its request. So running twice, late
//! or not at all for a while does no harm: what was missed is asked for by the next run, once.

use std::time::Duration;

use domain::event::InvoiceRequested;
use domain::id::{EngagementId, derive};
use domain::invoicing::{MonthlyRun, asked_by_run, due_run};
use domain::{Engagement, EngagementStatus, TenantConfig};
use events::{Envelope, Traceparent};
use futures::stream::{StreamExt, iter};
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Key, LINES_AN_INVOICE};
use runtime::{Context, PartOfRun, recheck};
use serde::Serialize;

/// Engagements of a tenant looked at in one run. The list turns by itself: what is beyond comes to its front
/// within a day.
const MOST_ENGAGEMENTS: usize = 20_000;
/// Engagements looked at at once.
const AT_ONCE: usize = 16;
/// After this long no further engagement is begun, well within the function's own time.
const LONGEST: Duration = Duration::from_secs(80);
/// Type of the entry of what a run asked for: no event of the bus has it.
const ASKED: &str = "q2c.invoice-run.v1";

/// What came of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// The tenant.
    pub tenant: String,
    /// Invoices asked for.
    pub asked: usize,
    /// Held lines that became ready.
    pub released: usize,
    /// Why some engagements could not be dealt with; the next run tries again.
    pub failures: Vec<String>,
}

impl PartOfRun for Ran {
    fn name(&self) -> &str {
        &self.tenant
    }

    fn failures(&self) -> &[String] {
        &self.failures
    }
}

/// Looks at every engagement of every tenant. One that fails does not keep the others.
///
/// # Errors
/// When the tenants can't be listed.
pub async fn run_all(context: &Context) -> Result<Vec<Ran>, String> {
    let began = tokio::time::Instant::now();
    let mut all = Vec::new();
    for tenant in context.tenants().await? {
        let ran = Box::pin(run(context, &tenant, began)).await.unwrap_or_else(|why| Ran {
            tenant: tenant.clone(),
            failures: vec![why],
            ..Ran::default()
        });
        let Ran { asked, released, failures, .. } = &ran;
        tracing::info!(tenant, asked, released, failed = failures.len(), "invoice run");
        all.push(ran);
    }
    Ok(all)
}

async fn run(context: &Context, tenant: &str, began: tokio::time::Instant) -> Result<Ran, String> {
    let config = context.connect.tenant(tenant).await.map_err(|e| e.to_string())?;
    let engagements = context.journal.engagements(tenant, MOST_ENGAGEMENTS).await;
    let came = iter(engagements.map_err(|e| e.to_string())?)
        .map(|engagement| {
            let config = &config;
            async move {
                if began.elapsed() > LONGEST {
                    return None;
                }
                Some(Box::pin(look_at(context, config, &engagement)).await.map_err(|e| {
                    tracing::error!(subject = %engagement, reason = %e, "not looked at");
                    format!("{engagement}: {e}")
                }))
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|came| async { came })
        .collect::<Vec<_>>()
        .await;
    let mut ran = Ran { tenant: tenant.to_owned(), ..Ran::default() };
    for one in came {
        match one {
            Ok((asked, released)) => {
                ran.asked += usize::from(asked);
                ran.released += released;
            }
            Err(why) => ran.failures.push(why),
        }
    }
    Ok(ran)
}

/// Looks at an engagement: whether an invoice was asked for now, and how many held lines became ready.
async fn look_at(
    context: &Context,
    config: &TenantConfig,
    id: &EngagementId,
) -> Result<(bool, usize), JournalError> {
    let (journal, tenant) = (&context.journal, config.tenant.as_str());
    let Some(engagement) = journal.engagement(tenant, id.as_str()).await?.body else { return Ok((false, 0)) };
    let released = if engagement.held_lines > 0 {
        Box::pin(recheck(context, tenant, id.as_str(), config)).await?
    } else {
        0
    };
    let policy = config.invoicing.policy_of(&engagement, config);
    let today = context.business_day(config).map_err(JournalError::Decision)?;
    let due = due_run(policy.ask, today).filter(|_| engagement.status == EngagementStatus::Active);
    let Some(run) = due else { return Ok((false, released)) };
    if journal.store().get(&entry_key(tenant, id, run)).await?.is_some() {
        return Ok((false, released));
    }
    let ready = journal.ready_lines(tenant, id.as_str(), LINES_AN_INVOICE).await?;
    let asked = asked_by_run(&engagement, &policy, run, &ready);
    match asked.map_err(|e| JournalError::Decision(e.to_string()))? {
        Some(asked) => Ok((ask(context, tenant, &engagement, run, asked).await?, released)),
        None => Ok((false, released)),
    }
}

/// What a run of an engagement and month is known by.
fn entry_id(tenant: &str, id: &EngagementId, run: MonthlyRun) -> uuid::Uuid {
    derive(&[tenant, ASKED, id.as_str(), &run.month()])
}

fn entry_key(tenant: &str, id: &EngagementId, run: MonthlyRun) -> Key {
    Key::journal(tenant, id.as_str(), entry_id(tenant, id, run))
}

/// Asks for the invoice of a month; gives whether nobody had asked before.
async fn ask(
    context: &Context,
    tenant: &str,
    engagement: &Engagement,
    run: MonthlyRun,
    asked: InvoiceRequested,
) -> Result<bool, JournalError> {
    let (id, now) = (&engagement.engagement, context.clock.now());
    let summary = format!("{}: {} of what was earned until {}", asked.reason, asked.invoice, run.cut_off);
    let which = format!("{id}|{}", run.month());
    let told = Envelope::scheduled(
        tenant,
        context.function,
        &which,
        id.as_str(),
        now,
        asked.into(),
        Traceparent::start(),
    );
    let entry = JournalEntry {
        event_id: entry_id(tenant, id, run),
        event_type: ASKED.into(),
        body_hash: String::new(),
        ..JournalEntry::of(&told, EntryOutcome::Applied, summary, now)
    };
    let commit = Commit::default().entry(tenant, &entry)?.emit([told]);
    match context.journal.commit(commit).await? {
        Committed::Done => Ok(true),
        // Another run was faster.
        Committed::Rejected(_) => Ok(false),
        Committed::Contended => Err(JournalError::Contended(id.to_string())),
    }
}
