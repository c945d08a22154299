//! Lambda entry point: wiring only.

use approval_decided::ApprovalDecided;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("approval-decided", ApprovalDecided).await
}
