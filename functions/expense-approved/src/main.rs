//! Lambda entry point: wiring only.

use expense_approved::ExpenseApproved;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("expense-approved", ExpenseApproved).await
}
