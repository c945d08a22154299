//! The request becomes a credit memo that holds what it takes off, or is refused: once, and for good.

use domain::approval::CREDIT_MEMO;
use domain::credit_memo::{CreditError, CreditMemo, CreditMemoRequested as Requested, CreditMemoStatus};
use domain::engagement::Engagement;
use domain::id::EngagementId;
use domain::invoice::{Invoice, InvoiceStatus};
use domain::problem::ProblemCode;
use domain::{Condition, Problem};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Key, Versioned, Write, parking};
use runtime::{Context, Failure};
use workflow::Purpose;

/// Writers that may meet at one invoice: its posting, payments, other credit memos.
const MOST_ROUNDS: usize = 20;

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registered {
    /// The credit memo is written: it holds what it takes off.
    Stands,
    /// Its invoice is not read back as posted yet.
    Waits,
    /// A person is told why not.
    Refused,
    /// It was answered before.
    Known,
}

/// Writes the credit memo that is asked for. Whoever adds one raises the invoice's version, so that two that are asked
/// for at once never take off the same.
pub(crate) async fn register(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    asked: &Requested,
) -> Result<Registered, Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let config = context.connect.tenant(tenant).await?;
    let granted = config.approval_rule(CREDIT_MEMO).is_none();
    for _ in 0..MOST_ROUNDS {
        let invoice = journal.invoice(tenant, owner, &asked.invoice).await?;
        if journal.credit_memo(tenant, owner, &asked.credit_memo).await?.body.is_some() {
            return Ok(Registered::Stands);
        }
        // What was never begun is not begun to be taken back.
        if let Purpose::Undo(_) = context.purpose {
            return Ok(Registered::Known);
        }
        let entry = Key::journal(tenant, &event.subject, event.id);
        if journal.store().get(&entry).await.map_err(JournalError::from)?.is_some() {
            return Ok(Registered::Known);
        }
        let (commit, outcome) = match decide(context, event, owner, asked, &invoice).await? {
            Ok(memo) => {
                let status = if granted { CreditMemoStatus::Approved } else { CreditMemoStatus::Requested };
                (standing(context, event, &CreditMemo { status, ..memo }, &invoice)?, Registered::Stands)
            }
            Err(CreditError::NotPosted { status, .. }) if is_on_its_way(status) => {
                let condition = Condition::InvoicePosted(asked.invoice.clone());
                let parked = parking(event, &condition, context.clock.now())?;
                if journal.is_parked(event, &condition).await? {
                    return Ok(Registered::Waits);
                }
                let commit = Commit::default().write(parked).write(touch(event, owner, asked, &invoice));
                (commit, Registered::Waits)
            }
            Err(why) => (refusal(context, event, owner, asked, &invoice, &why)?, Registered::Refused),
        };
        if let Committed::Done = journal.commit(commit).await? {
            return Ok(outcome);
        }
    }
    Err(JournalError::Contended(asked.invoice.to_string()).into())
}

/// Whether an invoice will be in the books, or may be.
const fn is_on_its_way(status: InvoiceStatus) -> bool {
    matches!(status, InvoiceStatus::Collecting | InvoiceStatus::Drafted | InvoiceStatus::Submitted)
}

async fn decide(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    asked: &Requested,
    invoice: &Versioned<Invoice>,
) -> Result<Result<CreditMemo, CreditError>, JournalError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let engagement: Option<Engagement> = journal.engagement(tenant, &event.subject).await?.body;
    let (Some(engagement), Some(invoice)) = (engagement, &invoice.body) else {
        let (invoice, status) = (asked.invoice.clone(), InvoiceStatus::Empty);
        return Ok(Err(CreditError::NotPosted { invoice, status }));
    };
    // After the invoice, whose version whoever decides on a dispute raises.
    let dispute = match &asked.dispute {
        Some(dispute) => journal.dispute(tenant, owner, dispute).await?.body,
        None => None,
    };
    if let Err(why) = asked.settles(dispute.as_ref()) {
        return Ok(Err(why));
    }
    let billed = journal.invoice_lines(tenant, owner, &invoice.invoice).await?;
    let earlier = journal.credit_memos_of(tenant, owner, &invoice.invoice).await?;
    Ok(CreditMemo::request(&engagement, invoice, &billed, &earlier, asked))
}

fn touch(event: &Envelope, owner: &EngagementId, asked: &Requested, invoice: &Versioned<Invoice>) -> Write {
    Write::Touch {
        key: Key::invoice(&event.tenant, owner.as_str(), asked.invoice.as_str()),
        kind: "invoice",
        expected: invoice.version,
    }
}

/// The credit memo, and to whom its ID belongs: written before the ID leaves us.
fn standing(
    context: &Context,
    event: &Envelope,
    memo: &CreditMemo,
    invoice: &Versioned<Invoice>,
) -> Result<Commit, JournalError> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let key = Key::invoice(tenant, memo.engagement.as_str(), memo.invoice.as_str());
    Ok(Commit::default()
        .write(journal.write_owner(tenant, memo.credit_memo.as_str(), &memo.engagement, event.id)?)
        .write(journal.write_credit_memo(tenant, memo, 0, now)?)
        .write(Write::Touch { key, kind: "invoice", expected: invoice.version }))
}

/// A request that is not granted is over: what is asked for later is another request. The invoice's version is raised
/// with it, so that a repetition that decides at the same time can't decide otherwise.
fn refusal(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    asked: &Requested,
    invoice: &Versioned<Invoice>,
    why: &CreditError,
) -> Result<Commit, JournalError> {
    let now = context.clock.now();
    let problem = Problem::new(ProblemCode::CreditMemoInvalid, format!("{}: {why}", asked.credit_memo));
    let entry = JournalEntry::of(event, EntryOutcome::Held, problem.to_string(), now);
    let (raise, raised) = context.journal.raising(context.function, event, problem, now)?;
    let commit = Commit::default().entry(&event.tenant, &entry)?.write(raise).emit([raised]);
    Ok(match invoice.body {
        Some(_) => commit.write(touch(event, owner, asked, invoice)),
        None => commit,
    })
}

/// A credit memo that was taken back before the ERP posted it holds nothing any more.
pub(crate) async fn give_up(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    asked: &Requested,
) -> Result<(), Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    for _ in 0..MOST_ROUNDS {
        let known = journal.credit_memo(tenant, owner, &asked.credit_memo).await?;
        let Some(memo) = known.body.filter(|memo| memo.stands() && !memo.status.is_posted()) else {
            return Ok(());
        };
        let rejected = memo
            .become_status(CreditMemoStatus::Rejected)
            .map_err(|e| JournalError::Decision(e.to_string()))?;
        let invoice = journal.invoice(tenant, owner, &asked.invoice).await?;
        let write = journal.write_credit_memo(tenant, &rejected, known.version, context.clock.now())?;
        let commit = Commit::default().write(write).write(touch(event, owner, asked, &invoice));
        if let Committed::Done = journal.commit(commit).await? {
            return Ok(());
        }
    }
    Err(JournalError::Contended(asked.credit_memo.to_string()).into())
}
