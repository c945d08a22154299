//! Expenses as the PSA reports them: what was spent on an engagement, whether the customer bears it, and
//! what he is charged.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, Evidence, billable, line_of};
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::event::BillingReady;
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::transition::Status;

/// The kind of an expense's record: with connection and ID, it makes the line unique.
pub const EXPENSE: &str = "expense";

/// Where an expense stands with whoever approves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpenseStatus {
    /// Handed in; nobody has decided.
    Submitted,
    /// May be charged.
    Approved,
    /// Goes back to whoever handed it in, who may correct it.
    Rejected,
    /// The approval was taken back.
    Withdrawn,
}

impl Status for ExpenseStatus {
    const OBJECT: &'static str = "an expense";
    const ALL: &'static [Self] = &[Self::Submitted, Self::Approved, Self::Rejected, Self::Withdrawn];

    fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Submitted => &[Self::Approved, Self::Rejected],
            Self::Approved => &[Self::Withdrawn],
            Self::Rejected | Self::Withdrawn => &[Self::Submitted],
        }
    }
}

/// What somebody spent on an engagement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expense {
    /// The PSA connection it comes from.
    pub connection: String,
    /// The PSA's ID of the expense.
    pub expense: String,
    /// The PSA's ID of the project.
    pub project: String,
    /// Who spent it.
    pub person: String,
    /// What it was for, as the PSA's categories name it.
    pub category: String,
    /// The day it was spent, in the business's time zone.
    pub incurred_on: Date,
    /// What it cost, in the currency that it was spent in.
    pub cost: Money,
    /// Whether the customer is to bear it; otherwise the fee covers it.
    pub pass_through: bool,
    /// Where its approval stands.
    pub status: ExpenseStatus,
}

impl Expense {
    /// What of it may be charged: its cost, when it is passed through and approved.
    #[must_use]
    pub fn charged(&self) -> Option<Money> {
        (self.status == ExpenseStatus::Approved && self.pass_through).then_some(self.cost)
    }

    /// The expense in another status.
    ///
    /// # Errors
    /// [`crate::IllegalTransition`] when the status may not follow the present one.
    pub fn become_status(&self, next: ExpenseStatus) -> Result<Self, crate::IllegalTransition> {
        Ok(Self { status: self.status.to(next)?, ..self.clone() })
    }
}

/// On which terms the customer bears expenses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExpenseTerms {
    /// Service they are billed as.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// Percent that is added to the cost; nought means at cost.
    #[schemars(with = "String")]
    pub markup_percent: Decimal,
    /// Most that may be billed as expenses, markup included; none means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
    /// Categories that are passed on; empty means all. The fee covers the others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub categories: BTreeSet<String>,
}

impl ExpenseTerms {
    /// Whether expenses of a category are passed on. Capitals make no difference.
    #[must_use]
    pub fn covers(&self, category: &str) -> bool {
        let alike = |known: &String| known.trim().to_lowercase() == category.trim().to_lowercase();
        self.categories.is_empty() || self.categories.iter().any(alike)
    }

    /// What is charged for a cost: with the markup, rounded to the minor unit once.
    ///
    /// # Errors
    /// When the amount overflows.
    pub fn price(&self, cost: Money) -> Result<Money, MoneyError> {
        let percent = Decimal::ONE_HUNDRED.checked_add(self.markup_percent).ok_or(MoneyError::Overflow)?;
        // Divided last: a hundredth of an amount in cents has no end that would be cut.
        let product = cost.amount().checked_mul(percent).ok_or(MoneyError::Overflow)?;
        Ok(Money::rounded(product / Decimal::ONE_HUNDRED, cost.currency()))
    }
}

impl fmt::Display for ExpenseTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.markup_percent.is_zero() {
            f.write_str("at cost")?;
        } else {
            write!(f, "at cost plus {} %", self.markup_percent.normalize())?;
        }
        if let Some(cap) = self.cap {
            write!(f, ", {cap} at most")?;
        }
        if !self.categories.is_empty() {
            let named: Vec<&str> = self.categories.iter().map(String::as_str).collect();
            write!(f, ", of {}", named.join(", "))?;
        }
        Ok(())
    }
}

/// Decides on an expense as the PSA reports it. It is charged on the terms that are in force when its approval
/// is taken, whenever it was incurred: terms of expenses are not dated, as rates are.
#[must_use]
pub fn expense_approved(state: Option<&Engagement>, expense: &Expense) -> Decision {
    let engagement = match billable(state) {
        Ok(engagement) => engagement,
        Err(decision) => return decision,
    };
    let (id, contract) = (&expense.expense, &engagement.contract);
    if expense.status != ExpenseStatus::Approved {
        return Decision::NoEffect(format!("expense {id} is {} and not approved", expense.status.name()));
    }
    if !expense.pass_through {
        return Decision::NoEffect(format!("expense {id} is not passed on: the fee covers it"));
    }
    if expense.cost.is_zero() {
        return Decision::NoEffect(format!("expense {id} cost nothing"));
    }
    let Some(terms) = &contract.expenses else {
        let detail = format!("expense {id}: contract version {} passes no expenses on", contract.version);
        return held(ProblemCode::ExpensesNotSold, detail, expense.cost);
    };
    if !terms.covers(&expense.category) {
        return Decision::NoEffect(format!(
            "expense {id}: contract version {} passes no `{}` on: the fee covers it",
            contract.version, expense.category
        ));
    }
    if expense.cost.currency() != contract.currency {
        let detail = format!("expense {id} of {}: the contract is in {}", expense.cost, contract.currency);
        return held(ProblemCode::ExpenseCurrency, detail, expense.cost);
    }
    if !expense.cost.is_positive() {
        let detail = format!("expense {id} of {}: a refund is no expense", expense.cost);
        return held(ProblemCode::ExpenseNegative, detail, expense.cost);
    }
    match price_within_cap(engagement, terms, expense) {
        Err(problem) => Decision::Hold(problem),
        Ok((amount, state)) => charged(engagement, terms, expense, amount, state),
    }
}

fn held(code: ProblemCode, detail: String, at_stake: Money) -> Decision {
    Decision::Hold(Problem::new(code, detail).with_stake(at_stake))
}

fn charged(
    engagement: &Engagement,
    terms: &ExpenseTerms,
    expense: &Expense,
    amount: Money,
    state: Option<Engagement>,
) -> Decision {
    let line = BillableLine::sold(
        &engagement.contract,
        line_of(&expense.connection, EXPENSE, &expense.expense),
        (&terms.quote_line, &terms.service),
        (amount, expense.incurred_on),
        Evidence::Expense { expense: expense.clone(), markup_percent: terms.markup_percent },
    );
    Decision::apply(Effects {
        state,
        summary: format!(
            "{} of {} on {} for {} {terms} = {amount}",
            expense.category, expense.person, expense.incurred_on, expense.cost
        ),
        events: vec![BillingReady { line: line.line.clone(), amount }.into()],
        lines: vec![line],
        ..Effects::default()
    })
}

/// What an expense is charged at and, where there is a cap, the state with that much of it used.
fn price_within_cap(
    engagement: &Engagement,
    terms: &ExpenseTerms,
    expense: &Expense,
) -> Result<(Money, Option<Engagement>), Problem> {
    let id = &expense.expense;
    let broken = |e: MoneyError| Problem::new(ProblemCode::IllegalEvent, format!("expense {id}: {e}"));
    let amount = terms.price(expense.cost).map_err(broken)?;
    let Some(cap) = terms.cap else { return Ok((amount, None)) };
    let billed = engagement.expenses_billed.unwrap_or(Money::zero(cap.currency()));
    let after = billed.plus(amount).map_err(broken)?;
    if after.exceeds(cap).map_err(broken)? {
        let detail = format!(
            "expense {id}: {billed} of {cap} is billed; {amount} more would exceed the cap on expenses"
        );
        return Err(Problem::new(ProblemCode::CeilingExceeded, detail).with_stake(amount));
    }
    Ok((amount, Some(Engagement { expenses_billed: Some(after), ..engagement.clone() })))
}
