//! What goes back to a caller.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderMap;
use aws_lambda_events::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;

/// A call that succeeded.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: i64,
    pub(crate) body: String,
}

impl Reply {
    /// What was read.
    pub(crate) fn read(body: &Value) -> Self {
        Self { status: 200, body: body.to_string() }
    }

    /// A command that is on its way; the text was kept with it.
    pub(crate) const fn accepted(body: String) -> Self {
        Self { status: 202, body }
    }

    pub(crate) fn response(&self) -> ApiGatewayProxyResponse {
        response(self.status, &self.body, &[])
    }
}

/// An answer in JSON. Nothing on the way may keep it: it is one caller's.
pub(crate) fn response(
    status: i64,
    body: &str,
    extra: &[(&'static str, &'static str)],
) -> ApiGatewayProxyResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in extra {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = status;
    response.headers = headers;
    response.body = Some(Body::Text(body.to_owned()));
    response
}
