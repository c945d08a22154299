//! Every check of the activation, ahead of it: reads the quote and the ERP, and writes nothing.

use domain::activation::{check, cut_contract};
use domain::id::CustomerId;
use domain::{Contract, Problem};
use runtime::{Context, Placed, Searched, place};
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
    let mut quote = context.connect.crm(connection).await?.quote_of(deal).await?.in_force();
    let customer = CustomerId::of_company(&caller.tenant, connection, &quote.customer.company);
    let Placed { assigned, unassigned, searched: Searched { matched, facts } } =
        place(context, &config, &caller.tenant, connection, &mut quote).await?;
    let mut findings: Vec<Problem> = unassigned.into_iter().collect();
    findings.extend(check(&quote, &facts, &config));
    findings.extend(matched.err().unwrap_or_default());
    let contract = match cut_contract(&quote, &config) {
        Ok(contract) => {
            let accounting = assigned.as_ref().map(|a| a.accounting.clone()).unwrap_or_default();
            Some(Contract { accounting, ..contract }).filter(|_| findings.is_empty())
        }
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
    let systems = assigned.map(|a| a.systems);
    Ok(json!({
        "deal": deal, "quote": quote.quote, "number": quote.number, "version": quote.version,
        "approved": quote.approved, "approved_at": quote.approved_at, "customer": customer,
        "passes": findings.is_empty(), "findings": shown, "contract": contract, "systems": systems,
    }))
}
