//! The customer and the company that it belongs to, held against the ERP's accounts.

use crate::customer_match::{Candidate, ErpCustomer, Sought, Verdict, judge};
use crate::id::CustomerId;
use crate::problem::{Problem, ProblemCode};

/// The accounts that the customer and its parent are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched {
    /// The customer's account; none where one is to be made.
    pub account: Option<String>,
    /// The company that it belongs to, where the CRM names one.
    pub parent: Option<MatchedParent>,
}

/// The company that a customer belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedParent {
    /// Its global ID.
    pub customer: CustomerId,
    /// Its account; none where one is to be made.
    pub account: Option<String>,
}

/// Finds the accounts of a customer and of its parent among those that the ERP answered with, and
/// compares the hierarchy of both sides.
///
/// # Errors
/// Everything that a person must settle before anything is written.
pub fn match_accounts(
    sought: &Sought<'_>,
    accounts: &[ErpCustomer],
    parent: Option<(Sought<'_>, &[ErpCustomer])>,
) -> Result<Matched, Vec<Problem>> {
    let mut problems = Vec::new();
    let account = settled(sought, accounts, &mut problems);
    let of_parent = parent.map(|(sought, accounts)| (sought, settled(&sought, accounts, &mut problems)));
    if !problems.is_empty() {
        return Err(problems);
    }
    let find = |record: Option<&String>, among: &[ErpCustomer]| {
        among.iter().find(|a| Some(&a.account) == record).cloned()
    };
    let mine = find(account.as_ref(), accounts);
    let above = match (&of_parent, parent) {
        (Some((_, record)), Some((_, among))) => find(record.as_ref(), among),
        _ => None,
    };
    let sold = of_parent.as_ref().map(|(sought, _)| sought);
    match hierarchy(sought, sold, mine.as_ref(), above.as_ref()) {
        Some(detail) => Err(vec![Problem::new(ProblemCode::HierarchyMismatch, detail)]),
        None => Ok(Matched {
            account,
            parent: of_parent
                .map(|(sought, account)| MatchedParent { customer: sought.customer.clone(), account }),
        }),
    }
}

/// The account that a firm is, if the ERP knows it and there is no doubt.
fn settled(sought: &Sought<'_>, accounts: &[ErpCustomer], problems: &mut Vec<Problem>) -> Option<String> {
    let record = sought.record;
    let who = format!("company {} ({}), our {}", record.company, record.name, sought.customer);
    let doubt = |what: &str, candidates: &[Candidate]| {
        let named: Vec<String> =
            candidates.iter().map(|c| format!("account {} ({}) {}", c.account, c.name, c.why)).collect();
        Problem::new(ProblemCode::CustomerAmbiguous, format!("{who} {what}: {}", named.join("; ")))
    };
    match judge(sought, accounts) {
        Verdict::Exact { account, .. } => return Some(account),
        Verdict::Unknown => {}
        Verdict::Near(candidates) => problems.push(doubt("may be known to the ERP", &candidates)),
        Verdict::Conflict(candidates) => problems.push(doubt("is not clear in the ERP", &candidates)),
    }
    None
}

/// What differs between the hierarchy that the CRM sells to and the ERP's. An account without a
/// parent is no difference: it is linked when the quote is set up.
fn hierarchy(
    child: &Sought<'_>,
    parent: Option<&Sought<'_>>,
    mine: Option<&ErpCustomer>,
    above: Option<&ErpCustomer>,
) -> Option<String> {
    let who = format!("company {} ({})", child.record.company, child.record.name);
    let theirs = mine.and_then(|m| m.parent.as_deref());
    let Some(parent) = parent else {
        return theirs.map(|p| {
            format!("{who} belongs to no company in the CRM, and its account to account {p} in the ERP")
        });
    };
    let whose = format!("company {} ({})", parent.record.company, parent.record.name);
    let same = mine.zip(above).is_some_and(|(m, a)| m.account == a.account);
    if child.customer == parent.customer || same {
        return Some(format!("{who} would belong to itself, as {whose}"));
    }
    if mine.zip(above).is_some_and(|(m, a)| a.parent.as_ref() == Some(&m.account)) {
        return Some(format!("{who} belongs to {whose} in the CRM, and the other way round in the ERP"));
    }
    match (theirs, above.map(|a| a.account.as_str())) {
        (Some(theirs), known) if known != Some(theirs) => Some(format!(
            "{who} belongs to {whose} in the CRM, and its account to account {theirs} in the ERP"
        )),
        _ => None,
    }
}
