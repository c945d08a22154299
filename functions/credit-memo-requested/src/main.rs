//! Lambda entry point: wiring only.

use credit_memo_requested::CreditMemoRequested;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("credit-memo-requested", CreditMemoRequested).await
}
