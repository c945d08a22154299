//! The commit that takes a posted credit memo off its invoice, once, by whichever function hears of it first: the
//! one that had it posted, or the one that the ERP told.

use domain::billing::LineStatus;
use domain::credit_memo::{CreditMemo, CreditMemoApplied, PostedCredit};
use domain::event::InvoiceRequested;
use domain::id::{CreditMemoId, EngagementId};
use domain::invoice::{Invoice, PaymentTolerance, SmallDifferenceRecorded};
use domain::invoicing::asked_by_rebill;
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::{Problem, TenantConfig};
use events::Envelope;
use journal::{
    Commit, Committed, CrosswalkEntry, EntryOutcome, JournalEntry, JournalError, Rejection, Versioned, Write,
};

use crate::connect::ConnectError;
use crate::context::Context;

/// Writers that may meet at one invoice: payments, postings, other credit memos.
const MOST_ROUNDS: usize = 20;

/// What came of recording a posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credited {
    /// Taken off the invoice now.
    Now,
    /// It had been before.
    Before,
    /// What the ERP posted is not what was asked for.
    Differs(Problem),
}

/// A posting as an ERP's connection told or answered it.
#[derive(Debug, Clone, Copy)]
pub struct Posting<'a> {
    /// The ERP connection.
    pub connection: &'a str,
    /// What it holds.
    pub posted: &'a PostedCredit,
    /// Whether the event's own entry is part of the commit.
    pub entry: bool,
    /// What must hold besides: that the run that posted it is still held.
    pub fence: Option<&'a Write>,
}

/// Takes a posted credit memo off its invoice: number, tax and total, what is set off, and the lines that it
/// releases, in one commit.
///
/// # Errors
/// When the table can't be reached, or credit memo or invoice are unknown.
pub async fn record_credit(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    credit_memo: &CreditMemoId,
    posting: Posting<'_>,
) -> Result<Credited, JournalError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let unknown = |what: &str| JournalError::Decision(format!("{what} is not recorded yet"));
    let config = context.connect.tenant(tenant).await.map_err(|error| match error {
        ConnectError::Journal(error) => error,
        other => JournalError::Decision(other.to_string()),
    })?;
    for _ in 0..MOST_ROUNDS {
        let memo = journal.credit_memo(tenant, owner, credit_memo).await?;
        let body = memo.body.clone().ok_or_else(|| unknown(credit_memo.as_str()))?;
        let next = match body.post(posting.posted) {
            Ok(next) => next,
            Err(problem) => return Ok(Credited::Differs(problem)),
        };
        if body.status.is_posted() {
            return Ok(match (body.record == next.record, body.total == next.total) {
                (true, true) => Credited::Before,
                _ => Credited::Differs(another(&body, posting.posted)),
            });
        }
        let invoice = journal.invoice(tenant, owner, &body.invoice).await?;
        let next = beside(context, tenant, owner, next).await?;
        let tolerances = &config.payment_tolerances;
        let follows = following(context, event, owner, &next, &config).await?;
        let mut commit = taking_off(context, event, owner, posting, (&memo, next), (&invoice, tolerances))?;
        commit.writes.extend(follows.writes);
        let commit = commit.emit(follows.outgoing);
        match journal.commit(commit).await? {
            Committed::Done => return Ok(Credited::Now),
            Committed::Rejected(r) if r.iter().any(|x| taken_by_another(x, credit_memo)) => {
                return Ok(Credited::Differs(another(&body, posting.posted)));
            }
            Committed::Rejected(r) if r.iter().any(is_run) => {
                return Err(JournalError::Decision("the run was taken over".into()));
            }
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(credit_memo.to_string()))
}

/// The credit memo with what it comes to beside those that were posted before. It holds while the invoice keeps the
/// version that was read before: whatever is posted raises it.
async fn beside(
    context: &Context,
    tenant: &str,
    owner: &EngagementId,
    memo: CreditMemo,
) -> Result<CreditMemo, JournalError> {
    let journal = &context.journal;
    let memos = journal.credit_memos_of(tenant, owner, &memo.invoice).await?;
    let billed = if memos.iter().any(CreditMemo::names_no_line) {
        journal.invoice_lines(tenant, owner, &memo.invoice).await?
    } else {
        Vec::new()
    };
    memo.beside(&memos, &billed).map_err(|e| JournalError::Decision(e.to_string()))
}

/// What follows from a posting besides: what is billed anew is asked for, deposits have again what the released lines
/// drew, and what becomes of the invoice is looked at.
async fn following(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    memo: &CreditMemo,
    config: &TenantConfig,
) -> Result<Commit, JournalError> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let asked = billed_anew(context, tenant, owner, memo, config).await?;
    let asked = asked.map(|asked| event.concluded(context.function, owner.as_str(), "rebill", asked.into()));
    let given = memo.redeposited().map_err(|e| JournalError::Decision(e.to_string()))?;
    let mut commit = Commit::default().emit(asked);
    commit.writes.extend(journal.give_back(tenant, owner, &given, now).await?);
    Ok(commit.write(journal.look_again(tenant, owner, &memo.invoice, now).await?))
}

/// The invoice that is asked for, by the engagement's policy, of lines that are released to be billed anew.
async fn billed_anew(
    context: &Context,
    tenant: &str,
    owner: &EngagementId,
    memo: &CreditMemo,
    config: &TenantConfig,
) -> Result<Option<InvoiceRequested>, JournalError> {
    let known = context.journal.engagement(tenant, owner.as_str()).await?.body;
    // What a deposit covered waits for the next invoice: this one would draw again what was just given back, before
    // anybody could return it or write some of the work off.
    let gives_back = memo.parts.iter().any(|part| part.drawn_from.is_some());
    let Some(engagement) = known.filter(|_| memo.rebill && !gives_back) else { return Ok(None) };
    let mut released = Vec::new();
    for line in memo.released().filter(|line| memo.releases_to(line) == LineStatus::Ready) {
        let known = context.journal.line(tenant, owner.as_str(), line.as_str()).await?;
        released.extend(known.map(|known| known.line));
    }
    let policy = config.invoicing.policy_of(&engagement, config);
    Ok(asked_by_rebill(&engagement, &policy, &memo.credit_memo, &released))
}

fn taking_off(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    posting: Posting<'_>,
    (memo, next): (&Versioned<CreditMemo>, CreditMemo),
    (invoice, tolerances): (&Versioned<Invoice>, &[PaymentTolerance]),
) -> Result<Commit, JournalError> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let decision = |what: String| JournalError::Decision(what);
    let body = invoice.body.as_ref().ok_or_else(|| decision(format!("{} is unknown", next.invoice)))?;
    let total = next.total.unwrap_or(next.untaxed);
    let wrong = |e: domain::money::MoneyError| decision(e.to_string());
    let (credited, set_off) = body.credit(next.untaxed, total).map_err(wrong)?;
    let tolerance = tolerances.iter().find(|t| t.amount.currency() == total.currency());
    let by = next.credit_memo.as_str();
    let credited = credited.within(tolerance, by).map_err(wrong)?;
    let small = SmallDifferenceRecorded::between(body, &credited, by).map_err(wrong)?;
    let small = small.map(|told| {
        event.concluded(context.function, owner.as_str(), format!("small-difference {by}"), told.into())
    });
    let open = credited.open().map_err(wrong)?;
    let next = CreditMemo { set_off: Some(set_off), ..next };
    let number = next.number.clone().unwrap_or_default();
    let mut commit = Commit::default();
    if posting.entry {
        let summary = summary(&number, body, total, set_off, open);
        commit = commit.entry(tenant, &JournalEntry::of(event, EntryOutcome::Applied, summary, now))?;
    }
    for (kind, local) in [("credit-memo", &posting.posted.record), ("credit-memo-number", &number)] {
        let link = CrosswalkEntry {
            global_id: next.credit_memo.to_string(),
            connection: posting.connection.to_owned(),
            record_kind: kind.into(),
            local_id: local.clone(),
            engagement: owner.to_string(),
        };
        commit.writes.extend(link.writes(tenant, event.id)?);
    }
    let told = CreditMemoApplied {
        credit_memo: next.credit_memo.clone(),
        invoice: next.invoice.clone(),
        number,
        untaxed: next.untaxed,
        total,
        set_off,
        open,
        released: next.released().cloned().collect(),
        rebill: next.rebill,
    };
    commit = commit
        .write(journal.write_credit_memo(tenant, &next, memo.version, now)?)
        .write(journal.write_invoice(tenant, owner, &credited, invoice.version, now)?)
        .emit([event.concluded(context.function, owner.as_str(), &next.credit_memo, told.into())])
        .emit(small);
    commit.writes.extend(journal.release_lines(tenant, &next, now)?);
    commit.writes.extend(posting.fence.cloned());
    Ok(commit)
}

fn summary(number: &str, invoice: &Invoice, total: Money, set_off: Money, open: Money) -> String {
    let of = invoice.number.as_deref().unwrap_or(invoice.invoice.as_str());
    format!("{number} takes {total} off {of}: {set_off} set off, {open} open")
}

/// Whether a link of the crosswalk stands for another credit memo already.
fn taken_by_another(rejection: &Rejection, credit_memo: &CreditMemoId) -> bool {
    let holder = rejection.current.as_ref().and_then(|item| item.text("global_id"));
    holder.is_some_and(|holder| holder != credit_memo.as_str())
}

fn is_run(rejection: &Rejection) -> bool {
    rejection.current.as_ref().is_some_and(|item| item.text("kind") == Some("workflow"))
}

fn another(memo: &CreditMemo, posted: &PostedCredit) -> Problem {
    let detail = format!(
        "credit memo {} of invoice {} stands as record {:?} of {:?}; the ERP told record {} of {}",
        memo.credit_memo, memo.invoice, memo.record, memo.total, posted.record, posted.total
    );
    Problem::new(ProblemCode::CreditMemoMismatch, detail).with_stake(posted.total)
}
