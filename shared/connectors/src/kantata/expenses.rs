//! Approved expenses. An expense is approved with the report that it is in.

use std::collections::BTreeSet;

use domain::expense::{Expense, ExpenseStatus};
use domain::id::EngagementId;
use domain::money::{Currency, Money};
use rust_decimal::Decimal;

use super::Kantata;
use super::changes::POLL;
use super::client::ONLY;
use super::entries::{beginning, digest};
use super::wire::{self, ExpenseReport, Map, User};
use crate::error::{CallError, CallErrorKind};
use crate::inbound::{Subject, Translated};

/// Status of a report that whoever decides has approved.
const APPROVED: &str = "approved";

impl Kantata {
    /// Reads expenses in bulk, those that reports name among them, and translates those whose report is
    /// approved and that belong to an engagement.
    pub(super) async fn approved_expenses(
        &self,
        mut ids: BTreeSet<String>,
        reports: &[String],
    ) -> Result<Vec<Translated>, CallError> {
        for chunk in reports.chunks(ONLY) {
            let answer = self.only(POLL, "expense_report_submissions", chunk, "expenses").await?;
            let reports: Map<ExpenseReport> = self.typed(POLL, &answer, "expense_report_submissions")?;
            ids.extend(reports.into_values().flat_map(|report| report.expense_ids));
        }
        let mut translated = Vec::new();
        for chunk in Vec::from_iter(ids).chunks(ONLY) {
            let answer = self.only(POLL, "expenses", chunk, "user,active_submission").await?;
            let mut expenses: Map<wire::Expense> = self.typed(POLL, &answer, "expenses")?;
            let reports: Map<ExpenseReport> = self.typed(POLL, &answer, "expense_report_submissions")?;
            let users: Map<User> = self.typed(POLL, &answer, "users")?;
            expenses.retain(|_, expense| {
                let report = expense.active_submission_id.as_ref().and_then(|id| reports.get(id));
                report.is_some_and(|report| report.status == APPROVED)
            });
            let projects: BTreeSet<String> = expenses.values().map(|e| e.workspace_id.clone()).collect();
            let engagements = self.engagements(&Vec::from_iter(projects)).await?;
            for (id, expense) in expenses {
                if let Some(engagement) = engagements.get(&expense.workspace_id) {
                    translated.push(self.approved_expense(id, expense, engagement, &users)?);
                }
            }
        }
        Ok(translated)
    }

    fn approved_expense(
        &self,
        id: String,
        expense: wire::Expense,
        engagement: &EngagementId,
        users: &Map<User>,
    ) -> Result<Translated, CallError> {
        let cost = cost(&expense)
            .map_err(|what| self.api.error(CallErrorKind::Mismatch, POLL, format!("expense {id}: {what}")))?;
        let user = expense.user_id.as_ref().and_then(|u| users.get(u));
        let person = user.map(|u| beginning(&u.full_name)).or(expense.user_id).unwrap_or_default();
        let told = Expense {
            connection: self.api.connection().to_owned(),
            expense: id,
            project: expense.workspace_id,
            person,
            category: beginning(&expense.category),
            incurred_on: expense.date,
            cost,
            pass_through: expense.is_billable,
            status: ExpenseStatus::Approved,
        };
        Ok(Translated {
            delivery: format!("expense:{}:{}:{}", told.expense, expense.updated_at, digest(&told)),
            subject: Subject::Engagement(engagement.clone()),
            occurred_at: expense.updated_at,
            event: told.into(),
        })
    }
}

/// What an expense cost. Kantata says in which unit its amount is; where it does not, it is the currency's own.
fn cost(expense: &wire::Expense) -> Result<Money, String> {
    let currency = Currency::from_code(&expense.currency)
        .map_err(|_| format!("`{}` is no currency", beginning(&expense.currency)))?;
    let cost = match expense.currency_base_unit {
        None => Money::from_minor_units(expense.amount_in_cents, currency),
        Some(0) => return Err(format!("{} has a base unit of nothing", expense.currency)),
        Some(unit) => Money::exact(Decimal::from(expense.amount_in_cents) / Decimal::from(unit), currency),
    };
    cost.map_err(|e| e.to_string())
}
