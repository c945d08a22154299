//! A call as it arrived, read within limits.

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use aws_lambda_events::http::HeaderMap;
use aws_lambda_events::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::caller::is_identifier;
use crate::error::{ApiError, Kind};
use crate::route::Route;

/// Largest body. A hundred entries of the longest texts stay below it, and the events that they
/// become, kept in one item, below what an item holds.
pub const MOST_BYTES: usize = 128 * 1024;
/// Longest idempotency key.
const LONGEST_KEY: usize = 128;
/// Longest ID of a record in another system.
pub(crate) const LONGEST_RECORD: usize = 100;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A call of a known route by an admitted caller.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) route: &'static Route,
    parameters: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Vec<u8>,
    /// The caller's own key of a command; empty for a read.
    pub(crate) key: String,
}

/// Headers in the form that lists one twice that came twice.
pub(crate) fn headers(request: &ApiGatewayProxyRequest) -> &HeaderMap {
    if request.multi_value_headers.is_empty() { &request.headers } else { &request.multi_value_headers }
}

impl Call {
    /// Reads what a route takes.
    pub(crate) fn read(route: &'static Route, request: ApiGatewayProxyRequest) -> Result<Self, ApiError> {
        let key = if route.is_command() { key(headers(&request))? } else { String::new() };
        if route.is_command() && !is_json(headers(&request)) {
            return Err(ApiError::new(Kind::UnsupportedMedia, "the content type is not application/json"));
        }
        let query =
            request.query_string_parameters.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let parameters = request.path_parameters.into_iter().collect();
        let body = body(request.body.unwrap_or_default(), request.is_base64_encoded)?;
        Ok(Self { route, parameters, query, body, key })
    }

    /// A parameter of the path.
    pub(crate) fn parameter(&self, name: &str) -> Result<&str, ApiError> {
        let found = self.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        found.ok_or_else(|| ApiError::new(Kind::Malformed, format!("{name}: is missing")))
    }

    /// One of our IDs in the path. What does not have its form is not looked up: there is no such record.
    pub(crate) fn id<T: TryFrom<String>>(&self, name: &str) -> Result<T, ApiError> {
        let text = self.parameter(name)?;
        let missing = || ApiError::new(Kind::NotFound, format!("there is no such {name}"));
        let sound = text.len() <= LONGEST_RECORD
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !sound {
            return Err(missing());
        }
        T::try_from(text.to_owned()).map_err(|_| missing())
    }

    /// A connection in the path.
    pub(crate) fn connection(&self) -> Result<&str, ApiError> {
        let text = self.parameter("connection")?;
        if is_identifier(text) {
            Ok(text)
        } else {
            Err(ApiError::new(Kind::NotFound, "there is no such connection"))
        }
    }

    /// A record of another system in the path.
    pub(crate) fn record(&self, name: &str) -> Result<&str, ApiError> {
        let text = self.parameter(name)?;
        if is_record(text) {
            Ok(text)
        } else {
            Err(ApiError::new(Kind::NotFound, format!("there is no such {name}")))
        }
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The body, strictly: a field that nobody knows is an error and not ignored.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|e| {
            let path = e.path().to_string();
            ApiError::new(Kind::Malformed, format!("{path}: {}", e.into_inner()))
        })?;
        json.end().map_err(|e| ApiError::new(Kind::Malformed, format!("after the body: {e}")))?;
        Ok(read)
    }

    /// What a command asks for, to tell a repetition from another request: route, path and body,
    /// whatever the order and spacing of its fields.
    pub(crate) fn hash(&self) -> Result<String, ApiError> {
        let body: Value = self.body()?;
        let mut parameters = self.parameters.clone();
        parameters.sort();
        let asked = format!("{} {} {parameters:?} {body}", self.route.method, self.route.path);
        Ok(hex::encode(Sha256::digest(asked.as_bytes())))
    }
}

/// Whether a text can be the ID of a record in another system and part of a key of ours.
pub(crate) fn is_record(text: &str) -> bool {
    (1..=LONGEST_RECORD).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
}

fn body(text: String, encoded: bool) -> Result<Vec<u8>, ApiError> {
    let too_large = || ApiError::new(Kind::TooLarge, format!("the body is larger than {MOST_BYTES} bytes"));
    let body = if encoded {
        // Base64 is a third longer; a body that can't fit is not even decoded.
        if text.len() / 4 * 3 > MOST_BYTES + 3 {
            return Err(too_large());
        }
        STANDARD.decode(text).map_err(|_| ApiError::new(Kind::Malformed, "the body is not what it says"))?
    } else {
        text.into_bytes()
    };
    if body.len() > MOST_BYTES { Err(too_large()) } else { Ok(body) }
}

fn key(headers: &HeaderMap) -> Result<String, ApiError> {
    let missing = || ApiError::new(Kind::KeyMissing, "a command needs an idempotency key");
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let key = value.to_str().map_err(|_| missing())?;
    let sound = (1..=LONGEST_KEY).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b));
    if sound { Ok(key.to_owned()) } else { Err(missing()) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case("application/json"))
}
