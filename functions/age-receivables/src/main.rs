//! Lambda entry point: wiring only.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Clients, Context, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_env("age-receivables")?;
    runtime::init_telemetry(&settings);
    let clients = Clients::new(&settings)?;
    let context = Arc::new(Context::connected(&settings, &clients).await?);
    lambda_runtime::run(service_fn(move |_: LambdaEvent<serde_json::Value>| {
        let context = Arc::clone(&context);
        async move {
            let answer = age_receivables::age_due(&context).await.and_then(runtime::verdict);
            runtime::flush_telemetry();
            answer.map_err(Error::from)
        }
    }))
    .await
}
