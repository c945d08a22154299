//! Which reported facts are one event: those of which everything that names them agrees.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use domain::event::{Event, QuoteApproved, WithdrawalRequested};
use domain::id::EngagementId;
use events::{Envelope, Traceparent};
use uuid::Uuid;

fn id(tenant: &str, connection: &str, delivery: &str, event: Event) -> Uuid {
    let time = "2026-11-21T12:00:00Z".parse().unwrap();
    Envelope::reported(tenant, connection, delivery, "eng_1", time, event, Traceparent::start()).id
}

fn approved() -> Event {
    QuoteApproved { connection: "crm".into(), deal: "1".into() }.into()
}

/// Two tenants, or two connections, number their deliveries alike: neither hides the other's.
#[test]
fn whatever_names_a_fact_tells_it_from_others() {
    let engagement = EngagementId::of_deal("northwind", "crm", "1");
    let withdrawal =
        WithdrawalRequested { engagement, requested_by: "finance".into(), reason: "a test".into() };
    let ids = BTreeSet::from([
        id("northwind", "crm", "1", approved()),
        id("southwind", "crm", "1", approved()),
        id("northwind", "crm-west", "1", approved()),
        id("northwind", "crm", "2", approved()),
        id("northwind", "crm", "1", withdrawal.into()),
    ]);
    assert_eq!(ids.len(), 5);
    assert!(ids.contains(&id("northwind", "crm", "1", approved())), "the same fact is the same event");
}
