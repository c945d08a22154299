//! Lambda entry point: wiring only.

use invoice_posted::InvoicePosted;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("invoice-posted", InvoicePosted).await
}
