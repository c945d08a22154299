//! What the deployed binaries are fed with when they are measured from outside.

use domain::engagement::Engagement;
use events::Envelope;
use journal::{Item, Key};
use serde_json::{Value, json};

use crate::spin::Case;
use crate::world::{TENANT, now};

/// For each case the items that the function reads, and batches as Lambda hands them over.
pub(crate) fn all() -> Value {
    Case::ALL
        .iter()
        .map(|case| (case.name().to_owned(), fixture(*case)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn fixture(case: Case) -> Value {
    let engagement = case.engagement();
    let batch = |events: usize| -> Value {
        let events: Vec<Envelope> = (0..events).map(|_| case.event(&engagement)).collect();
        crate::world::messages(&events)
    };
    json!({
        "function": case.function(),
        "state": state(&engagement).0,
        "single": batch(1),
        "batch": batch(case.batch()),
        "events_in_batch": case.batch(),
    })
}

fn state(engagement: &Engagement) -> Item {
    let key = Key::state(TENANT, engagement.engagement.as_str());
    Item::new(&key, "state", TENANT, engagement)
        .expect("a state")
        .with("recorded_at", now().to_string())
        .with("version", 1)
}
