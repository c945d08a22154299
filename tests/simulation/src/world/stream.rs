//! The table's stream: one order per partition, delivered at least once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use journal::Item;
use serde_json::{Value, json};

use super::World;
use super::queues::OutboxRetry;
use crate::engine::{Fault, Place, open};

/// Records that `publish-outbox` has not taken yet, by partition.
#[derive(Default)]
pub(crate) struct Stream {
    waiting: BTreeMap<String, VecDeque<Item>>,
}

impl Stream {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.values().all(VecDeque::is_empty)
    }

    /// What was not read yet, each partition in its order.
    pub(crate) fn unread(&self) -> Vec<Item> {
        self.waiting.values().flatten().cloned().collect()
    }
}

impl World {
    /// Takes what was just inserted into the stream, and has it delivered.
    pub(super) fn streamed(self: &Arc<Self>) {
        for item in self.table.drain_stream().into_iter().filter(|i| i.text("outbox").is_some()) {
            self.stream_shows(item);
        }
    }

    /// Puts a record at the end of its partition's stream.
    pub(crate) fn stream_shows(self: &Arc<Self>, item: Item) {
        let partition = item.key().pk;
        let mut stream = open(&self.stream);
        let records = stream.waiting.entry(partition.clone()).or_default();
        records.push_back(item);
        if records.len() == 1 {
            self.sim.spawn(deliver(Arc::clone(self), partition));
        }
    }

    fn records(&self, partition: &str, most: usize) -> Vec<Item> {
        let stream = open(&self.stream);
        stream.waiting.get(partition).map(|r| r.iter().take(most).cloned().collect()).unwrap_or_default()
    }
}

/// Delivers a partition's records in order until none is left. Whoever dies is called again.
async fn deliver(world: Arc<World>, partition: String) {
    loop {
        let most = 1 + usize::try_from(world.sim.below(10)).unwrap_or(0);
        let batch = world.records(&partition, most);
        if batch.is_empty() {
            return;
        }
        let done = Arc::new(std::sync::atomic::AtomicUsize::new(usize::MAX));
        let (run, taken) = (Arc::clone(&world), Arc::clone(&done));
        let (begun, ended) = tokio::sync::oneshot::channel::<()>();
        let records = batch.clone();
        world.sim.spawn(async move {
            let alive = begun;
            let processed = publish(&run, &records).await;
            taken.store(processed, std::sync::atomic::Ordering::SeqCst);
            drop(alive);
        });
        // Also when the process dies, the other end is dropped with it.
        let _ = ended.await;
        match done.load(std::sync::atomic::Ordering::SeqCst) {
            usize::MAX => world.sim.wait(1, 5).await,
            processed => {
                let again = world.sim.strikes(Fault::Twice, Place::Stream);
                let mut stream = open(&world.stream);
                if let Some(records) = stream.waiting.get_mut(&partition)
                    && !again
                {
                    records.drain(..processed.min(records.len()));
                }
            }
        }
    }
}

/// Calls `publish-outbox` with a batch. Gives how many records were dealt with.
async fn publish(world: &Arc<World>, records: &[Item]) -> usize {
    let context = world.context("publish-outbox");
    let image = |item: &Item, name: &str| json!({"S": item.text(name).unwrap_or_default()});
    let record = |(number, item): (usize, &Item)| {
        json!({"eventSource": "aws:dynamodb", "dynamodb": {
            "SequenceNumber": number.to_string(),
            "NewImage": {"pk": image(item, "pk"), "outbox": image(item, "outbox"), "release": image(item, "release")},
        }})
    };
    let event = json!({"Records": records.iter().enumerate().map(record).collect::<Vec<_>>()});
    let queue = OutboxRetry(Arc::clone(world));
    match publish_outbox::publish(&context, &queue, event).await {
        Err(reason) => {
            world.sim.note(|| format!("publish-outbox failed: {reason}"));
            0
        }
        Ok(answer) => {
            let failed = answer.pointer("/batchItemFailures/0/itemIdentifier").and_then(Value::as_str);
            failed.and_then(|number| number.parse().ok()).unwrap_or(records.len())
        }
    }
}
