use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::answer::Answer;

/// Largest body that is taken: what EventBridge takes as one entry, and less than an item holds.
pub const MOST_BYTES: usize = 256 * 1024;

/// Most bytes that the names and values of all headers have together. API Gateway takes 10,240 of
/// the caller's and adds its own.
pub const MOST_HEADER_BYTES: usize = 16 * 1024;

/// Longest ID of a connection.
const LONGEST_CONNECTION: usize = 40;

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
    let connection = request.path_parameters.get("connection").filter(|id| may_exist(id)).cloned();
    let connection = connection.ok_or(Answer::UnknownConnection)?;
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
    if named.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MOST_HEADER_BYTES
    {
        return Err(Answer::TooLarge);
    }
    let mut headers = Vec::new();
    for (name, value) in named {
        headers.push((name.as_str().to_owned(), value.to_str().map_err(|_| Answer::Malformed)?.to_owned()));
    }
    Ok(Request { connection, method: request.http_method.as_str().to_owned(), headers, body })
}

/// Whether a connection may have this ID, by the form that the configuration's rules give it. The
/// gateway passes anything on; what can't be the key of an item must not be looked up.
fn may_exist(connection: &str) -> bool {
    let mut bytes = connection.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && (2..=LONGEST_CONNECTION).contains(&connection.len())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
