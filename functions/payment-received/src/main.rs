//! Lambda entry point: wiring only.

use payment_received::PaymentReceived;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("payment-received", PaymentReceived).await
}
