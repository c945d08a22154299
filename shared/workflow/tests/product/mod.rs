//! A product with a memory of what it made, and with faults on order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use connectors::operation::{Reference, Undone};
use connectors::{CallError, CallErrorKind, Idempotency, Operation, Performs};
use jiff::{SignedDuration, Timestamp};
use workflow::Clock;

/// Makes a record that carries a name.
#[derive(Clone)]
pub struct Make {
    name: String,
}

impl Make {
    pub fn named(name: &str) -> Self {
        Self { name: name.into() }
    }
}

impl Operation for Make {
    type Record = Reference;
    const NAME: &'static str = "make";

    fn verify(&self, record: &Reference) -> Result<(), String> {
        if record.record == format!("record-{}", self.name) { Ok(()) } else { Err(record.record.clone()) }
    }
}

/// What goes wrong once with the step of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    CommitThenSilence,
    CommitUnseen,
    /// Nothing was done, and nothing is said.
    Silence,
    Throttle(u64),
    Refuse,
    /// Something of it was done before the rest was refused.
    RefuseHalfway,
    AnswerAnother,
    UndoFails,
    UndoImpossible,
    UndoRefused,
}

#[derive(Default)]
struct Books {
    made: Vec<String>,
    undone: Vec<String>,
    keys: BTreeSet<String>,
    unseen: BTreeSet<String>,
    faults: BTreeMap<String, Fault>,
}

pub struct Product {
    idempotency: Idempotency,
    books: Mutex<Books>,
}

impl Product {
    pub fn new(idempotency: Idempotency) -> Self {
        Self { idempotency, books: Mutex::default() }
    }

    pub fn fault(&self, step: &str, fault: Fault) {
        self.books.lock().unwrap().faults.insert(step.into(), fault);
    }

    pub fn made(&self) -> Vec<String> {
        self.books.lock().unwrap().made.clone()
    }

    pub fn undone(&self) -> Vec<String> {
        self.books.lock().unwrap().undone.clone()
    }

    pub fn show_everything(&self) {
        self.books.lock().unwrap().unseen.clear();
    }

    pub fn forget_keys(&self) {
        self.books.lock().unwrap().keys.clear();
    }
}

fn error(kind: CallErrorKind) -> CallError {
    CallError { kind, connection: "psa".into(), operation: Make::NAME, detail: "on order".into() }
}

#[async_trait]
impl Performs<Make> for Product {
    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    async fn find(&self, make: &Make) -> Result<Option<Reference>, CallError> {
        let books = self.books.lock().unwrap();
        let seen = books.made.contains(&make.name) && !books.unseen.contains(&make.name);
        Ok(seen.then(|| Reference { record: format!("record-{}", make.name) }))
    }

    async fn perform(&self, make: &Make, key: &str) -> Result<Reference, CallError> {
        let mut books = self.books.lock().unwrap();
        let fault = books.faults.remove(&make.name);
        match fault {
            Some(Fault::Refuse) => return Err(error(CallErrorKind::Refused)),
            Some(Fault::Silence) => return Err(error(CallErrorKind::Unknown)),
            Some(Fault::Throttle(seconds)) => {
                let retry_after = Some(Duration::from_secs(seconds));
                return Err(error(CallErrorKind::Transient { retry_after }));
            }
            Some(undo @ (Fault::UndoFails | Fault::UndoImpossible | Fault::UndoRefused)) => {
                books.faults.insert(make.name.clone(), undo);
            }
            Some(Fault::RefuseHalfway) => {
                books.made.push(make.name.clone());
                return Err(error(CallErrorKind::Refused));
            }
            Some(Fault::CommitUnseen) => {
                books.unseen.insert(make.name.clone());
            }
            Some(Fault::CommitThenSilence | Fault::AnswerAnother) | None => {}
        }
        // A product without a key of its own makes another record each time it is asked to.
        let known = match self.idempotency {
            Idempotency::NativeKey { .. } => !books.keys.insert(key.to_owned()),
            Idempotency::Upsert { .. } | Idempotency::RefusedTwice { .. } => books.made.contains(&make.name),
            Idempotency::SearchThenCreate { .. } => false,
        };
        if !known {
            books.made.push(make.name.clone());
        }
        match fault {
            Some(Fault::CommitThenSilence | Fault::CommitUnseen) => Err(error(CallErrorKind::Unknown)),
            Some(Fault::AnswerAnother) => Ok(Reference { record: "another".into() }),
            _ => Ok(Reference { record: format!("record-{}", make.name) }),
        }
    }

    async fn undo(&self, make: &Make, _: &Reference) -> Result<Undone, CallError> {
        let mut books = self.books.lock().unwrap();
        match books.faults.remove(&make.name) {
            Some(Fault::UndoFails) => return Err(error(CallErrorKind::Transient { retry_after: None })),
            Some(Fault::UndoRefused) => return Err(error(CallErrorKind::Refused)),
            Some(Fault::UndoImpossible) => return Ok(Undone::Impossible("it has invoices".into())),
            _ => {}
        }
        books.made.retain(|name| *name != make.name);
        books.undone.push(make.name.clone());
        Ok(Undone::Removed)
    }
}

/// A clock that moves when it is told to.
pub struct StoppedClock(Mutex<Timestamp>);

impl Default for StoppedClock {
    fn default() -> Self {
        Self(Mutex::new("2026-11-21T12:00:00Z".parse().unwrap()))
    }
}

impl StoppedClock {
    pub fn pass(&self, time: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += time;
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
