//! Events whose record exists: told once more, or changed since.

use domain::billing::{Adjusted, BillableLine, Corrected, Correction, LineStatus, correct};
use domain::decision::Decision;
use domain::engagement::Engagement;
use domain::problem::{Problem, ProblemCode};
use domain::transition::Status;
use events::Envelope;
use jiff::Timestamp;
use serde_json::Map;

use crate::batch::{Decided, entered, waits_for_a_person};
use crate::commit::{Commit, Committed, Write};
use crate::deciding::Deciding;
use crate::entry::{EntryOutcome, JournalEntry};
use crate::exception::exception_of;
use crate::holds::{LineItems, line_items};
use crate::key::Key;
use crate::ledger::{Versioned, state_item};
use crate::store::Item;
use crate::write_offs::status;
use crate::{Journal, JournalError};

/// Others that may write the same entry's line meanwhile.
const MOST_ROUNDS: usize = 20;
/// Marks a line that has corrections beside it, so that no other needs to be asked for them.
pub(crate) const CORRECTED: &str = "corrected";

/// What it takes to decide on such an event.
pub(crate) struct Again<'a> {
    pub(crate) journal: &'a Journal,
    pub(crate) function: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) deciding: Deciding<'a>,
}

/// A line with what was corrected of it, as they stand.
struct Known {
    engagement: Versioned<Engagement>,
    line: BillableLine,
    status: LineStatus,
    corrected: bool,
    correction: Correction,
    version: u64,
    /// Whether this version waited for a person before.
    waited: bool,
}

impl Again<'_> {
    /// Decides on an event whose record is known: a duplicate when the content is the same, a correction
    /// where it is an entry's line, else an exception.
    pub(crate) async fn told(
        &self,
        event: &Envelope,
        current: Option<Item>,
    ) -> Result<Decided, JournalError> {
        let current = current.unwrap_or_default();
        let same_event = current.text("event_id") == Some(event.id.to_string().as_str());
        let same_content = current.text("body_hash").is_none_or(|hash| hash == event.body_hash());
        let is_corrected = current.0.contains_key(CORRECTED);
        if same_content && (same_event || !is_corrected) {
            return Ok(Decided::Duplicate);
        }
        if current.text("kind") == Some("line") && !same_event {
            return self.correct(event, current.key()).await;
        }
        let code = match current.text("kind") {
            _ if same_event => ProblemCode::EventConflict,
            Some("usage") => ProblemCode::UsageChanged,
            Some("drawdown") => ProblemCode::DrawdownChanged,
            _ => ProblemCode::EntryChanged,
        };
        let first = current.text("event_id").unwrap_or("an earlier event");
        let what = format!("{} differs from {first}, which stands", event.event.type_name());
        let (write, raised) = exception_of(self.function, event, Problem::new(code, what), self.now)?;
        match self.journal.commit(Commit::default().write(write).emit([raised])).await? {
            // An exception that exists already was raised by an earlier delivery of the same content.
            Committed::Done | Committed::Rejected(_) => Ok(Decided::Held),
            Committed::Contended => Err(JournalError::Contended(event.subject.clone())),
        }
    }

    /// Counts a further version of an entry, once, whoever writes its line meanwhile.
    async fn correct(&self, event: &Envelope, line: Key) -> Result<Decided, JournalError> {
        for _ in 0..MOST_ROUNDS {
            let known = self.known(event, &line).await?;
            let Some(engagement) = &known.engagement.body else {
                return Err(JournalError::Decision(format!("{} is unknown", event.subject)));
            };
            let content = event.body_hash();
            let told = (event.time, content.as_str());
            let anew = |engagement: &Engagement| (self.deciding.decide)(Some(engagement), event);
            let (commit, decided) =
                match correct(engagement, (&known.line, known.status), &known.correction, told, anew) {
                    Corrected::Same => return Ok(Decided::Duplicate),
                    Corrected::Held(problem) => {
                        self.journal.raise(self.function, event, problem, vec![], self.now).await?;
                        return Ok(Decided::Held);
                    }
                    Corrected::Late(why) => {
                        (self.entered(event, &known, (EntryOutcome::NoEffect, &why))?, Decided::NoEffect)
                    }
                    Corrected::Counts(adjusted) => {
                        let (tenant, subject) = (&event.tenant, &event.subject);
                        if self.journal.is_taken_off(tenant, subject, &known.line.line).await? {
                            let problem = known.correction.taken_off();
                            self.journal.raise(self.function, event, problem, vec![], self.now).await?;
                            return Ok(Decided::Held);
                        }
                        (self.counting(event, &line, &known, *adjusted)?, Decided::Applied)
                    }
                };
            match self.journal.commit(commit).await? {
                Committed::Done => return Ok(decided),
                // The entry stands: this version was counted before, or came too late before.
                Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(Decided::Duplicate),
                Committed::Rejected(_) | Committed::Contended => {}
            }
        }
        Err(JournalError::Contended(event.subject.clone()))
    }

    async fn known(&self, event: &Envelope, line: &Key) -> Result<Known, JournalError> {
        let (journal, tenant) = (self.journal, event.tenant.as_str());
        let malformed =
            |detail: &str| JournalError::Malformed { key: line.to_string(), detail: detail.into() };
        let item = journal.store.get(line).await?.ok_or_else(|| malformed("is gone"))?;
        let body: BillableLine = item.body()?;
        let key = Key::correction(tenant, &event.subject, body.line.as_str());
        let kept = journal.store.get(&key).await?;
        let kept = Versioned::<Correction>::read(kept.as_ref(), "as_of")?;
        let first = item.text("occurred_at").and_then(|at| at.parse().ok());
        let first: Timestamp = first.ok_or_else(|| malformed("does not say when its entry was approved"))?;
        let content = item.text("body_hash").unwrap_or_default();
        let none_yet = Correction::none_yet(&body, first, content);
        let own = journal.store.get(&Key::journal(tenant, &event.subject, event.id)).await?;
        Ok(Known {
            waited: waits_for_a_person(event, own.as_ref()),
            engagement: journal.engagement(tenant, &event.subject).await?,
            status: status(&item)?,
            corrected: item.0.contains_key(CORRECTED),
            correction: kept.body.unwrap_or(none_yet),
            version: kept.version,
            line: body,
        })
    }

    /// The commit with the version's entry, in the place of the one that only says that it waited.
    fn entered(
        &self,
        event: &Envelope,
        known: &Known,
        (outcome, why): (EntryOutcome, &str),
    ) -> Result<Commit, JournalError> {
        let entry = JournalEntry::of(event, outcome, why, self.now);
        entered(Commit::default(), event, &entry, known.waited)
    }

    /// The commit of a version that counts: its entry first, so that a rejection there means a duplicate.
    fn counting(
        &self,
        event: &Envelope,
        line: &Key,
        known: &Known,
        adjusted: Adjusted,
    ) -> Result<Commit, JournalError> {
        let (tenant, subject, now) = (event.tenant.as_str(), event.subject.as_str(), self.now);
        let Adjusted { correction, effects } = adjusted;
        let before = known.engagement.body.as_ref();
        let Decision::Apply(effects) = (self.deciding.ready)(Decision::apply(effects), before) else {
            return Err(JournalError::Decision(format!("the correction of {} is one", correction.line)));
        };
        let mut commit = self.entered(event, known, (EntryOutcome::Applied, &effects.summary))?;
        let LineItems { items, exceptions, raised } = line_items(self.function, event, &effects, now)?;
        commit.writes.extend(items.into_iter().map(|item| Write::Insert { item, cause: event.id }));
        commit.writes.extend(exceptions);
        let key = Key::correction(tenant, subject, correction.line.as_str());
        let item = Item::new(&key, "correction", tenant, &correction)?.with("recorded_at", now.to_string());
        commit = commit.write(Write::Replace { item, expected: known.version });
        if !known.corrected {
            commit = commit.write(Write::When {
                key: line.clone(),
                field: ("status", known.status.name().to_owned()),
                set: Map::from_iter([(CORRECTED.into(), true.into())]),
                remove: vec![],
            });
        }
        if let Some(state) = &effects.state {
            let item = state_item(tenant, state, now)?;
            commit = commit.write(Write::Replace { item, expected: known.engagement.version });
        }
        let told = |(n, e): (usize, &domain::Event)| event.concluded(self.function, subject, n, e.clone());
        Ok(commit.emit(effects.events.iter().enumerate().map(told).collect::<Vec<_>>()).emit(raised))
    }
}
