//! One change order at a time: the engagement says which is being carried out.

use domain::Problem;
use domain::change_order::ChangeOrder;
use domain::engagement::ChangeOrderUnderWay;
use events::Envelope;
use journal::{Commit, Committed, JournalError};
use runtime::Context;
use workflow::{LeaseError, Run, StepError};

use crate::carry_out::MOST_ROUNDS;
use crate::decide::today;

/// What came of claiming the engagement for a change order.
pub(crate) enum Claim {
    /// It is this order's.
    Ours,
    /// Another one is being carried out, which this one may build on.
    Another(ChangeOrderUnderWay),
    /// The contract is another version's than the order was decided on: it is to be decided anew.
    Overtaken(u32),
    /// What was billed since the order was decided on stands against it.
    Refused(Vec<Problem>),
}

/// Claims the engagement, before any system is told of the order.
pub(crate) async fn claim(
    context: &Context,
    run: &Run,
    event: &Envelope,
    order: &ChangeOrder,
) -> Result<Claim, StepError> {
    let under_way = ChangeOrderUnderWay { run: event.id.to_string(), version: order.to.version };
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.engagement(&event.tenant, &event.subject).await?;
        let vanished = || JournalError::Decision(format!("{} vanished", event.subject));
        let mut engagement = known.body.ok_or_else(vanished)?;
        match &engagement.change_order {
            Some(other) if *other == under_way => return Ok(Claim::Ours),
            Some(other) => return Ok(Claim::Another(other.clone())),
            None => {}
        }
        if engagement.contract.version != order.from.version {
            return Ok(Claim::Overtaken(engagement.contract.version));
        }
        let standing = order.still_stands(&engagement, today(context, event).await?);
        if !standing.is_empty() {
            return Ok(Claim::Refused(standing));
        }
        engagement.change_order = Some(under_way.clone());
        let now = context.clock.now();
        let write = context.journal.write_state(&event.tenant, &engagement, known.version, now)?;
        match context.journal.commit(Commit::default().write(write).write(run.fence())).await? {
            Committed::Done => return Ok(Claim::Ours),
            Committed::Rejected(r) if run.was_fenced_off(&r) => return Err(LeaseError::Superseded.into()),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}
