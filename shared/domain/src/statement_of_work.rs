//! Statements of work: the parts of a quote that are approved one by one, and where each stands.
//!
//! A quote line names the statement that it belongs to. Lines that name none are one statement,
//! which is approved with the quote itself.

mod findings;
mod scope;

pub(crate) use findings::findings;
pub use scope::{Draft, Scope, drafted, in_force};

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::id::EngagementId;
use crate::money::{Currency, Money, MoneyError};
use crate::transition::{IllegalTransition, Status};

/// The key of the statement that the lines without a name are.
pub const WHOLE: &str = "quote";

/// Where a statement of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StatementStatus {
    /// The quote has it, and nobody has approved it yet: nothing of it is set up anywhere.
    Drafted,
    /// The contract in force has it.
    Approved,
    /// The contract in force does not have it any more, or it was given up as a draft.
    Withdrawn,
}

impl Status for StatementStatus {
    const OBJECT: &'static str = "a statement of work";
    const ALL: &'static [Self] = &[Self::Drafted, Self::Approved, Self::Withdrawn];

    fn name(self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::Approved => "approved",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What was approved once is never a draft again.
    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Drafted => &[Self::Approved, Self::Withdrawn],
            Self::Approved => &[Self::Withdrawn],
            Self::Withdrawn => &[Self::Approved],
        }
    }
}

/// What brought a statement into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementApproval {
    /// When it was announced.
    pub at: Timestamp,
    /// The event that announced it.
    pub event: String,
    /// The CRM's quote that has it.
    pub quote: String,
    /// Version of that quote.
    pub quote_version: u32,
}

/// The terms under which a statement stands: those of its contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementTerms {
    /// Code of the selling legal entity.
    pub legal_entity: String,
    /// Currency of every amount.
    pub currency: Currency,
    /// Code of the payment terms.
    pub payment_terms: String,
    /// The tax code of its services.
    pub tax_code: String,
    /// The customer's purchase order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<String>,
}

/// One statement of work of an engagement. It is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementOfWork {
    /// The engagement.
    pub engagement: EngagementId,
    /// Its name in the CRM; [`WHOLE`] for the lines that name none.
    pub statement: String,
    /// Where it stands.
    pub status: StatementStatus,
    /// What approved it last; none while it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<StatementApproval>,
    /// Version of the contract since which it stands like this.
    pub contract_version: u32,
    /// Its terms.
    pub terms: StatementTerms,
    /// What it sells; of a withdrawn one what it sold at the end.
    #[serde(flatten)]
    pub scope: Scope,
}

impl StatementOfWork {
    /// What the customer has committed to with it. Time is not in it.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn value(&self) -> Result<Money, MoneyError> {
        self.scope.value(self.terms.currency)
    }

    /// The same statement in another status, as of a contract version.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the status may not follow the present one.
    pub fn become_status(
        self,
        next: StatementStatus,
        contract_version: u32,
    ) -> Result<Self, IllegalTransition> {
        let status = self.status.to(next)?;
        Ok(if self.status == status { self } else { Self { status, contract_version, ..self } })
    }

    /// The same with other content; as of a contract version where that is something else.
    fn holding(self, terms: &StatementTerms, scope: Scope, contract_version: u32) -> Self {
        if self.terms == *terms && self.scope == scope {
            return self;
        }
        Self { terms: terms.clone(), scope, contract_version, ..self }
    }
}

/// The statements of an engagement as they stand once a contract version is in force: those of
/// `known` that change, and new ones. `drafted` are the statements that the quote has beside it.
///
/// Whatever the order in which statements are approved, the same contract and drafts give the same
/// statuses and contents.
///
/// # Errors
/// [`IllegalTransition`]; never for statements that this function made.
pub fn next(
    known: &[StatementOfWork],
    engagement: &EngagementId,
    contract: &Contract,
    drafted: &[Draft],
    approval: &StatementApproval,
) -> Result<Vec<StatementOfWork>, IllegalTransition> {
    let terms = terms_of(contract);
    let version = contract.version;
    let find = |key: &str| known.iter().find(|s| s.statement == key).cloned();
    let new = |key: &str| StatementOfWork {
        engagement: engagement.clone(),
        statement: key.to_owned(),
        status: StatementStatus::Drafted,
        approval: None,
        contract_version: version,
        terms: terms.clone(),
        scope: Scope::default(),
    };
    let mut all = Vec::new();
    for (key, scope) in in_force(contract) {
        let before = find(&key).unwrap_or_else(|| new(&key));
        let (was, earlier) = (before.status, before.approval.clone());
        let stands =
            before.become_status(StatementStatus::Approved, version)?.holding(&terms, scope, version);
        // What another statement's approval moves in this one does not approve it again.
        let anew = was != StatementStatus::Approved
            || (stands.contract_version == version
                && earlier.as_ref().is_none_or(|e| e.quote_version != approval.quote_version));
        all.push(StatementOfWork { approval: if anew { Some(approval.clone()) } else { earlier }, ..stands });
    }
    let mut seen: BTreeSet<String> = all.iter().map(|s| s.statement.clone()).collect();
    for Draft { statement, scope } in drafted {
        if !seen.insert(statement.clone()) {
            continue;
        }
        let before = find(statement).unwrap_or_else(|| new(statement));
        all.push(match before.status {
            StatementStatus::Drafted => before.holding(&terms, scope.clone(), version),
            // What was in force keeps what it sold: work of earlier days may still cite it.
            _ => before.become_status(StatementStatus::Withdrawn, version)?,
        });
    }
    for gone in known.iter().filter(|s| !seen.contains(&s.statement)) {
        all.push(gone.clone().become_status(StatementStatus::Withdrawn, version)?);
    }
    all.retain(|statement| !known.contains(statement));
    Ok(all)
}

fn terms_of(contract: &Contract) -> StatementTerms {
    StatementTerms {
        legal_entity: contract.legal_entity.clone(),
        currency: contract.currency,
        payment_terms: contract.payment_terms.clone(),
        tax_code: contract.tax_code.clone(),
        purchase_order: contract.purchase_order.clone(),
    }
}
