//! The PSA: no key of ours is unique there, and its search may not show yet what was just made.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::inbound::Translated;
use connectors::operation::{
    CreateMilestone, CreateProject, CreateRateCard, CreateTask, Reference, Undone, WriteInvoiceStatus,
};
use connectors::role::{Polled, Psa};
use connectors::{CallError, Idempotency, Performs};
use domain::id::EngagementId;
use domain::money::Currency;
use domain::setup::HeldProject;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::books::{Books, Change, Row};
use super::{SEARCH, UPSERT};
use crate::engine::{Fault, Place};
use crate::world::{PSA, World};

pub(super) struct SimulatedPsa(pub(super) Arc<World>);

/// How far the log may lag behind; the connection's overlap is longer.
pub(super) const OVERLAP: SignedDuration = SignedDuration::from_mins(30);

#[async_trait]
impl Psa for SimulatedPsa {
    fn connection(&self) -> &str {
        PSA
    }

    async fn held_project(
        &self,
        engagement: &EngagementId,
        _: Currency,
        on: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        self.0.asks(Place::ReadProject, PSA, |books| books.held_project(engagement, on)).await
    }
}

/// The log of changes since a moment, as far as it shows them.
pub(super) fn since(changes: &[Change], since: Timestamp, now: Timestamp) -> Vec<Translated> {
    changes.iter().filter(|c| c.at >= since && c.shown_at <= now).map(|c| c.change.clone()).collect()
}

/// A log may tell things twice.
pub(super) fn repeated(world: &World, mut changes: Vec<Translated>) -> Vec<Translated> {
    if !changes.is_empty() && world.sim.strikes(Fault::Twice, Place::ReadChanges) {
        changes.extend(changes.clone());
    }
    changes
}

#[async_trait]
impl Polled for SimulatedPsa {
    fn overlap(&self) -> SignedDuration {
        OVERLAP
    }

    async fn changes_since(&self, moment: Timestamp) -> Result<Vec<Translated>, CallError> {
        let now = self.0.sim.now();
        let found = self.0.asks(Place::ReadChanges, PSA, |books| since(&books.work, moment, now)).await?;
        Ok(repeated(&self.0, found))
    }
}

type Table = fn(&mut Books) -> &mut Vec<Row>;

impl SimulatedPsa {
    async fn search(&self, place: Place, table: Table, key: String) -> Result<Option<Reference>, CallError> {
        let now = self.0.sim.now();
        let look = |books: &mut Books| {
            let shown = |row: &&Row| row.key == key && row.shown_at <= now && !row.archived;
            table(books).iter().find(shown).map(|row| Reference { record: row.record.clone() })
        };
        self.0.asks(place, PSA, look).await
    }

    /// Makes another record, whether there is one with this key or not.
    async fn create(
        &self,
        place: Place,
        table: Table,
        key: String,
        hold: impl FnOnce(&mut Books, String) + Send + 'static,
    ) -> Result<Reference, CallError> {
        let effect = move |books: &mut Books, shown_at| {
            let record = books.number();
            hold(books, record.clone());
            table(books).push(Row { record: record.clone(), key, shown_at, archived: false });
            Ok(Reference { record })
        };
        self.0.changes(place, PSA, effect).await
    }
}

/// Records below a project: searched for by a key, and gone with it.
macro_rules! below_a_project {
    ($($operation:ty, $place:ident, $table:ident, $key:expr, $hold:expr;)*) => {$(
        #[async_trait]
        impl Performs<$operation> for SimulatedPsa {
            fn idempotency(&self) -> Idempotency {
                SEARCH
            }
            async fn find(&self, operation: &$operation) -> Result<Option<Reference>, CallError> {
                let key: fn(&$operation) -> String = $key;
                self.search(Place::$place, |books| &mut books.$table, key(operation)).await
            }
            async fn perform(&self, operation: &$operation, _: &str) -> Result<Reference, CallError> {
                let key: fn(&$operation) -> String = $key;
                let hold: fn(&mut Books, String, $operation) = $hold;
                let (key, operation) = (key(operation), operation.clone());
                let hold = move |books: &mut Books, record| hold(books, record, operation);
                self.create(Place::$place, |books| &mut books.$table, key, hold).await
            }
            async fn undo(&self, _: &$operation, _: &Reference) -> Result<Undone, CallError> {
                Ok(Undone::Kept("it goes with its project".into()))
            }
        }
    )*};
}

below_a_project! {
    CreateTask, CreateTask, tasks, |o| format!("{}/{}", o.engagement, o.key), |_, _, _| {};
    CreateMilestone, CreateMilestone, milestones, |o| format!("{}/{}", o.engagement, o.milestone.key),
        |books, record, o| { books.terms.amounts.insert(record, o.milestone.amount); };
    CreateRateCard, CreateRateCard, rate_cards, |o| o.engagement.to_string(),
        |books, record, o| { books.terms.rates.insert(record, o.rate_card); };
}

#[async_trait]
impl Performs<CreateProject> for SimulatedPsa {
    fn idempotency(&self) -> Idempotency {
        SEARCH
    }

    async fn find(&self, create: &CreateProject) -> Result<Option<Reference>, CallError> {
        self.search(Place::CreateProject, |books| &mut books.projects, create.engagement.to_string()).await
    }

    async fn perform(&self, create: &CreateProject, _: &str) -> Result<Reference, CallError> {
        let (key, budget) = (create.engagement.to_string(), create.budget);
        let hold = move |books: &mut Books, record| {
            books.terms.budgets.insert(record, budget);
        };
        self.create(Place::CreateProject, |books| &mut books.projects, key, hold).await
    }

    async fn undo(&self, _: &CreateProject, record: &Reference) -> Result<Undone, CallError> {
        let record = record.record.clone();
        let effect = move |books: &mut Books, _| {
            books.projects.iter_mut().filter(|row| row.record == record).for_each(|row| row.archived = true);
            Ok(Undone::Removed)
        };
        self.0.changes(Place::CreateProject, PSA, effect).await
    }
}

#[async_trait]
impl Performs<WriteInvoiceStatus> for SimulatedPsa {
    fn idempotency(&self) -> Idempotency {
        UPSERT
    }

    async fn find(&self, _: &WriteInvoiceStatus) -> Result<Option<Reference>, CallError> {
        Ok(None)
    }

    async fn perform(&self, write: &WriteInvoiceStatus, _: &str) -> Result<Reference, CallError> {
        let write = write.clone();
        let effect = move |books: &mut Books, _| {
            let record = format!("reference-{}", write.invoice);
            books.shown.insert(write.invoice.clone(), write);
            Ok(Reference { record })
        };
        self.0.changes(Place::WriteInvoiceStatus, PSA, effect).await
    }

    async fn undo(&self, _: &WriteInvoiceStatus, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("the next write replaces it".into()))
    }
}
