use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connectors::operation::Recorded;
use connectors::{CallError, CallErrorKind, Idempotency, Operation, Performs};
use domain::id::derive;
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, Key, Lease, LeaseError, Rejection, StepRecord, StepState, WorkflowStatus, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Map;

use crate::clock::Clock;
use crate::error::StepError;
use crate::registry::{Purpose, Workflow};
use crate::undo::Undo;

/// Longest time between recording that a step is sent and sending it. A function that was frozen
/// in between must not send any more: its successor may have asked and found nothing.
const SEND_WITHIN: SignedDuration = SignedDuration::from_secs(5);
/// How long before its end a lease is not relied on any more.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// The step that says that a run is being taken back; it is never carried on after that.
const TAKEN_BACK: &str = "taken-back";

/// What names a run.
#[derive(Debug, Clone, Copy)]
pub struct RunKey<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// The workflow.
    pub workflow: Workflow,
    /// One run per what must happen once: a quote version, an invoice, a payment.
    pub run: &'a str,
}

/// A run that this function holds the lease of.
pub struct Run {
    pub(crate) journal: Journal,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lease: Lease,
    pub(crate) steps: BTreeMap<String, StepRecord>,
    pub(crate) undo: Vec<Undo>,
    lease_for: SignedDuration,
    purpose: Purpose,
}

impl Run {
    /// Takes up a run: leases it and reads what was done before. `lease_for` must outlast the
    /// function's own time-out, so that a live holder is never taken for a dead one.
    ///
    /// # Errors
    /// [`LeaseError::Ended`] when there is nothing to do, [`LeaseError::Busy`] when somebody else is at it.
    pub async fn begin(
        journal: &Journal,
        clock: &Arc<dyn Clock>,
        key: RunKey<'_>,
        lease_for: SignedDuration,
        purpose: &Purpose,
    ) -> Result<Self, LeaseError> {
        let workflow = key.workflow.as_str();
        let lease = journal.lease(key.tenant, key.subject, workflow, key.run, clock.now(), lease_for).await?;
        let steps = journal.steps(&lease).await?.into_iter().map(|s| (s.step.clone(), s)).collect();
        let (journal, clock) = (journal.clone(), Arc::clone(clock));
        let run =
            Self { journal, clock, lease, steps, undo: Vec::new(), lease_for, purpose: purpose.clone() };
        if !run.is_undoing() && run.steps.contains_key(TAKEN_BACK) {
            run.hold().await?;
            return Err(LeaseError::Ended(WorkflowStatus::Compensated));
        }
        Ok(run)
    }

    /// Records that the run is being taken back, before anything of it is: from here on it is never
    /// carried on again.
    pub(crate) async fn give_up(&mut self) -> Result<(), StepError> {
        let why = match &self.purpose {
            Purpose::Undo(why) => why.clone(),
            Purpose::Finish => String::new(),
        };
        let record = self.record(TAKEN_BACK, StepState::Done, None, None, why, None);
        self.journal.record_turn(&self.lease, &record, self.steps.get(TAKEN_BACK)).await?;
        self.steps.insert(record.step.clone(), record);
        Ok(())
    }

    /// The recorded result of a step that is done.
    ///
    /// # Errors
    /// When the record does not have the expected form.
    pub fn recorded<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StepError> {
        let kept = |s: &&StepRecord| match s.state {
            StepState::Done => true,
            // Whoever takes a run back finds his way past what is undone already.
            StepState::Undone => self.is_undoing(),
            StepState::Started | StepState::Unanswered | StepState::Refused | StepState::Waiting => false,
        };
        let Some(record) = self.steps.get(step).filter(kept) else { return Ok(None) };
        serde_json::from_value(record.result.clone().unwrap_or_default()).map(Some).map_err(|e| {
            StepError::Mismatch { step: step.into(), connection: "journal".into(), difference: e.to_string() }
        })
    }

    /// Whether any other step was begun: something may have been made in another system.
    #[must_use]
    pub fn has_begun_beyond(&self, step: &str) -> bool {
        self.steps.values().any(|s| s.step != step && (is_open(s) || s.state == StepState::Done))
    }

    fn is_undoing(&self) -> bool {
        matches!(self.purpose, Purpose::Undo(_))
    }

    /// Whether the flow may go on with something new: not when the run is being taken back. To be
    /// asked before whatever a flow writes outside of its steps.
    ///
    /// # Errors
    /// [`StepError::NotBegun`] ends a flow that is being taken back.
    pub fn may_begin(&self, step: &str) -> Result<(), StepError> {
        if self.is_undoing() { Err(StepError::NotBegun { step: step.to_owned() }) } else { Ok(()) }
    }

    /// Records what was read or computed, so that a repetition goes on from the same facts.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn note<T: Serialize>(
        &mut self,
        step: &str,
        value: &T,
        summary: &str,
    ) -> Result<(), StepError> {
        self.may_begin(step)?;
        let result = serde_json::to_value(value).unwrap_or_default();
        let record = self.record(step, StepState::Done, None, None, summary.into(), Some(result));
        self.write(record).await
    }

    /// Does one operation, once: gives back the recorded result where it is done, asks the
    /// product where it may have happened, and otherwise does it.
    ///
    /// # Errors
    /// [`StepError`]; repeating the run repeats exactly this step.
    pub async fn perform<O, C>(
        &mut self,
        step: &str,
        connection: &str,
        connector: &Arc<C>,
        operation: &O,
    ) -> Result<O::Record, StepError>
    where
        O: Operation + Clone + 'static,
        C: Performs<O> + ?Sized + 'static,
    {
        let record = match self.recorded::<O::Record>(step)? {
            Some(record) => record,
            None => self.attempt(step, connection, connector.as_ref(), operation).await?,
        };
        self.undo.push(Undo::of(step, Arc::clone(connector), operation.clone(), record.clone()));
        Ok(record)
    }

    async fn attempt<O, C>(
        &mut self,
        step: &str,
        connection: &str,
        connector: &C,
        operation: &O,
    ) -> Result<O::Record, StepError>
    where
        O: Operation,
        C: Performs<O> + ?Sized,
    {
        let failed = |error| StepError::Call { step: step.to_owned(), error };
        let idempotency = connector.idempotency();
        // An answer is as old as its question: it says nothing of what settles while it is on its way.
        let asked_at = self.clock.now();
        if self.may_stand_in_part(step, idempotency) {
            // Undoing sets what was there before: a write that comes later would overwrite it.
            self.let_settle(step, connection, idempotency, asked_at)?;
        }
        if self.must_ask(step, idempotency)
            && let Some(found) = connector.find(operation).await.map_err(failed)?
        {
            return self.done(step, connection, operation, found, "found").await;
        }
        self.let_settle(step, connection, idempotency, asked_at)?;
        self.may_begin(step)?;
        let settles = settles_within(idempotency);
        let earlier = self.steps.get(step).filter(|s| is_open(s));
        let may_come = earlier.is_some_and(|s| self.settled_at(s, settles) > asked_at);
        let started = self.record(step, StepState::Started, Some(connection), None, O::NAME.into(), None);
        let sent_by = started.recorded_at.saturating_add(SEND_WITHIN).unwrap_or(started.recorded_at);
        self.still_holds()?;
        self.write(started).await?;
        self.still_holds()?;
        if self.clock.now() > sent_by {
            return Err(StepError::Delayed { step: step.to_owned() });
        }
        match connector.perform(operation, &self.idempotency_key(step)).await {
            Ok(record) => self.done(step, connection, operation, record, "done").await,
            Err(error) => {
                // Of an earlier attempt that may still take effect, this answer says nothing.
                let state = if may_come { StepState::Unanswered } else { state_after(error.kind) };
                let record = self.record(step, state, Some(connection), None, error.to_string(), None);
                self.write(record).await?;
                Err(failed(error))
            }
        }
    }

    /// Nothing is sent any more when the lease is about to end: whoever takes the run over goes by
    /// what was recorded until then. The margin is for clocks that differ.
    pub(crate) fn still_holds(&self) -> Result<(), LeaseError> {
        let ends = self.lease.until.saturating_sub(LEASE_MARGIN).unwrap_or(self.lease.until);
        if self.clock.now() < ends { Ok(()) } else { Err(LeaseError::Superseded) }
    }

    /// Whether a step that is to be undone may have left something behind: one that brings a record
    /// to a state makes several calls, and the last of them may have been refused.
    fn may_stand_in_part(&self, step: &str, idempotency: Idempotency) -> bool {
        let tried = |s: &StepRecord| is_open(s) || s.state == StepState::Refused;
        let brings = matches!(idempotency, Idempotency::Upsert { .. });
        brings && self.is_undoing() && self.steps.get(step).is_some_and(tried)
    }

    /// Whether the product must be asked before anything is sent.
    fn must_ask(&self, step: &str, idempotency: Idempotency) -> bool {
        let begun = self.steps.get(step).filter(|s| is_open(s));
        match idempotency {
            Idempotency::SearchThenCreate { .. } | Idempotency::RefusedTwice { .. } => {
                begun.is_some() || !self.is_undoing()
            }
            Idempotency::Upsert { .. } => self.may_stand_in_part(step, idempotency),
            // Within the retention the same key repeats the first answer; past it, only the record itself tells.
            Idempotency::NativeKey { retention } => begun.is_some_and(|s| {
                SignedDuration::try_from(retention)
                    .ok()
                    .and_then(|r| s.recorded_at.checked_add(r).ok())
                    .is_none_or(|until| until <= self.clock.now())
            }),
        }
    }

    /// Waits, by giving up for now, until an earlier attempt of this run at the same product is
    /// over: an attempt without an answer may take effect later, or be there and not be found yet.
    fn let_settle(
        &self,
        step: &str,
        connection: &str,
        idempotency: Idempotency,
        asked_at: Timestamp,
    ) -> Result<(), StepError> {
        if idempotency.bears_overtaking() && !self.is_undoing() {
            return Ok(());
        }
        let settles = settles_within(idempotency);
        let open = |s: &&StepRecord| is_open(s) && s.system.as_deref() == Some(connection);
        let until = self.steps.values().filter(open).map(|s| self.settled_at(s, settles));
        match until.max().map(|until| until.duration_since(asked_at)) {
            Some(left) if left.is_positive() => Err(StepError::Settling {
                step: step.to_owned(),
                connection: connection.to_owned(),
                // Rounded up: a queue counts in whole seconds.
                wait: Duration::from_secs(left.as_secs().unsigned_abs() + 1),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// When an attempt that nobody answered for is over, and what it did is found. Whoever got no answer said so
    /// when its calls were over. Whoever died said nothing: its last call may be as late as the end of its lease.
    fn settled_at(&self, attempt: &StepRecord, settles: SignedDuration) -> Timestamp {
        let ended = match attempt.state {
            StepState::Unanswered => attempt.recorded_at.saturating_add(SEND_WITHIN),
            _ => attempt.recorded_at.saturating_add(self.lease_for),
        };
        ended.and_then(|ended| ended.saturating_add(settles)).unwrap_or(Timestamp::MAX)
    }

    /// Waits, by giving up for now, until what this run did at a connection is shown there for
    /// certain: a product may show what it holds some time after it took it. For a flow that read
    /// something back and found a difference.
    ///
    /// # Errors
    /// [`StepError::Settling`] while it is too early to believe a difference.
    pub fn let_show(&self, step: &str, connection: &str, shows_within: Duration) -> Result<(), StepError> {
        let shows = SignedDuration::try_from(shows_within).unwrap_or(SignedDuration::MAX);
        let did = |s: &&StepRecord| s.system.as_deref() == Some(connection);
        let latest = self.steps.values().filter(did).map(|s| s.recorded_at).max();
        let shown_at = latest.map(|at| at.saturating_add(shows).unwrap_or(Timestamp::MAX));
        match shown_at.map(|at| at.duration_since(self.clock.now())) {
            Some(left) if left.is_positive() => Err(StepError::Settling {
                step: step.to_owned(),
                connection: connection.to_owned(),
                wait: Duration::from_secs(left.as_secs().unsigned_abs() + 1),
            }),
            Some(_) | None => Ok(()),
        }
    }

    async fn done<O: Operation>(
        &mut self,
        step: &str,
        connection: &str,
        operation: &O,
        record: O::Record,
        how: &str,
    ) -> Result<O::Record, StepError> {
        if let Err(difference) = operation.verify(&record) {
            return Err(StepError::Mismatch { step: step.into(), connection: connection.into(), difference });
        }
        let result = serde_json::to_value(&record).unwrap_or_default();
        let summary = format!("{} {how}: {connection} {}", O::NAME, record.external_id());
        tracing::info!(
            workflow = self.lease.workflow,
            step,
            system = connection,
            external_id = record.external_id(),
            outcome = how,
            "step"
        );
        let done = self.record(
            step,
            StepState::Done,
            Some(connection),
            Some(record.external_id()),
            summary,
            Some(result),
        );
        self.write(done).await?;
        Ok(record)
    }

    /// The same for every attempt of a step, and for no other step.
    fn idempotency_key(&self, step: &str) -> String {
        let Lease { tenant, subject, workflow, run, .. } = &self.lease;
        derive(&[tenant, subject, workflow, run, step]).to_string()
    }

    pub(crate) fn record(
        &self,
        step: &str,
        state: StepState,
        system: Option<&str>,
        external_id: Option<&str>,
        summary: String,
        result: Option<serde_json::Value>,
    ) -> StepRecord {
        let next = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        StepRecord {
            workflow: self.lease.workflow.clone(),
            run: self.lease.run.clone(),
            step: step.into(),
            position: self.steps.get(step).map_or(next, |s| s.position),
            state,
            system: system.map(Into::into),
            external_id: external_id.map(Into::into),
            summary,
            result,
            lease: self.lease.token.clone(),
            recorded_at: self.clock.now(),
        }
    }

    pub(crate) async fn write(&mut self, record: StepRecord) -> Result<(), StepError> {
        let previous = self.steps.get(&record.step);
        self.journal.record_step(&self.lease, &record, previous).await?;
        self.steps.insert(record.step.clone(), record);
        Ok(())
    }

    /// A write that lets a commit happen only while this run is still held. For commits that end
    /// what the run is for: whoever took the run over would not know that it was ended.
    #[must_use]
    pub fn fence(&self) -> Write {
        let Lease { tenant, subject, workflow, run, token, .. } = &self.lease;
        Write::When {
            key: Key::workflow(tenant, subject, workflow, run),
            field: ("lease", token.clone()),
            set: Map::from_iter([("recorded_at".to_owned(), self.clock.now().to_string().into())]),
            remove: vec![],
        }
    }

    /// Whether a commit with a [`Run::fence`] was rejected by it.
    #[must_use]
    pub fn was_fenced_off(&self, rejections: &[Rejection]) -> bool {
        let run =
            |r: &Rejection| r.current.as_ref().is_some_and(|item| item.text("kind") == Some("workflow"));
        rejections.iter().any(run)
    }

    /// Ends the run: every step is done.
    ///
    /// # Errors
    /// When somebody else took it over, or the journal can't be written.
    pub async fn complete(self) -> Result<(), LeaseError> {
        self.leave(WorkflowStatus::Completed).await
    }

    /// Leaves the run for a person; resuming continues at the step that failed.
    ///
    /// # Errors
    /// As [`Run::complete`].
    pub async fn hold(self) -> Result<(), LeaseError> {
        self.leave(WorkflowStatus::Held).await
    }

    /// Leaves the run for the message's next delivery.
    ///
    /// # Errors
    /// As [`Run::complete`].
    pub async fn pause(self) -> Result<(), LeaseError> {
        self.leave(WorkflowStatus::Running).await
    }

    pub(crate) async fn leave(&self, status: WorkflowStatus) -> Result<(), LeaseError> {
        self.journal.release(&self.lease, status, self.clock.now()).await
    }
}

fn settles_within(idempotency: Idempotency) -> SignedDuration {
    SignedDuration::try_from(idempotency.settles_within()).unwrap_or(SignedDuration::MAX)
}

/// Whether a step may have happened without anybody knowing.
fn is_open(step: &StepRecord) -> bool {
    matches!(step.state, StepState::Started | StepState::Unanswered)
}

/// The state of a step whose call failed: known not to have happened, or open.
const fn state_after(kind: CallErrorKind) -> StepState {
    match kind {
        CallErrorKind::Refused => StepState::Refused,
        CallErrorKind::Transient { .. } | CallErrorKind::Unauthorised => StepState::Waiting,
        CallErrorKind::Unknown | CallErrorKind::Mismatch => StepState::Unanswered,
    }
}

/// A failed read outside of any step, as a step error.
impl From<CallError> for StepError {
    fn from(error: CallError) -> Self {
        Self::Call { step: error.operation.to_owned(), error }
    }
}
