//! Everything durable at one moment while work is in flight: written down once, and carried on by
//! every later version of the code. What a version can't carry on, it would break when deployed.

mod deals;
pub(crate) mod forms;
mod make;
mod replay;
mod scenarios;
mod view;
mod wording;

use std::collections::BTreeSet;
use std::sync::Arc;

use events::Envelope;
use jiff::Timestamp;
use journal::Item;
use serde::{Deserialize, Serialize};
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value};

use crate::deal::Deal;
use crate::engine::{Sim, open};
use crate::products::Books;
use crate::world::{World, Written};

pub use make::{make, write_missing};
pub use replay::Replay;
pub use scenarios::names;

/// Where recordings are kept.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/journals");

/// A moment.
#[derive(Clone, Serialize, Deserialize)]
pub struct Recording {
    /// The scenario by which it was made.
    pub scenario: String,
    /// What is in flight, in words.
    pub in_flight: String,
    /// What every clock showed.
    at: Timestamp,
    /// The deals that are played.
    deals: Vec<Deal>,
    /// The table, as it is stored.
    items: Vec<Map<String, Value>>,
    /// What waits in queues, or is in somebody's hands.
    messages: Vec<Written>,
    /// Records of the table's stream that nobody took yet, each partition in its order.
    stream: Vec<Map<String, Value>>,
    /// What the products hold.
    books: Books,
    /// Every event that the bus took so far.
    taken: Vec<Envelope>,
}

impl Recording {
    /// Writes a world down.
    fn of(world: &World, scenario: &str, in_flight: &str, deals: Vec<Deal>) -> Self {
        Self {
            scenario: scenario.to_owned(),
            in_flight: in_flight.to_owned(),
            at: world.sim.now(),
            deals,
            items: world.table.items().into_iter().map(|item| item.0).collect(),
            messages: world.messages(),
            stream: open(&world.stream).unread().into_iter().map(|item| item.0).collect(),
            books: open(&world.books).clone(),
            taken: open(&world.taken).values().cloned().collect(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When today's code can't read it: the message says what.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    /// The file: keys sorted, and what is drawn at random replaced, so that the same scenario
    /// gives the same file.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn text(&self) -> Result<String, String> {
        let sorted = serde_json::to_value(self).map_err(|e| e.to_string())?;
        let mut text = Vec::new();
        // One blank a level: such files are long enough.
        let pretty = PrettyFormatter::with_indent(b" ");
        sorted.serialize(&mut Serializer::with_formatter(&mut text, pretty)).map_err(|e| e.to_string())?;
        let text = String::from_utf8(text).map_err(|e| e.to_string())?;
        Ok(wording::settled(text + "\n"))
    }

    /// A world in which just this happened.
    async fn load(&self, traced: bool) -> Arc<World> {
        let world = World::new(Sim::quiet(self.at, traced)).await;
        world.table.fill(self.items.iter().cloned().map(Item));
        *open(&world.books) = self.books.clone().with_terms(&world.config());
        *open(&world.taken) = self.taken.iter().map(|event| (event.id, event.clone())).collect();
        for message in self.messages.clone() {
            world.put_back(message);
        }
        for item in self.stream.iter().cloned() {
            world.stream_shows(Item(item));
        }
        world
    }

    /// Whether what it says to be in flight is.
    #[must_use]
    pub fn stands(&self) -> bool {
        let Some(scenario) = scenarios::of(&self.scenario) else { return false };
        simulated(async { (scenario.stands)(&*self.load(false).await) })
    }

    /// Kinds of items that it holds.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<String> {
        let kind = |item: &Map<String, Value>| item.get("kind").and_then(Value::as_str).map(str::to_owned);
        self.items.iter().filter_map(kind).collect()
    }

    /// States that its items are in, each as kind, field and value: `step state started`.
    #[must_use]
    pub fn states(&self) -> BTreeSet<String> {
        let mut states = BTreeSet::new();
        for item in &self.items {
            let text = |name: &str| item.get(name).and_then(Value::as_str);
            for field in ["state", "status", "outcome", "condition"] {
                if let (Some(kind), Some(value)) = (text("kind"), text(field)) {
                    // A condition may name its invoice.
                    let value = value.split([':', '#']).next().unwrap_or_default();
                    states.insert(format!("{kind} {field} {value}"));
                }
            }
        }
        states
    }

    /// Queues in which something waits.
    #[must_use]
    pub fn queues(&self) -> BTreeSet<String> {
        let name = |m: &Written| serde_json::to_value(m.queue).ok()?.as_str().map(str::to_owned);
        self.messages.iter().filter_map(name).collect()
    }

    /// Carries it on to its end, with nothing going wrong any more.
    #[must_use]
    pub fn replay(&self, traced: bool) -> Replay {
        simulated(Box::pin(replay::replay(self, traced)))
    }
}

/// Runs something in simulated time.
fn simulated<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    runtime.block_on(work)
}
