//! The commit of an event, the outbox, and events that came too early.
//!
//! The code: `shared/journal/src/batch.rs` and `commit.rs` (read, decide, commit),
//! `functions/publish-outbox` (stream to bus, release of what waits). One event activates an
//! engagement; the others need it active and wait, parked, until it is. What is applied tells a
//! consumer further on. Messages and stream records come at least once, in any order; workers
//! and publishers die between any two calls.

use stateright::{Model, Property};

mod state;

pub use state::{Message, Publisher, Record, State, Worker};

/// An event that needs the engagement to be active. Its place in every list.
pub type Early = usize;

/// What keeps an event from having its effect twice, or never.
#[derive(Debug, Clone, Copy)]
pub struct Guards {
    /// A commit inserts its event's entry only where there is none.
    pub entry_absent: bool,
    /// A commit replaces the state only in the version that was read.
    pub version: bool,
    /// Parking checks and raises that version too.
    pub touch: bool,
    /// The activating commit names the condition that now holds.
    pub names_condition: bool,
    /// What waits is removed after it is on the bus, and not before.
    pub publish_first: bool,
    /// Outgoing events are part of the commit, and not sent after it.
    pub outbox: bool,
    /// The consumer further on takes an event once.
    pub consumer_once: bool,
}

impl Guards {
    /// All of them.
    pub const ALL: Self = Self {
        entry_absent: true,
        version: true,
        touch: true,
        names_condition: true,
        publish_first: true,
        outbox: true,
        consumer_once: true,
    };
}

/// The model, and how much may go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// What is guarded.
    pub guards: Guards,
    /// Events that may come too early.
    pub early: usize,
    /// Whether they share the engagement's state (a ceiling, a milestone) once it is active, or
    /// each is one item by itself.
    pub shared: bool,
    /// Functions that take messages.
    pub workers: usize,
    /// Functions that publish: the stream's, and its retry queue's.
    pub publishers: usize,
    /// Crashes, repeated messages and refusals of the bus on one path.
    pub faults: u8,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker takes a message.
    Take(usize, Message),
    /// A worker's next call to the table happens.
    Work(usize),
    /// A worker dies; its message comes again.
    Die(usize),
    /// A message comes once more.
    Repeat(Message),
    /// A publisher takes up a record of the stream or the retry queue.
    Read(usize, Record),
    /// A publisher's next call happens.
    Publish(usize),
    /// A publisher dies, or the bus refuses: its record comes again.
    Fail(usize),
}

/// No event has its effect twice.
pub const ONCE: &str = "each event has its effect once at most";
/// No event is lost, and nothing waits for ever.
pub const ALL_DONE: &str = "when all is quiet each event had its effect and nothing waits";

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let faults_left = state.faults > 0;
        let mut offered: Vec<Message> = state.queue.clone();
        offered.dedup();
        for (w, worker) in state.workers.iter().enumerate() {
            match worker {
                Worker::Idle => actions.extend(offered.iter().map(|m| Action::Take(w, *m))),
                Worker::Reading(_) | Worker::Committing { .. } | Worker::Sending { .. } => {
                    actions.push(Action::Work(w));
                    if faults_left {
                        actions.push(Action::Die(w));
                    }
                }
            }
        }
        if faults_left {
            actions.extend(offered.iter().map(|m| Action::Repeat(*m)));
        }
        let mut records = state.stream.clone();
        records.dedup();
        for (p, publisher) in state.publishers.iter().enumerate() {
            match publisher {
                Publisher::Idle => actions.extend(records.iter().map(|r| Action::Read(p, *r))),
                _ => {
                    actions.push(Action::Publish(p));
                    if faults_left {
                        actions.push(Action::Fail(p));
                    }
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Take(w, message) => {
                state.remove(message);
                state.workers[w] = Worker::Reading(message);
            }
            Action::Work(w) => state.work(w, self),
            Action::Die(w) => state.die(w),
            Action::Repeat(message) => {
                state.faults -= 1;
                state.send(message);
            }
            Action::Read(p, record) => {
                state.stream.retain(|r| *r != record);
                state.publishers[p] = Publisher::Publishing(record);
            }
            Action::Publish(p) => state.publish(p, &self.guards),
            Action::Fail(p) => state.fail(p),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, s: &State| {
                s.activations <= 1 && s.effects.iter().chain(&s.told).all(|n| *n <= 1)
            }),
            Property::always(ALL_DONE, |p: &Self, s: &State| !s.is_quiet() || s.is_complete(p.shared)),
            // The model is not one in which nothing ever happens, or nothing comes too early.
            Property::sometimes("all is done", |p: &Self, s: &State| s.is_quiet() && s.is_complete(p.shared)),
            Property::sometimes("all wait at once", |_, s: &State| s.parked.iter().all(|p| *p)),
            Property::sometimes("what waits comes again while it waits", |_, s: &State| {
                (0..s.parked.len()).any(|e| s.parked[e] && s.queue.contains(&Message::Early(e)))
            }),
        ]
    }
}
