//! The table, the queues, and who is at work.

use super::{Early, Guards, Protocol};

/// A message of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Message {
    /// Activates the engagement.
    Activate,
    /// Needs it active.
    Early(Early),
    /// Tells the consumer further on that an event was applied.
    Told(Early),
}

/// A record of the stream: what a commit left to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// The engagement is active; whether what waits for that is named.
    Active {
        /// Whether it is.
        release: bool,
    },
    /// An event was applied.
    Applied(Early),
}

/// A function that takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Worker {
    /// Waits for one.
    Idle,
    /// Reads the engagement.
    Reading(Message),
    /// Decided, and commits.
    Committing {
        /// The message.
        message: Message,
        /// The version that was read.
        version: u8,
        /// Whether the engagement was active.
        active: bool,
        /// What its state counted.
        counted: u8,
    },
    /// Committed, and sends what follows from it, where that is no part of the commit.
    Sending {
        /// The message.
        message: Message,
        /// What it sends.
        record: Record,
    },
}

/// A function that publishes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Publisher {
    /// Waits for a record.
    Idle,
    /// Puts a record's events on the bus.
    Publishing(Record),
    /// Looks up what waits.
    Querying(Record),
    /// Puts it on the bus.
    Releasing(Record, Vec<Early>),
    /// Removes it.
    Removing(Record, Vec<Early>),
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Version of the engagement's item.
    pub version: u8,
    /// Whether the engagement is active.
    pub active: bool,
    /// What its state counts: events applied under a shared limit, as each saw it.
    pub counted: u8,
    /// How often it was activated.
    pub activations: u8,
    /// Which events wait.
    pub parked: Vec<bool>,
    /// How often each event had its effect; with that its entry is there.
    pub effects: Vec<u8>,
    /// How often the consumer further on took that.
    pub told: Vec<u8>,
    /// Messages, sorted.
    pub queue: Vec<Message>,
    /// Records of the stream and the retry queue, sorted.
    pub stream: Vec<Record>,
    /// Who takes messages.
    pub workers: Vec<Worker>,
    /// Who publishes.
    pub publishers: Vec<Publisher>,
    /// Faults that may still happen.
    pub faults: u8,
}

impl State {
    pub(super) fn new(protocol: &Protocol) -> Self {
        let early = protocol.early;
        let mut queue = vec![Message::Activate];
        queue.extend((0..early).map(Message::Early));
        Self {
            version: 0,
            active: false,
            counted: 0,
            activations: 0,
            parked: vec![false; early],
            effects: vec![0; early],
            told: vec![0; early],
            queue,
            stream: vec![],
            workers: vec![Worker::Idle; protocol.workers],
            publishers: vec![Publisher::Idle; protocol.publishers],
            faults: protocol.faults,
        }
    }

    /// Whether nobody has anything to do.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty()
            && self.stream.is_empty()
            && self.workers.iter().all(|w| *w == Worker::Idle)
            && self.publishers.iter().all(|p| *p == Publisher::Idle)
    }

    /// Whether every event had its effect, once, and nothing waits.
    #[must_use]
    pub fn is_complete(&self, shared: bool) -> bool {
        let counted = if shared { self.effects.len() } else { 0 };
        self.activations == 1
            && usize::from(self.counted) == counted
            && self.effects.iter().chain(&self.told).all(|n| *n == 1)
            && self.parked.iter().all(|parked| !parked)
    }

    /// The same with workers and publishers in a fixed order.
    #[must_use]
    pub fn alike(&self) -> Self {
        let mut same = self.clone();
        same.workers.sort_unstable();
        same.publishers.sort_unstable();
        same
    }

    pub(super) fn send(&mut self, message: Message) {
        self.queue.push(message);
        self.queue.sort_unstable();
    }

    pub(super) fn remove(&mut self, message: Message) {
        if let Some(place) = self.queue.iter().position(|m| *m == message) {
            self.queue.remove(place);
        }
    }

    fn stream(&mut self, record: Record) {
        self.stream.push(record);
        self.stream.sort_unstable();
    }

    pub(super) fn die(&mut self, w: usize) {
        self.faults -= 1;
        match self.workers[w] {
            Worker::Idle => {}
            Worker::Reading(message)
            | Worker::Committing { message, .. }
            | Worker::Sending { message, .. } => self.send(message),
        }
        self.workers[w] = Worker::Idle;
    }

    pub(super) fn work(&mut self, w: usize, protocol: &Protocol) {
        self.workers[w] = match self.workers[w] {
            Worker::Idle => Worker::Idle,
            Worker::Reading(Message::Told(event)) => {
                if self.told[event] == 0 || !protocol.guards.consumer_once {
                    self.told[event] += 1;
                }
                Worker::Idle
            }
            Worker::Reading(message) => {
                let Self { version, active, counted, .. } = *self;
                Worker::Committing { message, version, active, counted }
            }
            Worker::Committing { message, version, active, counted } => {
                self.commit(message, (version, active, counted), protocol)
            }
            Worker::Sending { record, .. } => {
                self.stream(record);
                Worker::Idle
            }
        };
    }

    /// One transaction, or its rejection.
    fn commit(&mut self, message: Message, read: (u8, bool, u8), protocol: &Protocol) -> Worker {
        let (version, active, counted) = read;
        let guards = &protocol.guards;
        let fresh = version == self.version;
        let again = Worker::Reading(message);
        match message {
            Message::Activate => {
                // Where the entry is not looked at, the decision still sees an active engagement.
                if self.activations > 0 && (guards.entry_absent || active) {
                    return Worker::Idle;
                }
                if guards.version && !fresh {
                    return again;
                }
                (self.active, self.version) = (true, self.version + 1);
                self.activations += 1;
                self.conclude(message, Record::Active { release: guards.names_condition }, guards)
            }
            Message::Early(event) if active => {
                if guards.entry_absent && self.effects[event] > 0 {
                    return Worker::Idle;
                }
                if protocol.shared && guards.version && !fresh {
                    return again;
                }
                if protocol.shared {
                    (self.version, self.counted) = (self.version + 1, counted + 1);
                }
                self.effects[event] += 1;
                self.conclude(message, Record::Applied(event), guards)
            }
            Message::Early(event) => {
                if self.parked[event] {
                    return Worker::Idle;
                }
                if guards.touch && !fresh {
                    return again;
                }
                self.version += u8::from(guards.touch);
                self.parked[event] = true;
                Worker::Idle
            }
            Message::Told(_) => Worker::Idle,
        }
    }

    fn conclude(&mut self, message: Message, record: Record, guards: &Guards) -> Worker {
        if guards.outbox {
            self.stream(record);
            return Worker::Idle;
        }
        Worker::Sending { message, record }
    }

    pub(super) fn fail(&mut self, p: usize) {
        self.faults -= 1;
        match self.publishers[p].clone() {
            Publisher::Idle => {}
            Publisher::Publishing(record)
            | Publisher::Querying(record)
            | Publisher::Releasing(record, _)
            | Publisher::Removing(record, _) => self.stream(record),
        }
        self.publishers[p] = Publisher::Idle;
    }

    pub(super) fn publish(&mut self, p: usize, guards: &Guards) {
        self.publishers[p] = match self.publishers[p].clone() {
            Publisher::Idle => Publisher::Idle,
            Publisher::Publishing(record) => match record {
                Record::Applied(event) => {
                    self.send(Message::Told(event));
                    Publisher::Idle
                }
                Record::Active { release: true } => Publisher::Querying(record),
                Record::Active { release: false } => Publisher::Idle,
            },
            Publisher::Querying(record) => {
                let waiting: Vec<Early> = (0..self.parked.len()).filter(|e| self.parked[*e]).collect();
                match (waiting.is_empty(), guards.publish_first) {
                    (true, _) => Publisher::Idle,
                    (false, true) => Publisher::Releasing(record, waiting),
                    (false, false) => Publisher::Removing(record, waiting),
                }
            }
            Publisher::Releasing(record, waiting) => {
                for event in &waiting {
                    self.send(Message::Early(*event));
                }
                match guards.publish_first {
                    true => Publisher::Removing(record, waiting),
                    false => Publisher::Querying(record),
                }
            }
            Publisher::Removing(record, waiting) => {
                for event in &waiting {
                    self.parked[*event] = false;
                }
                match guards.publish_first {
                    true => Publisher::Querying(record),
                    false => Publisher::Releasing(record, waiting),
                }
            }
        };
    }
}
