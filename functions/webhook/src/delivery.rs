use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::answer::Answer;

/// Largest body that is taken: what EventBridge takes as one entry, and less than an item holds.
pub const MOST_BYTES: usize = 256 * 1024;

/// A delivery as it arrived: the bytes that were signed, untouched.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) connection: String,
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Reads a delivery out of API Gateway's event.
pub(crate) fn read(request: ApiGatewayProxyRequest) -> Result<Request, Answer> {
    let connection = request.path_parameters.get("connection").cloned().ok_or(Answer::UnknownConnection)?;
    let text = request.body.unwrap_or_default();
    let body = if request.is_base64_encoded {
        // Base64 is a third longer; a body that can't fit is not even decoded.
        if text.len() / 4 * 3 > MOST_BYTES + 3 {
            return Err(Answer::TooLarge);
        }
        STANDARD.decode(text).map_err(|_| Answer::Malformed)?
    } else {
        text.into_bytes()
    };
    if body.len() > MOST_BYTES {
        return Err(Answer::TooLarge);
    }
    // The multi-value form lists a header that came twice twice; the plain form hides the first.
    let named =
        if request.multi_value_headers.is_empty() { &request.headers } else { &request.multi_value_headers };
    let mut headers = Vec::new();
    for (name, value) in named {
        headers.push((name.as_str().to_owned(), value.to_str().map_err(|_| Answer::Malformed)?.to_owned()));
    }
    Ok(Request { connection, method: request.http_method.as_str().to_owned(), headers, body })
}
