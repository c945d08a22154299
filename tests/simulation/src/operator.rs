//! The person who settles exceptions: corrects what a product refused, sends again what was given up.

use std::sync::Arc;
use std::time::Duration;

use domain::Event;
use domain::problem::{Owner, ProblemCode};
use events::Envelope;
use journal::{Expect, Item, Op, Store};
use serde_json::{Map, Value};

use crate::senders;
use crate::world::{Queue, TENANT, World};

/// What a person can do about an exception.
enum Remedy {
    /// Corrected in the product: the event is sent again.
    SendAgain(Box<Envelope>),
    /// Given up by a queue: the message is put back.
    PutBack(Queue, String),
    /// Put right in the product: the quote is approved once more.
    ApproveAgain(String),
    /// Nothing that the simulation's person does.
    None,
}

fn remedy(exception: &Item) -> Remedy {
    let payload = exception.text("payload").unwrap_or_default();
    match exception.text("code") {
        Some(code)
            if code == ProblemCode::ProductRefused.as_str()
                || code == ProblemCode::ProductMismatch.as_str()
                // What could not be taken back goes on once the product lets it.
                || code == ProblemCode::WithdrawalIncomplete.as_str()
                // A correction that was quicker than what it corrects.
                || code == ProblemCode::UsageBelowZero.as_str() =>
        {
            serde_json::from_str(payload).map_or(Remedy::None, |event| Remedy::SendAgain(Box::new(event)))
        }
        // Refused because something was billed is refused for good: the version before stays.
        Some(code)
            if code == ProblemCode::ChangeOrderRefused.as_str()
                && !exception.text("detail").is_some_and(|d| d.contains("was billed")) =>
        {
            let event: Option<Envelope> = serde_json::from_str(payload).ok();
            match event.map(|e| e.event) {
                Some(Event::ChangeOrderApproved(order)) => Remedy::ApproveAgain(order.deal),
                _ => Remedy::None,
            }
        }
        Some(code) if code == ProblemCode::DeliveryFailed.as_str() => {
            let body: Value = serde_json::from_str(payload).unwrap_or_default();
            match body.get("detail").and_then(|d| serde_json::from_value::<Envelope>(d.clone()).ok()) {
                Some(event) => Remedy::SendAgain(Box::new(event)),
                None => Remedy::PutBack(Queue::OutboxRetry, payload.to_owned()),
            }
        }
        _ => Remedy::None,
    }
}

/// Settles every open exception that somebody can do something about. Gives how many.
pub(crate) async fn settle(world: &Arc<World>) -> usize {
    let mut open = Vec::new();
    // What names no tenant is listed under one of its own.
    for tenant in [TENANT, "unknown"] {
        for owner in Owner::ALL {
            let listed = format!("tenant#{tenant}#exception#open#{}", owner.as_str());
            open.extend(world.table.by_status(&listed, usize::MAX).await.expect("a table in memory"));
        }
    }
    let mut settled = 0;
    for exception in open {
        let found = remedy(&exception);
        if matches!(found, Remedy::None) {
            continue;
        }
        settled += 1;
        world.sim.note(|| format!("a person settles {}", exception.text("detail").unwrap_or_default()));
        close(world, &exception).await;
        match found {
            Remedy::SendAgain(event) => {
                if let Some(queue) = Queue::of(&event.event) {
                    world.enqueue(queue, serde_json::json!({"detail": event}).to_string(), Duration::ZERO);
                }
            }
            Remedy::ApproveAgain(deal) => senders::approved(world, &deal),
            Remedy::PutBack(queue, body) => world.enqueue(queue, body, Duration::ZERO),
            Remedy::None => {}
        }
    }
    settled
}

async fn close(world: &World, exception: &Item) {
    let set = Map::from_iter([("status".to_owned(), Value::from("resolved"))]);
    let remove = vec!["status_key", "status_at"];
    let op = Op::Update { key: exception.key(), set, remove, expect: Expect::Field("status", "open".into()) };
    world.table.write(vec![op]).await.expect("nobody else is at it");
}
