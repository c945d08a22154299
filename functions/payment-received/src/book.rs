//! Carries a payment's movements to the ERP, one after the other, and shows the invoices that they changed.

use connectors::operation::{AppliedTo, ApplyPayment, Reference};
use domain::cash::{Movement, Receipt};
use domain::id::{EngagementId, InvoiceId, PaymentId};
use events::Envelope;
use journal::{JournalError, LeaseError};
use runtime::{Context, Failure, Outcome, Systems, begin, follow_through};
use workflow::{Run, StepError, Workflow};

/// The step that says which movements a run books.
const COVERS: &str = "covers";
/// The step that books them.
const APPLY: &str = "apply";

/// Books every movement that is not booked yet, in order: the ERP takes cash from an invoice only after it was
/// applied there. One that waits for a person keeps those after it waiting.
pub(crate) async fn carry_out(
    context: &Context,
    event: &Envelope,
    payment: &PaymentId,
) -> Result<Outcome, Failure> {
    let tenant = event.tenant.as_str();
    let Some(receipt) = context.journal.receipt(tenant, payment).await?.body else {
        return Ok(Outcome::NoEffect);
    };
    let Some(home) = receipt.home.clone() else { return Ok(Outcome::NoEffect) };
    for number in 1..=receipt.movements {
        let movement = context.journal.movement(tenant, payment, number).await?;
        let movement =
            movement.ok_or_else(|| Failure::new(format!("movement {number} of {payment} is unknown")))?;
        if Box::pin(book(context, event, &receipt, &home, &movement)).await? == Outcome::Held {
            return Ok(Outcome::Held);
        }
        for engagement in others(&home, &movement) {
            if show(context, event, &engagement, &movement).await? == Outcome::Held {
                return Ok(Outcome::Held);
            }
        }
    }
    Ok(Outcome::Applied)
}

/// Books a movement, together with those after it while nothing of it was sent yet, and shows the invoices of the
/// payment's own engagement.
async fn book(
    context: &Context,
    event: &Envelope,
    receipt: &Receipt,
    home: &EngagementId,
    movement: &Movement,
) -> Result<Outcome, Failure> {
    let event = about(event, home);
    let zone = context.business_time_zone(&event.tenant).await?;
    let booking = movement.booking();
    let run = (Workflow::Payment, booking.as_str());
    let waiting = later(context, &event, receipt, movement).await?;
    let invoices = invoices_of(home, movement, &waiting, receipt);
    follow_through(context, &event, run, &invoices, Outcome::Applied, async |run, systems, engagement| {
        let wrong = |what: String| StepError::from(JournalError::Decision(what));
        let last = covered(context, &event, run, movement, &waiting).await?;
        let mut covered = waiting.iter().filter(|m| m.number <= last);
        let movement = covered.try_fold(movement.clone(), |sum, next| sum.with(next));
        let movement = movement.map_err(|e| wrong(e.to_string()))?;
        if movement.lines.is_empty() && movement.unapplied.is_zero() {
            // An attempt that was refused, or never sent, has nothing to come back for.
            let nothing = Reference { record: String::new() };
            return run.note(APPLY, &nothing, "nothing is left to be booked").await;
        }
        let customer = Systems::customer_account(&engagement.records).map_err(|p| wrong(p.to_string()))?;
        let operation = ApplyPayment {
            payment: movement.payment.clone(),
            booking: movement.booking(),
            reference: receipt.record.clone(),
            customer,
            applied: records(context, &event.tenant, &movement).await?,
            unapplied: movement.unapplied,
            moved_on: movement.moved_at.to_zoned(zone).date(),
        };
        run.perform(APPLY, systems.erp.connection(), &systems.erp, &operation).await?;
        Ok(())
    })
    .await
}

/// The movements after one.
async fn later(
    context: &Context,
    event: &Envelope,
    receipt: &Receipt,
    movement: &Movement,
) -> Result<Vec<Movement>, Failure> {
    let mut found = Vec::new();
    for number in movement.number + 1..=receipt.movements {
        let next = context.journal.movement(&event.tenant, &movement.payment, number).await?;
        found.push(next.ok_or_else(|| Failure::new(format!("movement {number} is unknown")))?);
    }
    Ok(found)
}

/// The last movement that a run books. What is applied and taken back while the ERP was out of reach is booked as
/// what it comes to: by now the ERP may have no room for the first of both, as another payment was booked in between.
/// Once it may have been sent, a booking stays what it is. The runs of the movements that are booked with it end
/// before it is sent, so that none is booked again.
async fn covered(
    context: &Context,
    event: &Envelope,
    run: &mut Run,
    movement: &Movement,
    waiting: &[Movement],
) -> Result<u32, StepError> {
    let read = waiting.last().map_or(movement.number, |last| last.number);
    if run.recorded::<u32>(COVERS)?.is_some_and(|last| last > read) {
        // Somebody else noted movements that came after these were read, and ended their runs: this message
        // comes back and reads them too.
        return Err(JournalError::Contended(movement.payment.to_string()).into());
    }
    if run.has_begun_beyond(COVERS) {
        return Ok(run.recorded(COVERS)?.unwrap_or(movement.number));
    }
    let Some(last) = waiting.last() else { return Ok(movement.number) };
    run.note(COVERS, &last.number, &format!("booked together up to movement {}", last.number)).await?;
    for one in waiting {
        match begin(context, event, Workflow::Payment, &one.booking()).await {
            Ok(other) => other.complete().await?,
            Err(LeaseError::Ended(_)) => {}
            Err(busy) => return Err(busy.into()),
        }
    }
    Ok(last.number)
}

/// The lines of a movement by the ERP's IDs of their invoices.
async fn records(
    context: &Context,
    tenant: &str,
    movement: &Movement,
) -> Result<Vec<AppliedTo>, JournalError> {
    let mut found = Vec::new();
    for line in &movement.lines {
        let invoice = context.journal.invoice(tenant, &line.engagement, &line.invoice).await?.body;
        let record = invoice.and_then(|i| i.record);
        let invoice_record =
            record.ok_or_else(|| JournalError::Decision(format!("{} has no record", line.invoice)))?;
        found.push(AppliedTo { invoice_record, amount: line.amount, stands: line.stands });
    }
    Ok(found)
}

/// Shows the invoices of another engagement that a movement changed.
async fn show(
    context: &Context,
    event: &Envelope,
    engagement: &EngagementId,
    movement: &Movement,
) -> Result<Outcome, Failure> {
    let event = about(event, engagement);
    let booking = movement.booking();
    let run = (Workflow::Payment, booking.as_str());
    let here = movement.lines.iter().filter(|l| l.engagement == *engagement);
    let invoices: Vec<InvoiceId> = here.map(|l| l.invoice.clone()).collect();
    follow_through(context, &event, run, &invoices, Outcome::Applied, async |_, _, _| Ok(())).await
}

fn others(home: &EngagementId, movement: &Movement) -> Vec<EngagementId> {
    let mut found: Vec<EngagementId> = Vec::new();
    for line in &movement.lines {
        if line.engagement != *home && !found.contains(&line.engagement) {
            found.push(line.engagement.clone());
        }
    }
    found
}

/// The invoices to be shown: those that changed, the first invoice where this movement changed none. The order is
/// the same however many movements wait by now: steps are named by it.
fn invoices_of(
    home: &EngagementId,
    movement: &Movement,
    waiting: &[Movement],
    receipt: &Receipt,
) -> Vec<InvoiceId> {
    let here = |m: &Movement| {
        let lines = m.lines.iter().filter(|l| l.engagement == *home);
        lines.map(|l| l.invoice.clone()).collect::<Vec<_>>()
    };
    let mut invoices = here(movement);
    if invoices.is_empty() {
        let first = receipt.applications.iter().find(|a| a.engagement == *home);
        invoices.extend(first.map(|a| a.invoice.clone()));
    }
    for invoice in waiting.iter().flat_map(here) {
        if !invoices.contains(&invoice) {
            invoices.push(invoice);
        }
    }
    invoices
}

fn about(event: &Envelope, engagement: &EngagementId) -> Envelope {
    Envelope { subject: engagement.to_string(), correlationid: engagement.to_string(), ..event.clone() }
}
