//! Reading the change order back from the CRM and deciding on it. Reads only.

use domain::change_order::{Standing, Verdict, decide, further_statements, standing};
use domain::engagement::Engagement;
use domain::event::ChangeOrderApproved as Approved;
use events::Envelope;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journal::JournalError;
use runtime::{Context, Systems};
use workflow::StepError;

/// The day that it is where the business counts its days.
pub(crate) async fn today(context: &Context, event: &Envelope) -> Result<Date, JournalError> {
    Ok(context.clock.now().to_zoned(zone(context, event).await?).date())
}

async fn zone(context: &Context, event: &Envelope) -> Result<TimeZone, JournalError> {
    let zone = context.business_time_zone(&event.tenant).await;
    zone.map_err(|e| JournalError::Decision(e.to_string()))
}

/// What becomes of the version that the CRM holds as approved now. The approval says that there is
/// one; the record says what it is, so a further approval in the meantime is carried out at once.
pub(crate) async fn verdict(
    context: &Context,
    event: &Envelope,
    approved: &Approved,
    engagement: &Engagement,
) -> Result<Verdict, StepError> {
    let config = context.connect.tenant(&event.tenant).await?;
    let quote = context.connect.crm(&approved.connection).await?.quote_of(&approved.deal).await?;
    let assigned = Systems::assigned(context, &config, engagement).await?;
    let erp = context.connect.erp(&assigned.erp).await?;
    let account = engagement.records.customer_account.as_deref();
    let account = account.ok_or_else(|| JournalError::Decision("the engagement has no account".into()))?;
    let facts = erp.customer_facts(account).await?;
    // The day of the approval that is carried out: it may be a further one than this event tells of.
    let approved_at = quote.approved_at.unwrap_or(approved.approved_at).max(approved.approved_at);
    // The event vouches for one statement of work. What else came in meanwhile was approved later, nobody
    // knows when: it begins no sooner than now.
    let together = standing(&engagement.contract, &quote) == Standing::Statements
        && further_statements(&engagement.contract, &quote).len() > 1;
    let approved_at = if together { approved_at.max(context.clock.now()) } else { approved_at };
    let approved_on = approved_at.to_zoned(zone(context, event).await?).date();
    // The posting rules that it was given decide, also where they are not recorded yet.
    let engagement = Engagement { systems: Some(assigned), ..engagement.clone() };
    Ok(decide(&engagement, &quote, &facts, &config, approved_on))
}
