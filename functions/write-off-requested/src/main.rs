//! Lambda entry point: wiring only.

use write_off_requested::WriteOffRequested;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("write-off-requested", WriteOffRequested).await
}
