//! Lambda entry point: wiring only.

use change_order_approved::ChangeOrderApproved;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("change-order-approved", ChangeOrderApproved).await
}
