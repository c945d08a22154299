use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::operation::Recorded;
use connectors::{CallError, CallErrorKind, Idempotency, Operation, Performs};
use domain::id::derive;
use jiff::SignedDuration;
use journal::{Journal, Lease, LeaseError, StepRecord, StepState, WorkflowStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::error::StepError;
use crate::undo::Undo;

/// What names a run.
#[derive(Debug, Clone, Copy)]
pub struct RunKey<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// The workflow.
    pub workflow: &'a str,
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
    ) -> Result<Self, LeaseError> {
        let lease =
            journal.lease(key.tenant, key.subject, key.workflow, key.run, clock.now(), lease_for).await?;
        let steps = journal.steps(&lease).await?.into_iter().map(|s| (s.step.clone(), s)).collect();
        Ok(Self { journal: journal.clone(), clock: Arc::clone(clock), lease, steps, undo: Vec::new() })
    }

    /// The recorded result of a step that is done.
    ///
    /// # Errors
    /// When the record does not have the expected form.
    pub fn recorded<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StepError> {
        let Some(record) = self.steps.get(step).filter(|s| s.state == StepState::Done) else {
            return Ok(None);
        };
        serde_json::from_value(record.result.clone().unwrap_or_default()).map(Some).map_err(|e| {
            StepError::Mismatch { step: step.into(), connection: "journal".into(), difference: e.to_string() }
        })
    }

    /// Whether any other step was begun: something may have been made in another system.
    #[must_use]
    pub fn has_begun_beyond(&self, step: &str) -> bool {
        self.steps.values().any(|s| s.step != step && matches!(s.state, StepState::Started | StepState::Done))
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
        if self.must_ask(step, connector.idempotency())
            && let Some(found) = connector.find(operation).await.map_err(failed)?
        {
            return self.done(step, connection, operation, found, "found").await;
        }
        let started = self.record(step, StepState::Started, Some(connection), None, O::NAME.into(), None);
        self.write(started).await?;
        match connector.perform(operation, &self.idempotency_key(step)).await {
            Ok(record) => self.done(step, connection, operation, record, "done").await,
            Err(error) => {
                if error.kind == CallErrorKind::Refused {
                    let refused = self.record(
                        step,
                        StepState::Refused,
                        Some(connection),
                        None,
                        error.to_string(),
                        None,
                    );
                    self.write(refused).await?;
                }
                Err(failed(error))
            }
        }
    }

    /// Whether the product must be asked before anything is sent.
    fn must_ask(&self, step: &str, idempotency: Idempotency) -> bool {
        let begun = self.steps.get(step).filter(|s| s.state == StepState::Started);
        match idempotency {
            Idempotency::SearchThenCreate => true,
            Idempotency::Upsert => false,
            // Within the retention the same key repeats the first answer; past it, only the record itself tells.
            Idempotency::NativeKey { retention } => begun.is_some_and(|s| {
                SignedDuration::try_from(retention)
                    .ok()
                    .and_then(|r| s.recorded_at.checked_add(r).ok())
                    .is_none_or(|until| until <= self.clock.now())
            }),
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
        let previous = self.steps.get(&record.step).map(|s| s.lease.clone());
        self.journal.record_step(&self.lease, &record, previous.as_deref()).await?;
        self.steps.insert(record.step.clone(), record);
        Ok(())
    }

    /// Ends the run: every step is done.
    ///
    /// # Errors
    /// When somebody else took it over, or the journal can't be written.
    pub async fn complete(self) -> Result<(), LeaseError> {
        self.journal.release(&self.lease, WorkflowStatus::Completed, self.clock.now()).await
    }

    /// Leaves the run for a person; resuming continues at the step that failed.
    ///
    /// # Errors
    /// As [`Run::complete`].
    pub async fn hold(self) -> Result<(), LeaseError> {
        self.journal.release(&self.lease, WorkflowStatus::Held, self.clock.now()).await
    }

    /// Leaves the run for the message's next delivery.
    ///
    /// # Errors
    /// As [`Run::complete`].
    pub async fn pause(self) -> Result<(), LeaseError> {
        self.journal.release(&self.lease, WorkflowStatus::Running, self.clock.now()).await
    }
}

/// A failed read outside of any step, as a step error.
impl From<CallError> for StepError {
    fn from(error: CallError) -> Self {
        Self::Call { step: error.operation.to_owned(), error }
    }
}
