//! Lambda entry point: wiring only.

use time_approved::TimeApproved;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("time-approved", TimeApproved).await
}
