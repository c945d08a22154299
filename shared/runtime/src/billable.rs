//! Billable work: decided, held where it can't be billed, and looked at again once the cause may be gone.

use domain::billing::hold::HoldReason;
use domain::billing::readiness::{Facts, check, readied};
use domain::customer::GlobalCustomer;
use domain::event::BillingReady;
use domain::id::{EngagementId, derive};
use domain::invoicing::asked_by_release;
use domain::{Decision, Engagement, Event, TenantConfig};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::{
    Commit, Committed, Decide, Deciding, EntryOutcome, JournalEntry, JournalError, LINES_AN_INVOICE,
    LineRecord, Versioned, apply_group_on,
};
use uuid::Uuid;

use crate::context::Context;
use crate::failure::{Failure, Outcome};

/// Held lines of an engagement that are released in one go; the next one takes the rest.
const MOST_RECHECKED: usize = 200;
/// Others that may write the same engagement.
const MOST_ROUNDS: usize = 20;
/// Type of the entry of a line that became ready again: no event of the bus has it.
const RELEASED: &str = "q2c.line.released.v1";

/// Decides on billable events of one engagement, with what the tenant's configuration and the customer say of
/// each line, and commits them together. What is held there is looked at again afterwards.
pub async fn commit_billable(
    context: &Context,
    group: Vec<Envelope>,
    config: &TenantConfig,
    decide: &Decide<'_>,
) -> Vec<(Uuid, Result<Outcome, Failure>)> {
    let events: Vec<Uuid> = group.iter().map(|e| e.id).collect();
    match Box::pin(committed(context, &group, config, decide)).await {
        Ok(outcomes) => outcomes,
        Err(error) => Failure::from(error).of_each(events),
    }
}

async fn committed(
    context: &Context,
    group: &[Envelope],
    config: &TenantConfig,
    decide: &Decide<'_>,
) -> Result<Vec<(Uuid, Result<Outcome, Failure>)>, JournalError> {
    let Some(first) = group.first() else { return Ok(vec![]) };
    let (journal, tenant, subject) = (&context.journal, first.tenant.as_str(), first.subject.as_str());
    let Standing { state, customer } = Standing::read(context, tenant, subject).await?;
    let any_held = state.body.as_ref().is_some_and(|e| e.held_lines > 0);
    let facts = Facts { config, customer: customer.as_ref() };
    let now = context.clock.now();
    let ready = |decision: Decision, state: Option<&Engagement>| readied(decision, state, &facts);
    let deciding = Deciding { decide, ready: &ready };
    let outcomes = apply_group_on(journal, context.function, group, now, state, deciding).await?;
    if any_held && let Err(error) = recheck(context, tenant, subject, config).await {
        // The events are committed; what is held is looked at again by the next run.
        tracing::warn!(subject, reason = %error, "held lines not looked at");
    }
    Ok(outcomes.into_iter().map(|(id, outcome)| (id, Ok(outcome))).collect())
}

/// Looks again at the lines of an engagement that are held for what a correction settles; those that nothing
/// keeps from being billed become ready, each in a commit of its own. Gives how many.
///
/// # Errors
/// When the table can't be reached or stays contended.
pub async fn recheck(
    context: &Context,
    tenant: &str,
    subject: &str,
    config: &TenantConfig,
) -> Result<usize, JournalError> {
    let mut released = 0;
    let Standing { state, customer } = Standing::read(context, tenant, subject).await?;
    let Some(engagement) = state.body.as_ref() else { return Ok(0) };
    let facts = Facts { config, customer: customer.as_ref() };
    let settled = |listed: &LineRecord| {
        let by_itself = listed.hold.as_ref().is_some_and(|hold| hold.reason != HoldReason::Person);
        by_itself && check(&listed.line, engagement, &facts).is_none()
    };
    let held = context.journal.held_lines(tenant, subject, LINES_AN_INVOICE).await?;
    for listed in held.into_iter().filter(settled).take(MOST_RECHECKED) {
        if released_if_sound(context, tenant, subject, config, &listed).await? {
            released += 1;
        }
    }
    Ok(released)
}

async fn released_if_sound(
    context: &Context,
    tenant: &str,
    subject: &str,
    config: &TenantConfig,
    listed: &LineRecord,
) -> Result<bool, JournalError> {
    let journal = &context.journal;
    for _ in 0..MOST_ROUNDS {
        let Standing { state, customer } = Standing::read(context, tenant, subject).await?;
        let facts = Facts { config, customer: customer.as_ref() };
        let Some(engagement) = state.body.as_ref() else { return Ok(false) };
        let line = listed.line.line.as_str();
        let Some(record) = journal.line(tenant, subject, line).await? else { return Ok(false) };
        let Some(hold) = record.hold.as_ref().filter(|h| h.reason != HoldReason::Person) else {
            return Ok(false);
        };
        if check(&record.line, engagement, &facts).is_some() {
            return Ok(false);
        }
        let now = context.clock.now();
        let which = format!("{line}|{}", hold.exception);
        let told = ready_events(engagement, &record, config).into_iter().map(|event| {
            let trace = Traceparent::start();
            Envelope::scheduled(tenant, context.function, &which, subject, now, event, trace)
        });
        let entry = released_entry(tenant, &engagement.engagement, &which, &record, now);
        let mut commit = Commit::default().entry(tenant, &entry)?.emit(told.collect::<Vec<_>>());
        commit.writes.extend(journal.release_line(tenant, &state, (&record.line, hold), now).await?);
        match journal.commit(commit).await? {
            Committed::Done => return Ok(true),
            // Somebody else released it, or changed the engagement: look again.
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(subject.to_owned()))
}

/// What is told when a held line becomes ready: that it is, and the invoice that it asks for by its policy.
#[must_use]
pub fn ready_events(engagement: &Engagement, record: &LineRecord, config: &TenantConfig) -> Vec<Event> {
    let line = &record.line;
    let policy = config.invoicing.policy_of(engagement, config);
    let ready = BillingReady { line: line.line.clone(), amount: line.amount };
    let asked = record.hold.as_ref().and_then(|hold| asked_by_release(engagement, &policy, line, hold));
    std::iter::once(Event::from(ready)).chain(asked.map(Event::from)).collect()
}

fn released_entry(
    tenant: &str,
    engagement: &EngagementId,
    which: &str,
    record: &LineRecord,
    now: Timestamp,
) -> JournalEntry {
    JournalEntry {
        event_id: derive(&[tenant, RELEASED, which]),
        event_type: RELEASED.into(),
        body_hash: String::new(),
        subject: engagement.to_string(),
        occurred_at: now,
        recorded_at: now,
        correlation_id: engagement.to_string(),
        causation_id: None,
        outcome: EntryOutcome::Applied,
        summary: format!("line {} of {} may be billed now", record.line.line, record.line.amount),
    }
}

/// An engagement with its customer, read together for a decision on its lines.
pub struct Standing {
    /// The state, with the version that a write must find.
    pub state: Versioned<Engagement>,
    /// Its customer; none where no activation kept one.
    pub customer: Option<GlobalCustomer>,
}

impl Standing {
    /// Reads both.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn read(context: &Context, tenant: &str, subject: &str) -> Result<Self, JournalError> {
        let state = context.journal.engagement(tenant, subject).await?;
        let customer = match &state.body {
            Some(engagement) => context.journal.customer(tenant, &engagement.customer).await?.body,
            None => None,
        };
        Ok(Self { state, customer })
    }
}
