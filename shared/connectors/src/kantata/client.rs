//! Kantata's conventions: collections, pages, references.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Kantata;
use super::wire::{ExternalReference, Map, Page};
use crate::error::{CallError, CallErrorKind};
use crate::http::{Call, Effect};

/// Most records a page holds.
const PER_PAGE: &str = "200";
/// Most records asked for by ID at once; keeps the URL short.
pub(super) const ONLY: usize = 100;
/// More pages than any log of nine days has: past it, the paging itself is broken.
const MAX_PAGES: u32 = 10_000;

/// One or more pages of a collection, with what was included.
#[derive(Default)]
pub(super) struct Answer {
    /// The collection's own records, in order.
    pub(super) ids: Vec<String>,
    maps: BTreeMap<String, serde_json::Map<String, Value>>,
}

impl Answer {
    fn add(
        &mut self,
        collection: &str,
        answer: serde_json::Map<String, Value>,
    ) -> Result<u32, serde_json::Error> {
        let page = Page::deserialize_from(&answer)?;
        self.ids.extend(page.results.into_iter().filter(|k| k.key == collection).map(|k| k.id));
        for (name, value) in answer {
            if let Value::Object(records) = value {
                self.maps.entry(name).or_default().extend(records);
            }
        }
        Ok(page.meta.page_count)
    }

    /// The records of a collection; none when it isn't in the answer.
    pub(super) fn records<T: DeserializeOwned>(&self, collection: &str) -> Result<Map<T>, serde_json::Error> {
        let records = self.maps.get(collection).into_iter().flatten();
        records.map(|(id, value)| T::deserialize(value).map(|record| (id.clone(), record))).collect()
    }
}

impl Page {
    fn deserialize_from(answer: &serde_json::Map<String, Value>) -> Result<Self, serde_json::Error> {
        let part = |name: &str| answer.get(name).cloned().unwrap_or(Value::Null);
        serde_json::from_value(json!({ "results": part("results"), "meta": part("meta") }))
    }
}

impl Kantata {
    /// Every page of a collection.
    pub(super) async fn all(
        &self,
        operation: &'static str,
        collection: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        let mut answer = Answer::default();
        for page in 1..=MAX_PAGES {
            let number = page.to_string();
            let mut query = query.to_vec();
            query.extend([("per_page", PER_PAGE), ("page", number.as_str())]);
            let found = self.api.get(operation, &format!("/{collection}"), &query).await?;
            let pages = answer.add(collection, found).map_err(|_| self.odd(operation, collection))?;
            if page >= pages {
                return Ok(answer);
            }
        }
        Err(self.api.error(CallErrorKind::Mismatch, operation, format!("{collection} has no last page")))
    }

    /// Records of a collection by ID, with what is included; those that are gone aren't in it.
    pub(super) async fn only(
        &self,
        operation: &'static str,
        collection: &str,
        ids: &[String],
        include: &str,
    ) -> Result<Answer, CallError> {
        let only = ids.join(",");
        let mut query = vec![("only", only.as_str())];
        if !include.is_empty() {
            query.push(("include", include));
        }
        self.all(operation, collection, &query).await
    }

    /// Sends a record and returns the one that came back with its ID.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        (method, path, effect): (Method, &str, Effect),
        body: &Value,
    ) -> Result<(String, T), CallError> {
        let call = Call { operation, method, path, query: &[], effect };
        let collection = path.split('/').nth(1).unwrap_or_default();
        let mut answer = Answer::default();
        let found = self.api.send(&call, Some(body)).await?;
        answer.add(collection, found).map_err(|_| self.odd(operation, collection))?;
        let mut records = self.typed::<T>(operation, &answer, collection)?;
        let id = answer.ids.into_iter().next().ok_or_else(|| self.odd(operation, collection))?;
        let record = records.remove(&id).ok_or_else(|| self.odd(operation, collection))?;
        Ok((id, record))
    }

    /// Creates a record.
    pub(super) async fn create<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        collection: &str,
        body: &Value,
    ) -> Result<(String, T), CallError> {
        self.write(operation, (Method::POST, &format!("/{collection}"), Effect::Once), body).await
    }

    /// The records of a collection in an answer.
    pub(super) fn typed<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        answer: &Answer,
        collection: &str,
    ) -> Result<Map<T>, CallError> {
        answer.records(collection).map_err(|_| self.odd(operation, collection))
    }

    /// The record that carries a reference of ours. Should there be two, the older one counts.
    pub(super) async fn referenced(
        &self,
        operation: &'static str,
        model: &str,
        reference: &str,
    ) -> Result<Option<String>, CallError> {
        let query = [
            ("service_name", self.settings.service_name.as_str()),
            ("service_model", model),
            ("service_model_ref", reference),
        ];
        let answer = self.all(operation, "external_references", &query).await?;
        let found: Map<ExternalReference> = self.typed(operation, &answer, "external_references")?;
        let subjects =
            found.into_values().filter(|r| r.service_model == model && r.service_model_ref == reference);
        Ok(subjects.map(|r| r.subject_id).min_by_key(|id| (id.len(), id.clone())))
    }

    /// A reference of ours as it is sent with a new record.
    pub(super) fn reference(&self, model: &str, reference: &str) -> Value {
        json!({
            "service_name": self.settings.service_name, "service_model": model, "service_model_ref": reference,
        })
    }

    /// An answer of another form than documented.
    pub(super) fn odd(&self, operation: &'static str, collection: &str) -> CallError {
        let detail = format!("answered {collection} of another form than documented");
        self.api.error(CallErrorKind::Mismatch, operation, detail)
    }
}
