//! Showing an invoice's number, status, tax, payment and collections in PSA and CRM.

use connectors::operation::{WriteDealStatus, WriteInvoiceStatus};
use domain::collections::{Exposure, ToldCollections};
use domain::engagement::Engagement;
use domain::id::InvoiceId;
use domain::invoice::Invoice;
use events::Envelope;
use journal::JournalError;
use workflow::{LeaseError, Run, StepError, Workflow};

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::flow::{Systems, begin, conclude};

/// What a deal shows of an invoice; the project shows all of it either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnDeal {
    /// The invoice as the deal's latest, and what collections says of the engagement.
    Invoice,
    /// What collections says alone: an invoice that grows old does not become the deal's latest by it.
    Collections,
}

/// Changes of one invoice that may happen while it is being shown.
const MOST_ROUNDS: usize = 10;

/// Shows an invoice in PSA and CRM as part of a run. `which` tells its steps from those of other invoices that
/// the run shows; the first has none.
///
/// It is shown again until nothing changed in the meantime: of two functions that show the
/// same invoice at once, the one that writes last has seen the latest state. The deal shows what all invoices of the
/// engagement come to, so that holds for what was told of any of them.
///
/// # Errors
/// [`StepError`]; repeating the run goes on where it stopped.
async fn show_invoice(
    context: &Context,
    run: &mut Run,
    of: (&Systems, &Engagement, &str),
    (invoice, on_deal): (&InvoiceId, OnDeal),
    which: Option<&InvoiceId>,
) -> Result<(), StepError> {
    let (systems, engagement, tenant) = of;
    let mut shown = None;
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.invoice(tenant, &engagement.engagement, invoice).await?;
        let told = context.journal.collections_of(tenant, &engagement.engagement).await?;
        let changes: u32 = told.iter().map(|one| one.changes).sum();
        if shown == Some((known.version, changes)) {
            return Ok(());
        }
        if let Some(body) = &known.body {
            let version = match changes {
                0 => known.version.to_string(),
                changes => format!("{}.{changes}", known.version),
            };
            let version = which.map_or(version.clone(), |which| format!("{which} {version}"));
            write(run, systems, engagement, (body, &told, on_deal), &version).await?;
        }
        shown = Some((known.version, changes));
    }
    Err(JournalError::Contended(invoice.to_string()).into())
}

async fn write(
    run: &mut Run,
    systems: &Systems,
    engagement: &Engagement,
    (invoice, told, on_deal): (&Invoice, &[ToldCollections], OnDeal),
    version: &str,
) -> Result<(), StepError> {
    let (Some(number), Some(total), Some(tax)) = (invoice.number.clone(), invoice.total, invoice.tax) else {
        return Ok(());
    };
    let in_psa = WriteInvoiceStatus {
        project: engagement.records.project.clone().unwrap_or_default(),
        invoice: invoice.invoice.clone(),
        number: number.clone(),
        status: invoice.status.as_str().to_owned(),
        total,
        tax,
        paid: invoice.applied,
        credited: invoice.credited.map(|credited| credited.set_off),
        written_off: Some(invoice.written_off()).filter(|short| short.is_positive()),
        collections: told
            .iter()
            .find(|one| one.invoice == invoice.invoice)
            .and_then(|one| one.stands.clone()),
    };
    run.perform(
        &format!("project-invoice-status {version}"),
        systems.psa.connection(),
        &systems.psa,
        &in_psa,
    )
    .await?;
    let stands = told.iter().filter_map(|one| one.stands.as_ref());
    let collections = Exposure::of(engagement.contract.currency, stands)
        .map_err(|e| JournalError::Decision(e.to_string()))?;
    let nothing = WriteDealStatus {
        deal: engagement.deal.clone(),
        engagement: engagement.engagement.clone(),
        customer: None,
        engagement_status: None,
        contract_version: None,
        contract_value: None,
        invoice_number: None,
        invoice_status: None,
        invoice_total: None,
        tax: None,
        paid: None,
        credited: None,
        collections,
    };
    let in_crm = match on_deal {
        OnDeal::Collections => nothing,
        OnDeal::Invoice => WriteDealStatus {
            invoice_number: Some(number),
            invoice_status: Some(invoice.status.as_str().to_owned()),
            invoice_total: Some(total),
            tax: Some(tax),
            paid: Some(invoice.applied),
            credited: invoice.credited.map(|credited| credited.set_off),
            ..nothing
        },
    };
    run.perform(&format!("deal-invoice-status {version}"), systems.crm.connection(), &systems.crm, &in_crm)
        .await?;
    Ok(())
}

/// Follows a committed event through to PSA and CRM in a run of its own, once: shows each of these invoices of
/// the event's engagement. `before` are the steps that come first.
///
/// # Errors
/// [`Failure`] when the message must come back.
pub async fn follow_through<F>(
    context: &Context,
    event: &Envelope,
    (workflow, run): (Workflow, &str),
    invoices: &[InvoiceId],
    outcome: Outcome,
    before: F,
) -> Result<Outcome, Failure>
where
    F: AsyncFnOnce(&mut Run, &Systems, &Engagement) -> Result<(), StepError>,
{
    follow(context, event, (workflow, run), (invoices, OnDeal::Invoice), outcome, before).await
}

/// Shows what collections says of an invoice, in a run of its own, once: all of the invoice on the project, and on the
/// deal what the engagement's invoices come to.
///
/// # Errors
/// [`Failure`] when the message must come back.
pub async fn show_collections(
    context: &Context,
    event: &Envelope,
    (workflow, run): (Workflow, &str),
    invoice: &InvoiceId,
    outcome: Outcome,
) -> Result<Outcome, Failure> {
    let shown = (std::slice::from_ref(invoice), OnDeal::Collections);
    follow(context, event, (workflow, run), shown, outcome, async |_, _, _| Ok(())).await
}

async fn follow<F>(
    context: &Context,
    event: &Envelope,
    (workflow, run): (Workflow, &str),
    (invoices, on_deal): (&[InvoiceId], OnDeal),
    outcome: Outcome,
    before: F,
) -> Result<Outcome, Failure>
where
    F: AsyncFnOnce(&mut Run, &Systems, &Engagement) -> Result<(), StepError>,
{
    let mut run = match begin(context, event, workflow, run).await {
        Ok(run) => run,
        Err(LeaseError::Ended(_)) => return Ok(outcome),
        Err(other) => return Err(other.into()),
    };
    let steps = async {
        let (tenant, journal) = (event.tenant.as_str(), &context.journal);
        let unknown = |what: &str| JournalError::Decision(format!("{what} is unknown"));
        let engagement =
            journal.engagement(tenant, &event.subject).await?.body.ok_or_else(|| unknown(&event.subject))?;
        let config = context.connect.tenant(tenant).await?;
        let systems = Systems::open(context, &config, &engagement).await?;
        before(&mut run, &systems, &engagement).await?;
        for (n, invoice) in invoices.iter().enumerate() {
            let which = (n > 0).then_some(invoice);
            show_invoice(context, &mut run, (&systems, &engagement, tenant), (invoice, on_deal), which)
                .await?;
        }
        Ok(outcome)
    };
    let result = steps.await;
    conclude(context, run, event, result).await
}
