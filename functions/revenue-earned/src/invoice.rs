//! Invoices that were confirmed: what is recognised as it is billed, page by page.

use domain::contract::RevenueTreatment;
use domain::engagement::Engagement;
use domain::invoice::InvoiceConfirmed;
use domain::revenue::{RevenueEarned, earned_by_invoice};
use events::Envelope;
use jiff::civil::Date;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, LinePage};
use runtime::{Context, Failure, Outcome};

use crate::keep::keep;
use crate::line::Setting;
use crate::{engagement_of, told_nothing};

/// Takes an invoice. The journal's entry is the last write: whoever comes back finds what was told before and
/// goes on behind it.
pub(crate) async fn take(
    context: &Context,
    event: &Envelope,
    confirmed: &InvoiceConfirmed,
) -> Result<Outcome, Failure> {
    let (tenant, id) = (event.tenant.as_str(), engagement_of(event)?);
    let known = context.journal.engagement(tenant, id.as_str()).await?.body;
    let engagement = known.ok_or_else(|| Failure::new(format!("{id} is not there")))?;
    // A treatment stays with its service through all versions, so the one in force has every one of them.
    if !as_billed(&engagement) {
        let why = format!("nothing on {} is recognised as it is billed", confirmed.number);
        return Ok(told_nothing(context, event, &why).await?);
    }
    let zone = context.business_time_zone(tenant).await?;
    let invoiced_on = confirmed.invoiced_on.unwrap_or_else(|| event.time.to_zoned(zone).date());
    let (mut count, pages) = (0, context.journal.invoice_pages(tenant, &id, &confirmed.invoice).await?);
    for LinePage { lines } in pages {
        let setting = Setting::read(context, tenant, &id, &lines).await?;
        let told = told_of(&setting, &lines, (confirmed, invoiced_on))?;
        count += told.len();
        keep(context, event, &told).await?;
    }
    let summary = format!("{}: {count} lines are recognised as they are billed", confirmed.number);
    let entry = JournalEntry::of(event, EntryOutcome::Applied, summary, context.clock.now());
    match context.journal.commit(Commit::default().entry(tenant, &entry)?).await? {
        Committed::Done => Ok(Outcome::Applied),
        Committed::Rejected(_) => Ok(Outcome::Duplicate),
        Committed::Contended => Err(JournalError::Contended(id.to_string()).into()),
    }
}

fn as_billed(engagement: &Engagement) -> bool {
    engagement.contract.revenue.values().any(|t| *t == RevenueTreatment::AsBilled)
}

fn told_of(
    setting: &Setting,
    lines: &[domain::billing::BillableLine],
    (confirmed, invoiced_on): (&InvoiceConfirmed, Date),
) -> Result<Vec<RevenueEarned>, Failure> {
    let mut told = Vec::new();
    for line in lines {
        let contract = setting.contract(line)?;
        let by = (&confirmed.invoice, invoiced_on);
        told.extend(earned_by_invoice(
            &setting.engagement,
            contract,
            line,
            by,
            setting.closed_until(contract),
        ));
    }
    Ok(told)
}
