//! Lambda entry point: wiring only.

use hold_requested::Holds;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("hold-requested", Holds).await
}
