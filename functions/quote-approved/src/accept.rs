//! Reading the quote back and checking all of it.

use domain::activation::{CustomerFacts, Trigger, check, cut_contract, unconfirmed};
use domain::quote::Quote;
use domain::{Problem, TenantConfig};
use events::Envelope;
use runtime::Context;
use workflow::StepError;

use crate::{Accepted, customer_of};

/// What the checks came to.
pub(crate) enum Checked {
    /// All passed.
    Accepted(Box<Accepted>),
    /// Everything that failed, at once.
    Refused(Vec<Problem>),
}

/// Reads the deal's quote and what the ERP knows of its customer, and checks both, whatever it was that
/// announced the deal. Reads only.
pub(crate) async fn accept(
    context: &Context,
    config: &TenantConfig,
    event: &Envelope,
    trigger: Trigger<'_>,
) -> Result<Checked, StepError> {
    let quote = read_quote(context, trigger).await?;
    let customer = customer_of(event, trigger, &quote.customer.company);
    let facts = match quote.legal_entity.as_ref().and_then(|entity| config.routing.erp.get(entity)) {
        Some(connection) => {
            let erp = context.connect.erp(connection).await?;
            erp.customer_facts(&customer, &quote.customer).await?
        }
        // Without an ERP there is nobody to ask; the checks report the missing entity.
        None => CustomerFacts::default(),
    };
    let mut findings = check(&quote, &facts, config);
    findings.extend(unconfirmed(&quote, &config.activation.claimed(trigger.signal)));
    if !findings.is_empty() {
        return Ok(Checked::Refused(findings));
    }
    Ok(match cut_contract(&quote, config) {
        Ok(contract) => Checked::Accepted(Box::new(Accepted {
            event: event.id,
            deal: quote.deal,
            customer,
            record: quote.customer,
            contract,
        })),
        Err(problems) => Checked::Refused(problems),
    })
}

/// The quote as the CRM holds it now.
pub(crate) async fn read_quote(context: &Context, trigger: Trigger<'_>) -> Result<Quote, StepError> {
    let crm = context.connect.crm(trigger.connection).await?;
    Ok(crm.quote_of(trigger.deal).await?)
}
