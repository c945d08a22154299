//! Lambda entry point: wiring only.

use credit_memo_issued::CreditMemoIssued;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("credit-memo-issued", CreditMemoIssued).await
}
