//! The journal: one DynamoDB table, and the commit that makes each event happen once.
//!
//! A [`Commit`] is one atomic write of idempotency records, new state, ledger items and
//! outgoing events. Either all of it happened, once, or none of it. Everything above
//! [`Store`] is the same over DynamoDB and over the in-memory store that tests use.

mod again;
mod approvals;
mod batch;
mod cash;
mod charges;
mod collections;
mod commit;
mod comparison;
mod configuration;
mod contracts;
mod counted;
mod credits;
mod crosswalk;
mod customer;
mod deciding;
mod delivery;
mod deposits;
mod disputes;
pub mod dying;
mod dynamo;
mod entry;
mod exception;
mod holds;
mod key;
mod ledger;
mod listing;
pub mod memory;
pub mod overtaken;
mod parked;
mod request;
mod revenue;
mod signals;
mod statements;
mod store;
mod supply;
mod workflows;
mod write_offs;

pub use approvals::Superseded;
pub use batch::{Decided, apply_group, apply_group_on};
pub use cash::CashException;
pub use commit::{Commit, Committed, Rejection, Write};
pub use comparison::Comparison;
pub use configuration::Cursor;
pub use crosswalk::CrosswalkEntry;
pub use deciding::{Decide, Deciding, Ready};
pub use deposits::DepositVersions;
pub use disputes::EvidencePage;
pub use dynamo::DynamoStore;
pub use entry::{EntryOutcome, JournalEntry};
pub use exception::{Exception, ExceptionStatus};
pub use holds::LineRecord;
pub use key::Key;
pub use ledger::{LINES_AN_INVOICE, LinePage, Versioned};
pub use parked::parking;
pub use request::Request;
pub use revenue::Late;
pub use signals::Signals;
pub use statements::NewVersion;
pub use store::{Expect, Item, Op, Store, StoreError};
pub use workflows::{Lease, LeaseError, StepRecord, StepState, WorkflowStatus};

use std::sync::Arc;

/// The journal over a store. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn Store>,
}

impl Journal {
    /// The journal over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The store below, for what reads items as they are (the timeline, tests).
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }
}

/// Why the journal could not answer.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The table could not be reached or throttled us; the same call may succeed later.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An item does not have the form this version of the code expects.
    #[error("item {key} can't be read: {detail}")]
    Malformed {
        /// Its key.
        key: String,
        /// What serde says.
        detail: String,
    },
    /// Too many writers met at one engagement; the message goes back to its queue.
    #[error("{0} stayed contended")]
    Contended(String),
    /// Something that a business decision could not compute.
    #[error("{0}")]
    Decision(String),
}
