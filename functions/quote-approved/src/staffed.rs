//! Who is to deliver an engagement that becomes active.

use domain::delivery::Delivery;
use domain::engagement::Engagement;
use domain::event::Event;
use events::Envelope;
use journal::{JournalError, Write};
use runtime::{Context, Systems};

use crate::set_up::SetUp;

/// The write that keeps the assignments, and the event that tells them. What the PSA told already of the
/// project stays. Nothing is read or written where no role is planned.
pub(crate) async fn staffed(
    context: &Context,
    event: &Envelope,
    systems: &Systems,
    engagement: &Engagement,
    made: &SetUp,
) -> Result<(Option<Write>, Option<Event>), JournalError> {
    if engagement.contract.staffing.is_empty() {
        return Ok((None, None));
    }
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let known = journal.delivery(tenant, &event.subject).await?;
    let mut delivery = known.body.unwrap_or_else(|| Delivery::new(engagement.engagement.clone()));
    let changed = delivery.plan(&engagement.contract, systems.psa.connection(), &made.assignments);
    let write = journal.write_delivery(tenant, &delivery, known.version, context.clock.now())?;
    Ok((Some(write), changed.map(Event::from)))
}
