//! A credit note that nobody asked us for.

use std::collections::BTreeSet;

use domain::Problem;
use domain::credit_memo::{CreditMemoIssued as Issued, IssuedCredit, ManualAdjustment};
use domain::id::{CustomerId, EngagementId};
use domain::problem::ProblemCode;
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry};
use runtime::{Context, Failure, Outcome};

/// Engagements whose invoices one credit note may name; each has its own record of it.
const MOST_ENGAGEMENTS: usize = 20;

/// Records it with the engagements whose invoices it reduces, and tells finance. One that concerns neither an
/// invoice nor a customer of ours changes nothing here.
pub(crate) async fn take(
    context: &Context,
    event: &Envelope,
    issued: &Issued,
    found: &IssuedCredit,
) -> Result<Outcome, Failure> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let mut owners: BTreeSet<EngagementId> = BTreeSet::new();
    for invoice in &found.invoices {
        if let Some(owner) = journal.owner_of(tenant, invoice.as_str()).await? {
            owners.insert(owner);
        }
    }
    let adjustment = ManualAdjustment::of(&issued.connection, found);
    let customer = found.customer.clone().and_then(|id| CustomerId::try_from(id).ok());
    let what = said(&adjustment, customer.as_ref());
    if owners.is_empty() && customer.is_none() && issued.credit_memo.is_none() {
        let entry = JournalEntry::of(event, EntryOutcome::NoEffect, format!("{what}: none of ours"), now);
        return commit(context, event, Commit::default().entry(tenant, &entry)?, Outcome::NoEffect).await;
    }
    // Where it is about an invoice of ours, it stands in that engagement's timeline.
    let event = match owners.first() {
        Some(owner) => {
            Envelope { subject: owner.to_string(), correlationid: owner.to_string(), ..event.clone() }
        }
        None => event.clone(),
    };
    let entry = JournalEntry::of(&event, EntryOutcome::Held, what.clone(), now);
    let problem = Problem::new(ProblemCode::CreditedByHand, what).with_stake(adjustment.total);
    let (raise, raised) = journal.raising(context.function, &event, problem, now)?;
    let mut writes = Commit::default().entry(tenant, &entry)?.write(raise).emit([raised]);
    for owner in owners.iter().take(MOST_ENGAGEMENTS) {
        writes = writes.write(journal.write_adjustment(tenant, owner, &adjustment, event.id, now)?);
    }
    commit(context, &event, writes, Outcome::Held).await
}

fn said(adjustment: &ManualAdjustment, customer: Option<&CustomerId>) -> String {
    let invoices: Vec<&str> = adjustment.invoices.iter().map(|i| i.as_str()).collect();
    let of = match (invoices.as_slice(), customer) {
        ([], Some(customer)) => format!("customer {customer}, naming no invoice"),
        ([], None) => "nothing that is known here".to_owned(),
        (invoices, _) => invoices.join(", "),
    };
    let number = adjustment.number.as_deref().unwrap_or(&adjustment.record);
    format!("{number} was issued in {} by hand: {} off {of}", adjustment.connection, adjustment.total)
}

async fn commit(
    context: &Context,
    event: &Envelope,
    commit: Commit,
    outcome: Outcome,
) -> Result<Outcome, Failure> {
    match context.journal.commit(commit).await? {
        Committed::Done => Ok(outcome),
        // Its entry stands.
        Committed::Rejected(_) => Ok(Outcome::Duplicate),
        Committed::Contended => Err(Failure::new(format!("{} stayed contended", event.subject))),
    }
}
