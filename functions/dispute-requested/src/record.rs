//! The report becomes a dispute with its evidence, or is refused: once, and for good.

use std::collections::BTreeMap;

use domain::Problem;
use domain::billing::BillableLine;
use domain::cash::Payment;
use domain::credit_memo::CreditMemo;
use domain::dispute::{self, Dispute, DisputeError, DisputeKind, DisputeRequested as Requested};
use domain::engagement::Engagement;
use domain::id::EngagementId;
use domain::invoice::Invoice;
use domain::problem::ProblemCode;
use events::Envelope;
use journal::{Commit, EntryOutcome, EvidencePage, Item, JournalError, Versioned};
use runtime::{Context, Failure, Outcome};

use crate::{entry, refuse};

pub(crate) async fn decide(
    context: &Context,
    event: &Envelope,
    (owner, invoice): (&EngagementId, &Versioned<Invoice>),
    asked: &Requested,
) -> Result<(Commit, Outcome), Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let engagement = journal.engagement(tenant, owner.as_str()).await?.body;
    let (Some(engagement), Some(body)) = (engagement, &invoice.body) else {
        let problem = refused(asked, format!("there is no invoice {}", asked.invoice));
        return refuse(context, event, (owner, invoice), problem);
    };
    let billed = journal.invoice_lines(tenant, owner, &asked.invoice).await?;
    let memos = journal.credit_memos_of(tenant, owner, &asked.invoice).await?;
    let disputes = journal.disputes_of(tenant, owner, &asked.invoice).await?;
    if disputes.iter().any(|known| known.dispute == asked.dispute) {
        let summary = format!("{} is recorded already", asked.dispute);
        return Ok((entry(context, event, EntryOutcome::NoEffect, summary)?, Outcome::NoEffect));
    }
    let (dispute, next) = match Dispute::request(&engagement, body, &billed, &memos, &disputes, asked) {
        Ok(decided) => decided,
        Err(why) => return refuse(context, event, (owner, invoice), told(asked, body, &why)),
    };
    let evidence = evidence(context, event, &engagement, (body, &billed, &memos), asked).await?;
    let now = context.clock.now();
    let summary = format!(
        "{} of {} contested ({}): {}",
        dispute.contested,
        body.number.as_deref().unwrap_or(asked.invoice.as_str()),
        dispute.dispute_kind.as_str(),
        dispute.reason
    );
    let recorded = event.concluded(context.function, &event.subject, 0, dispute.clone().into());
    let mut commit = entry(context, event, EntryOutcome::Applied, summary)?
        .emit([recorded])
        .write(journal.write_dispute(tenant, &dispute, 0, now)?)
        .write(journal.write_invoice(tenant, owner, &next, invoice.version, now)?)
        .write(journal.look_again(tenant, owner, &asked.invoice, now).await?);
    commit.writes.extend(journal.write_evidence(tenant, &dispute, &evidence, event.id, now)?);
    Ok((commit, Outcome::Applied))
}

/// What the dispute keeps of how the contested came about, as it is now.
async fn evidence(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    (invoice, billed, memos): (&Invoice, &[BillableLine], &[CreditMemo]),
    asked: &Requested,
) -> Result<EvidencePage, Failure> {
    let (journal, tenant, owner) = (&context.journal, event.tenant.as_str(), &engagement.engagement);
    if asked.dispute_kind == DisputeKind::Balance {
        let items = journal.listed(tenant, owner.as_str(), "payment#", usize::MAX).await?;
        let payments: Vec<Payment> = items.iter().map(Item::body).collect::<Result<_, _>>()?;
        return Ok(EvidencePage { lines: vec![], cash: dispute::cash(invoice, &payments, memos) });
    }
    let lines = asked.contested(invoice, billed, memos).map_err(|e| JournalError::Decision(e.to_string()))?;
    let mut contracts = BTreeMap::new();
    for line in &lines {
        if contracts.contains_key(&line.contract_version) {
            continue;
        }
        if let Some(contract) = journal.contract(tenant, owner, line.contract_version).await? {
            contracts.insert(line.contract_version, contract);
        }
    }
    Ok(EvidencePage { lines: dispute::trace(&lines, &contracts), cash: vec![] })
}

fn refused(asked: &Requested, why: String) -> Problem {
    Problem::new(ProblemCode::DisputeRefused, format!("{}: {why}", asked.dispute))
}

/// The refusal with the money that the customer contests, as far as that is known.
fn told(asked: &Requested, invoice: &Invoice, why: &DisputeError) -> Problem {
    let problem = refused(asked, why.to_string());
    match asked.amount.or(invoice.total) {
        Some(stake) => problem.with_stake(stake),
        None => problem,
    }
}
