//! Every event of the fixtures that `cargo lambda invoke` sends is read, written and read again.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use events::Envelope;
use serde_json::Value;

fn fixtures() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/invoke");
    std::fs::read_dir(folder)
        .expect("tests/fixtures/invoke")
        .map(|file| {
            let path = file.expect("entry").path();
            let text = std::fs::read_to_string(&path).expect("reads");
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect()
}

/// The envelopes in a queue's batch.
fn envelopes(batch: &Value) -> Vec<Value> {
    let records = batch["Records"].as_array().cloned().unwrap_or_default();
    let bodies = records
        .iter()
        .filter_map(|r| r["body"].as_str())
        .filter_map(|b| serde_json::from_str::<Value>(b).ok());
    bodies.filter_map(|b| b.get("detail").cloned()).collect()
}

#[test]
fn each_event_survives_reading_and_writing() {
    let mut types = BTreeSet::new();
    for (name, batch) in fixtures().iter().filter(|(name, _)| name != "dead-letter") {
        for wire in envelopes(batch) {
            let event: Envelope =
                serde_json::from_value(wire.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(serde_json::to_value(&event).expect("writes"), wire, "{name}");
            types.insert(event.event.type_name());
        }
    }
    let consumed = [
        "quote.approved",
        "change-order.approved",
        "time.approved",
        "milestone.completed",
        "invoice.requested",
        "invoice.posted",
        "payment.received",
        "payment.settled",
        "payment.failed",
        "payment.refunded",
        "payment.disputed",
        "payment.dispute-closed",
        "payment.application-requested",
        "approval.decided",
        "hold.requested",
        "release.requested",
        "record.changed",
    ];
    for event in consumed {
        assert!(types.contains(format!("q2c.{event}.v1").as_str()), "no fixture of {event}");
    }
}
