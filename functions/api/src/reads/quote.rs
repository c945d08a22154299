//! Every check of the activation, ahead of it: reads the quote and the ERP, and writes nothing.

use domain::activation::{CustomerFacts, Matched, check, cut_contract};
use domain::id::CustomerId;
use runtime::{Context, Searched, erp_of, search};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::{ApiError, remedy_of};

/// Approval status, every finding, and the contract that would be in force without findings.
pub(super) async fn checks(
    context: &Context,
    caller: &Caller,
    connection: &str,
    deal: &str,
) -> Result<Value, ApiError> {
    super::own_crm(context, caller, connection).await?;
    let config = context.connect.tenant(&caller.tenant).await?;
    let quote = context.connect.crm(connection).await?.quote_of(deal).await?;
    let customer = CustomerId::of_company(&caller.tenant, connection, &quote.customer.company);
    let Searched { matched, facts } = match erp_of(&quote, &config) {
        Some(erp) => {
            let erp = context.connect.erp(erp).await?;
            search(context, &caller.tenant, connection, erp.as_ref(), &quote.customer).await?
        }
        // Without an ERP there is nobody to ask; the checks report the missing entity.
        None => Searched { matched: Ok(Matched::default()), facts: CustomerFacts::default() },
    };
    let mut findings = check(&quote, &facts, &config);
    findings.extend(matched.err().unwrap_or_default());
    let contract = match cut_contract(&quote, &config) {
        Ok(contract) => Some(contract).filter(|_| findings.is_empty()),
        Err(more) => {
            findings.extend(more.into_iter().filter(|p| !findings.contains(p)).collect::<Vec<_>>());
            None
        }
    };
    let shown: Vec<Value> = findings
        .iter()
        .map(|p| {
            json!({"code": p.code, "owner": p.owner, "retryable": p.code.retryable(),
                   "remedy": remedy_of(p.code), "detail": p.detail, "at_stake": p.at_stake})
        })
        .collect();
    Ok(json!({
        "deal": deal, "quote": quote.quote, "number": quote.number, "version": quote.version,
        "approved": quote.approved, "approved_at": quote.approved_at, "customer": customer,
        "passes": findings.is_empty(), "findings": shown, "contract": contract,
    }))
}
