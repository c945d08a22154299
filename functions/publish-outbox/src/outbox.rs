//! What a commit left to be sent.

use domain::Condition;
use events::Envelope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The outbox of one commit, as the stream shows it.
#[derive(Debug)]
pub struct Outbox {
    pk: String,
    events: Vec<Envelope>,
    release: Vec<Condition>,
}

/// Parked events to be released: whoever waits in this partition for this condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// Partition of what waits.
    pub pk: String,
    /// What it waits for.
    pub condition: Condition,
}

/// What is not sent yet; the body of a message of the retry queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Events to put on the bus, in order.
    #[serde(default)]
    pub events: Vec<Envelope>,
    /// Conditions whose waiting events are to be released.
    #[serde(default)]
    pub release: Vec<Released>,
    /// A stream record that could not be read, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Value>,
}

impl Pending {
    /// A record that could not be read: it goes through the retry queue to its dead letters.
    #[must_use]
    pub fn unreadable(record: &Value) -> Self {
        Self { unreadable: Some(record.clone()), ..Self::default() }
    }
}

impl Outbox {
    /// Reads a stream record; none where the item carries no outbox.
    ///
    /// # Errors
    /// When it carries one that can't be parsed.
    pub fn read(record: &Value) -> Result<Option<Self>, String> {
        let image = |name: &str| {
            record.pointer(&format!("/dynamodb/NewImage/{name}/S")).and_then(Value::as_str).map(str::to_owned)
        };
        let Some(outbox) = image("outbox") else { return Ok(None) };
        let events = serde_json::from_str(&outbox).map_err(|e| e.to_string())?;
        let release = serde_json::from_str(&image("release").unwrap_or_else(|| "[]".into()))
            .map_err(|e| e.to_string())?;
        Ok(Some(Self { pk: image("pk").unwrap_or_default(), events, release }))
    }

    pub(crate) fn into_pending(self) -> Pending {
        let Self { pk, events, release } = self;
        let release = release.into_iter().map(|condition| Released { pk: pk.clone(), condition }).collect();
        Pending { events, release, unreadable: None }
    }
}
