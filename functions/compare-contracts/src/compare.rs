//! Comparing one engagement.

use std::collections::BTreeSet;

use connectors::{CallError, CallErrorKind};
use domain::Problem;
use domain::change_order::{Standing, further_statements, standing};
use domain::engagement::{Engagement, EngagementStatus};
use domain::event::{ChangeOrderApproved, ContractCompared};
use domain::problem::ProblemCode;
use domain::quote::Quote;
use domain::setup::{self, Held};
use events::{Envelope, Traceparent};
use jiff::{SignedDuration, Timestamp};
use journal::{Commit, Committed, Comparison, JournalError};
use runtime::{Context, Failure, Systems};
use serde::Serialize;

/// How long after a comparison the next one is due.
const DAILY: SignedDuration = SignedDuration::from_hours(24);
/// How long a comparison waits for a change order that is being carried out.
const AFTER_A_CHANGE: SignedDuration = SignedDuration::from_hours(1);
/// Exceptions of an engagement that are looked at.
const MOST_EXCEPTIONS: usize = 200;
/// What these events come from.
const SOURCE: &str = "comparison";

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Every system holds what the contract says.
    Agreement,
    /// A system differs: a person must look.
    Difference,
    /// The CRM holds a later approved version, which is carried to the other systems now.
    ChangeOrder,
    /// The CRM holds a later approved version, which is refused: whoever corrects it was told why.
    Refused,
    /// The engagement is not set up, or is being changed: nothing to compare now.
    Nothing,
}

/// Compares an engagement with what the systems hold, and settles when it is due next.
pub(crate) async fn compare(context: &Context, tenant: &str, due: &Comparison) -> Result<Found, Failure> {
    let (version, current) = context.journal.comparison(tenant, &due.engagement).await?;
    let now = context.clock.now();
    // The index lags: somebody else compared it in the meantime.
    if current.is_none_or(|c| c.due_at > now) {
        return Ok(Found::Nothing);
    }
    let known = context.journal.engagement(tenant, due.engagement.as_str()).await?.body;
    let Some(engagement) = known.filter(|e| e.status == EngagementStatus::Active) else {
        return next(context, tenant, due, version, (Found::Nothing, String::new(), DAILY)).await;
    };
    if engagement.change_order.is_some() {
        return next(context, tenant, due, version, (Found::Nothing, String::new(), AFTER_A_CHANGE)).await;
    }
    let config = context.connect.tenant(tenant).await?;
    let systems = Systems::open(context, &config, &engagement).await?;
    let zone = context.business_time_zone(tenant).await?;
    let (today, currency) = (now.to_zoned(zone).date(), engagement.contract.currency);
    let (quote, plan, project) = futures::join!(
        systems.crm.quote_of(&engagement.deal),
        systems.erp.held_plan(&engagement.engagement, currency),
        systems.psa.held_project(&engagement.engagement, currency, today),
    );
    let (quote, contract) = (quote?, &engagement.contract);
    let set_up = setup::compare(contract, &held(plan)?, &held(project)?, today);
    let stands = standing(contract, &quote);
    let later = quote.approved && stands.is_change_order();
    // Of a later version all is later; of the one in force, statements of work may be.
    let further =
        if stands == Standing::Statements { further_statements(contract, &quote) } else { BTreeSet::new() };
    let refused = later && is_refused(context, tenant, &engagement).await?;
    if later && !refused && (due.missed, &due.missed_statements) != (Some(quote.version), &further) {
        let order = missed(tenant, systems.crm.connection(), &engagement, (&quote, &further), now);
        context.bus.publish(vec![order]).await.map_err(|e| Failure::new(e.to_string()))?;
        let missed = Some(quote.version);
        let due = &Comparison { missed, missed_statements: further, ..due.clone() };
        return next(context, tenant, due, version, (Found::ChangeOrder, String::new(), AFTER_A_CHANGE))
            .await;
    }
    let sold = match (later, refused) {
        (true, true) => None,
        (true, false) => Some(setup::not_in_force(contract, &quote)),
        (false, _) => setup::compare_sold(contract, &quote),
    };
    match setup::merged(set_up, sold) {
        None => {
            settle(context, tenant, &engagement).await?;
            let found = if refused { Found::Refused } else { Found::Agreement };
            next(context, tenant, due, version, (found, String::new(), DAILY)).await
        }
        Some(problem) => {
            let said = problem.detail.clone();
            raise(context, tenant, &engagement, problem).await?;
            next(context, tenant, due, version, (Found::Difference, said, DAILY)).await
        }
    }
}

/// What a system holds. What can't be understood is a difference for a person to see; it does not
/// keep the engagement from being compared.
fn held<T>(answer: Result<Option<T>, CallError>) -> Result<Held<T>, CallError> {
    match answer {
        Ok(record) => Ok(record.into()),
        Err(error) if error.kind == CallErrorKind::Mismatch => Ok(Held::Odd(error.detail)),
        Err(error) => Err(error),
    }
}

/// Whether a change order of the engagement waits for its correction. It is not carried on by a comparison,
/// and nobody is told of it again.
async fn is_refused(context: &Context, tenant: &str, engagement: &Engagement) -> Result<bool, JournalError> {
    let subject = engagement.engagement.as_str();
    let raised = context.journal.listed(tenant, subject, "exception#", MOST_EXCEPTIONS).await?;
    let refused = |item: &journal::Item| {
        let code = item.text("code");
        item.text("status") == Some("open")
            && item.text("stage") == Some("change-order-approved")
            // One that a product holds up may be of an order that is in force, and says nothing of the next.
            && code != Some(ProblemCode::ProductRefused.as_str())
            && code != Some(ProblemCode::ProductMismatch.as_str())
    };
    Ok(raised.iter().any(refused))
}

/// The change order that never reached us. Known by quote, version and the statements of work that are
/// further approved, so that it is one event however often it is found missing.
fn missed(
    tenant: &str,
    connection: &str,
    engagement: &Engagement,
    (quote, further): (&Quote, &BTreeSet<String>),
    now: Timestamp,
) -> Envelope {
    let mut delivery = format!("{}:{}", quote.quote, quote.version);
    for statement in further {
        delivery = format!("{delivery}:{statement}");
    }
    // When a statement was approved nobody knows; the quote itself was long before.
    let approved_at = quote.approved_at.filter(|_| further.is_empty()).unwrap_or(now);
    let order =
        ChangeOrderApproved { connection: connection.to_owned(), deal: engagement.deal.clone(), approved_at };
    let subject = engagement.engagement.as_str();
    Envelope::reported(tenant, SOURCE, &delivery, subject, approved_at, order.into(), Traceparent::start())
}

/// One exception for each difference, however often it is found.
async fn raise(
    context: &Context,
    tenant: &str,
    engagement: &Engagement,
    problem: Problem,
) -> Result<(), JournalError> {
    let now = context.clock.now();
    let compared = ContractCompared {
        engagement: engagement.engagement.clone(),
        contract_version: engagement.contract.version,
        difference: problem.detail.clone(),
    };
    let delivery = format!("{}:{}", engagement.contract.version, problem.detail);
    let subject = engagement.engagement.as_str();
    let event =
        Envelope::reported(tenant, SOURCE, &delivery, subject, now, compared.into(), Traceparent::start());
    // Another difference than the last one takes its place in the work queue.
    let standing =
        [context.journal.raise(context.function, &event, problem, vec![event.clone()], now).await?];
    let settled =
        context.journal.settle_exceptions(tenant, subject, context.function, &standing, now).await?;
    write(context, settled).await
}

async fn settle(context: &Context, tenant: &str, engagement: &Engagement) -> Result<(), JournalError> {
    let (subject, now) = (engagement.engagement.as_str(), context.clock.now());
    let settled = context.journal.settle_exceptions(tenant, subject, context.function, &[], now).await?;
    write(context, settled).await
}

/// Settles exceptions. Where somebody settled one in the meantime, the next comparison does the rest.
async fn write(context: &Context, writes: Vec<journal::Write>) -> Result<(), JournalError> {
    if writes.is_empty() {
        return Ok(());
    }
    match context.journal.commit(Commit { writes, ..Commit::default() }).await? {
        Committed::Done | Committed::Rejected(_) | Committed::Contended => Ok(()),
    }
}

/// Writes when the engagement is due next. Where another run did, its word stands.
async fn next(
    context: &Context,
    tenant: &str,
    due: &Comparison,
    version: u64,
    (found, difference, after): (Found, String, SignedDuration),
) -> Result<Found, Failure> {
    let now = context.clock.now();
    let comparison = Comparison {
        engagement: due.engagement.clone(),
        due_at: now.saturating_add(after).unwrap_or(now),
        compared_at: Some(now),
        difference,
        missed: due.missed.filter(|_| found != Found::Agreement),
        missed_statements: if found == Found::Agreement {
            BTreeSet::new()
        } else {
            due.missed_statements.clone()
        },
    };
    let write = context.journal.write_comparison(tenant, &comparison, version)?;
    match context.journal.commit(Commit::default().write(write)).await? {
        Committed::Done | Committed::Rejected(_) | Committed::Contended => Ok(found),
    }
}
