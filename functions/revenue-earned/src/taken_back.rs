//! Credit memos that were posted and lines that were written off: what they take back of revenue, and of what the
//! schedule plans.

use domain::billing::BillableLine;
use domain::credit_memo::{CreditMemo, CreditMemoApplied};
use domain::id::{EngagementId, LineId};
use domain::revenue::{ReversalError, TakenOff, Undoing, Undone};
use domain::write_off::WriteOff;
use events::Envelope;
use jiff::civil::Date;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, Failure, Outcome, Telling};

use crate::keep::keep;
use crate::line::Setting;
use crate::{MOST_ROUNDS, engagement_of, pause};

/// What is undone of one engagement, while it is put together.
struct Undo<'a> {
    setting: &'a Setting,
    lines: &'a [BillableLine],
    on: Date,
    undone: Undone,
}

/// Takes a credit memo.
pub(crate) async fn credited(
    context: &Context,
    event: &Envelope,
    applied: &CreditMemoApplied,
) -> Result<Outcome, Failure> {
    let (journal, tenant, id) = (&context.journal, event.tenant.as_str(), engagement_of(event)?);
    let memo = journal.credit_memo(tenant, &id, &applied.credit_memo).await?.body;
    let memo = memo.ok_or_else(|| Failure::new(format!("{} is not there", applied.credit_memo)))?;
    let invoice = journal.invoice(tenant, &id, &memo.invoice).await?.body;
    let wanted: Vec<LineId> = memo.lines().cloned().collect();
    let (lines, setting) = read(context, tenant, &id, &wanted).await?;
    let zone = context.business_time_zone(tenant).await?;
    let on = memo.credited_on.unwrap_or_else(|| event.time.to_zoned(zone).date());
    let invoiced_on = invoice.and_then(|invoice| invoice.invoiced_on).unwrap_or(on);
    let mut undo = Undo { setting: &setting, lines: &lines, on, undone: Undone::default() };
    undo.credited(&memo, invoiced_on)?;
    finish(context, event, &id, undo.undone, &format!("credit memo {}", applied.number)).await
}

/// Takes a write-off.
pub(crate) async fn written_off(
    context: &Context,
    event: &Envelope,
    write_off: &WriteOff,
) -> Result<Outcome, Failure> {
    let (tenant, id) = (event.tenant.as_str(), engagement_of(event)?);
    let (lines, setting) = read(context, tenant, &id, &write_off.lines).await?;
    let zone = context.business_time_zone(tenant).await?;
    let on = event.time.to_zoned(zone).date();
    let mut undo = Undo { setting: &setting, lines: &lines, on, undone: Undone::default() };
    for line in &write_off.lines {
        undo.line(line, |undoing, line| undoing.written_off(line, &write_off.write_off))?;
    }
    finish(context, event, &id, undo.undone, &format!("write-off {}", write_off.write_off)).await
}

async fn read(
    context: &Context,
    tenant: &str,
    id: &EngagementId,
    wanted: &[LineId],
) -> Result<(Vec<BillableLine>, Setting), Failure> {
    let lines = context.journal.lines(tenant, id.as_str(), wanted).await?;
    let lines: Vec<BillableLine> = lines.into_iter().map(|known| known.line).collect();
    let setting = Setting::read(context, tenant, id, &lines).await?;
    Ok((lines, setting))
}

impl Undo<'_> {
    fn credited(&mut self, memo: &CreditMemo, invoiced_on: Date) -> Result<(), Failure> {
        for part in &memo.parts {
            if let Some(line) = &part.line {
                self.line(line, |undoing, line| undoing.credited(line, memo, part, invoiced_on))?;
            }
        }
        for share in &memo.shares {
            self.line(&share.line, |undoing, line| undoing.shared(line, memo, share))?;
        }
        Ok(())
    }

    fn line(
        &mut self,
        id: &LineId,
        undo: impl FnOnce(Undoing<'_>, &BillableLine) -> Result<Undone, ReversalError>,
    ) -> Result<(), Failure> {
        let line = self.lines.iter().find(|line| line.line == *id);
        let line = line.ok_or_else(|| Failure::new(format!("line {id} is not there")))?;
        let contract = self.setting.contract(line)?;
        let (engagement, closed_until) = (&self.setting.engagement, self.setting.closed_until(contract));
        let undone = undo(Undoing { engagement, contract, on: self.on, closed_until }, line);
        let undone = undone.map_err(|e| Failure::new(format!("line {id}: {e}")))?;
        self.undone.events.extend(undone.events);
        self.undone.taken_off.extend(undone.taken_off);
        Ok(())
    }
}

/// Keeps the revenue events, what they take back before them; the last commit has the entry, and with it what the
/// schedule plans less, so that it is counted once.
async fn finish(
    context: &Context,
    event: &Envelope,
    id: &EngagementId,
    undone: Undone,
    what: &str,
) -> Result<Outcome, Failure> {
    let tenant = event.tenant.as_str();
    keep(context, event, &undone.events).await?;
    let (events, planned) = (undone.events.iter().filter(|e| e.is_undoing()).count(), undone.taken_off.len());
    let outcome = if events + planned > 0 { EntryOutcome::Applied } else { EntryOutcome::NoEffect };
    let summary = format!("{what}: {events} take revenue back, the schedule plans less of {planned}");
    for round in 0..MOST_ROUNDS {
        let entry = JournalEntry::of(event, outcome, &summary, context.clock.now());
        let mut commit = Commit::default().entry(tenant, &entry)?;
        commit = planning_less(context, tenant, id, &undone.taken_off, commit).await?;
        match context.journal.commit(commit).await? {
            Committed::Done if outcome == EntryOutcome::Applied => return Ok(Outcome::Applied),
            Committed::Done => return Ok(Outcome::NoEffect),
            Committed::Rejected(rejections) if rejections.iter().any(|r| r.position == 0) => {
                return Ok(Outcome::Duplicate);
            }
            // A month was told in the meantime, or another event came: look again.
            Committed::Rejected(_) | Committed::Contended => {}
        }
        pause(round).await;
    }
    Err(JournalError::Contended(id.to_string()).into())
}

async fn planning_less(
    context: &Context,
    tenant: &str,
    id: &EngagementId,
    taken_off: &[(String, TakenOff)],
    commit: Commit,
) -> Result<Commit, Failure> {
    if taken_off.is_empty() {
        return Ok(commit);
    }
    let zone = context.business_time_zone(tenant).await?;
    let Some(telling) = Telling::read(context, tenant, id).await? else { return Ok(commit) };
    let next = telling.recognition().take_off(taken_off).and_then(|next| next.planned(telling.planned()));
    let next = next.map_err(|e| Failure::new(e.to_string()))?;
    let (due_at, now) = (Telling::due_at(&next, &zone), context.clock.now());
    let write = context.journal.write_recognition(tenant, &next, due_at, telling.stored.version, now)?;
    Ok(commit.write(write))
}
