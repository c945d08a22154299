//! Lambda entry point: wiring only.

use invoice_requested::InvoiceRequested;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("invoice-requested", InvoiceRequested).await
}
