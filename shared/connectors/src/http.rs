//! One small client for every vendor: bearer token, JSON, time-outs that each connector
//! states, and what may be concluded when a call does not end well.
//!
//! Nothing is retried here. Whether and when to ask or send again is decided by the workflow
//! and its queue, which know what the step has left behind.

mod client;
mod outcome;
mod own;

#[cfg(test)]
mod tests;

pub(crate) use client::Timeouts;
pub(crate) use outcome::{Effect, Exception};

use std::time::Duration;

use client::Lazy;
use outcome::scrubbed;
use own::Own;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::error::{CallError, CallErrorKind};

/// Largest answer that is read: far above any page that is asked for, far below a function's memory.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// How a product's answers differ from what their status says. No defaults: a connector states both.
pub(crate) struct Dialect {
    /// Statuses and bodies that mean something else at this product.
    pub(crate) exceptions: fn(StatusCode, &str) -> Option<Exception>,
    /// The product's own words in a body that reports an error, without personal data.
    pub(crate) words: fn(&str) -> Option<String>,
}

/// A connection's API.
pub(crate) struct Api {
    connection: String,
    base: String,
    client: Lazy,
    dialect: &'static Dialect,
    headers: HeaderMap,
    own: Own,
}

/// A call to be made.
pub(crate) struct Call<'a> {
    /// What is tried, for people.
    pub(crate) operation: &'static str,
    /// HTTP method.
    pub(crate) method: Method,
    /// Path below the API's base.
    pub(crate) path: &'a str,
    /// Query, unencoded.
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// What a repetition would do.
    pub(crate) effect: Effect,
}

impl Api {
    /// The API below a base, with the connection's token and further headers.
    ///
    /// # Errors
    /// When base, token or a header can't be sent as they are configured.
    pub(crate) fn new(
        connection: &Connection,
        base: String,
        timeouts: Timeouts,
        dialect: &'static Dialect,
        extra: &[(&'static str, String)],
    ) -> Result<Self, CallError> {
        let name = connection.config.connection.clone();
        let broken = |what: &str| misconfigured(&name, format!("{what} can't be used as configured"));
        Url::parse(&base).map_err(|_| broken("base_url"))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            AUTHORIZATION,
            bearer(&connection.credentials.api_token).ok_or_else(|| broken("api_token"))?,
        );
        for (header, value) in extra {
            let value = HeaderValue::from_str(value).map_err(|_| broken(header))?;
            headers.insert(HeaderName::from_static(header), value);
        }
        let own = Own::of(&connection.credentials);
        Ok(Self { connection: name, base, client: Lazy::new(timeouts), dialect, headers, own })
    }

    /// The connection's ID.
    pub(crate) fn connection(&self) -> &str {
        &self.connection
    }

    /// An error of this connection. Details may hold what the product said or answered, and end in
    /// exceptions and on the bus: what we showed it to be let in is taken out here, of all of them.
    pub(crate) fn error(&self, kind: CallErrorKind, operation: &'static str, detail: String) -> CallError {
        let detail = self.own.removed_from(&detail);
        CallError { kind, connection: self.connection.clone(), operation, detail }
    }

    /// Reads.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CallError> {
        let call = Call { operation, method: Method::GET, path, query, effect: Effect::None };
        self.send(&call, None::<&()>).await
    }

    /// Makes a call and parses its answer.
    pub(crate) async fn send<B: Serialize + Sync + ?Sized, T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        body: Option<&B>,
    ) -> Result<T, CallError> {
        let answer = self.exchange(call, body).await?;
        serde_json::from_str(&answer).map_err(|e| {
            // The parser's words name fields and positions, never values of ours.
            let what = if e.is_data() { "answered another form than documented" } else { "answered no JSON" };
            self.error(
                CallErrorKind::Mismatch,
                call.operation,
                format!("{what} (line {}, column {})", e.line(), e.column()),
            )
        })
    }

    /// Makes a call of which only the outcome matters.
    pub(crate) async fn exchange<B: Serialize + Sync + ?Sized>(
        &self,
        call: &Call<'_>,
        body: Option<&B>,
    ) -> Result<String, CallError> {
        let timeouts = self.client.timeouts();
        let limit = if call.effect == Effect::None { timeouts.read } else { timeouts.write };
        let client =
            self.client.get().map_err(|e| self.error(CallErrorKind::Unauthorised, call.operation, e))?;
        let mut request = client
            .request(call.method.clone(), format!("{}{}", self.base, call.path))
            .headers(self.headers.clone())
            .timeout(limit);
        if !call.query.is_empty() {
            request = request.query(call.query);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let started = std::time::Instant::now();
        let result = request.send().await;
        let outcome = match result {
            Ok(answer) => self.answered(call, answer).await,
            Err(error) => Err(self.unanswered(call, &error)),
        };
        tracing::debug!(
            connection = self.connection,
            operation = call.operation,
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome = outcome.as_ref().map_or_else(|e| outcome::label(e.kind), |_| "done"),
            "product called"
        );
        outcome
    }

    fn unanswered(&self, call: &Call<'_>, error: &reqwest::Error) -> CallError {
        let (kind, detail) = outcome::unanswered(call.effect, error);
        self.error(kind, call.operation, detail.to_owned())
    }

    async fn answered(&self, call: &Call<'_>, mut answer: reqwest::Response) -> Result<String, CallError> {
        let status = answer.status();
        let retry_after =
            answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(outcome::retry_after);
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    return Err(self.error(
                        CallErrorKind::Mismatch,
                        call.operation,
                        "answer too large".into(),
                    ));
                }
                Ok(None) => break,
                // A refusal whose text is lost is still a refusal; a success whose text is lost is not known.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(self.unanswered(call, &error)),
            }
        }
        let body = String::from_utf8_lossy(&body);
        if status.is_success() {
            return Ok(body.into_owned());
        }
        Err(self.refused(call, status, retry_after, &body))
    }

    fn refused(
        &self,
        call: &Call<'_>,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &str,
    ) -> CallError {
        let exception = (self.dialect.exceptions)(status, body);
        let kind = outcome::classify(status, call.effect, retry_after, exception);
        // Before the words are cut, which could leave the half of a credential.
        let words = (self.dialect.words)(body).map(|words| scrubbed(&self.own.removed_from(&words)));
        let words = words.filter(|words| !words.is_empty());
        let detail = match words {
            Some(words) => format!("{}: {words}", status.as_u16()),
            None => status.as_u16().to_string(),
        };
        self.error(kind, call.operation, detail)
    }
}

/// A connection whose configuration lacks something or has it in another form.
pub(crate) fn misconfigured(connection: &str, detail: String) -> CallError {
    CallError {
        kind: CallErrorKind::Unauthorised,
        connection: connection.to_owned(),
        operation: "open connection",
        detail,
    }
}

/// A connector's own settings out of the connection's.
pub(crate) fn settings<S: DeserializeOwned>(connection: &Connection) -> Result<S, CallError> {
    serde_json::from_value(connection.config.settings.clone())
        .map_err(|e| misconfigured(&connection.config.connection, format!("settings: {e}")))
}

fn bearer(token: &SecretString) -> Option<HeaderValue> {
    if token.expose_secret().is_empty() {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}
