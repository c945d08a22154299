//! The submission workflow of one invoice.

use connectors::operation::{CreateInvoice, PostInvoice};
use domain::engagement::Engagement;
use domain::event::{InvoiceRequested as Requested, InvoiceSubmitted};
use domain::id::EngagementId;
use domain::invoice::{Invoice, PostedInvoice, assemble};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, WorkflowStatus};
use runtime::{Context, Failure, Outcome, Systems, begin, conclude};
use workflow::{LeaseError, Purpose, Run, StepError, Workflow};

use crate::collect::{Collected, collect};
use crate::hold::{self, Way};
use crate::trouble;

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
    let outcome = match result {
        // The release brings the event back, and the run goes on where it stopped.
        Ok(Outcome::Parked) => {
            run.hold().await?;
            return Ok(Outcome::Parked);
        }
        Err(error) => trouble::told(context, run, event, requested, error).await?,
        done => {
            trouble::is_over(context, event, requested).await?;
            conclude(context, run, event, done).await?
        }
    };
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
    let config = context.connect.tenant(tenant).await?;
    let body = match collect(context, event, &engagement, &config, requested).await? {
        Collected::Invoice(invoice) => *invoice,
        Collected::Nothing { why, beside } => {
            return no_effect(context, event, requested, &why, beside.map(|asked| *asked)).await;
        }
    };
    if let Some(why) = body.bills_nothing() {
        // Nobody is billed with less than nothing: what was taken waits for an invoice that comes to more.
        let (id, now) = (&engagement.engagement, context.clock.now());
        context.journal.withdraw_invoice(tenant, id, &body.invoice, now).await?;
        return no_effect(context, event, requested, &why, None).await;
    }
    if body.is_held() && run.recorded::<PostedInvoice>("create")?.is_none() {
        run.may_begin("create")?;
        if let Way::Held = hold::park(context, event, &engagement, requested).await? {
            return Ok(Outcome::Parked);
        }
    }
    let systems = Systems::open(context, &config, &engagement).await?;
    let Some(posted) = in_the_erp(context, run, &systems, event, &engagement, &body).await? else {
        return Ok(Outcome::Parked);
    };
    run.may_begin("record")?;
    record(context, event, &engagement, &systems, &posted, requested).await?;
    Ok(Outcome::Applied)
}

/// Journals why a request comes to nothing, and asks for what is invoiced beside it.
async fn no_effect(
    context: &Context,
    event: &Envelope,
    requested: &Requested,
    why: &str,
    beside: Option<Requested>,
) -> Result<Outcome, StepError> {
    let entry = JournalEntry::of(event, EntryOutcome::NoEffect, why, context.clock.now());
    let asked =
        beside.map(|b| event.concluded(context.function, &event.subject, &requested.invoice, b.into()));
    let commit = Commit::default().entry(&event.tenant, &entry)?.emit(asked);
    if let Committed::Contended = context.journal.commit(commit).await? {
        return Err(JournalError::Contended(requested.invoice.to_string()).into());
    }
    Ok(Outcome::NoEffect)
}

/// Makes the invoice in the ERP and posts it there; none where it is held before that.
async fn in_the_erp(
    context: &Context,
    run: &mut Run,
    systems: &Systems,
    event: &Envelope,
    engagement: &Engagement,
    invoice: &Invoice,
) -> Result<Option<PostedInvoice>, StepError> {
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
    if run.recorded::<PostedInvoice>("post")?.is_none() {
        run.may_begin("post")?;
        if let Way::Held = hold::begin_posting(context, event, engagement, &invoice.invoice).await? {
            return Ok(None);
        }
    }
    let post =
        PostInvoice { invoice: invoice.invoice.clone(), record: draft.record, untaxed: invoice.untaxed };
    run.perform("post", &erp, &systems.erp, &post).await.map(Some)
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
