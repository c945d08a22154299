//! The financial readiness gate: before an engagement becomes active, what was sold is compared with
//! what ERP and PSA hold of it.

use std::collections::BTreeSet;

use connectors::Performs;
use connectors::operation::{CreateBillingPlan, CreateProject};
use domain::engagement::Engagement;
use domain::event::{Event, ReadinessConfirmed, RevenueScheduleUpdated};
use domain::recurring::ChargeCalendar;
use domain::revenue::schedule;
use domain::setup::compare;
use domain::statement_of_work::StatementApproval;
use events::Envelope;
use jiff::SignedDuration;
use journal::{Comparison, JournalError, NewVersion, Write};
use runtime::{Context, Systems, still_held};
use workflow::{Run, StepError};

use crate::Accepted;

/// The step that says that the comparison found no difference.
const CONFIRMED: &str = "readiness";

/// What the comparison came to.
pub(crate) enum Readiness {
    /// Sold, set up in the ERP and set up in the PSA agree.
    Confirmed,
    /// They differ: a person must look before delivery starts.
    Differs(domain::Problem),
}

/// Reads back what was set up and compares it with the contract, once.
pub(crate) async fn confirm(
    context: &Context,
    run: &mut Run,
    event: &Envelope,
    systems: &Systems,
    engagement: &Engagement,
) -> Result<Readiness, StepError> {
    run.may_begin(CONFIRMED)?;
    if run.recorded::<u32>(CONFIRMED)?.is_some() {
        return Ok(Readiness::Confirmed);
    }
    let contract = &engagement.contract;
    let zone = context.business_time_zone(&event.tenant).await;
    let zone = zone.map_err(|e| JournalError::Decision(e.to_string()))?;
    let today = context.clock.now().to_zoned(zone).date();
    let (plan, project) = futures::try_join!(
        systems.erp.held_plan(&engagement.engagement, contract.currency),
        systems.psa.held_project(&engagement.engagement, contract.currency, today),
    )?;
    if let Some(problem) = compare(contract, &plan.into(), &project.into(), today) {
        // Too early to be believed where what was made a moment ago need not be shown yet.
        let erp = Performs::<CreateBillingPlan>::idempotency(systems.erp.as_ref()).settles_within();
        run.let_show(CONFIRMED, systems.erp.connection(), erp)?;
        let psa = Performs::<CreateProject>::idempotency(systems.psa.as_ref()).settles_within();
        run.let_show(CONFIRMED, systems.psa.connection(), psa)?;
        // Whoever lost the run may be looking at what its successor has taken back.
        still_held(context, run).await?;
        return Ok(Readiness::Differs(problem));
    }
    run.note(CONFIRMED, &contract.version, "sold, billing plan and project agree").await?;
    Ok(Readiness::Confirmed)
}

/// How long after it became active an engagement is compared with the other systems again.
const FIRST_COMPARISON: SignedDuration = SignedDuration::from_hours(24);

/// What is kept of an engagement that becomes active: its contract version, revenue schedule and
/// statements of work for ever, when it is compared and when something is charged next. With the events that announce it.
pub(crate) async fn kept(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    accepted: &Accepted,
) -> Result<(Vec<Write>, Vec<Event>), JournalError> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let (id, contract) = (&engagement.engagement, &engagement.contract);
    let decision = |e: String| JournalError::Decision(e);
    let zone = context.business_time_zone(tenant).await.map_err(|e| decision(e.to_string()))?;
    let schedule = schedule(contract, now.to_zoned(zone).date()).map_err(|e| decision(e.to_string()))?;
    let due_at = now.saturating_add(FIRST_COMPARISON).unwrap_or(now);
    let comparison = Comparison {
        engagement: id.clone(),
        due_at,
        compared_at: None,
        difference: String::new(),
        missed: None,
        missed_statements: BTreeSet::new(),
    };
    let approval = StatementApproval {
        at: accepted.announced_at.unwrap_or(event.time),
        event: accepted.event.to_string(),
        quote: contract.quote.clone(),
        quote_version: contract.quote_version(),
    };
    let version = NewVersion { contract, drafted: &accepted.drafted, approval: &approval };
    let mut writes = vec![
        journal.write_contract(tenant, id, contract, event.id, now)?,
        journal.write_revenue_schedule(tenant, id, &schedule, event.id, now)?,
        journal.write_comparison(tenant, &comparison, 0)?,
    ];
    if !contract.recurring.is_empty() || !contract.deposits.is_empty() {
        let calendar =
            ChargeCalendar::new(id.clone()).under(contract).map_err(|e| decision(e.to_string()))?;
        writes.push(journal.write_charge_calendar(tenant, &calendar, 0, now)?);
    }
    writes.extend(journal.write_statements_of_work(tenant, id, version, now).await?);
    let ready = ReadinessConfirmed {
        engagement: id.clone(),
        contract_version: contract.version,
        billing_plan: engagement.records.billing_plan.clone().unwrap_or_default(),
        project: engagement.records.project.clone().unwrap_or_default(),
    };
    let updated = RevenueScheduleUpdated { engagement: id.clone(), schedule };
    Ok((writes, vec![ready.into(), updated.into()]))
}
