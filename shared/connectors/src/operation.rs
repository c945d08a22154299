//! Mutating calls, and how each is made idempotent.
//!
//! An [`Operation`] is one thing to be done in a product. A connector [`Performs`] it by
//! saying how a repetition is recognised, by finding what an earlier attempt left, by doing
//! it, and by undoing it. There are no default methods: a connector that can't say how its
//! call is made idempotent can't be used in a workflow.

mod credit;
mod crm;
mod erp;
mod psa;

pub use credit::{CreateCreditMemo, PostCreditMemo, SetOffCreditMemo};
pub use crm::WriteDealStatus;
pub use erp::{
    AmendBillingPlan, AppliedTo, ApplyPayment, CreateBillingPlan, CreateCustomer, CreateInvoice,
    CustomerRecord, LinkCustomer, PostInvoice,
};
pub use psa::{
    Assigned, ChangeMilestone, CreateAssignments, CreateMilestone, CreateProject, CreateRateCard, CreateTask,
    SetBudget, SetRateCard, WriteInvoiceStatus,
};

use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::CallError;

/// How a mutating call is made idempotent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// The product recognises a key that we send, for as long as it keeps it.
    NativeKey {
        /// How long the product remembers keys; after that it must be asked first.
        retention: Duration,
    },
    /// The product creates or updates by a key field that carries our ID: repeating changes nothing.
    Upsert {
        /// How long after it was sent a write may still take effect there. Until then a later
        /// write could be overwritten by an earlier one that nobody answered for.
        settles_within: Duration,
    },
    /// The product is searched for a field that carries our ID before anything is created.
    SearchThenCreate {
        /// How long after it was sent a record may still be made there, or not be found yet.
        /// Until then "not found" proves nothing.
        settles_within: Duration,
    },
    /// The product keeps our ID unique (or the change can only be made once), and the connector
    /// answers a refusal for that reason with what stands. Asked first, so that refusals are rare.
    RefusedTwice {
        /// How long after it was sent it may still be done there; of interest to whoever takes it back.
        settles_within: Duration,
    },
}

impl Idempotency {
    /// How long after a call was sent its outcome may still be open.
    #[must_use]
    pub const fn settles_within(self) -> Duration {
        match self {
            Self::Upsert { settles_within }
            | Self::SearchThenCreate { settles_within }
            | Self::RefusedTwice { settles_within } => settles_within,
            Self::NativeKey { .. } => Duration::ZERO,
        }
    }

    /// Whether a repetition is harmless while an earlier attempt may still be on its way.
    #[must_use]
    pub const fn bears_overtaking(self) -> bool {
        match self {
            Self::NativeKey { .. } | Self::RefusedTwice { .. } => true,
            Self::Upsert { .. } | Self::SearchThenCreate { .. } => false,
        }
    }
}

/// One thing to be done in a product.
pub trait Operation: Send + Sync {
    /// What the product's record is known by afterwards; journalled with the step.
    type Record: Recorded;
    /// What is done, for people (`create invoice`).
    const NAME: &'static str;

    /// Compares what the product holds with what was asked for: amount, currency, customer.
    ///
    /// # Errors
    /// In words, what differs.
    fn verify(&self, record: &Self::Record) -> Result<(), String>;
}

/// What a step leaves behind.
pub trait Recorded: Serialize + DeserializeOwned + Clone + std::fmt::Debug + Send + Sync {
    /// The product's ID of the record.
    fn external_id(&self) -> &str;
}

/// A record of which nothing but its ID is of interest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The product's ID.
    pub record: String,
}

impl Recorded for Reference {
    fn external_id(&self) -> &str {
        &self.record
    }
}

/// What undoing came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undone {
    /// It is as if it had never been done.
    Removed,
    /// It stays, and the reason why that does no harm.
    Kept(String),
    /// It can't be undone by us; a person must look.
    Impossible(String),
}

/// A connector's ability to do one operation.
#[async_trait]
pub trait Performs<O: Operation>: Send + Sync {
    /// How a repetition is kept from having a second effect.
    fn idempotency(&self) -> Idempotency;

    /// What an earlier attempt left, if any. An upsert is asked only when it is taken back: then it
    /// says whether something of it may stand, in part or whole.
    ///
    /// # Errors
    /// When the product can't be asked.
    async fn find(&self, operation: &O) -> Result<Option<O::Record>, CallError>;

    /// Does it. `key` is the same for every attempt of the same step.
    ///
    /// # Errors
    /// What may be concluded from the failure is in [`CallError::kind`].
    async fn perform(&self, operation: &O, key: &str) -> Result<O::Record, CallError>;

    /// Undoes it, when a later step was refused for good.
    ///
    /// # Errors
    /// When the product can't be reached or refuses.
    async fn undo(&self, operation: &O, record: &O::Record) -> Result<Undone, CallError>;
}
