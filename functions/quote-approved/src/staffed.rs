//! Who is to deliver an engagement that becomes active.

use domain::TenantConfig;
use domain::delivery::{Delivery, stopped_before};
use domain::engagement::Engagement;
use domain::event::Event;
use events::Envelope;
use journal::{Commit, JournalError};
use runtime::{Context, Systems};

use crate::set_up::SetUp;

/// The function that takes what the PSA reports of a project, and settles that it had stopped.
const REPORTS: &str = "record-changed";

/// The commit with the assignments, and the event that tells them. What the PSA told already of the project
/// stays; that it had stopped by then is told to a person.
pub(crate) async fn staffed(
    context: &Context,
    config: &TenantConfig,
    event: &Envelope,
    systems: &Systems,
    engagement: &Engagement,
    (made, mut commit): (&SetUp, Commit),
) -> Result<(Commit, Option<Event>), JournalError> {
    let (journal, tenant, now) = (&context.journal, event.tenant.as_str(), context.clock.now());
    let known = journal.delivery(tenant, &event.subject).await?;
    if known.body.is_none() && engagement.contract.staffing.is_empty() {
        return Ok((commit, None));
    }
    let mut delivery = known.body.unwrap_or_else(|| Delivery::new(engagement.engagement.clone()));
    if let Some(problem) = stopped_before(&delivery, engagement, config) {
        let (raised, announced) = journal.raising(REPORTS, event, problem, now)?;
        commit = commit.write(raised).emit([announced]);
    }
    let changed = delivery.plan(&engagement.contract, systems.psa.connection(), &made.assignments);
    commit = commit.write(journal.write_delivery(tenant, &delivery, known.version, now)?);
    Ok((commit, changed.map(Event::from)))
}
