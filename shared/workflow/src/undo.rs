//! Compensation: what was done is undone in reverse, each undoing journalled too.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use connectors::operation::Undone;
use connectors::{CallError, Operation, Performs};
use journal::{StepState, WorkflowStatus};

use crate::error::StepError;
use crate::run::Run;

type Undoing = Pin<Box<dyn Future<Output = Result<Undone, CallError>> + Send>>;

/// How to undo one step of this run.
pub(crate) struct Undo {
    step: String,
    undo: Box<dyn Fn() -> Undoing + Send + Sync>,
}

impl Undo {
    pub(crate) fn of<O, C>(step: &str, connector: Arc<C>, operation: O, record: O::Record) -> Self
    where
        O: Operation + Clone + 'static,
        C: Performs<O> + ?Sized + 'static,
    {
        let undo = move || {
            let (connector, operation, record) = (Arc::clone(&connector), operation.clone(), record.clone());
            Box::pin(async move { connector.undo(&operation, &record).await }) as Undoing
        };
        Self { step: step.to_owned(), undo: Box::new(undo) }
    }
}

/// What compensation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compensated {
    /// Steps that can't be undone by us, with the reason: a person must look.
    pub left: Vec<(String, String)>,
}

impl Run {
    /// Undoes every step of this run that is done, in reverse. Repeating it after a crash goes
    /// on where it stopped. The run has then ended, unless something is left for a person.
    ///
    /// # Errors
    /// When a product can't be reached; repeating the run goes on.
    pub async fn compensate(mut self) -> Result<Compensated, StepError> {
        let result = match self.undo_all().await {
            Ok(result) => result,
            Err(error) => {
                // Best effort: a lease that can't be given back frees itself.
                let _ = self.leave(WorkflowStatus::Running).await;
                return Err(error);
            }
        };
        let status = if result.left.is_empty() { WorkflowStatus::Compensated } else { WorkflowStatus::Held };
        self.leave(status).await?;
        Ok(result)
    }

    async fn undo_all(&mut self) -> Result<Compensated, StepError> {
        let mut result = Compensated::default();
        self.give_up().await?;
        while let Some(Undo { step, undo }) = self.undo.pop() {
            let Some(done) = self.steps.get(&step).filter(|s| s.state == StepState::Done).cloned() else {
                continue;
            };
            self.still_holds()?;
            let undone = match undo().await {
                Ok(undone) => undone,
                Err(error) if error.retryable() => return Err(StepError::Call { step, error }),
                // What a product refuses to give back keeps nothing else from being given back.
                Err(error) => Undone::Impossible(error.detail),
            };
            let summary = match &undone {
                Undone::Removed => "removed".to_owned(),
                Undone::Kept(why) => format!("kept: {why}"),
                Undone::Impossible(why) => {
                    result.left.push((step.clone(), why.clone()));
                    continue;
                }
            };
            // The result stays: a repetition needs it to find its way to what is still to be undone.
            let (system, id) = (done.system.as_deref(), done.external_id.as_deref());
            let record = self.record(&step, StepState::Undone, system, id, summary, done.result.clone());
            self.write(record).await?;
        }
        Ok(result)
    }
}
