//! Putting events on the bus, ten at a time, and reading what the bus says of each.

use async_trait::async_trait;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use events::{BUS_SOURCE, Envelope};

use crate::aws::OnDemand;

/// EventBridge takes at most this many entries in one call.
const ENTRIES_A_CALL: usize = 10;
/// And at most this many bytes in one call (256 KiB), of which some are not the detail's.
const BYTES_A_CALL: usize = 250 * 1024;

/// Why some events were not taken.
#[derive(Debug, thiserror::Error)]
#[error("{} of the events were not taken: {reason}", refused.len())]
pub struct PublishError {
    /// Those that were not taken, in order.
    pub refused: Vec<Envelope>,
    /// The first reason given.
    pub reason: String,
}

/// Where events are put.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Puts events, in order. Those that were taken are not in the error.
    async fn publish(&self, events: Vec<Envelope>) -> Result<(), PublishError>;
}

/// An EventBridge bus.
pub struct EventBridgeBus {
    client: OnDemand<aws_sdk_eventbridge::Client>,
    bus: String,
}

impl EventBridgeBus {
    /// The bus of a name.
    #[must_use]
    pub fn new(client: OnDemand<aws_sdk_eventbridge::Client>, bus: impl Into<String>) -> Self {
        Self { client, bus: bus.into() }
    }

    /// One call. Gives back the refused ones: `FailedEntryCount` is part of a successful answer.
    async fn put(&self, batch: Vec<(Envelope, String)>) -> Result<(), PublishError> {
        let entries = batch.iter().map(|(event, detail)| entry_of(event, detail, &self.bus)).collect();
        match self.client.put_events().set_entries(Some(entries)).send().await {
            Err(error) => Err(PublishError {
                refused: batch.into_iter().map(|(event, _)| event).collect(),
                reason: aws_sdk_eventbridge::error::DisplayErrorContext(&error).to_string(),
            }),
            Ok(answer) if answer.failed_entry_count() == 0 => Ok(()),
            Ok(answer) => {
                let verdicts = answer.entries();
                let reason =
                    verdicts.iter().find_map(|v| v.error_code()).unwrap_or("no reason given").to_owned();
                let refused = batch
                    .into_iter()
                    .enumerate()
                    // An entry without a verdict of its own counts as refused: publishing twice is harmless, losing is not.
                    .filter(|(i, _)| {
                        verdicts.get(*i).is_none_or(|v| v.error_code().is_some() || v.event_id().is_none())
                    })
                    .map(|(_, (event, _))| event)
                    .collect();
                Err(PublishError { refused, reason })
            }
        }
    }
}

/// The entry of an event, with its detail as JSON text.
#[must_use]
pub fn entry_of(event: &Envelope, detail: &str, bus: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(BUS_SOURCE)
        .detail_type(event.event.type_name())
        .detail(detail)
        .build()
}

#[async_trait]
impl Bus for EventBridgeBus {
    async fn publish(&self, events: Vec<Envelope>) -> Result<(), PublishError> {
        let mut failed: Option<PublishError> = None;
        for batch in batches(events)? {
            if let Err(error) = self.put(batch).await {
                match &mut failed {
                    Some(known) => known.refused.extend(error.refused),
                    None => failed = Some(error),
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Splits events into calls that keep within the bus's limits.
fn batches(events: Vec<Envelope>) -> Result<Vec<Vec<(Envelope, String)>>, PublishError> {
    let mut batches: Vec<Vec<(Envelope, String)>> = Vec::new();
    let mut bytes = 0;
    for event in events {
        let detail = match serde_json::to_string(&event) {
            Ok(detail) => detail,
            Err(error) => return Err(PublishError { refused: vec![event], reason: error.to_string() }),
        };
        let size = detail.len() + event.event.type_name().len() + BUS_SOURCE.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < ENTRIES_A_CALL && bytes + size <= BYTES_A_CALL => {
                bytes += size;
                batch.push((event, detail));
            }
            _ => {
                bytes = size;
                batches.push(vec![(event, detail)]);
            }
        }
    }
    Ok(batches)
}
