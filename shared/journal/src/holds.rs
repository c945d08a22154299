//! What is held: lines and invoices, listed while they are, and the writes of their hold and release.

use std::collections::BTreeSet;

use domain::billing::hold::{HeldLine, LineHold};
use domain::billing::{BillableLine, LineStatus};
use domain::decision::Effects;
use domain::engagement::Engagement;
use domain::id::{InvoiceId, LineId};
use domain::invoice::Invoice;
use events::Envelope;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::again::CORRECTED;
use crate::commit::Write;
use crate::exception::exception_of;
use crate::key::Key;
use crate::ledger::{Versioned, line_item, ready_key};
use crate::store::Item;
use crate::{Journal, JournalError};

/// A line with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRecord {
    /// The line.
    pub line: BillableLine,
    /// Where it stands.
    pub status: LineStatus,
    /// Why it is held; none where it is not.
    pub hold: Option<LineHold>,
    /// Whether its entry was corrected: what that changed is a line of its own.
    pub corrected: bool,
    /// The invoice that owns it.
    pub invoice: Option<InvoiceId>,
}

impl LineRecord {
    fn read(item: &Item) -> Result<Self, JournalError> {
        let field = |name: &str| item.0.get(name).cloned().unwrap_or(Value::Null);
        let malformed = |e: serde_json::Error| JournalError::Malformed {
            key: item.key().to_string(),
            detail: e.to_string(),
        };
        Ok(Self {
            line: item.body()?,
            status: serde_json::from_value(field("status")).map_err(malformed)?,
            hold: serde_json::from_value(field("hold")).map_err(malformed)?,
            corrected: item.0.contains_key(CORRECTED),
            invoice: serde_json::from_value(field("invoice")).map_err(malformed)?,
        })
    }
}

/// The lines of a decision, and what is told of those that are held.
#[derive(Default)]
pub(crate) struct LineItems {
    pub(crate) items: Vec<Item>,
    pub(crate) exceptions: Vec<Write>,
    pub(crate) raised: Vec<Envelope>,
}

/// The items of a decision's lines: ready, or held together with the exception that tells why.
pub(crate) fn line_items(
    function: &str,
    event: &Envelope,
    effects: &Effects,
    now: Timestamp,
) -> Result<LineItems, JournalError> {
    let mut made = LineItems::default();
    for line in &effects.lines {
        let mut item = line_item(&event.tenant, &event.subject, line, now)?;
        if let Some(held) = effects.held.iter().find(|h| h.line == line.line) {
            let raised = holding(function, event, held, line, now)?;
            item.0.extend(raised.set);
            made.exceptions.push(raised.exception);
            made.raised.push(raised.told);
        }
        made.items.push(item);
    }
    Ok(made)
}

/// What holds a line.
struct Holding {
    set: Map<String, Value>,
    exception: Write,
    told: Envelope,
}

fn holding(
    function: &str,
    event: &Envelope,
    held: &HeldLine,
    line: &BillableLine,
    now: Timestamp,
) -> Result<Holding, JournalError> {
    let (exception, told) = exception_of(function, event, held.problem.clone(), now)?;
    let Write::Insert { item, .. } = &exception else {
        return Err(JournalError::Decision("an exception is inserted".into()));
    };
    let which = item.text("exception").unwrap_or_default().to_owned();
    let which = which.try_into().map_err(|e| JournalError::Decision(format!("{e}")))?;
    let hold = LineHold::of(held, line.amount, which, now);
    let set = Map::from_iter([
        ("status".into(), json(LineStatus::Held)?),
        ("hold".into(), json(hold)?),
        ("status_key".into(), held_key(&event.tenant, &event.subject).into()),
        ("status_at".into(), now.to_string().into()),
    ]);
    Ok(Holding { set, exception, told })
}

fn json(value: impl serde::Serialize) -> Result<Value, JournalError> {
    serde_json::to_value(value).map_err(|e| JournalError::Decision(e.to_string()))
}

/// Where the index lists an engagement's held lines.
fn held_key(tenant: &str, engagement: &str) -> String {
    format!("tenant#{tenant}#engagement#{engagement}#line#held")
}

/// An invoice's item, listed by whoever is to settle it while it is held.
pub(crate) fn listed_if_held(item: Item, tenant: &str, invoice: &Invoice) -> Item {
    match invoice.hold.as_ref().filter(|_| invoice.is_held()) {
        Some(hold) => item
            .with("status_key", format!("tenant#{tenant}#invoice#held#{}", hold.owner.as_str()))
            .with("status_at", hold.held_at.to_string()),
        None => item,
    }
}

impl Journal {
    /// A line with where it stands.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn line(
        &self,
        tenant: &str,
        engagement: &str,
        line: &str,
    ) -> Result<Option<LineRecord>, JournalError> {
        let item = self.store.get(&Key::line(tenant, engagement, line)).await?;
        item.as_ref().map(LineRecord::read).transpose()
    }

    /// Those of an engagement's lines that are there, with where they stand; at most a hundred.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn lines<'a>(
        &self,
        tenant: &str,
        engagement: &str,
        lines: impl IntoIterator<Item = &'a LineId>,
    ) -> Result<Vec<LineRecord>, JournalError> {
        let key = |line: &LineId| Key::line(tenant, engagement, line.as_str());
        let keys: BTreeSet<Key> = lines.into_iter().map(key).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.store.get_many(&keys).await?.iter().map(LineRecord::read).collect()
    }

    /// Lines of an engagement that the index shows as held, longest held first. It may lag: each is to be
    /// read again.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn held_lines(
        &self,
        tenant: &str,
        engagement: &str,
        most: usize,
    ) -> Result<Vec<LineRecord>, JournalError> {
        let items = self.store.by_status(&held_key(tenant, engagement), most).await?;
        items.iter().map(LineRecord::read).collect()
    }

    /// Lines of an engagement that the index shows as ready, oldest first. It may lag.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn ready_lines(
        &self,
        tenant: &str,
        engagement: &str,
        most: usize,
    ) -> Result<Vec<BillableLine>, JournalError> {
        let items = self.store.by_status(&ready_key(tenant, engagement), most).await?;
        items.iter().map(Item::body).collect()
    }

    /// The writes that hold a line which is ready, with its exception, and what announces it. `event` is what
    /// it is held for.
    ///
    /// # Errors
    /// Never for a well-formed line.
    pub fn hold_line(
        &self,
        function: &str,
        event: &Envelope,
        state: &Versioned<Engagement>,
        (line, held): (&BillableLine, &HeldLine),
        now: Timestamp,
    ) -> Result<(Vec<Write>, Envelope), JournalError> {
        let Holding { set, exception, told } = holding(function, event, held, line, now)?;
        let key = Key::line(&event.tenant, &event.subject, line.line.as_str());
        let write = Write::When { key, field: ("status", "ready".into()), set, remove: vec![] };
        let counted = self.write_held_count(&event.tenant, state, 1, now)?;
        Ok((vec![write, counted, exception], told))
    }

    /// The writes that put a further reason in the place of the one that a line is held for.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn hold_line_on(
        &self,
        function: &str,
        event: &Envelope,
        state: &Versioned<Engagement>,
        (line, held, before): (&BillableLine, &HeldLine, &LineHold),
        now: Timestamp,
    ) -> Result<(Vec<Write>, Envelope), JournalError> {
        let Holding { set, exception, told } = holding(function, event, held, line, now)?;
        let key = Key::line(&event.tenant, &event.subject, line.line.as_str());
        let write = Write::When { key, field: ("status", "held".into()), set, remove: vec![] };
        let counted = self.write_held_count(&event.tenant, state, 0, now)?;
        let mut writes = vec![write, counted, exception];
        writes.extend(self.settling(&event.tenant, &event.subject, before, now).await?);
        Ok((writes, told))
    }

    /// The writes that make a held line ready and settle its exception.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn release_line(
        &self,
        tenant: &str,
        state: &Versioned<Engagement>,
        (line, hold): (&BillableLine, &LineHold),
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let engagement = state.body.as_ref().map(|e| e.engagement.to_string()).unwrap_or_default();
        let ready = Write::When {
            key: Key::line(tenant, &engagement, line.line.as_str()),
            field: ("status", "held".into()),
            set: Map::from_iter([
                ("status".into(), json(LineStatus::Ready)?),
                ("status_key".into(), ready_key(tenant, &engagement).into()),
                ("status_at".into(), now.to_string().into()),
            ]),
            remove: vec!["hold"],
        };
        let mut writes = vec![ready, self.write_held_count(tenant, state, -1, now)?];
        writes.extend(self.settling(tenant, &engagement, hold, now).await?);
        Ok(writes)
    }

    /// Every hold and release of a line goes through the state: of two at once, one reads again.
    fn write_held_count(
        &self,
        tenant: &str,
        state: &Versioned<Engagement>,
        by: i32,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let unknown = || JournalError::Decision("an unknown engagement has no lines".into());
        let engagement = state.body.clone().ok_or_else(unknown)?;
        let held_lines = engagement.held_lines.saturating_add_signed(by);
        self.write_state(tenant, &Engagement { held_lines, ..engagement }, state.version, now)
    }

    /// The write that settles a hold's exception, where nobody did.
    pub(crate) async fn settling(
        &self,
        tenant: &str,
        engagement: &str,
        hold: &LineHold,
        now: Timestamp,
    ) -> Result<Option<Write>, JournalError> {
        let key = Key::exception(tenant, engagement, hold.exception.as_str());
        let known = self.store.get(&key).await?;
        Ok(known.filter(|item| item.text("status") == Some("open")).map(|_| Write::When {
            key,
            field: ("status", "open".into()),
            set: Map::from_iter([
                ("status".into(), "resolved".into()),
                ("resolved_at".into(), now.to_string().into()),
            ]),
            remove: vec!["status_key", "status_at"],
        }))
    }
}
