//! What a scenario says of a world, by what is stored in it: names as they were written then, and
//! not as today's code calls them.

use domain::Event;
use journal::Item;

use crate::engine::open;
use crate::products::Books;
use crate::world::{Queue, World};

impl World {
    /// Items of a kind whose field has a value.
    pub(super) fn count(&self, kind: &str, field: &str, value: &str) -> usize {
        let is = |item: &Item| {
            item.text("kind") == Some(kind) && item.text(field).is_some_and(|found| found == value)
        };
        self.table.matching(is).len()
    }

    /// Whether there is an item of a kind whose field has a value.
    pub(super) fn has(&self, kind: &str, field: &str, value: &str) -> bool {
        self.count(kind, field, value) > 0
    }

    /// Whether a run of a workflow has a status.
    pub(super) fn run_is(&self, workflow: &str, status: &str) -> bool {
        let is = |item: &Item| {
            item.text("kind") == Some("workflow")
                && item.text("workflow") == Some(workflow)
                && item.text("status") == Some(status)
        };
        !self.table.matching(is).is_empty()
    }

    /// Whether a step of some run of a workflow is in a state.
    pub(super) fn step_is(&self, workflow: &str, step: &str, state: &str) -> bool {
        let is = |item: &Item| {
            item.text("kind") == Some("step")
                && item.text("workflow") == Some(workflow)
                && item.text("step") == Some(step)
                && item.text("state") == Some(state)
        };
        !self.table.matching(is).is_empty()
    }

    /// How many events wait for a condition.
    pub(super) fn parked(&self, condition: &str) -> usize {
        let waits = |item: &Item| {
            item.text("kind") == Some("parked")
                && item.text("condition").is_some_and(|c| c.starts_with(condition))
        };
        self.table.matching(waits).len()
    }

    /// How many messages are in a queue.
    pub(super) fn waiting(&self, queue: Queue) -> usize {
        self.messages().iter().filter(|m| m.queue == queue).count()
    }

    /// Whether the bus took an event of which something holds.
    pub(super) fn took(&self, is: impl Fn(&Event) -> bool) -> bool {
        open(&self.taken).values().any(|taken| is(&taken.event))
    }

    /// Whether something holds of the products' books.
    pub(super) fn books_show(&self, is: impl FnOnce(&Books) -> bool) -> bool {
        is(&open(&self.books))
    }
}
