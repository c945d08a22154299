//! Lambda entry point: wiring only.

use revenue_earned::TellRevenue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("revenue-earned", TellRevenue).await
}
