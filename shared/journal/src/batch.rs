//! Events of one engagement, decided together and committed together.

use std::collections::{BTreeMap, BTreeSet};

use domain::decision::{Decision, Effects};
use domain::engagement::Engagement;
use domain::problem::Problem;
use domain::staffing::{IntercompanyCharge, SubcontractorCost};
use events::Envelope;
use futures::future::join_all;
use jiff::Timestamp;
use uuid::Uuid;

use crate::again::Again;
use crate::commit::{Commit, Committed, Rejection, Write};
use crate::counted::counted_items;
use crate::deciding::{Decide, Deciding};
use crate::entry::{EntryOutcome, JournalEntry, drawdown_key, keyed_by_its_record, record_of};
use crate::exception::exception_of;
use crate::holds::{LineItems, line_items};
use crate::key::Key;
use crate::ledger::Versioned;
use crate::parked::parking;
use crate::store::Item;
use crate::supply::supply_items;
use crate::{Journal, JournalError};

/// How often a group is decided again when others write the same engagement.
const MOST_ROUNDS: u32 = 20;

/// What came of one event of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It had its effects.
    Applied,
    /// It had had them before.
    Duplicate,
    /// It waits for a condition.
    Parked,
    /// It waits for a person.
    Held,
    /// It was legal and changed nothing.
    NoEffect,
}

impl Decided {
    /// The outcome as logs and metrics write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Parked => "parked",
            Self::Held => "held",
            Self::NoEffect => "no-effect",
        }
    }
}

impl From<EntryOutcome> for Decided {
    fn from(outcome: EntryOutcome) -> Self {
        match outcome {
            EntryOutcome::Applied => Self::Applied,
            EntryOutcome::NoEffect => Self::NoEffect,
            EntryOutcome::Held => Self::Held,
        }
    }
}

/// A commit and, by event, what it means for each when it is done.
#[derive(Default)]
struct Plan {
    commit: Commit,
    outcomes: BTreeMap<Uuid, Decided>,
    /// What waits for a person once more, with the event it is about.
    raise: Option<(Uuid, Problem)>,
}

/// Takes the events of one engagement: reads it once, decides on each in order, commits what
/// touches shared state in one transaction and each independent ledger item by a write of
/// its own. Decides again when somebody else was faster.
///
/// # Errors
/// When the table can't be reached or stays contended; what was not committed is safe to repeat.
pub async fn apply_group(
    journal: &Journal,
    function: &str,
    group: &[Envelope],
    now: Timestamp,
    decide: &Decide<'_>,
) -> Result<BTreeMap<Uuid, Decided>, JournalError> {
    let Some(first) = group.first() else { return Ok(BTreeMap::new()) };
    let state = journal.engagement(&first.tenant, &first.subject).await?;
    let deciding = Deciding { decide, ready: &|decision, _| decision };
    apply_group_on(journal, function, group, now, state, deciding).await
}

/// The same, where the engagement was read already.
///
/// # Errors
/// When the table can't be reached or stays contended; what was not committed is safe to repeat.
pub async fn apply_group_on(
    journal: &Journal,
    function: &str,
    group: &[Envelope],
    now: Timestamp,
    mut state: Versioned<Engagement>,
    deciding: Deciding<'_>,
) -> Result<BTreeMap<Uuid, Decided>, JournalError> {
    let mut settled: BTreeMap<Uuid, Decided> = BTreeMap::new();
    let mut pending = distinct(group);
    let Some(&first) = pending.first() else { return Ok(settled) };
    let (tenant, subject) = (first.tenant.clone(), first.subject.clone());
    let again = Again { journal, function, now, deciding };
    let (mut superseding, mut unbilled) = (BTreeSet::<Uuid>::new(), BTreeMap::<Key, Item>::new());
    for round in 0..MOST_ROUNDS {
        for (event, line) in billed_before(journal, &state, &pending, deciding.decide).await? {
            let decided = again.told(event, Some(line)).await?;
            settled.insert(event.id, decided);
        }
        pending.retain(|e| !settled.contains_key(&e.id));
        let standing = Standing { waiting: &superseding, unbilled: &unbilled };
        // Two versions of one record: the later one is decided when the earlier one's line can be seen.
        let round_of: Vec<&Envelope> = first_of_each_record(&pending);
        let plans = plan(function, &state, &round_of, standing, now, deciding)?;
        let mut stale = false;
        let done = join_all(plans.into_iter().map(|plan| async move {
            let outcomes = plan.outcomes;
            let writes = plan.commit.writes.clone();
            (outcomes, writes, plan.raise, journal.commit(plan.commit).await)
        }))
        .await;
        for (outcomes, writes, raise, committed) in done {
            match committed? {
                Committed::Done => {
                    if let Some((id, problem)) = raise
                        && let Some(event) = pending.iter().find(|e| e.id == id)
                    {
                        journal.raise(function, event, problem, vec![], now).await?;
                    }
                    settled.extend(outcomes);
                }
                Committed::Contended => stale = true,
                Committed::Rejected(rejections) => {
                    for rejection in rejections {
                        match known_event(&writes, &rejection, &pending) {
                            // Its record came first and has told; what stands beside it adds nothing.
                            Some(event) if settled.contains_key(&event.id) => {}
                            Some(event) if waits_for_a_person(event, rejection.current.as_ref()) => {
                                superseding.insert(event.id);
                            }
                            Some(event)
                                if let Some(item) =
                                    now_billed(&writes, event, rejection.current.as_ref()) =>
                            {
                                unbilled.insert(item.key(), item);
                            }
                            Some(event) => {
                                let current = its_line(journal, event, rejection.current).await?;
                                let decided = again.told(event, current).await?;
                                settled.insert(event.id, decided);
                            }
                            None => stale = true,
                        }
                    }
                }
            }
        }
        pending.retain(|e| !settled.contains_key(&e.id));
        if pending.is_empty() {
            return Ok(settled);
        }
        if stale {
            tokio::time::sleep(pause(round, first.id)).await;
        }
        state = journal.engagement(&tenant, &subject).await?;
    }
    Err(JournalError::Contended(subject))
}

/// The same event twice in one batch is one event.
fn distinct(group: &[Envelope]) -> Vec<&Envelope> {
    let mut seen = BTreeSet::new();
    group.iter().filter(|event| seen.insert(event.id)).collect()
}

/// Of events that are keyed by their record, the first of each record; all others.
fn first_of_each_record<'a>(pending: &[&'a Envelope]) -> Vec<&'a Envelope> {
    let mut seen = BTreeSet::new();
    pending.iter().filter(|event| record_of(event).is_none_or(|key| seen.insert(key))).copied().collect()
}

/// The line of an event whose cost or charge was in the way: which content came first is written on the
/// line alone.
async fn its_line(
    journal: &Journal,
    event: &Envelope,
    current: Option<Item>,
) -> Result<Option<Item>, JournalError> {
    let silent = current.as_ref().is_some_and(|item| item.text("body_hash").is_none());
    match record_of(event).filter(|_| silent) {
        Some(key) => Ok(journal.store().get(&key).await?.or(current)),
        None => Ok(current),
    }
}

/// A pause that grows and differs between writers, so that they stop meeting.
fn pause(round: u32, seed: Uuid) -> std::time::Duration {
    let spread = u64::from(seed.as_bytes()[usize::try_from(round % 16).unwrap_or(0)]);
    std::time::Duration::from_millis(u64::from(round) * 5 + spread % 20)
}

/// Of events that are keyed by their record, those whose record is a line already, where the
/// decision would not find that out by itself: a hold, or no effect, is journalled under the
/// event and not under the record, a cost without a line under itself, and a ceiling would count
/// the same entry twice.
async fn billed_before<'a>(
    journal: &Journal,
    loaded: &Versioned<Engagement>,
    pending: &[&'a Envelope],
    decide: &Decide<'_>,
) -> Result<Vec<(&'a Envelope, Item)>, JournalError> {
    let mut state = loaded.body.clone();
    // An entry that was drawn from a retainer need not be a line, and would be one under other terms.
    let retained = loaded.body.as_ref().is_some_and(|engagement| !engagement.retainers.is_empty());
    let mut doubtful = retained;
    for event in pending.iter().filter(|e| keyed_by_its_record(e)) {
        match decide(state.as_ref(), event) {
            Decision::Apply(effects) => {
                doubtful |= effects.lines.is_empty();
                state = effects.state.or(state);
            }
            Decision::Hold(_) | Decision::NoEffect(_) => doubtful = true,
            Decision::Park(_) => {}
        }
    }
    if !doubtful {
        return Ok(Vec::new());
    }
    let mut known = Vec::new();
    for event in pending.iter().copied() {
        if let Some(key) = record_of(event) {
            let drawn = match drawdown_key(event).filter(|_| retained) {
                Some(key) => journal.store().get(&key).await?,
                None => None,
            };
            let line = if drawn.is_some() { drawn } else { journal.store().get(&key).await? };
            let Some(line) = line else { continue };
            // What had no effect when it came, before the line, is not news when it comes again.
            let own = journal.store().get(&Key::journal(&event.tenant, &event.subject, event.id)).await?;
            known.push((event, own.filter(|entry| !waits_for_a_person(event, Some(entry))).unwrap_or(line)));
        }
    }
    Ok(known)
}

/// Whether an event's entry only says that it waited for a person: it is decided again, and
/// what comes of it now takes the entry's place.
pub(crate) fn waits_for_a_person(event: &Envelope, current: Option<&Item>) -> bool {
    current.is_some_and(|entry| {
        entry.text("kind") == Some("journal")
            && entry.text("outcome") == Some("held")
            && entry.text("body_hash") == Some(event.body_hash().as_str())
    })
}

/// The cost or charge of an entry that was not billable, where the entry is billed now: it takes the
/// line, and stays the one cost or charge of the entry.
fn now_billed(writes: &[Write], event: &Envelope, current: Option<&Item>) -> Option<Item> {
    let beside = |item: &&Item| match item.text("kind") {
        Some("cost") => item.body::<SubcontractorCost>().is_ok_and(|cost| cost.line.is_none()),
        Some("charge") => item.body::<IntercompanyCharge>().is_ok_and(|charge| charge.unbilled),
        _ => false,
    };
    let billed = |write: &Write| matches!(write, Write::Insert { item, cause } if *cause == event.id && item.text("kind") == Some("line"));
    current.filter(beside).filter(|_| writes.iter().any(billed)).cloned()
}

/// What stands in the table already and gives way.
#[derive(Clone, Copy)]
struct Standing<'a> {
    /// Events whose entry only says that they waited for a person.
    waiting: &'a BTreeSet<Uuid>,
    /// Costs and charges without a line, of entries that are billed now.
    unbilled: &'a BTreeMap<Key, Item>,
}

fn plan(
    function: &str,
    loaded: &Versioned<Engagement>,
    pending: &[&Envelope],
    standing: Standing<'_>,
    now: Timestamp,
    deciding: Deciding<'_>,
) -> Result<Vec<Plan>, JournalError> {
    let mut plans = Vec::new();
    let mut shared = Plan::default();
    let mut state: Option<Engagement> = None;
    let mut waits = false;
    // Of two versions of an entry one may be drawn from a retainer, which is no line: they meet at the state.
    let retains = |engagement: &Engagement| {
        !engagement.contract.retainers.is_empty() || !engagement.retainers.is_empty()
    };
    let retained = loaded.body.as_ref().is_some_and(retains);
    for event in pending {
        match deciding.on(state.as_ref().or(loaded.body.as_ref()), event) {
            Decision::Apply(effects)
                if independent(event, &effects) && !(retained && drawdown_key(event).is_some()) =>
            {
                plans.push(apply(Plan::default(), function, event, &effects, standing, now)?);
            }
            Decision::Apply(effects) => {
                waits |= independent(event, &effects);
                shared = apply(shared, function, event, &effects, standing, now)?;
                state = effects.state.or(state);
            }
            Decision::Park(condition) => {
                waits = true;
                shared.commit = shared.commit.write(parking(event, &condition, now)?);
                shared.outcomes.insert(event.id, Decided::Parked);
            }
            // Held before and held again: its exception waits, also where it was settled in between.
            Decision::Hold(problem) if standing.waiting.contains(&event.id) => plans.push(Plan {
                outcomes: BTreeMap::from([(event.id, Decided::Held)]),
                raise: Some((event.id, problem)),
                ..Plan::default()
            }),
            Decision::Hold(problem) => plans.push(held(function, event, problem, now)?),
            Decision::NoEffect(why) => {
                let entry = JournalEntry::of(event, EntryOutcome::NoEffect, why, now);
                plans.push(Plan {
                    commit: entered(Commit::default(), event, &entry, standing.waiting.contains(&event.id))?,
                    outcomes: BTreeMap::from([(event.id, Decided::NoEffect)]),
                    raise: None,
                });
            }
        }
    }
    if let (Some(event), true) = (pending.first(), waits || state.is_some()) {
        // An entry that may be drawn elsewhere raises the version. Parking does too: a commit that satisfies the condition must not
        // overlook what was parked while it was deciding.
        shared.commit = shared.commit.write(match &state {
            Some(next) => Write::Replace {
                item: crate::ledger::state_item(&event.tenant, next, now)?,
                expected: loaded.version,
            },
            None => Write::Touch {
                key: Key::state(&event.tenant, &event.subject),
                kind: "state",
                expected: loaded.version,
            },
        });
    }
    if !shared.outcomes.is_empty() {
        plans.push(shared);
    }
    Ok(plans)
}

/// Whether an event concerns one record and nothing shared: a line with what stands beside it, or
/// cost and charge without a line.
fn independent(event: &Envelope, effects: &Effects) -> bool {
    let beside = !effects.costs.is_empty() || !effects.charges.is_empty();
    let records = if effects.lines.is_empty() { usize::from(beside) } else { effects.lines.len() };
    keyed_by_its_record(event) && effects.state.is_none() && records == 1 && effects.release.is_empty()
}

fn apply(
    mut plan: Plan,
    function: &str,
    event: &Envelope,
    effects: &Effects,
    standing: Standing<'_>,
    now: Timestamp,
) -> Result<Plan, JournalError> {
    let entry = JournalEntry::of(event, EntryOutcome::Applied, effects.summary.clone(), now);
    let LineItems { items: lines, exceptions, raised } = line_items(function, event, effects, now)?;
    // What is counted comes first: whether or not there is a line, it says that the record was counted.
    let mut items = counted_items(&event.tenant, &event.subject, effects, now)?;
    items.extend(lines);
    items.extend(supply_items(&event.tenant, &event.subject, effects, now)?);
    if keyed_by_its_record(event) {
        if let Some(record) = items.first_mut() {
            *record = as_entry(std::mem::take(record), &entry);
        }
    } else {
        plan.commit = entered(plan.commit, event, &entry, standing.waiting.contains(&event.id))?;
    }
    for item in items {
        // The line that is inserted with it keeps two corrections from both taking its place.
        plan.commit = match standing.unbilled.get(&item.key()) {
            Some(before) => {
                let kind = item.text("kind").unwrap_or_default().to_owned();
                let earlier = entry_of(before, &event.subject).map(|entry| entry.item(&event.tenant));
                let kept = earlier.transpose()?.map(|item| Write::Insert { item, cause: event.id });
                let mut commit = plan.commit.write(Write::Supersede { item, field: ("kind", kind) });
                commit.writes.extend(kept);
                commit
            }
            None => plan.commit.write(Write::Insert { item, cause: event.id }),
        };
    }
    let outgoing = effects
        .events
        .iter()
        .enumerate()
        .map(|(i, e)| event.concluded(function, &event.subject, i, e.clone()));
    plan.commit.writes.extend(exceptions);
    plan.commit = plan.commit.emit(outgoing.collect::<Vec<_>>()).emit(raised);
    plan.commit.release.extend(effects.release.iter().cloned());
    plan.outcomes.insert(event.id, Decided::Applied);
    Ok(plan)
}

/// The commit with an event's entry: new, or in the place of the one that only said that it waited.
pub(crate) fn entered(
    commit: Commit,
    event: &Envelope,
    entry: &JournalEntry,
    superseding: bool,
) -> Result<Commit, JournalError> {
    if !superseding {
        return commit.entry(&event.tenant, entry);
    }
    let item = entry.item(&event.tenant)?;
    Ok(commit.write(Write::Supersede { item, field: ("outcome", "held".into()) }))
}

/// An item that is also its event's journal entry: keyed by the source record, it makes the
/// record count once whatever the event is called.
pub(crate) fn as_entry(mut item: Item, entry: &JournalEntry) -> Item {
    for (name, value) in [
        ("event_id", entry.event_id.to_string()),
        ("event_type", entry.event_type.clone()),
        ("body_hash", entry.body_hash.clone()),
        ("occurred_at", entry.occurred_at.to_string()),
        ("correlation_id", entry.correlation_id.clone()),
        ("summary", entry.summary.clone()),
    ] {
        item = item.with(name, value);
    }
    item
}

/// The entry of the event that an item is the record of, for an item that gives way: the event is known
/// by it when it comes again.
fn entry_of(item: &Item, subject: &str) -> Option<JournalEntry> {
    Some(JournalEntry {
        event_id: item.text("event_id")?.parse().ok()?,
        event_type: item.text("event_type")?.to_owned(),
        body_hash: item.text("body_hash")?.to_owned(),
        subject: subject.to_owned(),
        occurred_at: item.text("occurred_at")?.parse().ok()?,
        recorded_at: item.text("recorded_at")?.parse().ok()?,
        correlation_id: item.text("correlation_id")?.to_owned(),
        causation_id: None,
        outcome: EntryOutcome::Applied,
        summary: item.text("summary")?.to_owned(),
    })
}

fn held(function: &str, event: &Envelope, problem: Problem, now: Timestamp) -> Result<Plan, JournalError> {
    let entry = JournalEntry::of(event, EntryOutcome::Held, problem.to_string(), now);
    let (writes, raised) = exception_of(function, event, problem, now)?;
    Ok(Plan {
        commit: Commit::default().entry(&event.tenant, &entry)?.write(writes).emit([raised]),
        outcomes: BTreeMap::from([(event.id, Decided::Held)]),
        raise: None,
    })
}

/// The pending event whose own record stood in the way, if that is what was rejected.
fn known_event<'a>(
    writes: &[Write],
    rejection: &Rejection,
    pending: &[&'a Envelope],
) -> Option<&'a Envelope> {
    match writes.get(rejection.position) {
        // The exception of an event that was held before stands in nobody's way: its entry tells.
        Some(Write::Insert { item, .. }) if item.text("kind") == Some("exception") => None,
        Some(Write::Insert { cause, .. }) => pending.iter().find(|e| e.id == *cause).copied(),
        Some(
            Write::Replace { .. }
            | Write::Touch { .. }
            | Write::When { .. }
            | Write::WhenWithout { .. }
            | Write::Supersede { .. },
        )
        | None => None,
    }
}
