//! A schedule was drawn up anew, or a milestone without a planned day was completed: when its next month is
//! to be told.

use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, Failure, Outcome, Telling};

use crate::{MOST_ROUNDS, engagement_of, pause, told_nothing};

/// Lists the engagement by the month that is told next. What counts is the schedule in force and not the one
/// that the event carries, so events in any order come to the same.
pub(crate) async fn take(context: &Context, event: &Envelope) -> Result<Outcome, Failure> {
    let (tenant, id) = (event.tenant.as_str(), engagement_of(event)?);
    let zone = context.business_time_zone(tenant).await?;
    for round in 0..MOST_ROUNDS {
        let Some(telling) = Telling::read(context, tenant, &id).await? else {
            return Ok(told_nothing(context, event, "there is no schedule in force").await?);
        };
        let before = telling.recognition();
        let next = before.clone().planned(telling.planned());
        let next = next.map_err(|e| Failure::new(e.to_string()))?;
        let stays = next == before;
        if stays && next.next.is_none() {
            return Ok(told_nothing(context, event, "the schedule has nothing more to tell").await?);
        }
        let now = context.clock.now();
        let summary = match next.next {
            Some(period) => format!("the schedule is told next when {period} is over"),
            None => "the schedule has nothing more to tell".to_owned(),
        };
        // Written also where it stays as it is: whoever read the engagement before this event may not write over it.
        let outcome = if stays { EntryOutcome::NoEffect } else { EntryOutcome::Applied };
        let entry = JournalEntry::of(event, outcome, summary, now);
        let due_at = Telling::due_at(&next, &zone);
        let write = context.journal.write_recognition(tenant, &next, due_at, telling.stored.version, now)?;
        match context.journal.commit(Commit::default().entry(tenant, &entry)?.write(write)).await? {
            Committed::Done if stays => return Ok(Outcome::NoEffect),
            Committed::Done => return Ok(Outcome::Applied),
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
