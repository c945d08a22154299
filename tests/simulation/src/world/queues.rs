//! The queues: at least once, in no order, invisible for a while, given up after so many times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use events::Envelope;
use jiff::{SignedDuration, Timestamp};
use runtime::MessageQueue;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Queue, World};
use crate::engine::{Fault, Place, open};

/// How long a message that was handed over stays hidden.
const HIDDEN: Duration = Duration::from_secs(720);
/// Deliveries before a queue gives up, as deployed.
const MOST_RECEIVES: u32 = 20;

/// A message that waits, or that somebody is at.
struct Message {
    queue: Queue,
    body: String,
    receives: u32,
    visible_at: tokio::time::Instant,
}

/// A message as it is written down: the queue's own clock is of no use in another history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) queue: Queue,
    pub(crate) body: String,
    receives: u32,
    /// Whoever was at it is not any more, but the queue does not know that before then.
    visible_at: Timestamp,
}

/// All queues.
#[derive(Default)]
pub(crate) struct Queues {
    messages: BTreeMap<u64, Message>,
    next: u64,
}

impl Queues {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bodies of what waits, for a person who looks.
    pub(crate) fn waiting(&self) -> Vec<String> {
        self.messages.values().map(|m| format!("{:?} ({}) {}", m.queue, m.receives, m.body)).collect()
    }
}

/// The queue of what the bus refused.
pub(super) struct OutboxRetry(pub(super) Arc<World>);

#[async_trait]
impl MessageQueue for OutboxRetry {
    async fn send(&self, body: String) -> Result<(), String> {
        let (sim, place) = (&self.0.sim, Place::RetryQueue);
        sim.reach(place).await;
        if sim.strikes(Fault::Unavailable, place) {
            return Err("out of reach".into());
        }
        self.0.enqueue(Queue::OutboxRetry, body, Duration::ZERO);
        sim.answered(place).await;
        if sim.strikes(Fault::AnswerLost, place) { Err("no answer".into()) } else { Ok(()) }
    }
}

impl World {
    /// Puts an event into a queue as the bus delivers it.
    pub(super) fn put(self: &Arc<Self>, queue: Queue, event: &Envelope) {
        let body =
            json!({"source": "q2c", "detail-type": event.event.type_name(), "detail": event}).to_string();
        let copies = 1 + u64::from(self.sim.strikes(Fault::Twice, Place::Message));
        for _ in 0..copies {
            let late = if self.sim.strikes(Fault::Delayed, Place::Message) { 3_600 } else { 3 };
            let delay = queue.collection_seconds() + self.sim.below(late);
            self.enqueue(queue, body.clone(), Duration::from_millis(delay * 1_000 + self.sim.below(1_000)));
        }
    }

    /// Puts a message into a queue.
    pub(crate) fn enqueue(self: &Arc<Self>, queue: Queue, body: String, delay: Duration) {
        self.insert(queue, body, 0, delay);
    }

    fn insert(self: &Arc<Self>, queue: Queue, body: String, receives: u32, delay: Duration) {
        let id = {
            let mut queues = open(&self.queues);
            queues.next += 1;
            let id = queues.next;
            let visible_at = tokio::time::Instant::now() + delay;
            queues.messages.insert(id, Message { queue, body, receives, visible_at });
            id
        };
        self.deliver_after(id, delay);
    }

    /// Every message, for writing it down.
    pub(crate) fn messages(&self) -> Vec<Written> {
        let (now, read_at) = (self.sim.now(), tokio::time::Instant::now());
        let written = |m: &Message| {
            let hidden = m.visible_at.saturating_duration_since(read_at);
            let hidden = SignedDuration::try_from(hidden).unwrap_or_default();
            Written {
                queue: m.queue,
                body: m.body.clone(),
                receives: m.receives,
                visible_at: now.saturating_add(hidden).unwrap_or(now),
            }
        };
        open(&self.queues).messages.values().map(written).collect()
    }

    /// Puts a message into its queue as it was written down.
    pub(crate) fn put_back(self: &Arc<Self>, written: Written) {
        let Written { queue, body, receives, visible_at } = written;
        let hidden = Duration::try_from(visible_at.duration_since(self.sim.now())).unwrap_or_default();
        self.insert(queue, body, receives, hidden);
    }

    fn deliver_after(self: &Arc<Self>, id: u64, delay: Duration) {
        let world = Arc::clone(self);
        self.sim.spawn(async move {
            tokio::time::sleep(delay).await;
            world.receive(id);
        });
    }

    /// Hands a message over to its function, with others of its queue that wait.
    fn receive(self: &Arc<Self>, id: u64) {
        let now = tokio::time::Instant::now();
        let mut batch = Vec::new();
        {
            let mut queues = open(&self.queues);
            let Some(first) = queues.messages.get(&id).filter(|m| m.visible_at <= now) else { return };
            let queue = first.queue;
            let most = 1 + usize::try_from(self.sim.below(queue.batch() as u64)).unwrap_or(0);
            let others =
                queues.messages.iter().filter(|(i, m)| **i != id && m.queue == queue && m.visible_at <= now);
            let mut ids = vec![id];
            ids.extend(others.map(|(i, _)| *i).take(most - 1));
            for id in ids {
                let Some(message) = queues.messages.get_mut(&id) else { continue };
                message.receives += 1;
                message.visible_at = now + HIDDEN;
                if message.receives > MOST_RECEIVES && queue != Queue::DeadLetters {
                    message.queue = Queue::DeadLetters;
                    message.receives = 0;
                    message.visible_at = now;
                    self.deliver_after(id, Duration::ZERO);
                } else {
                    batch.push((id, message.receives, message.body.clone()));
                    self.deliver_after(id, HIDDEN);
                }
            }
            if batch.is_empty() {
                return;
            }
            let world = Arc::clone(self);
            self.sim.spawn(async move { world.invoke(queue, batch).await });
        }
    }

    /// One process takes a batch. If it dies, the messages are seen again when they are due.
    async fn invoke(self: Arc<Self>, queue: Queue, batch: Vec<(u64, u32, String)>) {
        self.sim.note(|| {
            let ids = batch.iter().map(|(id, receives, _)| format!("{id}({receives})")).collect::<Vec<_>>();
            format!("{} takes {}", queue.function(), ids.join(" "))
        });
        let failed = queue.handle(&self, sqs_event(&batch)).await;
        for (id, ..) in batch {
            match failed.get(&id.to_string()) {
                None => {
                    open(&self.queues).messages.remove(&id);
                }
                Some(delay) => {
                    if let Some(message) = open(&self.queues).messages.get_mut(&id) {
                        message.visible_at = tokio::time::Instant::now() + *delay;
                    }
                    self.deliver_after(id, *delay);
                }
            }
        }
        self.sim.note(|| format!("{} is done, failed: {failed:?}", queue.function()));
    }
}

fn sqs_event(batch: &[(u64, u32, String)]) -> SqsEvent {
    let record = |(id, receives, body): &(u64, u32, String)| {
        let mut message = SqsMessage::default();
        message.message_id = Some(id.to_string());
        message.receipt_handle = Some(id.to_string());
        message.body = Some(body.clone());
        message.attributes.insert("ApproximateReceiveCount".into(), receives.to_string());
        message.event_source = Some("aws:sqs".into());
        message.event_source_arn = Some("arn:aws:sqs:us-east-1:123456789012:queue".into());
        message
    };
    let mut event = SqsEvent::default();
    event.records = batch.iter().map(record).collect();
    event
}
