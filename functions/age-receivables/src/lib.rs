//! What becomes of invoices that were posted is told: that they fall due, grow older, are contested, paid or credited.
//!
//! Whatever changes an invoice asks to look at it; what the calendar changes is due on its day. What was told is one
//! item an invoice, written with the event that tells it. So a run may be missed, repeated, late, or meet another: each
//! change is told once, and what nobody saw in between is passed over.

use std::time::Duration;

use domain::TenantConfig;
use domain::collections::{Collections, Exposure, ToldCollections};
use domain::id::{EngagementId, InvoiceId};
use events::{Envelope, Traceparent};
use journal::{Commit, Committed};
use runtime::{Context, Failure, PartOfRun};
use serde::Serialize;

/// Invoices of a tenant looked at in one run; what is left is the next one's.
const MOST_INVOICES: usize = 2_000;
/// Others in a row that may write the same.
const MOST_ROUNDS: usize = 20;
/// After this long no further invoice is begun, well within the function's own time.
const LONGEST: Duration = Duration::from_secs(80);

/// What came of one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Aged {
    /// The invoice.
    pub invoice: String,
    /// Whether a change was told.
    pub told: bool,
    /// Why it could not be looked at; it is due again at once.
    pub failure: Option<String>,
}

impl PartOfRun for Aged {
    fn name(&self) -> &str {
        &self.invoice
    }

    fn failures(&self) -> &[String] {
        self.failure.as_slice()
    }
}

/// Looks at every invoice that is due, the longest overdue first. One that can't be read does not keep the others.
///
/// # Errors
/// When what is due can't be listed.
pub async fn age_due(context: &Context) -> Result<Vec<Aged>, String> {
    let began = tokio::time::Instant::now();
    let mut all = Vec::new();
    for tenant in context.tenants().await? {
        let due = context.journal.collections_due(&tenant, context.clock.now(), MOST_INVOICES).await;
        for (engagement, invoice) in due.map_err(|e| e.to_string())? {
            if began.elapsed() > LONGEST {
                return Ok(all);
            }
            let came = look_at(context, &tenant, &engagement, &invoice).await;
            if let Err(failure) = &came {
                tracing::error!(
                    subject = engagement.as_str(),
                    reason = failure.reason,
                    "collections not told"
                );
            }
            let told = matches!(came, Ok(true));
            all.push(Aged { invoice: invoice.to_string(), told, failure: came.err().map(|f| f.reason) });
        }
    }
    Ok(all)
}

/// Looks at one invoice, and tells what has become of it. Gives whether there was anything to be told.
async fn look_at(
    context: &Context,
    tenant: &str,
    engagement: &EngagementId,
    invoice: &InvoiceId,
) -> Result<bool, Failure> {
    let journal = &context.journal;
    let (config, zone) = context.business(tenant).await?;
    for _ in 0..MOST_ROUNDS {
        // What was told is read first: whoever changes the invoice after that raises its version.
        let known = journal.told_collections(tenant, engagement, invoice).await?;
        let Some(before) = known.body else { return Ok(false) };
        let Some(body) = journal.invoice(tenant, engagement, invoice).await?.body else {
            return Err(Failure::new(format!("{invoice} is not recorded")));
        };
        let now = context.clock.now();
        let days = terms(&config, &body.payment_terms);
        let next = before.on(&body, days, now.to_zoned(zone.clone()).date(), &zone);
        // The index lags: another run has looked already.
        if next == before {
            return Ok(false);
        }
        let mut commit = Commit::default();
        let exposure = exposure(context, tenant, engagement, &next).await?;
        let told = next.told_after(&before, engagement, exposure);
        if let Some(told) = told.clone() {
            let which = format!("{invoice}|{}", told.change);
            let subject = engagement.as_str();
            let (of, trace) = (told.clone().into(), Traceparent::start());
            let event = Envelope::scheduled(tenant, context.function, &which, subject, now, of, trace);
            commit =
                commit.write(journal.write_collections_change(tenant, &told, event.id, now)?).emit([event]);
        }
        let write = journal.write_told_collections(tenant, engagement, &next, known.version, now)?;
        match journal.commit(commit.write(write)).await? {
            Committed::Done => return Ok(told.is_some()),
            // Another run was faster, or the invoice has changed: look again.
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(Failure::new(format!("{invoice} stayed contended")))
}

/// Days of payment terms; none where they are not configured any more.
fn terms(config: &TenantConfig, code: &str) -> Option<u16> {
    config.payment_terms.iter().find(|terms| terms.code == code).map(|terms| terms.days)
}

/// What the engagement's invoices come to with what is told of this one.
async fn exposure(
    context: &Context,
    tenant: &str,
    engagement: &EngagementId,
    next: &ToldCollections,
) -> Result<Option<Exposure>, Failure> {
    let Some(stands) = &next.stands else { return Ok(None) };
    let all = context.journal.collections_of(tenant, engagement).await?;
    let others = all.iter().filter(|other| other.invoice != next.invoice);
    let others = others.filter_map(|other| other.stands.as_ref());
    let all: Vec<&Collections> = others.chain([stands]).collect();
    Exposure::of(stands.open.currency(), all).map_err(|e| Failure::new(e.to_string()))
}
