//! Nothing that went in is lost: each event that the bus took has a fate that can be looked up, what
//! commits left to be sent was sent, nothing waits for what has long come true, and the
//! exceptions are those that the history gives reason for.

use std::collections::BTreeSet;

use domain::expense::EXPENSE;
use domain::problem::ProblemCode;
use journal::Item;

use super::must;
use crate::deal::Deal;
use crate::engine::open;
use crate::world::{Queue, World};

/// What a withdrawal may leave to a person: it came too late, the deal was approved again, or time
/// was worked on what is no more, or somebody who stood still read back what was just taken back.
const OF_A_WITHDRAWAL: [ProblemCode; 3] =
    [ProblemCode::IllegalEvent, ProblemCode::QuoteSuperseded, ProblemCode::ContractDiffers];
/// What may wait for a person in the end: only what nobody in the history can settle.
const MAY_WAIT: [ProblemCode; 20] = [
    // An invoice took the line before it was written off.
    ProblemCode::WriteOffRefused,
    ProblemCode::NoRateInForce,
    ProblemCode::CeilingExceeded,
    ProblemCode::ExpensesNotSold,
    ProblemCode::ExpenseCurrency,
    ProblemCode::UsageNotSold,
    ProblemCode::UsageOutsideTerm,
    ProblemCode::UsageChanged,
    ProblemCode::PaymentUnmatched,
    ProblemCode::Overpayment,
    // Somebody held what had gone in the meantime.
    ProblemCode::HoldRefused,
    ProblemCode::PaymentAcrossAccounts,
    // A payer disputes, and nobody decides it; a person was too late to apply cash.
    ProblemCode::PaymentDisputed,
    ProblemCode::ApplicationRefused,
    // What is taken off already, or held by another request; what accounts did by hand.
    ProblemCode::CreditMemoInvalid,
    ProblemCode::CreditedByHand,
    // What is not posted, or contested already; what was decided otherwise a moment before.
    ProblemCode::DisputeRefused,
    ProblemCode::DisputeResolutionRefused,
    // Sales renames a customer in the CRM, which does not own its registered name.
    ProblemCode::NotSystemOfRecord,
    // Finance posts what came late; who it is told to is held against the events.
    ProblemCode::RevenueLate,
];

/// What a change order may leave to a person: something was billed before it came into force, or a milestone that it
/// drops was completed after, or a period that it ends was billed in advance.
const OF_A_CHANGE_ORDER: [ProblemCode; 5] = [
    ProblemCode::ChangeOrderInvalid,
    ProblemCode::ChangeOrderRefused,
    ProblemCode::MilestoneUnknown,
    ProblemCode::ChargeOverbilled,
    ProblemCode::RetainerOverdrawn,
];

pub(super) fn broken(world: &World, deals: &[Deal], items: &[Item]) -> Vec<String> {
    let mut broken = Vec::new();
    let taken = open(&world.taken);
    let fates: BTreeSet<String> = items.iter().flat_map(fates).collect();
    for event in taken.values().filter(|e| Queue::of(&e.event).is_some()) {
        must(&mut broken, fates.contains(&event.id.to_string()) || is_a_line(items, event), || {
            format!("{} {} of {} has no fate", event.event.type_name(), event.id, event.subject)
        });
    }
    for item in items.iter().filter(|i| i.text("outbox").is_some()) {
        let outbox = item.text("outbox").unwrap_or_default();
        let events: Vec<events::Envelope> = serde_json::from_str(outbox).unwrap_or_default();
        must(&mut broken, events.iter().all(|e| taken.contains_key(&e.id)), || {
            format!("{} left events that never reached the bus", item.key())
        });
    }
    for item in items {
        match item.text("kind") {
            Some("parked") => broken.push(format!("{} still waits", item.key())),
            Some("exception") if item.text("status") == Some("open") => {
                let code = item.text("code").unwrap_or_default();
                let partition = item.text("pk").unwrap_or_default();
                let withdrawn =
                    deals.iter().any(|d| d.withdrawn && partition.ends_with(d.engagement.as_str()));
                let changed = deals
                    .iter()
                    .any(|d| d.change_order.is_some() && partition.ends_with(d.engagement.as_str()));
                // Whoever answers what was given up in the meantime is told.
                let answered = item.text("stage") == Some("approval-decided");
                let reason = MAY_WAIT.iter().chain(OF_A_WITHDRAWAL.iter().filter(|_| withdrawn || answered));
                let reason = reason.chain(OF_A_CHANGE_ORDER.iter().filter(|_| changed));
                must(&mut broken, reason.map(|c| c.as_str()).any(|c| c == code), || {
                    format!("{code} waits: {}", item.text("detail").unwrap_or_default())
                });
            }
            _ => {}
        }
    }
    must(&mut broken, world.is_idle(), || format!("messages wait: {:?}", open(&world.queues).waiting()));
    broken
}

/// Events of which an item says what came of them.
fn fates(item: &Item) -> Vec<String> {
    match item.text("kind") {
        Some("journal" | "line" | "cost" | "revenue" | "usage" | "drawdown") => {
            item.text("event_id").map(str::to_owned).into_iter().collect()
        }
        Some("exception") => {
            let payload: serde_json::Value =
                serde_json::from_str(item.text("payload").unwrap_or_default()).unwrap_or_default();
            let id = |path: &str| payload.pointer(path).and_then(|v| v.as_str()).map(str::to_owned);
            [id("/id"), id("/detail/id")].into_iter().flatten().collect()
        }
        _ => vec![],
    }
}

/// What was told twice under two names is one line, one cost, or one record of usage.
fn is_a_line(items: &[Item], event: &events::Envelope) -> bool {
    if let domain::Event::UsageRecorded(told) = &event.event {
        let id = domain::usage::usage_of(&told.connection, &told.record);
        return items.iter().any(|i| i.text("usage") == Some(id.as_str()));
    }
    let (connection, kind, record) = match &event.event {
        domain::Event::TimeApproved(entry) => (&entry.connection, "time", &entry.entry),
        domain::Event::ExpenseApproved(told) => (&told.connection, EXPENSE, &told.expense),
        _ => return false,
    };
    let id = domain::billing::line_of(connection, kind, record);
    let cost = domain::id::CostId::derive(&[id.as_str(), "subcontractor"]);
    let drawdown = match &event.event {
        domain::Event::TimeApproved(entry) => {
            Some(domain::retainer::drawdown_of(&entry.connection, &entry.entry).to_string())
        }
        _ => None,
    };
    items.iter().any(|i| match i.text("kind") {
        Some("drawdown") => i.text("drawdown") == drawdown.as_deref(),
        Some("line") => i.text("line") == Some(id.as_str()),
        Some("cost") => i.text("cost") == Some(cost.as_str()),
        _ => false,
    })
}
