//! Reading the quote back and checking all of it.

use domain::activation::{CustomerFacts, check, cut_contract};
use domain::event::QuoteApproved as Approved;
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

/// Reads the approved quote and what the ERP knows of its customer, and checks both. Reads only.
pub(crate) async fn accept(
    context: &Context,
    config: &TenantConfig,
    event: &Envelope,
    approved: &Approved,
) -> Result<Checked, StepError> {
    let quote = read_quote(context, approved).await?;
    let customer = customer_of(event, approved, &quote.customer.company);
    let facts = match quote.legal_entity.as_ref().and_then(|entity| config.routing.erp.get(entity)) {
        Some(connection) => {
            let erp = context.connect.erp(connection).await?;
            erp.customer_facts(&customer, &quote.customer).await?
        }
        // Without an ERP there is nobody to ask; the checks report the missing entity.
        None => CustomerFacts::default(),
    };
    let findings = check(&quote, &facts, config);
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
pub(crate) async fn read_quote(context: &Context, approved: &Approved) -> Result<Quote, StepError> {
    let crm = context.connect.crm(&approved.connection).await?;
    Ok(crm.quote_of(&approved.deal).await?)
}
