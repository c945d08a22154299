//! Tryton's REST: records of a model are searched, created, acted on and deleted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Tryton;
use crate::error::{CallError, CallErrorKind};
use crate::http::{Call, Effect};

/// Most records a search answers with.
pub(super) const PAGE: &str = "100";

impl Tryton {
    /// The records of a model that match a domain, at most a page of them, in order of their IDs.
    pub(super) async fn search<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        model: &str,
        domain: &Value,
        fields: &[&str],
    ) -> Result<Vec<T>, CallError> {
        let domain = URL_SAFE.encode(domain.to_string());
        let order = URL_SAFE.encode(json!([["id", "ASC"]]).to_string());
        let mut query = vec![("d", domain.as_str()), ("o", order.as_str()), ("s", PAGE)];
        query.extend(fields.iter().map(|f| ("f", *f)));
        self.api.get(operation, &format!("/{model}"), &query).await
    }

    /// The one record of a model that carries an external ID.
    pub(super) async fn by_external_id<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        model: &str,
        external_id: &str,
        fields: &[&str],
    ) -> Result<Option<T>, CallError> {
        let found: Vec<T> =
            self.search(operation, model, &json!([["external_id", "=", external_id]]), fields).await?;
        Ok(found.into_iter().next())
    }

    /// Creates a record and reads it back in one call.
    pub(super) async fn create<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        model: &str,
        values: &Value,
        fields: &[&str],
    ) -> Result<T, CallError> {
        self.post(operation, &format!("/{model}"), values, fields).await
    }

    /// Presses a button of a record and reads it back in one call.
    pub(super) async fn act<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        model: &str,
        record: &str,
        action: &str,
        fields: &[&str],
    ) -> Result<T, CallError> {
        // Tryton refuses an action without a body.
        self.post(operation, &format!("/{model}/{record}/{action}"), &json!({}), fields).await
    }

    /// Writes fields of a record, and of those that belong to it, and reads it back in one call: one
    /// transaction.
    pub(super) async fn update<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        model: &str,
        record: i64,
        values: &Value,
        fields: &[&str],
    ) -> Result<T, CallError> {
        let query: Vec<_> = fields.iter().map(|f| ("f", *f)).collect();
        let path = format!("/{model}/{record}");
        let call = Call { operation, method: Method::PUT, path: &path, query: &query, effect: Effect::Once };
        self.api.send(&call, Some(values)).await
    }

    /// Writes fields of a record, absolute values, and reads it back in one call.
    pub(super) async fn put<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        model: &str,
        record: &str,
        values: &Value,
        fields: &[&str],
    ) -> Result<T, CallError> {
        let path = format!("/{model}/{record}");
        let query: Vec<_> = fields.iter().map(|f| ("f", *f)).collect();
        let call = Call { operation, method: Method::PUT, path: &path, query: &query, effect: Effect::Keyed };
        self.api.send(&call, Some(values)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        body: &Value,
        fields: &[&str],
    ) -> Result<T, CallError> {
        let query: Vec<_> = fields.iter().map(|f| ("f", *f)).collect();
        let call = Call { operation, method: Method::POST, path, query: &query, effect: Effect::Once };
        self.api.send(&call, Some(body)).await
    }

    /// Deletes a record.
    pub(super) async fn delete(
        &self,
        operation: &'static str,
        model: &str,
        record: &str,
    ) -> Result<(), CallError> {
        let path = format!("/{model}/{record}");
        let call = Call { operation, method: Method::DELETE, path: &path, query: &[], effect: Effect::Keyed };
        self.api.exchange(&call, None::<&()>).await.map(|_| ())
    }
}

/// Whether a create was refused because something of it is there already: the record itself,
/// because someone was quicker, or a number that Tryton gave to two records at once.
pub(super) fn exists_already(error: &CallError) -> bool {
    error.kind == CallErrorKind::Refused && error.detail.contains("must be unique")
}

/// A create that met another record's number and not its own record: trying again gets another number.
pub(super) fn collided(error: CallError) -> CallError {
    CallError { kind: CallErrorKind::Transient { retry_after: None }, ..error }
}
