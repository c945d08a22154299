//! The commit that applies a payment, once.

use domain::Condition;
use domain::cash::{self, Application};
use domain::event::{Event, ExceptionRaised, PaymentApplied, PaymentReceived as Received};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::Invoice;
use events::Envelope;
use journal::{
    Commit, Committed, EntryOutcome, Exception, Item, JournalEntry, JournalError, Key, Rejection, Versioned,
    Write,
};
use runtime::{Context, Failure, Outcome};

/// Payments and postings that may meet at one invoice.
const MOST_ROUNDS: usize = 20;

/// Applies a payment to its invoice in the journal.
pub(crate) async fn apply(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    invoice: &InvoiceId,
    received: &Received,
) -> Result<Outcome, Failure> {
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.invoice(&event.tenant, owner, invoice).await?;
        let Some(body) = known.body.clone() else {
            return Err(Failure::new(format!("{invoice} is not recorded yet")));
        };
        let (commit, outcome) = match cash::apply(&body, received).map_err(|e| Failure::new(e.to_string()))? {
            Application::TooEarly => (park(context, event, owner, &known, invoice)?, Outcome::Parked),
            Application::Held(problem) => {
                context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
                return Ok(Outcome::Held);
            }
            applied @ Application::Applied { .. } => {
                (applying(context, event, owner, &known, applied)?, Outcome::Applied)
            }
        };
        match context.journal.commit(commit).await? {
            Committed::Done => return Ok(outcome),
            Committed::Rejected(rejections) => {
                if let Some(mine) = rejections.iter().find(|r| r.position == 0) {
                    // Parked before and parked again is no duplicate of an application.
                    return match repeated(context, event, mine).await? {
                        Outcome::Duplicate => {
                            Ok(if outcome == Outcome::Parked { outcome } else { Outcome::Duplicate })
                        }
                        other => Ok(other),
                    };
                }
            }
            Committed::Contended => {}
        }
    }
    Err(Failure::new(format!("{invoice} stayed contended")))
}

/// Keeps the payment until the invoice was read back as posted. The invoice's version is raised,
/// so that its posting can't overlook the payment.
fn park(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    known: &Versioned<Invoice>,
    invoice: &InvoiceId,
) -> Result<Commit, JournalError> {
    let condition = Condition::InvoicePosted(invoice.clone());
    let key = Key::parked(&event.tenant, &event.subject, &condition, event.id);
    let item = Item::new(&key, "parked", &event.tenant, event)?
        .with("body_hash", event.body_hash())
        .with("condition", condition.to_string())
        .with("recorded_at", context.clock.now().to_string());
    let invoice = Key::invoice(&event.tenant, owner.as_str(), invoice.as_str());
    Ok(Commit::default().write(Write::Insert { item, cause: event.id }).write(Write::Touch {
        key: invoice,
        kind: "invoice",
        expected: known.version,
    }))
}

fn applying(
    context: &Context,
    event: &Envelope,
    owner: &EngagementId,
    known: &Versioned<Invoice>,
    application: Application,
) -> Result<Commit, JournalError> {
    let (tenant, now) = (event.tenant.as_str(), context.clock.now());
    let Application::Applied { payment, invoice, problem } = application else {
        return Err(JournalError::Decision("nothing is applied".into()));
    };
    let open = invoice.open().map_err(|e| JournalError::Decision(e.to_string()))?;
    let number = invoice.number.as_deref().unwrap_or(invoice.invoice.as_str());
    let summary = format!("{} applied to {number}, {open} open", payment.applied);
    let applied = PaymentApplied {
        payment: payment.payment.clone(),
        invoice: invoice.invoice.clone(),
        applied: payment.applied,
        open,
    };
    // Positions matter: the entry is first, so that a rejection there means a duplicate.
    let mut commit = Commit::default()
        .entry(tenant, &JournalEntry::of(event, EntryOutcome::Applied, summary, now))?
        .write(context.journal.write_payment(tenant, owner, &payment, event.id, now)?)
        .write(context.journal.write_invoice(tenant, owner, &invoice, known.version, now)?)
        .emit([event.concluded(context.function, &event.subject, 0, applied.into())]);
    if let Some(problem) = problem {
        let cause = [event.id.to_string(), problem.code.as_str().to_owned()];
        let payload = serde_json::to_string(event).unwrap_or_default();
        let causes: Vec<&str> = cause.iter().map(String::as_str).collect();
        let exception =
            Exception::open(&causes, problem.clone(), context.function, &event.correlationid, payload, now);
        let raised: Event = ExceptionRaised { exception: exception.exception.clone(), problem }.into();
        commit = commit
            .write(Write::Insert { item: exception.item(tenant, &event.subject)?, cause: event.id })
            .emit([event.concluded(context.function, &event.subject, 1, raised)]);
    }
    Ok(commit)
}

/// The payment's own record exists: a duplicate when the content is the same.
async fn repeated(context: &Context, event: &Envelope, mine: &Rejection) -> Result<Outcome, Failure> {
    let hash = mine.current.as_ref().and_then(|i| i.text("body_hash"));
    if hash.is_none_or(|hash| hash == event.body_hash()) {
        return Ok(Outcome::Duplicate);
    }
    let problem = domain::Problem::new(
        domain::problem::ProblemCode::EventConflict,
        format!("event {} came with another content than the one that stands", event.id),
    );
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(Outcome::Held)
}
