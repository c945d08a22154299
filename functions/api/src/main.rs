//! Lambda entry point: wiring only.

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Clients, Context, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_env("api")?;
    runtime::init_telemetry(&settings);
    let clients = Clients::new(&settings)?;
    let context = Arc::new(Context::connected(&settings, &clients).await?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<ApiGatewayProxyRequest>| {
        let context = Arc::clone(&context);
        async move {
            let response = api::answer(&context, event.payload).await;
            runtime::flush_telemetry();
            Ok::<_, Error>(response)
        }
    }))
    .await
}
