//! Reading the quote back and checking all of it.

use domain::activation::{Assignment, Trigger, approvable, check, cut_contract, unconfirmed};
use domain::id::CustomerId;
use domain::quote::Quote;
use domain::statement_of_work::drafted;
use domain::{Contract, Problem, TenantConfig};
use events::Envelope;
use runtime::{Context, Placed, Searched, place};
use workflow::{Run, StepError};

use crate::Accepted;
use crate::approve::approve;
use crate::customer::found;

/// What the checks came to.
pub(crate) enum Checked {
    /// All passed, or a person overruled what did not.
    Accepted(Box<Accepted>),
    /// Everything that failed, at once.
    Refused(Vec<Problem>),
}

/// Reads the deal's quote and what the ERP knows of its customer, and checks both, whatever it was that
/// announced the deal. A customer that is in doubt is reported beside all other findings. What a person
/// may overrule is asked for; nothing else is written.
pub(crate) async fn accept(
    context: &Context,
    run: &Run,
    config: &TenantConfig,
    event: &Envelope,
    trigger: Trigger<'_>,
) -> Result<Checked, StepError> {
    // Before the quote is read: what changes in the CRM meanwhile is later than what was read.
    let at = context.clock.now();
    let mut quote = read_quote(context, trigger).await?;
    let customer = CustomerId::of_company(&event.tenant, trigger.connection, &quote.customer.company);
    let Placed { assigned, unassigned, searched } =
        place(context, config, &event.tenant, trigger.connection, &mut quote).await?;
    let Searched { matched, facts } = searched;
    let mut findings: Vec<Problem> = unassigned.into_iter().collect();
    findings.extend(check(&quote, &facts, config));
    findings.extend(unconfirmed(&quote, &config.activation.claimed(trigger.signal)));
    let matched = match matched {
        Ok(matched) => matched,
        Err(problems) => {
            findings.extend(problems);
            return Ok(Checked::Refused(findings));
        }
    };
    let (approval, findings) = match approvable(&quote, &findings, config) {
        Some((request, rule)) => approve(context, run, event, (&request, rule), findings).await?,
        None => (None, findings),
    };
    if !findings.is_empty() {
        return Ok(Checked::Refused(findings));
    }
    // A quote without a legal entity that is configured has a finding.
    let Some(Assignment { systems, accounting, .. }) = assigned else {
        return Ok(Checked::Refused(findings));
    };
    Ok(match cut_contract(&quote, config) {
        Ok(contract) => Checked::Accepted(Box::new(Accepted {
            systems: Some(systems),
            event: event.id,
            announced_at: Some(event.time),
            drafted: drafted(&quote),
            deal: quote.deal,
            customer,
            record: quote.customer,
            contract: Contract { accounting, ..contract },
            approval,
            found: Some(found(matched, facts, at)),
        })),
        Err(problems) => Checked::Refused(problems),
    })
}

/// The quote as the CRM holds it now, the lines apart whose statement of work is not approved.
pub(crate) async fn read_quote(context: &Context, trigger: Trigger<'_>) -> Result<Quote, StepError> {
    let crm = context.connect.crm(trigger.connection).await?;
    Ok(crm.quote_of(trigger.deal).await?.in_force())
}
