//! The submission workflow of one invoice.

use connectors::operation::{CreateInvoice, PostInvoice};
use domain::engagement::Engagement;
use domain::event::{InvoiceRequested as Requested, InvoiceSubmitted};
use domain::id::EngagementId;
use domain::invoice::{Invoice, InvoiceStatus, PostedInvoice, assemble};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Versioned, WorkflowStatus};
use runtime::{Context, Failure, Outcome, Systems, begin, conclude};
use workflow::{LeaseError, Purpose, Run, StepError, Workflow};

/// Writers that may meet at one invoice: its own posting may be reported before we return.
const MOST_ROUNDS: usize = 10;

/// Takes an invoice from its request to the ERP's books, however often it is called.
pub(crate) async fn submit(
    context: &Context,
    event: &Envelope,
    requested: &Requested,
) -> Result<Outcome, Failure> {
    let mut run = match begin(context, event, Workflow::Invoice, requested.invoice.as_str()).await {
        Ok(run) => run,
        Err(LeaseError::Ended(status)) => {
            if status == WorkflowStatus::Compensated {
                withdraw(context, event, requested).await?;
            }
            return Ok(Outcome::Duplicate);
        }
        Err(other) => return Err(other.into()),
    };
    let result = Box::pin(steps(context, &mut run, event, requested)).await;
    let outcome = conclude(context, run, event, result).await?;
    if let (Purpose::Undo(_), Outcome::Applied) = (&context.purpose, outcome) {
        withdraw(context, event, requested).await?;
    }
    Ok(outcome)
}

/// An invoice that was taken back to the last step owns no line any more: they are ready for another one.
async fn withdraw(context: &Context, event: &Envelope, requested: &Requested) -> Result<(), Failure> {
    let owner = EngagementId::try_from(event.subject.clone())
        .map_err(|e| JournalError::Decision(format!("only an engagement is invoiced: {e}")))?;
    let now = context.clock.now();
    Ok(context.journal.withdraw_invoice(&event.tenant, &owner, &requested.invoice, now).await?)
}

async fn steps(
    context: &Context,
    run: &mut Run,
    event: &Envelope,
    requested: &Requested,
) -> Result<Outcome, StepError> {
    let tenant = &event.tenant;
    let engagement = context.journal.engagement(tenant, &event.subject).await?.body;
    let engagement =
        engagement.ok_or_else(|| JournalError::Decision(format!("{} is unknown", event.subject)))?;
    if run.recorded::<PostedInvoice>("create")?.is_none() {
        run.may_begin("collect")?;
    }
    let invoice = collect(context, event, &engagement, requested).await?;
    let body = invoice.body.clone().ok_or_else(|| JournalError::Decision("the invoice vanished".into()))?;
    if let Some(why) = body.bills_nothing() {
        // Nobody is billed with less than nothing: what was taken waits for an invoice that comes to more.
        context
            .journal
            .withdraw_invoice(tenant, &engagement.engagement, &body.invoice, context.clock.now())
            .await?;
        let entry = JournalEntry::of(event, EntryOutcome::NoEffect, why, context.clock.now());
        if let Committed::Contended = context.journal.commit(Commit::default().entry(tenant, &entry)?).await?
        {
            return Err(JournalError::Contended(requested.invoice.to_string()).into());
        }
        return Ok(Outcome::NoEffect);
    }
    let config = context.connect.tenant(tenant).await?;
    let systems = Systems::open(context, &config, &engagement).await?;
    let posted = in_the_erp(context, run, &systems, event, &engagement, &body).await?;
    run.may_begin("record")?;
    record(context, event, &engagement, &systems, &posted, requested).await?;
    Ok(Outcome::Applied)
}

/// The invoice with every ready line of its engagement. Lines are taken only while it is
/// collecting: once it went to the ERP, a late line waits for the next invoice.
async fn collect(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    requested: &Requested,
) -> Result<Versioned<Invoice>, StepError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let id = &engagement.engagement;
    for _ in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let known = journal.invoice(tenant, id, &requested.invoice).await?;
        let commit = match known.body.as_ref().map(|i| i.status) {
            None => {
                let fresh = Invoice::request(engagement, requested.invoice.clone(), requested.reason.clone());
                Commit::default()
                    .write(journal.write_invoice(tenant, id, &fresh, known.version, now)?)
                    .write(journal.write_owner(tenant, requested.invoice.as_str(), id, event.id)?)
            }
            Some(InvoiceStatus::Collecting) => {
                let collected = journal.collect_lines(tenant, id, known, &requested.lines, now).await?;
                let Some(fixed) = collected.body.as_ref().and_then(Invoice::fix_lines) else { continue };
                Commit::default().write(journal.write_invoice(tenant, id, &fixed, collected.version, now)?)
            }
            Some(_) => return Ok(known),
        };
        // Whatever came of it, the invoice is read again: it goes nowhere before its lines are fixed.
        let _ = journal.commit(commit).await?;
    }
    Err(JournalError::Contended(requested.invoice.to_string()).into())
}

async fn in_the_erp(
    context: &Context,
    run: &mut Run,
    systems: &Systems,
    event: &Envelope,
    engagement: &Engagement,
    invoice: &Invoice,
) -> Result<PostedInvoice, StepError> {
    let erp = systems.erp.connection().to_owned();
    let decision = |e: String| JournalError::Decision(e);
    let owned =
        context.journal.invoice_lines(&event.tenant, &engagement.engagement, &invoice.invoice).await?;
    let lines = assemble(invoice.untaxed.currency(), &owned).map_err(|e| decision(e.to_string()))?;
    let customer = Systems::customer_account(&engagement.records).map_err(|p| decision(p.to_string()))?;
    let create = CreateInvoice {
        invoice: invoice.invoice.clone(),
        customer,
        payment_terms: invoice.payment_terms.clone(),
        tax_code: invoice.tax_code.clone(),
        purchase_order: invoice.purchase_order.clone(),
        untaxed: invoice.untaxed,
        lines,
    };
    let draft = run.perform("create", &erp, &systems.erp, &create).await?;
    let post =
        PostInvoice { invoice: invoice.invoice.clone(), record: draft.record, untaxed: invoice.untaxed };
    run.perform("post", &erp, &systems.erp, &post).await
}

/// Journals that the ERP took the invoice. Its posting may have been read back already.
async fn record(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    systems: &Systems,
    posted: &PostedInvoice,
    requested: &Requested,
) -> Result<(), StepError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    for _ in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let known = journal.invoice(tenant, &engagement.engagement, &requested.invoice).await?;
        let Some(invoice) = known.body else { break };
        let summary = format!("{} of {} submitted as {}", invoice.invoice, invoice.untaxed, posted.record);
        let submitted = InvoiceSubmitted {
            invoice: invoice.invoice.clone(),
            connection: systems.erp.connection().to_owned(),
            record: posted.record.clone(),
            untaxed: invoice.untaxed,
        };
        let mut commit = Commit::default()
            .entry(tenant, &JournalEntry::of(event, EntryOutcome::Applied, summary, now))?
            .emit([event.concluded(context.function, &event.subject, 0, submitted.into())]);
        // Refused where the ERP's word of its posting was quicker: that says more.
        if let Ok(next) = invoice.submit(&posted.record) {
            commit = commit.write(journal.write_invoice(
                tenant,
                &engagement.engagement,
                &next,
                known.version,
                now,
            )?);
        }
        match journal.commit(commit).await? {
            Committed::Done => return Ok(()),
            // The entry stands: an earlier attempt got this far.
            Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(()),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(requested.invoice.to_string()).into())
}
