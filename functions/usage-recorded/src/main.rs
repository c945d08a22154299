//! Lambda entry point: wiring only.

use usage_recorded::UsageRecorded;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("usage-recorded", UsageRecorded).await
}
