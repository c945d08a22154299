//! The commit: one atomic write of everything that an event did.

use domain::decision::Condition;
use events::Envelope;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::entry::JournalEntry;
use crate::key::Key;
use crate::store::{Expect, Item, Op, StoreError};
use crate::{Journal, JournalError};

/// Writes in one transaction at most; DynamoDB takes 100.
pub(crate) const MOST_WRITES: usize = 100;

/// One write of a commit.
#[derive(Debug, Clone)]
pub enum Write {
    /// An item that must not exist yet. `cause` is the event that it is the record of.
    Insert {
        /// The item.
        item: Item,
        /// The event.
        cause: Uuid,
    },
    /// An item that must still have the version that was read (0: must not exist). Its new version is one more.
    Replace {
        /// The item.
        item: Item,
        /// The version that was read.
        expected: u64,
    },
    /// Raises the version of an item without changing it, so that whoever read it before must read again.
    Touch {
        /// Which item.
        key: Key,
        /// Its kind, for the case that it does not exist yet.
        kind: &'static str,
        /// The version that was read.
        expected: u64,
    },
    /// Takes the place of an item in which a field has a value.
    Supersede {
        /// The item.
        item: Item,
        /// The field and the value it must have.
        field: (&'static str, String),
    },
    /// Sets and removes fields where a field has a value.
    When {
        /// Which item.
        key: Key,
        /// The field and the value it must have.
        field: (&'static str, String),
        /// Fields to set.
        set: Map<String, Value>,
        /// Fields to remove.
        remove: Vec<&'static str>,
    },
    /// Sets and removes fields where a field has a value and another one is absent.
    WhenWithout {
        /// Which item.
        key: Key,
        /// The field and the value it must have.
        field: (&'static str, String),
        /// The field that it must not have.
        without: &'static str,
        /// Fields to set.
        set: Map<String, Value>,
        /// Fields to remove.
        remove: Vec<&'static str>,
    },
}

impl Write {
    fn op(self) -> Op {
        match self {
            Self::Insert { item, .. } => Op::Put { item, expect: Expect::Absent },
            Self::Replace { item, expected } => {
                Op::Put { item: item.with("version", expected + 1), expect: Expect::Version(expected) }
            }
            Self::Touch { key, kind, expected } => Op::Update {
                key,
                set: Map::from_iter([
                    ("version".into(), (expected + 1).into()),
                    ("kind".into(), kind.into()),
                ]),
                remove: vec![],
                expect: Expect::Version(expected),
            },
            Self::Supersede { item, field: (name, value) } => {
                Op::Put { item, expect: Expect::Field(name, value) }
            }
            Self::When { key, field: (name, value), set, remove } => {
                Op::Update { key, set, remove, expect: Expect::Field(name, value) }
            }
            Self::WhenWithout { key, field: (name, value), without, set, remove } => {
                Op::Update { key, set, remove, expect: Expect::FieldWithout(name, value, without) }
            }
        }
    }
}

/// Everything that happens, or does not.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The writes, in the order in which rejections are reported.
    pub writes: Vec<Write>,
    /// Outgoing events, in order. They travel as one attribute of the first item inserted,
    /// because a stream does not order the items of a transaction.
    pub outgoing: Vec<Envelope>,
    /// Conditions that hold from now on: partition and condition of what is released.
    pub release: Vec<Condition>,
}

impl Commit {
    /// Adds the idempotency record of an event.
    ///
    /// # Errors
    /// Never for a well-formed entry.
    pub fn entry(mut self, tenant: &str, entry: &JournalEntry) -> Result<Self, JournalError> {
        self.writes.push(Write::Insert { item: entry.item(tenant)?, cause: entry.event_id });
        Ok(self)
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds outgoing events.
    #[must_use]
    pub fn emit(mut self, events: impl IntoIterator<Item = Envelope>) -> Self {
        self.outgoing.extend(events);
        self
    }

    fn ops(self) -> Result<Vec<Op>, JournalError> {
        let outbox = if self.outgoing.is_empty() && self.release.is_empty() {
            None
        } else {
            Some((json(&self.outgoing)?, json(&self.release)?))
        };
        let mut ops: Vec<Op> = self.writes.into_iter().map(Write::op).collect();
        if let Some((outbox, release)) = outbox {
            let carrier = ops.iter_mut().find_map(|op| match op {
                Op::Put { item, expect: Expect::Absent } => Some(item),
                Op::Put { .. } | Op::Update { .. } | Op::Delete { .. } => None,
            });
            let Some(item) = carrier else {
                return Err(JournalError::Decision("a commit that emits events must insert an item".into()));
            };
            item.0.insert("outbox".into(), outbox.into());
            item.0.insert("release".into(), release.into());
        }
        Ok(ops)
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|e| JournalError::Decision(e.to_string()))
}

/// A write whose expectation was not met.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Its position in [`Commit::writes`].
    pub position: usize,
    /// The item as it is: the failed write is also the read.
    pub current: Option<Item>,
}

/// What came of a commit. To be looked at: a commit that met another writer has not happened.
#[derive(Debug, Clone)]
#[must_use]
pub enum Committed {
    /// All of it happened.
    Done,
    /// None of it happened; these expectations were not met.
    Rejected(Vec<Rejection>),
    /// None of it happened; another writer is at the same items. Decide again.
    Contended,
}

impl Journal {
    /// Commits.
    ///
    /// # Errors
    /// When the table can't be reached or refuses. Nothing happened, or all of it did and the
    /// answer was lost; committing again finds that out.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        if commit.writes.len() > MOST_WRITES {
            return Err(JournalError::Decision(format!("{} writes in one commit", commit.writes.len())));
        }
        match self.store.write(commit.ops()?).await {
            Ok(()) => Ok(Committed::Done),
            Err(StoreError::Unmet(unmet)) => Ok(Committed::Rejected(
                unmet.into_iter().map(|(position, current)| Rejection { position, current }).collect(),
            )),
            Err(StoreError::Contention) => Ok(Committed::Contended),
            Err(other) => Err(other.into()),
        }
    }
}
