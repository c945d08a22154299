//! Lambda entry point: wiring only.

use charge_due::ChargeDue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("charge-due", ChargeDue).await
}
