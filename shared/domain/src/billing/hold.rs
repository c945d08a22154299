//! What keeps an earned line, or a drafted invoice, from being billed: with a reason, an owner and an end.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ExceptionId, InvoiceId, LineId};
use crate::money::Money;
use crate::problem::{Owner, Problem, ProblemCode};

/// Why a line is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldReason {
    /// The selling legal entity is not configured any more, or does not sell in the line's currency.
    LegalEntity,
    /// The customer belongs to another company than when the contract was signed.
    CustomerHierarchy,
    /// Contract, customer and configuration do not agree on how it is taxed.
    TaxCode,
    /// Its cost centre is not listed, or was closed on the day it was earned.
    CostCentre,
    /// A person holds it.
    Person,
}

impl HoldReason {
    /// The problem that it is raised as.
    #[must_use]
    pub const fn code(self) -> ProblemCode {
        match self {
            Self::LegalEntity => ProblemCode::LineEntityInconsistent,
            Self::CostCentre => ProblemCode::LineCostCentreInconsistent,
            Self::TaxCode => ProblemCode::LineTaxInconsistent,
            Self::CustomerHierarchy => ProblemCode::LineHierarchyInconsistent,
            Self::Person => ProblemCode::LineHeldByPerson,
        }
    }
}

/// A line that is to be held, and what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLine {
    /// The line.
    pub line: LineId,
    /// Why.
    pub reason: HoldReason,
    /// What its owner is told; the stake is the line's amount before tax.
    pub problem: Problem,
    /// Who holds it, where that is a person: a user or role of the firm.
    pub held_by: Option<String>,
}

impl HeldLine {
    /// A line that a person holds.
    #[must_use]
    pub fn by_person(line: LineId, at_stake: Money, asked: &HoldRequested) -> Self {
        let detail = format!("line {line} is held by {}: {}", asked.requested_by, asked.reason);
        let mut problem = Problem::new(HoldReason::Person.code(), detail).with_stake(at_stake);
        problem.owner = asked.owner;
        Self { line, reason: HoldReason::Person, problem, held_by: Some(asked.requested_by.clone()) }
    }
}

/// The hold of a line, as it is kept with the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineHold {
    /// Why.
    pub reason: HoldReason,
    /// The numbered problem.
    pub code: ProblemCode,
    /// In words: names the record and the values that disagree.
    pub detail: String,
    /// Who can put it right.
    pub owner: Owner,
    /// The line's amount before tax.
    pub at_stake: Money,
    /// Who holds it, where that is a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// Since when.
    pub held_at: Timestamp,
    /// The exception that tells its owner, settled by the release.
    pub exception: ExceptionId,
}

impl LineHold {
    /// What is kept with a line that is held from a moment on.
    #[must_use]
    pub fn of(held: &HeldLine, at_stake: Money, exception: ExceptionId, at: Timestamp) -> Self {
        Self {
            reason: held.reason,
            code: held.problem.code,
            detail: held.problem.detail.clone(),
            owner: held.problem.owner,
            at_stake,
            held_by: held.held_by.clone(),
            held_at: at,
            exception,
        }
    }
}

/// What is held or released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldTarget {
    /// A billable line.
    Line(LineId),
    /// An invoice.
    Invoice(InvoiceId),
}

impl std::fmt::Display for HoldTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Invoice(invoice) => write!(f, "invoice {invoice}"),
        }
    }
}

/// Somebody wants a line not to be invoiced, or an invoice not to be posted, until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldRequested {
    /// What.
    pub target: HoldTarget,
    /// Who asked: a user or role of the firm, not a person's name.
    pub requested_by: String,
    /// Who is to settle what it is held for.
    pub owner: Owner,
    /// Why.
    pub reason: String,
}

/// Somebody releases what is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseRequested {
    /// What.
    pub target: HoldTarget,
    /// Who asked: a user or role of the firm, not a person's name.
    pub requested_by: String,
    /// Why it may go on.
    pub reason: String,
}

/// The hold of an invoice, kept with it for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceHold {
    /// Which of the invoice's holds it is, from 1 on.
    pub number: u32,
    /// Why.
    pub reason: String,
    /// Who is to settle it.
    pub owner: Owner,
    /// Who holds it: a user or role of the firm, or `invoicing policy`.
    pub held_by: String,
    /// Since when.
    pub held_at: Timestamp,
    /// Its end; none while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<HoldRelease>,
}

/// The end of an invoice's hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldRelease {
    /// Who released it.
    pub released_by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub released_at: Timestamp,
}
