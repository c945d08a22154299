//! Where workflows keep their progress: a run with a lease, and its steps.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::key::Key;
use crate::store::{Expect, Item, Op, StoreError};
use crate::{Journal, JournalError};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkflowStatus {
    /// Somebody is at it, or will be when the message comes again.
    Running,
    /// Waits for a person; resuming continues at the step that failed.
    Held,
    /// All steps are done.
    Completed,
    /// Was undone, in reverse.
    Compensated,
}

impl WorkflowStatus {
    /// The status as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held => "held",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
        }
    }
}

/// The right to work on a run until a moment. Its token fences off whoever held it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The tenant.
    pub tenant: String,
    /// What the run is about.
    pub subject: String,
    /// The workflow.
    pub workflow: String,
    /// The run: one per quote version, invoice, payment.
    pub run: String,
    /// Written into every step, and required of it by the next write.
    pub token: String,
    /// From then on somebody else may hold it.
    pub until: Timestamp,
}

/// Why a run can't be worked on now.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// It has ended; there is nothing to do.
    #[error("the run has ended")]
    Ended(WorkflowStatus),
    /// Another function is at it; the message comes back.
    #[error("the run is leased until {until}")]
    Busy {
        /// When the lease ends at the latest.
        until: String,
    },
    /// Somebody else took the run over; this function lived too long and must stop.
    #[error("the run was taken over")]
    Superseded,
    /// The journal could not answer.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<StoreError> for LeaseError {
    fn from(error: StoreError) -> Self {
        Self::Journal(error.into())
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It may have been sent: the product must be asked before it is sent again.
    Started,
    /// It was sent, all calls of it have ended, and no answer came: it may have happened.
    Unanswered,
    /// It happened; the result is recorded.
    Done,
    /// It was undone.
    Undone,
    /// The product refused it; nothing happened there.
    Refused,
    /// The product was busy or out of reach; nothing happened there, and it is sent again.
    Waiting,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The workflow.
    pub workflow: String,
    /// The run.
    pub run: String,
    /// The step's name, unique in the run.
    pub step: String,
    /// Order in which steps were begun; compensation goes the other way.
    pub position: u32,
    /// Where it stands.
    pub state: StepState,
    /// The connection it writes to; none for a step that only computes or reads.
    pub system: Option<String>,
    /// The product's ID of what it made.
    pub external_id: Option<String>,
    /// One line for people.
    pub summary: String,
    /// Its result, for the steps that follow.
    pub result: Option<Value>,
    /// The lease under which it was written.
    pub lease: String,
    /// When it was written.
    pub recorded_at: Timestamp,
}

impl StepRecord {
    /// What the next write must find: the same holder may have gone on meanwhile, so the lease alone
    /// does not tell one record from the next.
    fn fence(&self) -> String {
        format!("{}:{:?}:{}", self.lease, self.state, self.recorded_at)
    }
}

/// Sorts after every time stamp: the lease of a run that has ended is never free.
const NEVER_FREE: &str = "9999-12-31T23:59:59Z";

fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Journal {
    /// Takes the lease of a run, creating the run where it does not exist.
    ///
    /// # Errors
    /// [`LeaseError::Ended`], [`LeaseError::Busy`], or the journal's own.
    pub async fn lease(
        &self,
        tenant: &str,
        subject: &str,
        workflow: &str,
        run: &str,
        now: Timestamp,
        duration: SignedDuration,
    ) -> Result<Lease, LeaseError> {
        let token = Uuid::new_v4().simple().to_string();
        let until = now.saturating_add(duration).unwrap_or(now);
        let set = Map::from_iter([
            ("kind".into(), "workflow".into()),
            ("tenant".into(), tenant.into()),
            ("workflow".into(), workflow.into()),
            ("run".into(), run.into()),
            ("status".into(), WorkflowStatus::Running.as_str().into()),
            ("lease".into(), token.clone().into()),
            ("lease_until".into(), second(until).into()),
            ("recorded_at".into(), now.to_string().into()),
        ]);
        let op = Op::Update {
            key: Key::workflow(tenant, subject, workflow, run),
            set,
            remove: vec![],
            expect: Expect::AbsentOrBefore("lease_until", second(now)),
        };
        let lease = Lease {
            tenant: tenant.into(),
            subject: subject.into(),
            workflow: workflow.into(),
            run: run.into(),
            token,
            until,
        };
        match self.store.write(vec![op]).await {
            Ok(()) => Ok(lease),
            Err(StoreError::Unmet(unmet)) => {
                let current = unmet.into_iter().find_map(|(_, item)| item).unwrap_or_default();
                if current.text("lease") == Some(lease.token.as_str()) {
                    // Our own write, whose first answer was lost.
                    return Ok(lease);
                }
                Err(match current.text("status") {
                    Some("completed") => LeaseError::Ended(WorkflowStatus::Completed),
                    Some("compensated") => LeaseError::Ended(WorkflowStatus::Compensated),
                    _ => LeaseError::Busy { until: current.text("lease_until").unwrap_or_default().into() },
                })
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Gives the lease back, leaving the run in a status. A run that ended is never leased again.
    ///
    /// # Errors
    /// [`LeaseError::Superseded`] when somebody else holds it by now.
    pub async fn release(
        &self,
        lease: &Lease,
        status: WorkflowStatus,
        now: Timestamp,
    ) -> Result<(), LeaseError> {
        let until = match status {
            WorkflowStatus::Completed | WorkflowStatus::Compensated => NEVER_FREE.to_owned(),
            // One second back: the lease must sort before the next attempt's clock.
            WorkflowStatus::Running | WorkflowStatus::Held => {
                second(now.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(now))
            }
        };
        let op = Op::Update {
            key: Key::workflow(&lease.tenant, &lease.subject, &lease.workflow, &lease.run),
            set: Map::from_iter([
                ("status".into(), status.as_str().into()),
                ("lease_until".into(), until.into()),
                ("recorded_at".into(), now.to_string().into()),
            ]),
            remove: vec![],
            expect: Expect::Field("lease", lease.token.clone()),
        };
        fenced(self.store.write(vec![op]).await)
    }

    /// Every step of a run.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn steps(&self, lease: &Lease) -> Result<Vec<StepRecord>, JournalError> {
        let pk = Key::partition(&lease.tenant, &lease.subject);
        let items = self.store.query(&pk, &Key::step_prefix(&lease.workflow, &lease.run), usize::MAX).await?;
        items.iter().map(Item::body).collect()
    }

    /// Writes a step. `previous` is the record that it takes the place of, if there is one.
    ///
    /// # Errors
    /// [`LeaseError::Superseded`] when somebody else wrote it in the meantime.
    pub async fn record_step(
        &self,
        lease: &Lease,
        step: &StepRecord,
        previous: Option<&StepRecord>,
    ) -> Result<(), LeaseError> {
        fenced(self.store.write(vec![step_op(lease, step, previous)?]).await)
    }

    /// Writes a step that changes the course of the whole run, and only while the lease is held.
    ///
    /// # Errors
    /// [`LeaseError::Superseded`] when somebody else holds it by now.
    pub async fn record_turn(
        &self,
        lease: &Lease,
        step: &StepRecord,
        previous: Option<&StepRecord>,
    ) -> Result<(), LeaseError> {
        let held = Op::Update {
            key: Key::workflow(&lease.tenant, &lease.subject, &lease.workflow, &lease.run),
            set: Map::from_iter([("recorded_at".into(), step.recorded_at.to_string().into())]),
            remove: vec![],
            expect: Expect::Field("lease", lease.token.clone()),
        };
        fenced(self.store.write(vec![step_op(lease, step, previous)?, held]).await)
    }
}

fn step_op(lease: &Lease, step: &StepRecord, previous: Option<&StepRecord>) -> Result<Op, JournalError> {
    let key = Key::step(&lease.tenant, &lease.subject, &lease.workflow, &lease.run, &step.step);
    let item = Item::new(&key, "step", &lease.tenant, step)?.with("fence", step.fence());
    let expect = previous.map_or(Expect::Absent, |p| Expect::Field("fence", p.fence()));
    Ok(Op::Put { item, expect })
}

fn fenced(written: Result<(), StoreError>) -> Result<(), LeaseError> {
    match written {
        Ok(()) => Ok(()),
        Err(StoreError::Unmet(_)) => Err(LeaseError::Superseded),
        Err(other) => Err(other.into()),
    }
}
