//! Lambda entry point: wiring only.

use quote_approved::QuoteApproved;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("quote-approved", QuoteApproved).await
}
