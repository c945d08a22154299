//! Exceptions: work for a person, with everything needed to understand and repeat it.

use domain::event::{Event, ExceptionRaised};
use domain::id::ExceptionId;
use domain::problem::{Owner, Problem};
use events::Envelope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use serde_json::Map;

use crate::commit::{Commit, Committed, Write};
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// Exceptions settled together with one commit; more are settled by the next one.
const MOST_SETTLED: usize = 40;

/// Where an exception stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionStatus {
    /// Waits for its owner.
    Open,
    /// Was settled.
    Resolved,
}

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Derived from its cause, so that a repeated failure is one exception.
    pub exception: ExceptionId,
    /// Where it stands.
    pub status: ExceptionStatus,
    /// What failed, who owns it, what is at stake.
    #[serde(flatten)]
    pub problem: Problem,
    /// Which function or step raised it.
    pub stage: String,
    /// Links it to the deal.
    pub correlation_id: String,
    /// The event or request, whole, so that it can be corrected and replayed.
    pub payload: String,
    /// When it was raised.
    pub recorded_at: Timestamp,
}

impl Exception {
    /// An open exception. `cause` makes its ID: the same cause is the same exception.
    #[must_use]
    pub fn open(
        cause: &[&str],
        problem: Problem,
        stage: &str,
        correlation_id: &str,
        payload: String,
        now: Timestamp,
    ) -> Self {
        Self {
            exception: ExceptionId::derive(cause),
            status: ExceptionStatus::Open,
            problem,
            stage: stage.into(),
            correlation_id: correlation_id.into(),
            payload,
            recorded_at: now,
        }
    }

    /// Its item, listed by owner and age in the `by-status` index while it is open.
    ///
    /// # Errors
    /// Never for a well-formed exception.
    pub fn item(&self, tenant: &str, subject: &str) -> Result<Item, JournalError> {
        let key = Key::exception(tenant, subject, self.exception.as_str());
        Ok(Item::new(&key, "exception", tenant, self)?
            .with("status_key", open_key(tenant, self.problem.owner))
            .with("status_at", self.recorded_at.to_string()))
    }
}

impl Journal {
    /// Raises an exception for an event, once: the same cause again changes nothing. Announces
    /// it, together with `also`, in the same write, and gives back its ID.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn raise(
        &self,
        function: &str,
        event: &Envelope,
        problem: Problem,
        also: Vec<Envelope>,
        now: Timestamp,
    ) -> Result<ExceptionId, JournalError> {
        let exception = exception_id(event, &problem);
        let (write, raised) = exception_of(function, event, problem.clone(), now)?;
        match self.commit(Commit::default().write(write).emit([raised]).emit(also)).await? {
            Committed::Done => Ok(exception),
            Committed::Rejected(_) => self
                .reopen(&event.tenant, &event.subject, &exception, problem.owner, now)
                .await
                .map(|()| exception),
            Committed::Contended => Err(JournalError::Contended(event.subject.clone())),
        }
    }

    /// The exception that an event leads to, to be raised in the event's own commit: its write, and the
    /// event that announces it.
    ///
    /// # Errors
    /// Never for a well-formed event.
    pub fn raising(
        &self,
        function: &str,
        event: &Envelope,
        problem: Problem,
        now: Timestamp,
    ) -> Result<(Write, Envelope), JournalError> {
        exception_of(function, event, problem, now)
    }

    /// An exception that was settled and whose cause came back waits again; an open one stays as it is.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn reopen(
        &self,
        tenant: &str,
        subject: &str,
        exception: &ExceptionId,
        owner: Owner,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let write = Write::When {
            key: Key::exception(tenant, subject, exception.as_str()),
            field: ("status", "resolved".into()),
            set: Map::from_iter([
                ("status".into(), "open".into()),
                ("status_key".into(), open_key(tenant, owner).into()),
                ("status_at".into(), now.to_string().into()),
            ]),
            remove: vec!["resolved_at"],
        };
        match self.commit(Commit::default().write(write)).await? {
            Committed::Done | Committed::Rejected(_) => Ok(()),
            Committed::Contended => Err(JournalError::Contended(subject.to_owned())),
        }
    }

    /// The writes that settle every open exception which a function raised about a subject,
    /// but for those that still stand.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn settle_exceptions(
        &self,
        tenant: &str,
        subject: &str,
        function: &str,
        standing: &[ExceptionId],
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let stands = |item: &Item| standing.iter().any(|e| item.text("exception") == Some(e.as_str()));
        self.settle_exceptions_but(tenant, subject, function, stands, now).await
    }

    /// The same, where what still stands is told by the exception itself.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn settle_exceptions_but(
        &self,
        tenant: &str,
        subject: &str,
        function: &str,
        stands: impl Fn(&Item) -> bool + Send,
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let items = self.store.query(&Key::partition(tenant, subject), "exception#", usize::MAX).await?;
        let open = items
            .iter()
            .filter(|i| i.text("status") == Some("open") && i.text("stage") == Some(function) && !stands(i))
            .take(MOST_SETTLED);
        Ok(open
            .map(|item| Write::When {
                key: item.key(),
                field: ("status", "open".into()),
                set: Map::from_iter([
                    ("status".into(), "resolved".into()),
                    ("resolved_at".into(), now.to_string().into()),
                ]),
                remove: vec!["status_key", "status_at"],
            })
            .collect())
    }
}

/// Where the `by-status` index lists an owner's open exceptions.
pub(crate) fn open_key(tenant: &str, owner: Owner) -> String {
    format!("tenant#{tenant}#exception#open#{}", owner.as_str())
}

/// One exception for each problem with an event's content.
fn exception_id(event: &Envelope, problem: &Problem) -> ExceptionId {
    ExceptionId::derive(&cause(event, problem).each_ref().map(String::as_str))
}

fn cause(event: &Envelope, problem: &Problem) -> [String; 3] {
    [event.id.to_string(), event.body_hash(), problem.to_string()]
}

/// The exception that an event leads to: its item, and the event that announces it.
///
/// # Errors
/// Never for a well-formed event.
pub(crate) fn exception_of(
    function: &str,
    event: &Envelope,
    problem: Problem,
    now: Timestamp,
) -> Result<(Write, Envelope), JournalError> {
    let payload = serde_json::to_string(event).map_err(|e| JournalError::Decision(e.to_string()))?;
    let cause = cause(event, &problem);
    let cause = cause.each_ref().map(String::as_str);
    let exception = Exception::open(&cause, problem.clone(), function, &event.correlationid, payload, now);
    let item = exception.item(&event.tenant, &event.subject)?;
    let which = exception.exception.clone();
    let announced: Event = ExceptionRaised { exception: exception.exception, problem }.into();
    Ok((Write::Insert { item, cause: event.id }, event.concluded(function, &event.subject, which, announced)))
}
