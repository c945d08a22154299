//! Each approved expense that the customer bears is one line at the price of the version that it names, or waits
//! for a person; no cap is exceeded, and what is counted under it is what is billed.

use std::collections::BTreeSet;

use domain::Event;
use domain::billing::{Evidence, line_of};
use domain::expense::{EXPENSE, Expense, ExpenseStatus};
use domain::money::Money;
use domain::problem::ProblemCode;
use domain::quote::PassThrough;
use rust_decimal::Decimal;

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::world::{PSA, World};

pub(super) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let told = told(world, deal);
    for expense in deal.expenses.iter().filter(|e| told.contains(&e.expense)) {
        has_one_fate(&mut broken, deal, ledger, expense);
    }
    let by_expenses = || ledger.lines.iter().filter(|l| matches!(l.line.evidence, Evidence::Expense { .. }));
    let records: BTreeSet<&str> = by_expenses()
        .filter_map(|l| match &l.line.evidence {
            Evidence::Expense { expense, .. } => Some(expense.expense.as_str()),
            _ => None,
        })
        .collect();
    must(&mut broken, records.len() == by_expenses().count(), || "an expense is billed twice".into());
    let Some(engagement) = &ledger.engagement else { return broken };
    let currency = engagement.contract.currency;
    let Ok(billed) = Money::total(currency, by_expenses().map(|l| l.line.amount)) else {
        return vec![format!("expenses are not all in {currency}")];
    };
    if let Some(cap) = engagement.contract.expenses.as_ref().and_then(|terms| terms.cap) {
        must(&mut broken, !billed.exceeds(cap).unwrap_or(true), || {
            format!("{billed} of expenses over the cap {cap}")
        });
        let counted = engagement.expenses_billed;
        must(&mut broken, counted == Some(billed), || {
            format!("expenses are counted as {counted:?} and come to {billed}")
        });
    }
    broken
}

/// Expenses that the PSA told of.
fn told(world: &World, deal: &Deal) -> BTreeSet<String> {
    let books = open(&world.books);
    let ours = books.work.iter().filter(|c| c.change.subject.as_str() == deal.engagement.as_str());
    ours.filter_map(|c| match &c.change.event {
        Event::ExpenseApproved(expense) => Some(expense.expense.clone()),
        _ => None,
    })
    .collect()
}

fn has_one_fate(broken: &mut Vec<String>, deal: &Deal, ledger: &Ledger, expense: &Expense) {
    let id = line_of(PSA, EXPENSE, &expense.expense);
    let line = ledger.lines.iter().find(|l| l.line.line == id);
    let named = format!("\"expense\":\"{}\"", expense.expense);
    let waits = |code: ProblemCode| {
        ledger.kind("exception").any(|e| {
            let open = e.text("status") == Some("open") && e.text("code") == Some(code.as_str());
            open && e.text("payload").is_some_and(|p| p.contains(&named))
        })
    };
    let borne = expense.status == ExpenseStatus::Approved && expense.pass_through;
    let terms = |version: u32| deal.version(version).lines.iter().find_map(|l| l.expenses.clone());
    if let Some(line) = line {
        let due = terms(line.line.contract_version).and_then(|terms| price(expense.cost, &terms));
        must(broken, borne && due == Some(line.line.amount), || {
            format!("expense {} is billed {} instead of {due:?}", expense.expense, line.line.amount)
        });
    } else if borne {
        let foreign = expense.cost.currency() != deal.quote.currency;
        let expected = match terms(1) {
            None => ProblemCode::ExpensesNotSold,
            Some(_) if foreign => ProblemCode::ExpenseCurrency,
            Some(_) => ProblemCode::CeilingExceeded,
        };
        must(broken, waits(expected), || {
            format!("expense {} is neither billed nor held for {expected:?}", expense.expense)
        });
    }
}

/// Worked out another way than the product does: the cost and its markup apart, in ten-thousandths of a cent.
fn price(cost: Money, terms: &PassThrough) -> Option<Money> {
    let markup = cost.amount() * terms.markup_percent.unwrap_or_default() * Decimal::new(1, 2);
    Some(Money::rounded(cost.amount() + markup, cost.currency()))
}
