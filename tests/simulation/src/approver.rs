//! The person who is asked to approve: answers sooner or later, now and then more than once.

use std::sync::Arc;

use domain::approval::{Approval, ApprovalDecided, CREDIT_MEMO, Verdict};
use events::{Envelope, Traceparent};
use journal::{Item, Store};

use crate::deal::{Deal, Price};
use crate::world::{TENANT, World};

/// Answers what is open. Gives how much that was.
pub(crate) async fn answer(world: &Arc<World>, deals: &[Deal]) -> usize {
    let listed = format!("tenant#{TENANT}#approval#requested");
    let open = world.table.by_status(&listed, usize::MAX).await.expect("a table in memory");
    let open: Vec<Approval> = open.iter().map(Item::body).collect::<Result<_, _>>().expect("approvals");
    for approval in &open {
        let deal = deals.iter().find(|d| d.engagement == approval.engagement);
        let allowed = deal.is_some_and(|d| d.price == Price::Allowed);
        // Whoever is asked about a credit memo says the same to everybody: mostly yes.
        let yes = if approval.what == CREDIT_MEMO {
            !approval.approval.as_str().ends_with(['0', '7', 'c'])
        } else {
            allowed
        };
        decide(world, approval, if yes { Verdict::Approved } else { Verdict::Rejected });
    }
    open.len()
}

fn decide(world: &Arc<World>, approval: &Approval, verdict: Verdict) {
    let event = ApprovalDecided {
        approval: approval.approval.clone(),
        verdict,
        decided_by: "sales-director".into(),
        role: approval.asked_of,
        reason: "as we agreed".into(),
    };
    // Now and then the same is said twice: by two people, as two events.
    let delivery = format!("decide:{}:{}", approval.approval, world.sim.below(2));
    let (subject, now, trace) = (approval.engagement.as_str(), world.sim.now(), Traceparent::start());
    world.take(Envelope::reported(TENANT, "console", &delivery, subject, now, event.into(), trace));
}
