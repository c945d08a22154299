//! What an event says of a payment, decided on the receipt as it was read.

use std::collections::BTreeMap;

use domain::Event;
use domain::cash::{self, Named, Noted, Receipt, Refused, match_named};
use domain::event::PaymentReceived as Received;
use domain::id::{EngagementId, InvoiceId, PaymentId};
use domain::invoice::Invoice;
use domain::money::Money;
use domain::problem::{Problem, ProblemCode};
use events::Envelope;
use journal::Versioned;
use runtime::{Context, Failure, Systems};

use crate::find;

/// An invoice that is concerned, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Concerned {
    pub(crate) engagement: EngagementId,
    pub(crate) invoice: Versioned<Invoice>,
    /// The ERP in whose books it is; empty where nothing is decided by it.
    books: String,
    amount: Option<Money>,
}

/// What becomes of an event.
pub(crate) enum Decided {
    /// It adds to the receipt.
    Adds(Box<Receipt>),
    /// It was known, or says nothing that counts.
    Known,
    /// It waits for an invoice to be posted.
    TooEarly(Box<Concerned>),
    /// A person must look.
    Held(Problem),
}

/// The payment that an event is about.
pub(crate) fn payment_of(event: &Event) -> Option<PaymentId> {
    match event {
        Event::PaymentReceived(told) => Some(told.payment.clone()),
        Event::PaymentSettled(told) => Some(told.payment.clone()),
        Event::PaymentFailed(told) => Some(told.payment.clone()),
        Event::PaymentRefunded(told) => Some(told.payment.clone()),
        Event::PaymentDisputed(told) => Some(told.payment.clone()),
        Event::PaymentDisputeClosed(told) => Some(told.payment.clone()),
        Event::PaymentApplicationRequested(told) => Some(told.payment.clone()),
        _ => None,
    }
}

/// The connection and the product's ID of the payment, as the event names them.
pub(crate) fn named_by(event: &Event) -> (&str, &str) {
    match event {
        Event::PaymentReceived(told) => (&told.connection, &told.record),
        Event::PaymentSettled(told) => (&told.connection, &told.record),
        Event::PaymentFailed(told) => (&told.connection, &told.record),
        Event::PaymentRefunded(told) => (&told.connection, &told.record),
        Event::PaymentDisputed(told) => (&told.connection, &told.record),
        Event::PaymentDisputeClosed(told) => (&told.connection, &told.record),
        _ => ("", ""),
    }
}

/// Decides on an event. `known` are the invoices that it may apply to and those that the receipt pays; what
/// is looked up for it is added there.
pub(crate) async fn on(
    context: &Context,
    event: &Envelope,
    receipt: &Receipt,
    known: &mut BTreeMap<InvoiceId, Concerned>,
) -> Result<Decided, Failure> {
    let noted = match &event.event {
        Event::PaymentReceived(told) => return received(context, event, told, receipt, known).await,
        Event::PaymentApplicationRequested(asked) => {
            let source = event.id.to_string();
            if receipt.applications.iter().any(|a| a.source == source) {
                return Ok(Decided::Known);
            }
            let invoices = asked.applications.iter().map(|a| (a.invoice.clone(), None)).collect();
            let concerned = concerned(context, event, invoices).await?;
            let allocated = {
                let named: Vec<Named<'_>> = concerned.iter().filter_map(Concerned::named).collect();
                cash::allocate(receipt, &asked.applications, &named, &source)
            };
            known.extend(by_id(concerned));
            return Ok(match allocated {
                Ok(next) => Decided::Adds(Box::new(next)),
                Err(Refused::Because(why)) => {
                    Decided::Held(Problem::new(ProblemCode::ApplicationRefused, why))
                }
                Err(Refused::Amount(error)) => {
                    Decided::Held(Problem::new(ProblemCode::ApplicationRefused, error.to_string()))
                }
            });
        }
        Event::PaymentSettled(told) => receipt.settled(told),
        Event::PaymentFailed(told) => receipt.failed(told),
        Event::PaymentRefunded(told) => receipt.refunded(told),
        Event::PaymentDisputed(told) => receipt.disputed(told),
        Event::PaymentDisputeClosed(told) => receipt.dispute_closed(told),
        other => return Err(Failure::new(format!("{} is nothing about a payment", other.type_name()))),
    };
    Ok(match noted {
        Noted::New(next) => Decided::Adds(next),
        Noted::Known => Decided::Known,
        Noted::Contradicts(problem) => Decided::Held(problem),
    })
}

async fn received(
    context: &Context,
    event: &Envelope,
    told: &Received,
    receipt: &Receipt,
    known: &mut BTreeMap<InvoiceId, Concerned>,
) -> Result<Decided, Failure> {
    if let Some(amount) = receipt.received {
        if amount == told.amount {
            return Ok(Decided::Known);
        }
        let detail = format!("payment {} of {} was told as one of {amount}", told.record, told.amount);
        return Ok(Decided::Held(Problem::new(ProblemCode::EventConflict, detail)));
    }
    let named = find::invoices_of(context, event, told).await?;
    let concerned = concerned(context, event, named).await?;
    let posted = |c: &&Concerned| c.invoice.body.as_ref().is_some_and(Invoice::is_posted);
    if let Some(early) = concerned.iter().find(|c| !posted(c)) {
        return Ok(Decided::TooEarly(Box::new(early.clone())));
    }
    let next = {
        let named: Vec<Named<'_>> = concerned.iter().filter_map(Concerned::named).collect();
        match_named(&receipt.with_receipt(told), &named, &event.id.to_string())
    };
    known.extend(by_id(concerned));
    next.map(|next| Decided::Adds(Box::new(next))).map_err(|e| Failure::new(e.to_string()))
}

impl Concerned {
    fn named(&self) -> Option<Named<'_>> {
        let invoice = self.invoice.body.as_ref()?;
        Some(Named { engagement: &self.engagement, invoice, books: &self.books, amount: self.amount })
    }
}

fn by_id(concerned: Vec<Concerned>) -> impl Iterator<Item = (InvoiceId, Concerned)> {
    concerned.into_iter().filter_map(|c| c.invoice.body.as_ref().map(|i| i.invoice.clone()).map(|id| (id, c)))
}

/// Reads invoices, each with its engagement and the ERP that has it. One that nobody knows is left out.
async fn concerned(
    context: &Context,
    event: &Envelope,
    invoices: Vec<(InvoiceId, Option<Money>)>,
) -> Result<Vec<Concerned>, Failure> {
    let (tenant, journal) = (event.tenant.as_str(), &context.journal);
    let mut found = Vec::new();
    for (invoice, amount) in invoices {
        let Some(engagement) = journal.owner_of(tenant, invoice.as_str()).await? else { continue };
        let read = journal.invoice(tenant, &engagement, &invoice).await?;
        if read.body.is_none() {
            return Err(Failure::new(format!("{invoice} is not recorded yet")));
        }
        let state = journal.engagement(tenant, engagement.as_str()).await?.body;
        let books = match &state {
            Some(state) => {
                let config = context.connect.tenant(tenant).await?;
                Systems::assigned(context, &config, state).await?.erp
            }
            None => String::new(),
        };
        found.push(Concerned { engagement, invoice: read, books, amount });
    }
    Ok(found)
}

/// Reads the invoices that a receipt pays and that are not read yet.
pub(crate) async fn paid_by(
    context: &Context,
    event: &Envelope,
    receipt: &Receipt,
    known: &mut BTreeMap<InvoiceId, Concerned>,
) -> Result<(), Failure> {
    for application in &receipt.applications {
        if known.contains_key(&application.invoice) {
            continue;
        }
        let engagement = application.engagement.clone();
        let invoice = context.journal.invoice(&event.tenant, &engagement, &application.invoice).await?;
        if invoice.body.is_none() {
            return Err(Failure::new(format!("{} is not recorded", application.invoice)));
        }
        let concerned = Concerned { engagement, invoice, books: String::new(), amount: None };
        known.insert(application.invoice.clone(), concerned);
    }
    Ok(())
}
