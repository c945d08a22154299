//! Lambda entry point: wiring only.

use dispute_requested::DisputeRequested;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("dispute-requested", DisputeRequested).await
}
