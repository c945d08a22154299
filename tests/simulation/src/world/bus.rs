//! The bus: takes some, refuses some, and routes each type to its queue.

use std::sync::Arc;

use async_trait::async_trait;
use events::Envelope;
use runtime::{Bus, PublishError};

use super::{Queue, World};
use crate::engine::{Fault, Place, open};

pub(super) struct SimulatedBus(pub(super) Arc<World>);

#[async_trait]
impl Bus for SimulatedBus {
    async fn publish(&self, mut events: Vec<Envelope>) -> Result<(), PublishError> {
        let (sim, place) = (&self.0.sim, Place::Bus);
        let failed = |refused, reason: &str| PublishError { refused, reason: reason.into() };
        if events.is_empty() {
            return Ok(());
        }
        sim.reach(place).await;
        if sim.strikes(Fault::Unavailable, place) {
            return Err(failed(events, "out of reach"));
        }
        let all = events.clone();
        let refused = if sim.strikes(Fault::RefusedInPart, place) {
            let kept = sim.below(events.len() as u64);
            events.split_off(usize::try_from(kept).unwrap_or(0))
        } else {
            vec![]
        };
        for event in events {
            self.0.take(event);
        }
        sim.answered(place).await;
        if sim.strikes(Fault::AnswerLost, place) {
            return Err(failed(all, "no answer"));
        }
        if refused.is_empty() { Ok(()) } else { Err(failed(refused, "refused")) }
    }
}

impl World {
    /// Puts an event on the bus, whoever sends it.
    pub(crate) fn take(self: &Arc<Self>, event: Envelope) {
        self.sim.note(|| format!("bus takes {} {} of {}", event.event.type_name(), event.id, event.subject));
        if let Some(queue) = Queue::of(&event.event) {
            self.put(queue, &event);
        }
        open(&self.taken).entry(event.id).or_insert(event);
    }
}
