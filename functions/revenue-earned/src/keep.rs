//! Revenue events beside the entry of what they follow from: each is kept once, whoever tells it.

use domain::revenue::RevenueEarned;
use events::Envelope;
use journal::{Commit, Committed, JournalError, Write};
use runtime::Context;

use crate::{MOST_ROUNDS, pause};

/// Revenue events of one commit: with one exception for each month they stay below what a transaction holds.
const EVENTS_A_COMMIT: usize = 45;

/// Keeps revenue events that are not there yet, in their order: some of them, then the next.
pub(crate) async fn keep(
    context: &Context,
    event: &Envelope,
    told: &[RevenueEarned],
) -> Result<(), JournalError> {
    for some in told.chunks(EVENTS_A_COMMIT) {
        keep_some(context, event, some).await?;
    }
    Ok(())
}

/// Keeps those that are not there yet, all of them together.
async fn keep_some(context: &Context, event: &Envelope, told: &[RevenueEarned]) -> Result<(), JournalError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let mut left: Vec<&RevenueEarned> = told.iter().collect();
    for round in 0..MOST_ROUNDS {
        if left.is_empty() {
            return Ok(());
        }
        let now = context.clock.now();
        let mut commit = Commit::default();
        for revenue in &left {
            commit = commit.write(journal.write_revenue(tenant, revenue, None, event.id, now)?);
        }
        let late = journal.late_revenue(context.function, event, &left, now).await?;
        commit.writes.extend(late.writes);
        let announced = left.iter().map(|revenue| {
            event.concluded(context.function, &event.subject, &revenue.revenue, (*revenue).clone().into())
        });
        let commit = commit.emit(announced.collect::<Vec<_>>()).emit(late.raised);
        let inserts = commit.writes.iter().filter(|w| matches!(w, Write::Insert { .. })).count();
        match journal.commit(commit).await? {
            Committed::Done => return Ok(()),
            Committed::Rejected(rejections) => {
                let there: Vec<usize> =
                    rejections.iter().map(|r| r.position).filter(|at| *at < inserts).collect();
                left = left
                    .into_iter()
                    .enumerate()
                    .filter(|(i, _)| !there.contains(i))
                    .map(|(_, r)| r)
                    .collect();
            }
            Committed::Contended => {}
        }
        pause(round).await;
    }
    Err(JournalError::Contended(event.subject.clone()))
}
