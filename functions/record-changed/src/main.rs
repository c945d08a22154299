//! Lambda entry point: wiring only.

use record_changed::RecordChanged;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("record-changed", RecordChanged).await
}
