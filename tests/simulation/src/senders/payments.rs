//! What the payment product tells of a payment beside its receipt, in any order.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{by_stripe, send};
use crate::engine::open;
use crate::products::Fate;
use crate::world::{PAYMENTS, World};

/// How long after its receipt a debit is returned.
const BOUNCES_AFTER: i64 = 86_400;

/// Tells what became of a payment: each notice on its own way, some before the receipt has arrived.
pub(crate) fn told_afterwards(world: &Arc<World>, intent: &str) {
    let Some(received) = open(&world.books).received.get(intent).cloned() else { return };
    let now = world.sim.now().as_second();
    let cents = received.amount.minor_units().unwrap_or(0);
    let charge = |refunded: i64| {
        json!({"id": format!("ch_{intent}"), "object": "charge", "amount": cents, "amount_refunded": refunded,
               "currency": "usd", "payment_intent": intent, "status": "succeeded", "captured": true,
               "balance_transaction": "txn_1"})
    };
    let refund = |cents: i64, status: &str| {
        json!({"id": format!("re_{intent}"), "object": "refund", "amount": cents, "currency": "usd", "created": now,
               "payment_intent": intent, "status": status})
    };
    let dispute = |status: &str| {
        json!({"id": format!("dp_{intent}"), "object": "dispute", "amount": cents, "currency": "usd",
               "created": now, "payment_intent": intent, "status": status})
    };
    let mut told: Vec<(&str, i64, Value)> = Vec::new();
    if world.sim.one_in(2) {
        told.push(("charge.updated", now, charge(0)));
    }
    match received.fate {
        Fate::None => {}
        Fate::Refunded(cents, fails) => {
            told.push(("refund.created", now, refund(cents, "pending")));
            if world.sim.one_in(2) {
                told.push(("charge.refunded", now, charge(cents)));
            }
            if fails {
                told.push(("refund.failed", now, refund(cents, "failed")));
            }
        }
        Fate::Disputed(outcome) => {
            told.push(("charge.dispute.created", now, dispute("needs_response")));
            match outcome {
                Some(true) => told.push(("charge.dispute.closed", now, dispute("won"))),
                Some(false) => told.push(("charge.dispute.closed", now, dispute("lost"))),
                None => {}
            }
        }
        Fate::Bounced => {
            let failed =
                json!({"id": intent, "object": "payment_intent", "amount": cents, "currency": "usd"});
            told.push(("payment_intent.payment_failed", now + BOUNCES_AFTER, failed));
        }
    }
    for (kind, created, object) in told {
        let body = json!({
            "id": format!("evt_{}", world.sim.below(1 << 40)), "object": "event", "type": kind,
            "created": created, "data": {"object": object},
        });
        world.under_way();
        let later = Arc::clone(world);
        world.sim.spawn(async move {
            if later.sim.one_in(3) {
                later.sim.wait(0, 14_400).await;
            }
            send(&later, PAYMENTS, body.to_string(), by_stripe);
            later.arrived();
        });
    }
}
