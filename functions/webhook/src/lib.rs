//! The one door for products that push: verified over the raw bytes, translated, put on the bus.
//!
//! What a product is answered decides whether it repeats, gives up or switches us off, so the
//! answers are few: 202 when it is safe with us (also when it could not be translated), 401
//! when it is not authentic, 404 for no such connection, 413 when it is too large, and 503
//! when it could not be kept now and must be sent again.

mod answer;
mod delivery;
mod quarantine;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use connectors::inbound::{self, Delivery};
use events::Envelope;
use runtime::{ConnectError, Context};

pub use delivery::{MOST_BYTES, MOST_HEADER_BYTES};

use answer::Answer;
use delivery::{Request, read};

/// Takes one delivery and says what the product is told.
pub async fn receive(context: &Context, request: ApiGatewayProxyRequest) -> ApiGatewayProxyResponse {
    let answer = match read(request) {
        Ok(request) => accept(context, &request).await,
        Err(answer) => answer,
    };
    answer.response()
}

async fn accept(context: &Context, request: &Request) -> Answer {
    let connection = match context.connect.connection(&request.connection).await {
        Ok(connection) => connection,
        Err(ConnectError::Unknown(_)) => return Answer::UnknownConnection,
        Err(error) => {
            tracing::error!(connection = request.connection, reason = %error, "connection can't be read");
            return Answer::TryAgain;
        }
    };
    let now = context.clock.now();
    let delivery = Delivery { method: &request.method, headers: &request.headers, body: &request.body };
    if let Err(reason) = inbound::verify(&connection, &delivery, now) {
        tracing::warn!(connection = request.connection, reason = %reason, outcome = "rejected", "not authentic");
        return Answer::NotAuthentic;
    }
    match inbound::translate(&connection, &delivery) {
        Ok(translated) => {
            let events = translated.into_iter().map(|t| runtime::reported(&connection.config, t)).collect();
            publish(context, &request.connection, events).await
        }
        Err(reason) => quarantine::keep(context, &connection, request, &reason.to_string()).await,
    }
}

async fn publish(context: &Context, connection: &str, events: Vec<Envelope>) -> Answer {
    if events.is_empty() {
        tracing::info!(connection, outcome = "uninteresting", "delivery");
        return Answer::Accepted;
    }
    let now = context.clock.now();
    match context.bus.publish(events.clone()).await {
        Ok(()) => {
            for event in &events {
                runtime::count_event(context.function, event, "accepted", now);
            }
            Answer::Accepted
        }
        // The product sends the whole delivery again; what was taken now is a duplicate then.
        Err(error) => {
            tracing::error!(connection, reason = %error, "not published");
            Answer::TryAgain
        }
    }
}
