//! The API for people's apps and for automation: where things stand, and what is to happen next.
//!
//! Reads answer at once. A command answers 202 when a canonical event is safely on its way: the
//! event, the caller's key and the word of who asked are one commit. No route writes to a product;
//! that is done by the functions which take the events, so that there is one governed path.

mod call;
mod caller;
mod commands;
mod error;
mod reads;
mod reply;
mod route;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use runtime::Context;

pub use call::MOST_BYTES;
pub use caller::Role;
pub use error::Kind;
pub use route::{Action, Domain, ROUTES, Route, Style, Tier};

use call::Call;
use caller::Caller;
use error::ApiError;
use reply::Reply;

/// Answers one call.
pub async fn answer(context: &Context, request: ApiGatewayProxyRequest) -> ApiGatewayProxyResponse {
    let method = request.http_method.as_str().to_owned();
    let path = request.resource.clone().unwrap_or_default();
    let (caller, answered) = match caller::authenticate(context, call::headers(&request)).await {
        Ok(caller) => {
            let answered = Box::pin(admitted(context, &caller, &method, &path, request)).await;
            (caller.name, answered)
        }
        Err(error) => (String::from("-"), Err(error)),
    };
    match answered {
        Ok(reply) => {
            tracing::info!(caller, method, path, status = reply.status, "call");
            reply.response()
        }
        Err(error) if error.status() >= 500 => {
            tracing::error!(caller, method, path, status = error.status(), reason = error.logged(), "call");
            error.response()
        }
        Err(error) => {
            tracing::warn!(caller, method, path, status = error.status(), "call");
            error.response()
        }
    }
}

async fn admitted(
    context: &Context,
    caller: &Caller,
    method: &str,
    path: &str,
    request: ApiGatewayProxyRequest,
) -> Result<Reply, ApiError> {
    let route = route::find(method, path)?;
    if !caller.is_one_of(route.roles) {
        return Err(ApiError::new(Kind::Forbidden, "the call is not permitted"));
    }
    let call = Call::read(route, request)?;
    if route.is_command() {
        commands::take(context, caller, &call).await
    } else {
        reads::answer(context, caller, &call).await.map(|body| Reply::read(&body))
    }
}
