//! Which accounts may be a customer, and whom an account belongs to.

use async_trait::async_trait;
use domain::customer_match::{ErpAddress, ErpCustomer, Sought, telling_word};
use domain::id::CustomerId;
use serde_json::{Value, json};

use super::Tryton;
use super::client::PAGE;
use super::customer::{MODEL, spellings};
use super::wire::{BELONGING, Belonging, FIRM, Firm};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{Idempotency, LinkCustomer, Operation, Performs, Reference, Undone};

const SEARCH: &str = "search customer";
/// Pages of accounts with a name like the customer's. More than these are no help to a person.
const MOST_PAGES: usize = 5;
/// Letters at the beginning of a name that are searched for, so that a slip further on is found.
const BEGINNING: usize = 5;

impl Tryton {
    /// What identifies a customer is asked first; only where nothing does, names are.
    pub(super) async fn parties_like(&self, sought: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        let ours = sought.customer.as_str();
        let mut any = vec![json!([["external_id", "=", ours]]), json!([["code", "=", ours]])];
        if let Some(linked) = sought.linked.and_then(|l| l.parse::<i64>().ok()) {
            any.push(json!([["id", "=", linked]]));
        }
        if let Some(registration) = sought.record.tax_registration.as_deref().filter(|r| !r.trim().is_empty())
        {
            any.push(json!([["identifiers.code", "in", spellings(registration)]]));
        }
        let found = self.firms(&either(any)).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        let Some(word) = telling_word(&sought.record.name) else { return Ok(found) };
        let beginning: String = sought.record.name.trim().chars().take(BEGINNING).collect();
        let named = |pattern: String| json!([["name", "ilike", pattern]]);
        self.firms(&either(vec![
            named(format!("%{}%", literal(word))),
            named(format!("{}%", literal(&beginning))),
        ]))
        .await
    }

    /// The accounts that match, page by page.
    async fn firms(&self, domain: &Value) -> Result<Vec<ErpCustomer>, CallError> {
        let page: usize = PAGE.parse().unwrap_or(1);
        let (mut all, mut after) = (Vec::new(), 0);
        for _ in 0..MOST_PAGES {
            let rest = json!([["id", ">", after], domain]);
            let found: Vec<Firm> = self.search(SEARCH, MODEL, &rest, &FIRM).await?;
            let last = found.len() < page;
            after = found.last().map_or(after, |firm| firm.id);
            all.extend(found.into_iter().map(known));
            if last {
                break;
            }
        }
        Ok(all)
    }

    async fn belongs_to(&self, operation: &LinkCustomer) -> Result<Option<Reference>, CallError> {
        let id: i64 = self.id(&operation.account)?;
        let domain = json!([["id", "=", id]]);
        let found: Vec<Belonging> = self.search(LinkCustomer::NAME, MODEL, &domain, &BELONGING).await?;
        Ok(found.into_iter().find_map(|b| b.parent_party).map(|p| Reference { record: p.id.to_string() }))
    }

    fn id(&self, account: &str) -> Result<i64, CallError> {
        let detail = || format!("account `{account}` is no ID of Tryton's");
        account.parse().map_err(|_| self.api.error(CallErrorKind::Refused, LinkCustomer::NAME, detail()))
    }
}

/// Tryton's way to say that one of several conditions is enough.
fn either(mut any: Vec<Value>) -> Value {
    any.insert(0, json!("OR"));
    Value::Array(any)
}

/// A text in a pattern, in which it means itself.
fn literal(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

fn known(firm: Firm) -> ErpCustomer {
    let ours = |id: Option<String>| id.filter(|id| id.starts_with(CustomerId::PREFIX));
    ErpCustomer {
        account: firm.id.to_string(),
        // A firm that numbers its parties itself may give the ID as the code.
        carries: ours(firm.external_id).or_else(|| ours(firm.code)),
        name: firm.name.unwrap_or_default(),
        tax_registrations: firm.identifiers.into_iter().map(|i| i.code).collect(),
        addresses: firm
            .addresses
            .into_iter()
            .map(|a| ErpAddress {
                street: a.street,
                postal_code: a.postal_code,
                country: a.country.map(|c| c.code),
            })
            .collect(),
        parent: firm.parent_party.map(|p| p.id.to_string()),
    }
}

#[async_trait]
impl Performs<LinkCustomer> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: super::SETTLES_WITHIN }
    }

    async fn find(&self, operation: &LinkCustomer) -> Result<Option<Reference>, CallError> {
        Ok(self.belongs_to(operation).await?.filter(|r| r.record == operation.parent))
    }

    async fn perform(&self, operation: &LinkCustomer, _key: &str) -> Result<Reference, CallError> {
        // What somebody put in its place in the meantime is not overwritten; it is told as a difference.
        if let Some(other) = self.belongs_to(operation).await? {
            return Ok(other);
        }
        let values = json!({ "parent_party": self.id(&operation.parent)? });
        let made: Belonging =
            self.put(LinkCustomer::NAME, MODEL, &operation.account, &values, &BELONGING).await?;
        let parent = made.parent_party.map(|p| p.id.to_string()).unwrap_or_default();
        Ok(Reference { record: parent })
    }

    async fn undo(&self, _operation: &LinkCustomer, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("whom a customer belongs to is so whether the deal is set up or not".into()))
    }
}
