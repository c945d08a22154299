//! The disputes of an invoice, each with what the contested was billed on.

use domain::credit_memo::CreditMemo;
use domain::dispute::Dispute;
use domain::id::InvoiceId;
use runtime::Context;
use serde_json::{Value, json};

use super::{MOST_LISTED, invoice_of};
use crate::caller::Caller;
use crate::error::ApiError;

/// Every dispute of an invoice: what is contested, the invoice as it stood, the evidence as it was when the dispute was
/// recorded, how it ended, and the credit memos that settle it.
pub(super) async fn of(context: &Context, caller: &Caller, id: &InvoiceId) -> Result<Value, ApiError> {
    let (tenant, journal) = (caller.tenant.as_str(), &context.journal);
    let (engagement, invoice) = invoice_of(context, caller, id).await?;
    let disputes = journal.disputes_of(tenant, &engagement, id).await?;
    let memos = journal.credit_memos_of(tenant, &engagement, id).await?;
    let (mut shown, mut left, mut truncated) = (Vec::new(), MOST_LISTED, false);
    for dispute in disputes.iter().take(MOST_LISTED) {
        let (evidence, is_more) = journal.evidence(tenant, dispute, left).await?;
        left -= evidence.lines.len().max(evidence.cash.len());
        truncated |= is_more;
        let mut one = json!(dispute);
        one["evidence"] = json!({"lines": evidence.lines, "cash": evidence.cash});
        one["credit_memos"] = memos.iter().filter(|memo| settles(memo, dispute)).map(brief).collect();
        shown.push(one);
    }
    truncated |= disputes.len() > MOST_LISTED;
    Ok(json!({"engagement": engagement, "invoice": id, "number": invoice.number, "open": invoice.open().ok(),
              "contested": invoice.contested, "disputes": shown, "truncated": truncated}))
}

/// Whether a credit memo was asked for because of a dispute, or named when it ended.
fn settles(memo: &CreditMemo, dispute: &Dispute) -> bool {
    let named = dispute.resolution.as_ref().and_then(|resolution| resolution.credit_memo.as_ref());
    memo.dispute.as_ref() == Some(&dispute.dispute) || named == Some(&memo.credit_memo)
}

fn brief(memo: &CreditMemo) -> Value {
    json!({"credit_memo": memo.credit_memo, "status": memo.status, "number": memo.number,
           "untaxed": memo.untaxed, "total": memo.total, "set_off": memo.set_off})
}
