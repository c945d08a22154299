//! Time brings charges: each period of a recurring charge that falls due is told once.
//!
//! A period is told by a commit under the version of the engagement's calendar, with an event whose ID names
//! engagement, charge and period. So running twice, late or not at all for weeks does no harm: what was missed
//! is told by the next run, the longest overdue first.

use std::time::Duration;

use domain::EngagementStatus;
use domain::recurring::{ChargeCalendar, ChargeDue};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use jiff::civil::Date;
use journal::{Commit, Committed, JournalError};
use runtime::{Context, PartOfRun};
use serde::Serialize;

/// Engagements of a tenant dealt with in one run, the longest overdue first; the next run takes the rest.
const MOST_ENGAGEMENTS: usize = 500;
/// Periods of an engagement told in one run, which is one commit; the next run takes the rest.
const MOST_PERIODS: usize = 24;
/// Others that may write the same calendar.
const MOST_ROUNDS: usize = 20;
/// After this long no further engagement is begun, well within the function's own time.
const LONGEST: Duration = Duration::from_secs(80);

/// What came of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The tenant.
    pub tenant: String,
    /// Periods that were told to be due.
    pub periods: usize,
    /// Why some engagements could not be dealt with; they are due again at once.
    pub failures: Vec<String>,
}

impl PartOfRun for Told {
    fn name(&self) -> &str {
        &self.tenant
    }

    fn failures(&self) -> &[String] {
        &self.failures
    }
}

/// Tells every period that is due, of every tenant. One engagement that fails does not keep the others.
///
/// # Errors
/// When the tenants can't be listed.
pub async fn tell_all(context: &Context) -> Result<Vec<Told>, String> {
    let (mut all, began) = (Vec::new(), tokio::time::Instant::now());
    for tenant in context.tenants().await? {
        let mut told = Told { tenant: tenant.clone(), ..Told::default() };
        if let Err(reason) = tell_tenant(context, &tenant, began, &mut told).await {
            told.failures.push(reason);
        }
        tracing::info!(tenant, told = told.periods, failed = told.failures.len(), "charges told");
        all.push(told);
    }
    Ok(all)
}

async fn tell_tenant(
    context: &Context,
    tenant: &str,
    began: tokio::time::Instant,
    told: &mut Told,
) -> Result<(), String> {
    let zone = context.business_time_zone(tenant).await.map_err(|e| e.to_string())?;
    let today = context.clock.now().to_zoned(zone).date();
    let due = context.journal.charges_due(tenant, today, MOST_ENGAGEMENTS).await;
    for listed in due.map_err(|e| e.to_string())? {
        if began.elapsed() > LONGEST {
            break;
        }
        match tell(context, tenant, &listed, today).await {
            Ok(periods) => told.periods += periods,
            Err(error) => {
                tracing::error!(subject = %listed.engagement, reason = %error, "charges not told");
                told.failures.push(format!("{}: {error}", listed.engagement));
            }
        }
    }
    Ok(())
}

/// Tells what is due of one engagement, as the table itself has it. Gives how many periods.
async fn tell(
    context: &Context,
    tenant: &str,
    listed: &ChargeCalendar,
    today: Date,
) -> Result<usize, JournalError> {
    let (journal, subject) = (&context.journal, listed.engagement.as_str());
    for _ in 0..MOST_ROUNDS {
        // The calendar before the contract: a change order writes both, so what is read of a later contract
        // can't be committed on the calendar of an earlier one.
        let known = journal.charge_calendar(tenant, subject).await?;
        let state = journal.engagement(tenant, subject).await?.body;
        let Some(calendar) = known.body else { return Ok(0) };
        let Some(engagement) = state.filter(|e| e.status == EngagementStatus::Active) else { return Ok(0) };
        let told = calendar.tell(&engagement.contract, today, MOST_PERIODS);
        let (due, after) = told.map_err(|e| JournalError::Decision(e.to_string()))?;
        // The index lags: somebody else told it in the meantime.
        if due.is_empty() && after == calendar {
            return Ok(0);
        }
        let now = context.clock.now();
        let mut commit =
            Commit::default().write(journal.write_charge_calendar(tenant, &after, known.version, now)?);
        for period in &due {
            let event = event(context, tenant, period, now);
            commit = commit.write(journal.write_told_charge(tenant, period, event.id, now)?).emit([event]);
        }
        match journal.commit(commit).await? {
            Committed::Done => return Ok(due.len()),
            // Another run was faster, or a change order came into force: look again.
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(subject.to_owned()))
}

fn event(context: &Context, tenant: &str, due: &ChargeDue, now: Timestamp) -> Envelope {
    let which = format!("{}|{}|{}", due.engagement, due.charge, due.period);
    let (subject, told) = (due.engagement.as_str(), due.clone().into());
    Envelope::scheduled(tenant, context.function, &which, subject, now, told, Traceparent::start())
}
