//! Lambda entry point: wiring only.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use publish_outbox::publish;
use runtime::{Clients, Context, Settings, SqsQueue};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_env("publish-outbox")?;
    runtime::init_telemetry(&settings);
    let clients = Clients::new(&settings)?;
    let queue = settings.outbox_retry_queue_url.clone().ok_or("OUTBOX_RETRY_QUEUE_URL is not set")?;
    let retry = SqsQueue::new(clients.sqs.clone(), queue);
    let shared = Arc::new((Context::deployed(&settings, &clients)?, retry));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| {
        let shared = Arc::clone(&shared);
        async move {
            let answer = publish(&shared.0, &shared.1, event.payload).await;
            runtime::flush_telemetry();
            answer.map_err(Error::from)
        }
    }))
    .await
}
