//! Settling what change orders were refused for, once one is in force.

use domain::Event;
use domain::problem::ProblemCode;
use events::Envelope;
use jiff::Timestamp;
use journal::{EntryOutcome, Item, JournalEntry, JournalError, Key};
use runtime::{Context, settle_all_but};

/// The entry that an attempt left of the event, if one did.
pub(crate) async fn entry(context: &Context, event: &Envelope) -> Result<Option<JournalEntry>, JournalError> {
    let key = Key::journal(&event.tenant, &event.subject, event.id);
    context.journal.store().get(&key).await?.map(|item| item.body()).transpose()
}

/// Settles what orders were refused for that were approved before this one, once this one is in force
/// or has found that there is nothing to do. Done after its run has ended: until then an exception may
/// be all that is left to carry it on.
pub(crate) async fn settle(context: &Context, event: &Envelope) -> Result<(), JournalError> {
    let Some(entry) = entry(context, event).await?.filter(|e| e.outcome != EntryOutcome::Held) else {
        return Ok(());
    };
    let nothing_to_do = entry.outcome == EntryOutcome::NoEffect;
    let stands = |item: &Item| {
        stands(item, event, &entry) || (nothing_to_do && carries_on(item) && !is_of(item, event))
    };
    settle_all_but(context, event, stands).await
}

/// Whether an exception is what carries a run on that has begun: an order in force shows more than the run
/// would, but one that finds it in force already shows nothing.
fn carries_on(item: &Item) -> bool {
    let held = [ProblemCode::ProductRefused, ProblemCode::ProductMismatch, ProblemCode::WithdrawalIncomplete];
    held.iter().any(|code| item.text("code") == Some(code.as_str()))
}

/// Settles what was left of this event's order when it was taken back, now that nothing is.
pub(crate) async fn settle_what_was_left(context: &Context, event: &Envelope) -> Result<(), JournalError> {
    let ours = |item: &Item| {
        item.text("code") == Some(ProblemCode::WithdrawalIncomplete.as_str()) && is_of(item, event)
    };
    settle_all_but(context, event, |item| !ours(item)).await
}

/// Whether an exception tells of a later order, which this one's coming into force says nothing about:
/// one that was approved after it, whichever of them was decided first.
fn stands(item: &Item, event: &Envelope, entry: &JournalEntry) -> bool {
    let cause = cause_of(item);
    let approved = |event: &Envelope| match &event.event {
        Event::ChangeOrderApproved(order) => Some(order.approved_at),
        _ => None,
    };
    match (cause.as_ref().map(|c| c.id), cause.as_ref().and_then(approved), approved(event)) {
        (Some(id), _, _) if id == event.id => false,
        (_, Some(theirs), Some(ours)) => theirs > ours,
        _ => raised_at(item).is_none_or(|at| at > entry.recorded_at),
    }
}

/// The event that an exception tells of.
fn cause_of(item: &Item) -> Option<Envelope> {
    item.text("payload").and_then(|payload| serde_json::from_str(payload).ok())
}

/// Whether an exception tells of an event.
fn is_of(item: &Item, event: &Envelope) -> bool {
    cause_of(item).is_some_and(|cause| cause.id == event.id)
}

fn raised_at(item: &Item) -> Option<Timestamp> {
    item.text("status_at").and_then(|at| at.parse().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use domain::event::ChangeOrderApproved;
    use domain::problem::Problem;
    use events::Traceparent;
    use journal::Exception;

    use super::*;

    fn at(hour: &str) -> Timestamp {
        format!("2026-11-20T{hour}:00Z").parse().unwrap()
    }

    fn approved(hour: &str) -> Envelope {
        let (connection, deal) = ("hubspot-main".to_owned(), "1".to_owned());
        let order = ChangeOrderApproved { connection, deal, approved_at: at(hour) };
        Envelope::reported("northwind", "crm", hour, "eng_1", at(hour), order.into(), Traceparent::start())
    }

    fn refusal(cause: &Envelope, raised: &str) -> Item {
        let problem = Problem::new(ProblemCode::ChangeOrderInvalid, "refused");
        let payload = serde_json::to_string(cause).unwrap();
        let exception =
            Exception::open(&["x"], problem, "change-order-approved", "eng_1", payload, at(raised));
        exception.item("northwind", "eng_1").unwrap()
    }

    /// Whatever was raised first: an order says nothing about one that was approved after it.
    #[test]
    fn an_order_settles_what_was_approved_before_it() {
        let ours = approved("10:00");
        let entry = JournalEntry::of(&ours, EntryOutcome::Applied, "in force", at("11:05"));
        assert!(!stands(&refusal(&ours, "10:30"), &ours, &entry), "its own");
        assert!(!stands(&refusal(&approved("09:00"), "09:10"), &ours, &entry), "an earlier one's");
        assert!(
            stands(&refusal(&approved("10:20"), "10:20"), &ours, &entry),
            "a later one's, decided sooner"
        );
        assert!(stands(&refusal(&approved("12:00"), "12:00"), &ours, &entry), "a later one's");
    }
}
