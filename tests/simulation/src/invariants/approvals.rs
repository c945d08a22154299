//! What was sold below the policy was allowed before it was set up; what was not, was not.

use domain::approval::{Approval, ApprovalStatus, PRICE_BELOW_POLICY};

use super::{Ledger, must};
use crate::deal::{Deal, Price};

pub(super) fn broken(deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let all: Vec<Approval> = ledger.kind("approval").filter_map(|i| i.body().ok()).collect();
    for open in all.iter().filter(|a| a.status == ApprovalStatus::Requested) {
        broken.push(format!("{} was never answered", open.approval));
    }
    // Those of credit memos are held against the credit memos.
    let approvals: Vec<Approval> = all.into_iter().filter(|a| a.what == PRICE_BELOW_POLICY).collect();
    let allowed: Vec<&Approval> = approvals.iter().filter(|a| a.status == ApprovalStatus::Approved).collect();
    let expected = usize::from(deal.price == Price::Allowed);
    must(&mut broken, allowed.len() == expected, || {
        format!("{:?}, and {} approvals were given: {approvals:?}", deal.price, allowed.len())
    });
    must(&mut broken, deal.price != Price::Fair || approvals.is_empty(), || {
        format!("somebody was asked about a fair price: {approvals:?}")
    });
    let accepted = ledger.kind("step").find(|s| s.text("step") == Some("accept"));
    for given in allowed {
        let named =
            accepted.and_then(|s| s.text("summary")).is_some_and(|s| s.contains(given.approval.as_str()));
        must(&mut broken, named, || format!("the record does not say that {} allowed it", given.approval));
    }
    broken
}
