"""Expenses: what is passed on, at which price, how much of it, and how often."""

from __future__ import annotations

from ..mutation import Mutation

EXPENSE = "shared/domain/src/expense.rs"
ENGAGEMENT = "shared/domain/src/engagement.rs"
ENTRY = "shared/journal/src/entry.rs"
REPORTS = "shared/connectors/src/kantata/expenses.rs"
TESTS = "-p domain --test expense"
BATCHES = "-p journal --test batches"
SUITE = "-p connectors --test suite"

MUTATIONS = (
    Mutation(
        "an expense that nobody approved is billed",
        "The customer would be charged for what a manager may still turn down.",
        EXPENSE,
        (("if expense.status != ExpenseStatus::Approved {", "if expense.status == ExpenseStatus::Rejected {"),),
        (TESTS,),
    ),
    Mutation(
        "what the fee covers is passed on",
        "The customer would pay for what was sold as included.",
        EXPENSE,
        (("if !expense.pass_through {", "if expense.project.is_empty() {"),),
        (TESTS,),
    ),
    Mutation(
        "an expense in euros is billed as so many dollars",
        "Eighty euros would be charged as eighty dollars.",
        EXPENSE,
        (("if expense.cost.currency() != contract.currency {", "if contract.quote.is_empty() {"),),
        (TESTS,),
    ),
    Mutation(
        "an expense does not use up the cap",
        "The cap would hold for each expense alone.",
        EXPENSE,
        (("expenses_billed: Some(after)", "expenses_billed: Some(billed)"),),
        (TESTS,),
    ),
    Mutation(
        "the cap is looked at before the expense counts",
        "The last expense could exceed the cap by any amount.",
        EXPENSE,
        (("if after.exceeds(cap).map_err(broken)? {", "if billed.exceeds(cap).map_err(broken)? {"),),
        (TESTS,),
    ),
    Mutation(
        "a cap that comes back has forgotten what was billed",
        "By dropping the line for expenses and selling it again, twice the cap could be billed.",
        ENGAGEMENT,
        (("            None => {}\n        }\n        self", "            None => self.expenses_billed = None,\n        }\n        self"),),
        (TESTS,),
    ),
    Mutation(
        "what was billed without a cap is capped afterwards",
        "Nobody counted it: more than the cap would be billed.",
        ENGAGEMENT,
        (("(self.expenses_billed, self.expenses_uncounted) = (None, true)",
          "(self.expenses_billed, self.expenses_uncounted) = (None, false)"),),
        (TESTS,),
    ),
    Mutation(
        "an expense is known by its event",
        "An expense that was corrected after it was billed would be passed over.",
        ENTRY,
        (("Event::ExpenseApproved(told) => Some(line(line_of(&told.connection, EXPENSE, &told.expense))),",
          "Event::ExpenseApproved(_) => None,"),),
        (BATCHES,),
    ),
    Mutation(
        "a report that waits for its approval counts as approved",
        "What was only handed in would be billed.",
        REPORTS,
        (("report.is_some_and(|report| report.status == APPROVED)", "report.is_some()"),),
        (SUITE,),
    ),
    Mutation(
        "an amount is taken for cents whatever its unit",
        "An expense of 24,000 yen in a currency without cents would be charged as another amount.",
        REPORTS,
        (("Decimal::from(expense.amount_in_cents) / Decimal::from(unit)", "Decimal::new(expense.amount_in_cents, 2)"),),
        (SUITE,),
    ),
)
