//! A credit note that the ERP posted is read back: ours is compared and shown in PSA and CRM; one that somebody issued
//! there by hand is recorded, counted and shown to finance.

mod by_hand;

use async_trait::async_trait;
use domain::credit_memo::{CreditMemoIssued as Issued, IssuedCredit};
use domain::id::{CreditMemoId, EngagementId};
use domain::problem::ProblemCode;
use domain::{Event, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry};
use runtime::{Context, Credited, Failure, Handler, Outcome, Posting, each, follow_through, record_credit};
use uuid::Uuid;
use workflow::Workflow;

/// Handles `q2c.credit-memo.issued.v1`.
pub struct CreditMemoIssued;

#[async_trait]
impl Handler for CreditMemoIssued {
    async fn handle(&self, context: &Context, group: Vec<Envelope>) -> Vec<(Uuid, Result<Outcome, Failure>)> {
        each(&group, |event| async move {
            match &event.event {
                Event::CreditMemoIssued(issued) => Box::pin(take(context, event, issued)).await,
                other => Err(Failure::new(format!("{} is no credit note", other.type_name()))),
            }
        })
        .await
    }
}

async fn take(context: &Context, event: &Envelope, issued: &Issued) -> Result<Outcome, Failure> {
    let erp = context.connect.erp(&issued.connection).await?;
    let found = erp.issued_credit(&issued.record).await?;
    let found = found.ok_or_else(|| {
        Failure::new(format!("{} does not show credit note {} yet", issued.connection, issued.record))
    })?;
    let Some(id) = &issued.credit_memo else {
        return by_hand::take(context, event, issued, &found).await;
    };
    match context.journal.owner_of(&event.tenant, id.as_str()).await? {
        Some(owner) => ours(context, event, issued, (id, &owner), &found).await,
        // It carries an ID of ours that we never gave.
        None => by_hand::take(context, event, issued, &found).await,
    }
}

/// One that was asked for here. The workflow that had it posted may not have got to know yet.
async fn ours(
    context: &Context,
    event: &Envelope,
    issued: &Issued,
    (id, owner): (&CreditMemoId, &EngagementId),
    found: &IssuedCredit,
) -> Result<Outcome, Failure> {
    // From here on the event is about the engagement, and its entry stands in that timeline.
    let event = Envelope { subject: owner.to_string(), correlationid: owner.to_string(), ..event.clone() };
    if found.carries.as_deref() != Some(id.as_str()) {
        let detail = format!("{id} was told as record {}, which carries {:?}", issued.record, found.carries);
        return differs(context, &event, Problem::new(ProblemCode::CreditMemoMismatch, detail)).await;
    }
    let (connection, posted) = (issued.connection.as_str(), &found.credit);
    let posting = Posting { connection, posted, entry: true, fence: None };
    let outcome = match record_credit(context, &event, owner, id, posting).await? {
        Credited::Now => Outcome::Applied,
        Credited::Before => known(context, &event, id).await?,
        Credited::Differs(problem) => return differs(context, &event, problem).await,
    };
    let memo = context.journal.credit_memo(&event.tenant, owner, id).await?.body;
    let memo = memo.ok_or_else(|| Failure::new(format!("{id} vanished")))?;
    let run = (Workflow::CreditMemoStatus, id.as_str());
    let invoices = std::slice::from_ref(&memo.invoice);
    follow_through(context, &event, run, invoices, outcome, async |_, _, _| Ok(())).await
}

async fn differs(context: &Context, event: &Envelope, problem: Problem) -> Result<Outcome, Failure> {
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(Outcome::Held)
}

/// It was recorded before, by the workflow that had it posted or by this very event.
async fn known(context: &Context, event: &Envelope, id: &CreditMemoId) -> Result<Outcome, Failure> {
    let why = format!("{id} is recorded as posted already");
    let entry = JournalEntry::of(event, EntryOutcome::NoEffect, why, context.clock.now());
    match context.journal.commit(Commit::default().entry(&event.tenant, &entry)?).await? {
        Committed::Done => Ok(Outcome::NoEffect),
        Committed::Rejected(_) => Ok(Outcome::Duplicate),
        Committed::Contended => Err(Failure::new(format!("{id} stayed contended"))),
    }
}
