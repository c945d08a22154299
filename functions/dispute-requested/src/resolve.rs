//! Somebody's decision ends a dispute, once.

use domain::Problem;
use domain::dispute::DisputeResolutionRequested as Asked;
use domain::id::EngagementId;
use domain::invoice::Invoice;
use domain::problem::ProblemCode;
use domain::transition::Status;
use events::Envelope;
use journal::{Commit, EntryOutcome, Versioned};
use runtime::{Context, Failure, Outcome};

use crate::{entry, refuse};

pub(crate) async fn decide(
    context: &Context,
    event: &Envelope,
    (owner, invoice): (&EngagementId, &Versioned<Invoice>),
    asked: &Asked,
) -> Result<(Commit, Outcome), Failure> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let refused = |why: String| {
        Problem::new(ProblemCode::DisputeResolutionRefused, format!("{}: {why}", asked.dispute))
    };
    let known = journal.dispute(tenant, owner, &asked.dispute).await?;
    // A resolution is asked for only where its dispute is recorded, so one that is not there never will be.
    let (Some(dispute), Some(body)) = (&known.body, &invoice.body) else {
        let problem = refused(format!("there is no such dispute of {}", asked.invoice));
        return refuse(context, event, (owner, invoice), problem);
    };
    let memos = journal.credit_memos_of(tenant, owner, &asked.invoice).await?;
    let (next, invoiced) = match dispute.resolve(body, &memos, asked) {
        Ok(decided) => decided,
        Err(why) => {
            let problem = refused(why.to_string()).with_stake(dispute.contested);
            return refuse(context, event, (owner, invoice), problem);
        }
    };
    if next == *dispute {
        let summary = format!("{} was decided so already", asked.dispute);
        return Ok((entry(context, event, EntryOutcome::NoEffect, summary)?, Outcome::NoEffect));
    }
    let now = context.clock.now();
    let summary = format!(
        "dispute of {} {} by {}: {}",
        next.contested,
        asked.outcome.status().name(),
        asked.resolved_by,
        asked.reason
    );
    let told = next.resolved().map(|end| event.concluded(context.function, &event.subject, 0, end.into()));
    let commit = entry(context, event, EntryOutcome::Applied, summary)?
        .emit(told)
        .write(journal.write_dispute(tenant, &next, known.version, now)?)
        .write(journal.write_invoice(tenant, owner, &invoiced, invoice.version, now)?)
        .write(journal.look_again(tenant, owner, &asked.invoice, now).await?);
    Ok((commit, Outcome::Applied))
}
