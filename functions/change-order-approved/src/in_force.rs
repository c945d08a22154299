//! The commit by which the next version of the contract comes into force.

use std::collections::BTreeMap;

use connectors::operation::Assigned;
use domain::Problem;
use domain::change_order::{Change, ChangeOrder};
use domain::delivery::Delivery;
use domain::engagement::Engagement;
use domain::event::{ContractAmended, Event, RateCardAdjusted, RevenueScheduleUpdated, SubscriptionChanged};
use domain::id::EngagementId;
use domain::revenue::{reschedule, schedule};
use domain::statement_of_work::StatementApproval;
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, NewVersion, Versioned};
use runtime::Context;
use workflow::{LeaseError, Run, StepError};

use crate::carry_out::MOST_ROUNDS;
use crate::change::{ASSIGNMENTS, value};
use crate::charges::{charged, overdrawn};
use crate::decide::today;

/// Whether the order is in force.
pub(crate) enum InForce {
    /// It is.
    Yes,
    /// What was billed while systems were being changed stands against it.
    Refused(Vec<Problem>),
}

/// Brings the order into force, unless an earlier attempt did. `psa` is the connection that has the project.
pub(crate) async fn come_into_force(
    context: &Context,
    run: &Run,
    event: &Envelope,
    order: &ChangeOrder,
    psa: &str,
) -> Result<InForce, StepError> {
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.engagement(&event.tenant, &event.subject).await?;
        let vanished = || JournalError::Decision(format!("{} vanished", event.subject));
        let engagement = known.body.clone().ok_or_else(vanished)?;
        if engagement.contract == order.to {
            return Ok(InForce::Yes);
        }
        let standing = order.still_stands(&engagement, today(context, event).await?);
        if !standing.is_empty() {
            return Ok(InForce::Refused(standing));
        }
        let made = run.recorded::<Assigned>(ASSIGNMENTS)?.map(|made| made.records).unwrap_or_default();
        let commit = overdrawn(context, event, order, &engagement)?;
        let commit = amendment(context, event, order, &known, engagement, commit).await?;
        let commit = staffed(context, event, order, (psa, &made), commit).await?;
        let commit = charged(context, event, order, commit).await?;
        match context.journal.commit(commit.write(run.fence())).await? {
            Committed::Done => return Ok(InForce::Yes),
            Committed::Rejected(r) if run.was_fenced_off(&r) => return Err(LeaseError::Superseded.into()),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}

async fn amendment(
    context: &Context,
    event: &Envelope,
    order: &ChangeOrder,
    known: &Versioned<Engagement>,
    engagement: Engagement,
    told: Commit,
) -> Result<Commit, JournalError> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let id = engagement.engagement.clone();
    let changes: Vec<String> = order.changes.iter().map(ToString::to_string).collect();
    let summary = format!("contract version {} in force: {}", order.to.version, changes.join("; "));
    let schedule = match journal.revenue_schedule(tenant, &id, order.from.version).await? {
        Some(before) => reschedule(&order.to, order.effective_on, &before),
        None => schedule(&order.to, order.effective_on),
    };
    let schedule = schedule.map_err(|e| JournalError::Decision(e.to_string()))?;
    let mut next = order.apply(engagement);
    next.change_order = None;
    let mut commit = Commit::default()
        .entry(tenant, &JournalEntry::of(event, EntryOutcome::Applied, summary, now))?
        .write(journal.write_state(tenant, &next, known.version, now)?)
        .write(journal.write_contract(tenant, &id, &order.to, event.id, now)?)
        .write(journal.write_revenue_schedule(tenant, &id, &schedule, event.id, now)?);
    // An engagement from before versions were kept has its first one kept now.
    if journal.contract(tenant, &id, order.from.version).await?.is_none() {
        commit = commit.write(journal.write_contract(tenant, &id, &order.from, event.id, now)?);
    }
    let approval = StatementApproval {
        at: event.time,
        event: event.id.to_string(),
        quote: order.to.quote.clone(),
        quote_version: order.to.quote_version(),
    };
    let version = NewVersion { contract: &order.to, drafted: &order.drafted, approval: &approval };
    commit.writes.extend(journal.write_statements_of_work(tenant, &id, version, now).await?);
    let mut outgoing: Vec<Event> = vec![
        ContractAmended {
            engagement: id.clone(),
            from_version: order.from.version,
            contract_version: order.to.version,
            effective_on: order.effective_on,
            value_before: value(&order.from)?,
            value: value(&order.to)?,
            changes,
        }
        .into(),
        RevenueScheduleUpdated { engagement: id.clone(), schedule }.into(),
    ];
    outgoing.extend(order.changes.iter().filter_map(|change| announced(&next, order, change)));
    let concluded = outgoing.into_iter().enumerate();
    let concluded = concluded.map(|(i, e)| event.concluded(context.function, &event.subject, i, e));
    commit.writes.extend(told.writes);
    Ok(commit.emit(concluded.collect::<Vec<_>>()).emit(told.outgoing))
}

/// The commit, with the assignments as the next version plans them; nothing where no version plans any.
async fn staffed(
    context: &Context,
    event: &Envelope,
    order: &ChangeOrder,
    (psa, made): (&str, &BTreeMap<String, String>),
    commit: Commit,
) -> Result<Commit, StepError> {
    if order.from.staffing == order.to.staffing {
        return Ok(commit);
    }
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let known = journal.delivery(tenant, &event.subject).await?;
    let engagement = EngagementId::try_from(event.subject.clone());
    let engagement = engagement.map_err(|e| JournalError::Decision(e.to_string()))?;
    let mut delivery = known.body.unwrap_or_else(|| Delivery::new(engagement));
    let Some(changed) = delivery.plan(&order.to, psa, made) else { return Ok(commit) };
    let write = journal.write_delivery(tenant, &delivery, known.version, context.clock.now())?;
    let told = event.concluded(context.function, &event.subject, "staffing", changed.into());
    Ok(commit.write(write).emit([told]))
}

/// Changes that others subscribe to by themselves.
fn announced(engagement: &Engagement, order: &ChangeOrder, change: &Change) -> Option<Event> {
    match change {
        Change::RateCard { after, .. } => Some(
            RateCardAdjusted {
                engagement: engagement.engagement.clone(),
                contract_version: order.to.version,
                effective_on: order.effective_on,
                rate_card: after.clone(),
            }
            .into(),
        ),
        Change::RecurringCharge { before, after } => Some(
            SubscriptionChanged {
                engagement: engagement.engagement.clone(),
                contract_version: order.to.version,
                before: before.clone(),
                after: after.clone(),
            }
            .into(),
        ),
        Change::Milestone { .. }
        | Change::TimeCeiling { .. }
        | Change::Expenses { .. }
        | Change::Retainer { .. }
        | Change::Usage { .. }
        | Change::Deposit { .. }
        | Change::Term { .. } => None,
    }
}
