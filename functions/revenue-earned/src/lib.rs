//! What the work, an invoice or a contract version means for revenue is told as revenue events, each once.
//!
//! A line that is ready tells what is recognised as it is delivered or by its milestone; an invoice that was
//! confirmed tells what is recognised as it is billed; a credit memo or a write-off takes back; a schedule says when its next month is to be told. Which
//! of them tells a line is the treatment that its contract version has.

mod invoice;
mod keep;
mod line;
mod schedule;
mod taken_back;

use async_trait::async_trait;
use domain::Event;
use domain::id::EngagementId;
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, Failure, Handler, Outcome};
use uuid::Uuid;

/// Others that may write the same exception, or how far the same schedule was told.
const MOST_ROUNDS: u32 = 20;

/// Handles `q2c.billing.ready.v1`, `q2c.invoice.confirmed.v1`, `q2c.revenue-schedule.updated.v1`,
/// `q2c.credit-memo.applied.v1` and `q2c.write-off.recorded.v1`.
pub struct TellRevenue;

#[async_trait]
impl Handler for TellRevenue {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        let (mut ready, mut answers) = (Vec::new(), Vec::new());
        for event in &group {
            let answer = match &event.event {
                Event::BillingReady(told) => {
                    ready.push((event, &told.line));
                    continue;
                }
                Event::InvoiceConfirmed(told) => invoice::take(context, event, told).await,
                Event::CreditMemoApplied(applied) => taken_back::credited(context, event, applied).await,
                Event::WriteOffRecorded(told) => taken_back::written_off(context, event, told).await,
                Event::RevenueScheduleUpdated(_) => schedule::take(context, event).await,
                other => Err(Failure::new(format!("{} tells no revenue", other.type_name()))),
            };
            answers.push((event.id, answer));
        }
        answers.extend(line::take(context, &ready).await);
        answers
    }
}

/// The engagement that an event is about.
fn engagement_of(event: &Envelope) -> Result<EngagementId, Failure> {
    EngagementId::try_from(event.subject.clone()).map_err(|e| Failure::new(e.to_string()))
}

/// Keeps that an event told nothing, and why.
async fn told_nothing(context: &Context, event: &Envelope, why: &str) -> Result<Outcome, JournalError> {
    let entry = JournalEntry::of(event, EntryOutcome::NoEffect, why, context.clock.now());
    match context.journal.commit(Commit::default().entry(&event.tenant, &entry)?).await? {
        Committed::Done => Ok(Outcome::NoEffect),
        Committed::Rejected(_) => Ok(Outcome::Duplicate),
        Committed::Contended => Err(JournalError::Contended(event.subject.clone())),
    }
}

/// A pause that grows, so that writers stop meeting.
async fn pause(round: u32) {
    tokio::time::sleep(std::time::Duration::from_millis(u64::from(round) * 10)).await;
}
