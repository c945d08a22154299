//! Showing the account team where an engagement stands, and which version of its contract is in force.

use connectors::operation::WriteDealStatus;
use domain::engagement::Engagement;
use events::Envelope;
use journal::JournalError;
use workflow::{Run, StepError};

use crate::context::Context;
use crate::flow::Systems;

/// Versions that may come into force while one is being shown.
const MOST_ROUNDS: usize = 10;

/// Shows an engagement on its deal as part of a run.
///
/// It is shown again until no other version came into force in the meantime: of an activation and a
/// change order that show at once, the one that writes last has seen the latest.
///
/// # Errors
/// [`StepError`]; repeating the run goes on where it stopped.
pub async fn show_engagement(
    context: &Context,
    run: &mut Run,
    event: &Envelope,
    systems: &Systems,
) -> Result<(), StepError> {
    let mut shown = None;
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.engagement(&event.tenant, &event.subject).await?.body;
        let vanished = || JournalError::Decision(format!("{} vanished", event.subject));
        let engagement = known.ok_or_else(vanished)?;
        let version = engagement.contract.version;
        if shown == Some(version) {
            return Ok(());
        }
        run.perform(&step(version), systems.crm.connection(), &systems.crm, &status(&engagement)?).await?;
        shown = Some(version);
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}

/// Each version is a step of its own: one that was shown says nothing of the next.
fn step(version: u32) -> String {
    if version == 1 { "deal-status".into() } else { format!("deal-status {version}") }
}

fn status(engagement: &Engagement) -> Result<WriteDealStatus, JournalError> {
    let value = engagement.contract.value().map_err(|e| JournalError::Decision(e.to_string()))?;
    Ok(WriteDealStatus {
        deal: engagement.deal.clone(),
        engagement: engagement.engagement.clone(),
        customer: Some(engagement.customer.clone()),
        engagement_status: Some(engagement.status),
        contract_version: Some(engagement.contract.version),
        contract_value: Some(value),
        invoice_number: None,
        invoice_status: None,
        invoice_total: None,
        tax: None,
        paid: None,
        credited: None,
        collections: None,
    })
}
