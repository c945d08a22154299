//! An approval of a deal whose activation has ended.

use domain::Problem;
use domain::change_order::{Standing, further_statements, standing};
use domain::engagement::Engagement;
use domain::event::{ChangeOrderApproved, Event};
use domain::problem::ProblemCode;
use domain::quote::Quote;
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Key};
use runtime::{Context, Failure, Outcome};
use workflow::WorkflowStatus;

use crate::Trigger;
use crate::accept::read_quote;
use crate::activate::settle;

/// A higher version of the quote, or a further statement of work of the one in force, is a change order;
/// the version in force, or one before it, is nothing new; anything else is a person's decision. The
/// signed version never changes by itself.
pub(crate) async fn again(
    context: &Context,
    event: &Envelope,
    trigger: Trigger<'_>,
    status: WorkflowStatus,
) -> Result<Outcome, Failure> {
    let now = context.clock.now();
    let entry = Key::journal(&event.tenant, &event.subject, event.id);
    let taken = context.journal.store().get(&entry).await.map_err(JournalError::from)?;
    if taken.is_some_and(|entry| entry.text("body_hash") == Some(event.body_hash().as_str())) {
        if status == WorkflowStatus::Completed {
            // Whoever ended the run may have died before it settled what the run was held for.
            settle(context, event).await?;
        }
        return Ok(Outcome::Duplicate);
    }
    let known = context.journal.engagement(&event.tenant, &event.subject).await?.body;
    let quote = read_quote(context, trigger).await?;
    let active = known.as_ref().filter(|_| status == WorkflowStatus::Completed);
    let stands = active.map(|e| (&e.contract, standing(&e.contract, &quote)));
    let (outcome, why, change_order) = match stands {
        Some((contract, Standing::Older)) => {
            let in_force = contract.quote_version();
            let why = format!("version {} is older than version {in_force} in force", quote.version);
            (EntryOutcome::NoEffect, why, None)
        }
        Some((_, Standing::InForce)) => {
            let why = format!("quote {} version {} is in force already", quote.number, quote.version);
            (EntryOutcome::NoEffect, why, None)
        }
        Some((contract, stands @ (Standing::Further | Standing::Statements))) => {
            let why = match stands {
                Standing::Statements => format!(
                    "quote {} version {} has {} approved: a change order",
                    quote.number,
                    quote.version,
                    further_statements(contract, &quote).into_iter().collect::<Vec<_>>().join(", ")
                ),
                _ => format!("quote {} version {} is a change order", quote.number, quote.version),
            };
            (EntryOutcome::Applied, why, Some(change_order(context, event, trigger, (&quote, stands))))
        }
        Some((_, Standing::Another)) | None => {
            let problem = superseded(trigger, &quote, status, known.as_ref());
            context.journal.raise(context.function, event, problem, vec![], now).await?;
            return Ok(Outcome::Held);
        }
    };
    let commit = Commit::default()
        .entry(&event.tenant, &JournalEntry::of(event, outcome, why, now))?
        .emit(change_order);
    match context.journal.commit(commit).await? {
        Committed::Done => Ok(outcome.into()),
        Committed::Rejected(_) => Ok(Outcome::Duplicate),
        Committed::Contended => Err(JournalError::Contended(event.subject.clone()).into()),
    }
}

/// The change order that a later version of the quote is, or a further statement of work of the same one:
/// that is in force from the day of its own approval and not from the quote's.
pub(crate) fn change_order(
    context: &Context,
    event: &Envelope,
    trigger: Trigger<'_>,
    (quote, stands): (&Quote, Standing),
) -> Envelope {
    let approved_at = match stands {
        Standing::Statements => event.time,
        _ => quote.approved_at.unwrap_or(event.time),
    };
    let (connection, deal) = (trigger.connection.to_owned(), trigger.deal.to_owned());
    let order: Event = ChangeOrderApproved { connection, deal, approved_at }.into();
    event.concluded(context.function, &event.subject, 0, order)
}

fn superseded(
    trigger: Trigger<'_>,
    quote: &Quote,
    status: WorkflowStatus,
    known: Option<&Engagement>,
) -> Problem {
    let detail = format!(
        "deal {}: quote {} version {} was approved, but the activation is {} with version {}",
        trigger.deal,
        quote.number,
        quote.version,
        status.as_str(),
        known.map_or_else(|| "none".into(), |e| e.contract.version.to_string()),
    );
    Problem::new(ProblemCode::QuoteSuperseded, detail)
}
