//! Lambda entry point: wiring only.

use milestone_completed::MilestoneCompleted;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::serve_queue("milestone-completed", MilestoneCompleted).await
}
