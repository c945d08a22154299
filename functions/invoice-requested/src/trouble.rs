//! An invoice that can't be made: whom that is told, and when.
//!
//! What the ERP refuses for good is told as the invoice's rejection, with the exception that holds its run. What
//! is only out of reach is tried again by its queue; finance is told once, after the time that the tenant
//! tolerates, and that is settled when the invoice has gone.

use connectors::CallErrorKind;
use domain::Event;
use domain::event::InvoiceRequested as Requested;
use domain::invoice::{Invoice, InvoiceRejected};
use domain::problem::{Problem, ProblemCode};
use events::Envelope;
use jiff::SignedDuration;
use journal::{Item, JournalError};
use runtime::{Context, Failure, Outcome, conclude_telling, settle_all_but, still_held};
use workflow::{Run, StepError};

/// Ends an attempt that came to nothing.
pub(crate) async fn told(
    context: &Context,
    run: Run,
    event: &Envelope,
    requested: &Requested,
    error: StepError,
) -> Result<Outcome, Failure> {
    if let StepError::AwaitsApproval { .. } | StepError::NotBegun { .. } = &error {
        return conclude_telling(context, run, event, Err(error), &|_| vec![]).await;
    }
    let invoice = invoice(context, event, requested).await?;
    let connection = match &error {
        StepError::Call { error, .. } if error.kind == CallErrorKind::Refused => {
            Some(error.connection.clone())
        }
        _ => None,
    };
    if error.problem().is_none()
        && let Some(invoice) = invoice.as_ref().filter(|_| is_late(&error))
    {
        tell_of_delay(context, &run, event, invoice).await?;
    }
    let rejected = |problem: &Problem| {
        let (Some(invoice), Some(connection)) = (&invoice, &connection) else { return vec![] };
        let rejected = InvoiceRejected {
            invoice: invoice.invoice.clone(),
            connection: connection.clone(),
            cause: problem.clone(),
            at_stake: invoice.untaxed,
        };
        vec![event.concluded(context.function, &event.subject, problem, Event::from(rejected))]
    };
    conclude_telling(context, run, event, Err(error), &rejected).await
}

/// A lease that somebody else has is no delay: he is at it.
const fn is_late(error: &StepError) -> bool {
    matches!(error, StepError::Call { .. } | StepError::Settling { .. })
}

async fn invoice(
    context: &Context,
    event: &Envelope,
    requested: &Requested,
) -> Result<Option<Invoice>, JournalError> {
    let Ok(engagement) = event.subject.clone().try_into() else { return Ok(None) };
    Ok(context.journal.invoice(&event.tenant, &engagement, &requested.invoice).await?.body)
}

/// Whether a request has waited for longer than the tenant tolerates.
async fn has_waited(context: &Context, event: &Envelope) -> Result<bool, Failure> {
    let config = context.connect.tenant(&event.tenant).await?;
    let Some(minutes) = config.invoicing.tell_after_minutes else { return Ok(false) };
    let waited = context.clock.now().duration_since(event.time);
    Ok(waited >= SignedDuration::from_mins(i64::from(minutes)))
}

/// Tells finance, in the same words each time: one exception.
async fn tell_of_delay(
    context: &Context,
    run: &Run,
    event: &Envelope,
    invoice: &Invoice,
) -> Result<(), Failure> {
    if !has_waited(context, event).await? {
        return Ok(());
    }
    still_held(context, run).await?;
    let detail = format!("{} can't be made in the ERP yet; it is tried again", invoice.invoice);
    let problem = Problem::new(ProblemCode::InvoiceDelayed, detail).with_stake(invoice.untaxed);
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(())
}

/// An invoice has gone: that it was late is settled.
pub(crate) async fn is_over(
    context: &Context,
    event: &Envelope,
    requested: &Requested,
) -> Result<(), Failure> {
    if !has_waited(context, event).await? {
        return Ok(());
    }
    let is_another = |item: &Item| {
        item.text("code") != Some(ProblemCode::InvoiceDelayed.as_str())
            || !item.text("detail").is_some_and(|d| d.contains(requested.invoice.as_str()))
    };
    Ok(settle_all_but(context, event, is_another).await?)
}
