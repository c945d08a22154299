//! The commit of what an event says of a payment, once: receipt, invoices, movement, what engagements see, and
//! the exceptions that now stand or are settled, all of it or none.

use std::collections::BTreeMap;

use domain::Condition;
use domain::cash::{Movement, MovementLine, Receipt, Settled, rebalance};
use domain::event::{Event, PaymentApplied};
use domain::id::{InvoiceId, PaymentId};
use domain::invoice::{Invoice, SmallDifferenceRecorded};
use domain::payment::PaymentUnapplied;
use domain::problem::{Problem, ProblemCode};
use events::Envelope;
use jiff::Timestamp;
use journal::{
    Commit, Committed, EntryOutcome, Exception, JournalEntry, JournalError, Key, Versioned, Write, parking,
};
use runtime::{Context, Failure, Outcome};

use crate::decide::{self, Concerned, Decided};

/// Notices and postings that may meet at one payment or invoice.
const MOST_ROUNDS: usize = 20;
/// Exceptions that follow from what is known of a payment, and are settled when it changes.
const FOLLOWING: [ProblemCode; 6] = [
    ProblemCode::PaymentUnmatched,
    ProblemCode::Overpayment,
    ProblemCode::PaymentCurrency,
    ProblemCode::PaymentUnknown,
    ProblemCode::PaymentAcrossAccounts,
    ProblemCode::PaymentDisputed,
];

/// Keeps what an event says.
pub(crate) async fn keep(
    context: &Context,
    event: &Envelope,
    payment: &PaymentId,
) -> Result<Outcome, Failure> {
    for _ in 0..MOST_ROUNDS {
        let read = context.journal.receipt(&event.tenant, payment).await?;
        let stored = match &read.body {
            Some(receipt) => receipt.clone(),
            None => match adopted(context, event, payment).await? {
                Some(receipt) => receipt,
                // Somebody else has just kept it: look again.
                None => continue,
            },
        };
        let mut known = BTreeMap::new();
        let decided = decide::on(context, event, &stored, &mut known).await?;
        let event = &at_home(event, &stored, &decided);
        let committed = match decided {
            Decided::TooEarly(early) => match park(context, event, &early).await? {
                true => return Ok(Outcome::Parked),
                false => continue,
            },
            Decided::Held(problem) => {
                context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
                return Ok(Outcome::Held);
            }
            // What was recorded before receipts were gets its receipt with whatever comes first.
            Decided::Known if read.body.is_none() && stored.movements > 0 => {
                let commit = adopting(context, event, &stored)?;
                (context.journal.commit(commit).await?, Outcome::Duplicate)
            }
            Decided::Known => return known_already(context, event, &stored).await,
            Decided::Adds(next) => {
                decide::paid_by(context, event, &next, &mut known).await?;
                let state = State { read: &read, stored: &stored, known: &known };
                let outcome = outcome(event, &next);
                let (commit, applied_since) = adding(context, event, &state, *next).await?;
                let committed = context.journal.commit(commit).await?;
                if let (Committed::Done, Some(received_at)) = (&committed, applied_since) {
                    runtime::time_application(received_at, context.clock.now());
                }
                (committed, outcome)
            }
        };
        if let (Committed::Done, outcome) = committed {
            return Ok(outcome);
        }
    }
    Err(Failure::new(format!("{payment} stayed contended")))
}

/// A receipt that is matched with nothing waits for a person.
fn outcome(event: &Envelope, next: &Receipt) -> Outcome {
    let waits = matches!(event.event, Event::PaymentReceived(_)) && next.unmatched.is_some();
    if waits { Outcome::Held } else { Outcome::Applied }
}

/// What a decision was made on.
struct State<'a> {
    read: &'a Versioned<Receipt>,
    stored: &'a Receipt,
    known: &'a BTreeMap<InvoiceId, Concerned>,
}

/// The event as its entry is kept: in the timeline of the payment's engagement, once there is one.
fn at_home(event: &Envelope, stored: &Receipt, decided: &Decided) -> Envelope {
    let home = match decided {
        Decided::Adds(next) => next.home.as_ref(),
        Decided::TooEarly(early) => Some(&early.engagement),
        Decided::Known | Decided::Held(_) => stored.home.as_ref(),
    };
    // A payment that was parked comes back under its invoice's engagement.
    let subject = home.map_or_else(
        || decide::payment_of(&event.event).map_or_else(|| event.subject.clone(), |p| p.to_string()),
        ToString::to_string,
    );
    Envelope { correlationid: subject.clone(), subject, ..event.clone() }
}

/// The receipt of a payment that was recorded before receipts were, or of one of which nothing is known. None where
/// it has a receipt by now.
async fn adopted(
    context: &Context,
    event: &Envelope,
    payment: &PaymentId,
) -> Result<Option<Receipt>, Failure> {
    let (connection, record) = decide::named_by(&event.event);
    let nothing = Receipt::announced(payment, connection, record);
    let Event::PaymentReceived(told) = &event.event else { return Ok(Some(nothing)) };
    for (invoice, _) in crate::find::invoices_of(context, event, told).await? {
        let Some(owner) = context.journal.owner_of(&event.tenant, invoice.as_str()).await? else { continue };
        let recorded = context.journal.payment(&event.tenant, &owner, payment).await?;
        let body = context.journal.invoice(&event.tenant, &owner, &invoice).await?.body;
        if let (Some(recorded), Some(invoice)) = (recorded, body) {
            let source = event.id.to_string();
            let is_old = recorded.status.is_none();
            return Ok(is_old.then(|| Receipt::adopted(&recorded, &owner, &invoice.customer, &source)));
        }
    }
    Ok(Some(nothing))
}

/// Gives a payment that was recorded before receipts were its receipt, and the movement that it is.
fn adopting(context: &Context, event: &Envelope, receipt: &Receipt) -> Result<Commit, JournalError> {
    let (tenant, now) = (event.tenant.as_str(), context.clock.now());
    let missing = || JournalError::Decision(format!("{} was not applied", receipt.payment));
    let lines = receipt.applications.iter().filter(|a| !a.applied.is_zero());
    let movement = Movement {
        payment: receipt.payment.clone(),
        number: 1,
        lines: lines
            .map(|a| MovementLine {
                engagement: a.engagement.clone(),
                invoice: a.invoice.clone(),
                amount: a.applied,
                stands: a.applied,
            })
            .collect(),
        unapplied: receipt.unapplied.ok_or_else(missing)?,
        moved_at: receipt.received_at.unwrap_or(now),
    };
    let home = receipt.home.as_ref().ok_or_else(missing)?;
    let seen =
        receipt.seen_by(home).map_err(|e| JournalError::Decision(e.to_string()))?.ok_or_else(missing)?;
    let journal = &context.journal;
    Ok(Commit::default()
        .write(journal.write_receipt(tenant, receipt, 0, now)?)
        .write(journal.write_movement(tenant, &movement, event.id, now)?)
        .write(journal.write_payment(tenant, home, &seen, false, event.id, now)?))
}

/// Keeps the payment until an invoice was read back as posted. The invoice's version is raised, so that its
/// posting can't overlook the payment. Gives whether it waits.
async fn park(context: &Context, event: &Envelope, early: &Concerned) -> Result<bool, Failure> {
    let Some(invoice) = &early.invoice.body else { return Ok(false) };
    let condition = Condition::InvoicePosted(invoice.invoice.clone());
    let key = Key::invoice(&event.tenant, early.engagement.as_str(), invoice.invoice.as_str());
    let touch = Write::Touch { key, kind: "invoice", expected: early.invoice.version };
    let waits = parking(event, &condition, context.clock.now())?;
    Ok(match context.journal.commit(Commit::default().write(waits).write(touch)).await? {
        Committed::Done => true,
        // It waits already.
        Committed::Rejected(rejections) => rejections.iter().any(|r| r.position == 0),
        Committed::Contended => false,
    })
}

/// A fact that is known: the same event again, or the same told once more, which is journalled.
async fn known_already(context: &Context, event: &Envelope, stored: &Receipt) -> Result<Outcome, Failure> {
    let (store, tenant) = (context.journal.store(), event.tenant.as_str());
    for subject in stored.home.iter().map(|h| h.as_str()).chain([stored.payment.as_str()]) {
        let entry = store.get(&Key::journal(tenant, subject, event.id)).await.map_err(JournalError::from)?;
        if entry.is_some() {
            return Ok(Outcome::Duplicate);
        }
    }
    let entry = JournalEntry::of(event, EntryOutcome::NoEffect, "known already", context.clock.now());
    match context.journal.commit(Commit::default().entry(tenant, &entry)?).await? {
        Committed::Done => Ok(Outcome::NoEffect),
        Committed::Rejected(_) => Ok(Outcome::Duplicate),
        Committed::Contended => Err(Failure::new(format!("{} stayed contended", stored.payment))),
    }
}

/// The commit of what is new, and when the cash was received that it applies, if it applies any.
async fn adding(
    context: &Context,
    event: &Envelope,
    state: &State<'_>,
    next: Receipt,
) -> Result<(Commit, Option<Timestamp>), Failure> {
    let (tenant, now, journal) = (event.tenant.as_str(), context.clock.now(), &context.journal);
    let wrong = |e: domain::money::MoneyError| Failure::new(e.to_string());
    let before: BTreeMap<InvoiceId, Invoice> =
        state.known.iter().filter_map(|(id, c)| Some((id.clone(), c.invoice.body.clone()?))).collect();
    let tolerances = &context.connect.tenant(tenant).await?.payment_tolerances;
    let Settled { receipt, invoices, movement } =
        rebalance(state.stored, next, &before, tolerances, event.time, now).map_err(wrong)?;
    let kept = match outcome(event, &receipt) {
        Outcome::Held => EntryOutcome::Held,
        _ => EntryOutcome::Applied,
    };
    let entry = JournalEntry::of(event, kept, summary(&receipt), now);
    // The entry is first: it carries what is told.
    let mut commit = Commit::default().entry(tenant, &entry)?.write(journal.write_receipt(
        tenant,
        &receipt,
        state.read.version,
        now,
    )?);
    for invoice in &invoices {
        let Some(read) = state.known.get(&invoice.invoice) else { continue };
        commit = commit.emit(small(context, event, read, invoice, &receipt).map_err(wrong)?);
        let looked_at = journal.look_again(tenant, &read.engagement, &invoice.invoice, now).await?;
        let write = journal.write_invoice(tenant, &read.engagement, invoice, read.invoice.version, now)?;
        commit = commit.write(write).write(looked_at);
    }
    let seen_before = state.stored.engagements();
    for engagement in receipt.engagements() {
        if let Some(seen) = receipt.seen_by(&engagement).map_err(wrong)? {
            let first = !seen_before.contains(&engagement);
            commit = commit.write(journal.write_payment(tenant, &engagement, &seen, first, event.id, now)?);
        }
    }
    if let Some(movement) = &movement {
        commit = commit.write(journal.write_movement(tenant, movement, event.id, now)?);
    }
    for (n, line) in movement.iter().flat_map(|m| &m.lines).enumerate() {
        let open = invoices.iter().find(|i| i.invoice == line.invoice).map(Invoice::open).transpose();
        let Some(open) = open.map_err(wrong)? else { continue };
        let (payment, invoice) = (receipt.payment.clone(), line.invoice.clone());
        let told: Event = if line.amount.is_positive() {
            PaymentApplied { payment, invoice, applied: line.amount, open }.into()
        } else {
            let amount = domain::Money::zero(open.currency()).minus(line.amount).map_err(wrong)?;
            PaymentUnapplied { payment, invoice, amount, open }.into()
        };
        commit = commit.emit([event.concluded(context.function, line.engagement.as_str(), n, told)]);
    }
    let applies = movement.iter().flat_map(|m| &m.lines).any(|line| line.amount.is_positive());
    let since = receipt.received_at.filter(|_| applies);
    Ok((with_exceptions(context, event, &receipt, commit).await?, since))
}

/// What finance is told where an invoice was settled though a little is missing, or a little too much is kept.
fn small(
    context: &Context,
    event: &Envelope,
    read: &Concerned,
    invoice: &Invoice,
    receipt: &Receipt,
) -> Result<Option<Envelope>, domain::money::MoneyError> {
    let Some(before) = &read.invoice.body else { return Ok(None) };
    let told = SmallDifferenceRecorded::between(before, invoice, receipt.payment.as_str())?;
    Ok(told.map(|told| {
        let which = format!("small-difference {}", invoice.invoice);
        event.concluded(context.function, read.engagement.as_str(), which, told.into())
    }))
}

/// What the timeline says.
fn summary(receipt: &Receipt) -> String {
    let (status, record) = (receipt.status.as_str(), &receipt.record);
    let Some(received) = receipt.received else { return format!("payment {record} is {status}") };
    let applied = receipt.applied(received).map_or_else(|e| e.to_string(), |a| a.to_string());
    let unapplied = receipt.unapplied.map_or_else(String::new, |u| format!(", {u} unapplied"));
    let kept = receipt.kept.map_or_else(String::new, |k| format!(", {k} kept as a small difference"));
    format!("payment {record} of {received} is {status}: {applied} applied{unapplied}{kept}")
}

/// Opens and settles the exceptions that follow from a receipt, with it.
async fn with_exceptions(
    context: &Context,
    event: &Envelope,
    receipt: &Receipt,
    mut commit: Commit,
) -> Result<Commit, Failure> {
    let (tenant, now) = (event.tenant.as_str(), context.clock.now());
    let mut known = Vec::new();
    for subject in [Some(receipt.payment.as_str()), receipt.home.as_ref().map(|h| h.as_str())] {
        let Some(subject) = subject else { continue };
        known.extend(
            context.journal.cash_exceptions(tenant, subject, context.function, &receipt.payment).await?,
        );
    }
    let findings = receipt.findings();
    let found = |code: &str| findings.iter().find(|p| p.code.as_str() == code);
    for one in known.iter().filter(|k| FOLLOWING.iter().any(|c| c.as_str() == k.code)) {
        let problem = found(&one.code);
        let stays = match problem {
            None => !one.open,
            Some(problem) => one.open && one.detail == problem.detail,
        };
        if !stays {
            commit = commit.write(context.journal.turn_exception(tenant, one, problem, now)?);
        }
    }
    for problem in findings.iter().filter(|p| !known.iter().any(|k| k.code == p.code.as_str())) {
        commit = raised(context, event, receipt, problem, commit)?;
    }
    Ok(commit)
}

fn raised(
    context: &Context,
    event: &Envelope,
    receipt: &Receipt,
    problem: &Problem,
    commit: Commit,
) -> Result<Commit, JournalError> {
    let cause = [receipt.payment.as_str(), problem.code.as_str()];
    let payload = serde_json::to_string(event).map_err(|e| JournalError::Decision(e.to_string()))?;
    let (function, now) = (context.function, context.clock.now());
    let exception = Exception::open(&cause, problem.clone(), function, &event.correlationid, payload, now);
    let item = exception.item(&event.tenant, &event.subject)?;
    let which = exception.exception.clone();
    let told: Event =
        domain::event::ExceptionRaised { exception: exception.exception, problem: problem.clone() }.into();
    Ok(commit.write(Write::Insert { item, cause: event.id }).emit([event.concluded(
        function,
        &event.subject,
        which,
        told,
    )]))
}
