use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderMap;
use aws_lambda_events::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};

/// What a product is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is safe with us.
    Accepted,
    /// The signature, its timestamp or its headers are not acceptable; which is not told.
    NotAuthentic,
    /// There is no such connection.
    UnknownConnection,
    /// The body is larger than any product's notification.
    TooLarge,
    /// The request can't be read at all.
    Malformed,
    /// It could not be kept now. 503 and not 429 or 500: some products repeat only on 503.
    TryAgain,
}

impl Answer {
    const fn parts(self) -> (i64, &'static str) {
        match self {
            Self::Accepted => (202, r#"{"status":"accepted"}"#),
            Self::NotAuthentic => (401, r#"{"status":"not authentic"}"#),
            Self::UnknownConnection => (404, r#"{"status":"unknown connection"}"#),
            Self::TooLarge => (413, r#"{"status":"too large"}"#),
            Self::Malformed => (400, r#"{"status":"malformed request"}"#),
            Self::TryAgain => (503, r#"{"status":"try again"}"#),
        }
    }

    pub(crate) fn response(self) -> ApiGatewayProxyResponse {
        let (status, body) = self.parts();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self == Self::TryAgain {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("10"));
        }
        let mut response = ApiGatewayProxyResponse::default();
        response.status_code = status;
        response.headers = headers;
        response.body = Some(Body::Text(body.to_owned()));
        response
    }
}
